//! Retries of queries, and the errors that callers get.

use std::time::Duration;

use serde_json::{Value, json};

use crate::scripted::{Answer, ScriptedServer, empty, json_text};
use crate::support::{Function, data, error};

fn payload(handler: &str) -> Value {
    if handler.ends_with("query") { json!({"query": "up"}) } else { json!({}) }
}

#[tokio::test]
async fn transient_failures_are_retried() {
    let server = ScriptedServer::in_order(vec![
        json_text(429, r#"{"message":"Rate exceeded"}"#.to_owned()),
        json_text(503, String::new()),
        Answer::close(),
        Answer::broken_off(r#"{"status":"success","data":{"#.to_owned()),
        empty(),
    ])
    .await;
    let response = Function::of("query", &server).invoke(payload("query")).await;
    assert_eq!(data(&response)["result"], json!([]));
    assert_eq!(server.requests().len(), 5);
}

/// A redirect is not followed with a signature.
#[tokio::test]
async fn other_statuses_are_final() {
    for status in [307, 400, 401, 403, 404, 405, 409, 413, 415, 422] {
        let server = ScriptedServer::in_order(vec![json_text(status, "no"), empty()]).await;
        let response = Function::of("query", &server).invoke(payload("query")).await;
        let (given, error) = error(&response);
        if status == 307 {
            assert!(error.starts_with("the server answered 307 no (1 attempt in "), "{error}");
            assert_eq!(given, 502);
        } else {
            assert_eq!((given, error), (u64::from(status), "no"));
        }
        assert_eq!(server.requests().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn the_last_error_is_returned_before_the_deadline() {
    let time = Duration::from_millis(600);
    for (replies, status, message) in [
        (vec![json_text(429, r#"{"message":"Rate exceeded"}"#.to_owned())], 429, "Rate exceeded ("),
        (vec![json_text(503, "busy".to_owned())], 503, "busy ("),
        (vec![json_text(500, String::new())], 500, "the server answered 500 ("),
        (vec![Answer::hang()], 504, "no answer ("),
        (vec![json_text(503, "busy".to_owned()), Answer::hang()], 503, "; the last one: no answer)"),
    ] {
        let server = ScriptedServer::in_order(replies).await;
        let function = Function::of("query", &server).time(time);
        let response = tokio::time::timeout(time, function.invoke(payload("query"))).await.expect("in time");
        let (given, error) = error(&response);
        assert_eq!(given, status, "{error}");
        assert!(error.contains(message) && error.contains(" attempts in 0."), "{error}");
        assert!(server.requests().len() > 1, "{status}");
    }
}

/// Cortex 1.21, then Prometheus 3: the same query would take as long again.
#[tokio::test]
async fn a_query_that_timed_out_on_the_server_is_not_retried() {
    for error_type in ["server_error", "timeout"] {
        let message = "query timed out in expression evaluation";
        let body = json!({"status": "error", "errorType": error_type, "error": message});
        let server = ScriptedServer::in_order(vec![Answer::json(503, &body), empty()]).await;
        let response = Function::of("query", &server).invoke(payload("query")).await;
        let (status, error) = error(&response);
        assert_eq!((status, &response["body"]["errorType"]), (503, &json!(error_type)));
        assert!(error.starts_with(&format!("{message} (1 attempt in ")), "{error}");
        assert_eq!(server.requests().len(), 1);
    }
}

/// Cortex closes the connection for a range outside its retention. `.invalid` never resolves (RFC 6761, 6.4).
#[tokio::test]
async fn requests_without_a_response_are_sent_three_times() {
    let closes = ScriptedServer::in_order(vec![Answer::close()]).await;
    let breaks = ScriptedServer::in_order(vec![Answer::broken_off("{")]).await;
    for url in [&*closes.url(), &*breaks.url(), "http://aps.us-esat-1.invalid"] {
        let function = Function::new("query", &[("WORKSPACE_URL", url)]).time(Duration::from_mins(15));
        let response = function.invoke(payload("query")).await;
        let (status, error) = error(&response);
        assert_eq!(status, 502, "{error}");
        let host = url.trim_start_matches("http://");
        assert!(error.contains(&format!("{host}: ")) && error.contains("(3 attempts in "), "{error}");
    }
    assert_eq!((closes.requests().len(), breaks.requests().len()), (3, 3));
}

/// The message of a PromQL error may contain two label sets; the write path reads 1 KiB of an error.
#[tokio::test]
async fn long_error_messages_are_read_completely() {
    let message = format!("found duplicate series for the match group {}", "{a=\"b\"}, ".repeat(300));
    let body = json!({"status": "error", "errorType": "execution", "error": message});
    let server = ScriptedServer::in_order(vec![Answer::json(422, &body)]).await;
    let response = Function::of("query", &server).invoke(payload("query")).await;
    assert_eq!(error(&response), (422, message.as_str()));
}

#[tokio::test]
async fn an_error_with_status_200_is_not_a_result() {
    for (body, message) in [
        (
            json!({"status": "error", "error": "shard 3 failed", "data": null}),
            "shard 3 failed (1 attempt in ",
        ),
        (json!({"status": "error", "error": {"code": 1}, "data": null}), "{"),
        (
            json!({"status": "error", "error": "a", "data": [], "warnings": ["w".repeat(20_000)]}),
            "a (1 attempt in ",
        ),
        (json!({"status": "error", "error": "a".repeat(20_000)}), "aaa"),
    ] {
        for handler in ["query", "range_query", "list_metrics"] {
            let server = ScriptedServer::in_order(vec![Answer::json(200, &body)]).await;
            let response = Function::of(handler, &server).invoke(payload(handler)).await;
            let (status, error) = error(&response);
            assert_eq!(status, 502, "{error}");
            let expected = format!("the server answered 200 with an error: {message}");
            assert!(error.starts_with(&expected) && error.len() < 5_000, "{error}");
        }
    }
}

#[tokio::test]
async fn a_login_page_is_reported_by_type_and_beginning() {
    for (content_type, page, expected) in [
        (
            "text/html; charset=utf-8".to_owned(),
            format!("<!DOCTYPE html>\n<html>{}</html>", "<p>".repeat(1_000)),
            "type is text/html; charset=utf-8 and the body begins with \"<!DOCTYPE html> <html><p>"
                .to_owned(),
        ),
        (
            format!("text/{}", "x".repeat(5_000)),
            format!("<{}", "ü".repeat(500)),
            format!("type is text/{}… and the body begins with \"<{}\" (", "x".repeat(95), "ü".repeat(119)),
        ),
    ] {
        let server =
            ScriptedServer::in_order(vec![Answer::new(200, page).header("content-type", content_type)]).await;
        let response = Function::of("query", &server).invoke(payload("query")).await;
        let (status, error) = error(&response);
        assert_eq!(status, 502);
        assert!(error.contains(&expected), "{error}");
        assert!(error.len() < 600, "{error}");
    }
}

#[tokio::test]
async fn a_response_that_violates_the_api_is_502() {
    for (handler, body) in [
        ("query", "<html>hello</html>"),
        ("query", "[]"),
        ("query", ""),
        ("server_info", "{}"),
        ("list_metrics", r#"{"status":"success","data":[1]}"#),
    ] {
        let replies = vec![json_text(503, "busy".to_owned()), json_text(200, body.to_owned())];
        let server = ScriptedServer::in_order(replies).await;
        let response = Function::of(handler, &server).invoke(payload(handler)).await;
        let (status, error) = error(&response);
        assert_eq!(status, 502, "{body}");
        assert!(error.starts_with("invalid response from the server: "), "{error}");
        // One of the two requests of `server_info` succeeds at once.
        let attempts = if handler == "server_info" { " attempt" } else { " (2 attempts in " };
        assert!(error.contains(attempts), "{error}");
    }
}
