//! What is sent again and what never, and which status the caller gets in the end.

use std::time::Duration;

use serde_json::json;

use crate::scripted::{Reply, Server};
use crate::support::{Function, data, error};

fn query() -> serde_json::Value {
    json!({"query": "up"})
}

#[tokio::test]
async fn throttling_server_errors_and_network_failures_are_followed_by_another_attempt() {
    for failure in [
        Reply::Say(429, r#"{"message":"Rate exceeded"}"#.to_owned()),
        Reply::Say(500, String::new()),
        Reply::Say(502, String::new()),
        Reply::Say(503, String::new()),
        Reply::Say(504, String::new()),
        Reply::Drop,
        Reply::BreakOff(r#"{"status":"success","data":{"#.to_owned()),
    ] {
        let server = Server::in_order(vec![failure.clone(), failure.clone(), Reply::nothing()]).await;
        let answer = Function::of("query", &server).ask(query()).await;
        assert_eq!(data(&answer)["result"], json!([]), "{failure:?}");
        assert_eq!(server.seen().len(), 3, "{failure:?}");
    }
}

#[tokio::test]
async fn every_other_refusal_is_final_and_keeps_its_status() {
    for status in [400, 401, 403, 404, 405, 409, 413, 415, 422] {
        let server = Server::in_order(vec![Reply::Say(status, "no".to_owned()), Reply::nothing()]).await;
        let answer = Function::of("query", &server).ask(query()).await;
        assert_eq!(error(&answer), (u64::from(status), "no"));
        assert_eq!(server.seen().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_with_a_signature() {
    let server = Server::in_order(vec![Reply::Say(307, String::new()), Reply::nothing()]).await;
    let answer = Function::of("query", &server).ask(query()).await;
    let (status, error) = error(&answer);
    assert_eq!(status, 502);
    assert!(error.starts_with("the server answered 307 (1 attempt in "), "{error}");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn what_does_not_get_better_is_answered_before_the_deadline_with_the_last_status() {
    let time = Duration::from_millis(600);
    for (replies, status, words) in [
        (vec![Reply::Say(429, r#"{"message":"Rate exceeded"}"#.to_owned())], 429, "Rate exceeded ("),
        (vec![Reply::Say(503, "busy".to_owned())], 503, "busy ("),
        (vec![Reply::Say(500, String::new())], 500, "the server answered 500 ("),
        (vec![Reply::Hang], 504, "no answer ("),
        (vec![Reply::Say(503, "busy".to_owned()), Reply::Hang], 503, "; the last one: no answer)"),
    ] {
        let server = Server::in_order(replies).await;
        let function = Function::of("query", &server).time(time);
        let answer = tokio::time::timeout(time, function.ask(query())).await.expect("an answer in time");
        let (given, error) = error(&answer);
        assert_eq!(given, status, "{error}");
        assert!(error.contains(words) && error.contains(" attempts in 0."), "{error}");
        assert!(server.seen().len() > 1, "{status}");
    }
}

/// Cortex 1.21, then Prometheus 3: the same query would take as long again.
#[tokio::test]
async fn a_query_that_timed_out_on_the_server_is_final() {
    for error_type in ["server_error", "timeout"] {
        let message = "query timed out in expression evaluation";
        let body = json!({"status": "error", "errorType": error_type, "error": message});
        let server = Server::in_order(vec![Reply::json(503, &body), Reply::nothing()]).await;
        let answer = Function::of("query", &server).ask(query()).await;
        let (status, error) = error(&answer);
        assert_eq!((status, &answer["body"]["errorType"]), (503, &json!(error_type)));
        assert!(error.starts_with(&format!("{message} (1 attempt in ")), "{error}");
        assert_eq!(server.seen().len(), 1);
    }
}

/// Cortex closes the connection for a range that lies outside of what it keeps.
#[tokio::test]
async fn a_request_without_an_answer_is_sent_three_times() {
    for reply in [Reply::Drop, Reply::BreakOff(r#"{"status":"success","data":{"#.to_owned())] {
        let server = Server::in_order(vec![reply]).await;
        let answer = Function::of("query", &server).ask(query()).await;
        let (status, error) = error(&answer);
        assert_eq!(status, 502, "{error}");
        let host = server.url().trim_start_matches("http://");
        assert!(error.contains(host) && error.contains("(3 attempts in "), "{error}");
        assert_eq!(server.seen().len(), 3);
    }
}

/// RFC 6761, 6.4: `.invalid` never resolves.
#[tokio::test]
async fn a_name_that_does_not_resolve_is_reported_at_once() {
    let function = Function::new("query", &[("WORKSPACE_URL", "http://aps.us-esat-1.invalid")]);
    let answer = function.time(Duration::from_mins(15)).ask(query()).await;
    let (status, error) = error(&answer);
    assert_eq!(status, 502, "{error}");
    assert!(error.contains("aps.us-esat-1.invalid: ") && error.contains("(3 attempts in "), "{error}");
}

/// AMP, "Troubleshooting": a query over its limits is answered with 422 and Prometheus's envelope.
#[tokio::test]
async fn the_words_and_the_type_of_prometheus_errors_come_through() {
    let body = json!({"status": "error", "errorType": "execution", "error": "query timed out - too long"});
    let server = Server::in_order(vec![Reply::json(422, &body)]).await;
    let answer = Function::of("query", &server).ask(query()).await;
    assert_eq!(error(&answer), (422, "query timed out - too long"));
    assert_eq!(answer["body"]["errorType"], "execution");
    assert_eq!(answer["body"]["operation"], "query");
}

/// A parse error names two label sets and more; the write path keeps 1 KiB of an error body.
#[tokio::test]
async fn long_words_of_prometheus_are_read_whole() {
    let words = format!("found duplicate series for the match group {}", "{a=\"b\"}, ".repeat(300));
    let body = json!({"status": "error", "errorType": "execution", "error": words});
    let server = Server::in_order(vec![Reply::json(422, &body)]).await;
    let answer = Function::of("query", &server).ask(query()).await;
    assert_eq!(error(&answer), (422, words.as_str()));
}

#[tokio::test]
async fn an_error_with_status_200_keeps_its_message() {
    let body = json!({"status": "error", "errorType": "execution", "error": "shard 3 failed", "data": null});
    for handler in ["query", "range_query", "list_metrics", "server_info"] {
        let server = Server::in_order(vec![Reply::json(200, &body)]).await;
        let payload = if handler.ends_with("query") { query() } else { json!({}) };
        let answer = Function::of(handler, &server).ask(payload).await;
        let (status, error) = error(&answer);
        assert_eq!(status, 502);
        let expected = "the server answered 200 with an error: shard 3 failed (1 attempt in ";
        assert!(error.starts_with(expected), "{error}");
        assert_eq!(answer["body"]["errorType"], "execution");
    }
}

#[tokio::test]
async fn an_odd_or_long_error_with_status_200_is_not_a_result() {
    for (body, words) in [
        (json!({"status": "error", "error": "a", "message": "b", "data": null}), "a (1 attempt in "),
        (json!({"status": "error", "error": {"code": 1}, "data": null}), "{"),
        (json!({"status": "error", "errorType": 5, "error": "a", "data": []}), "a (1 attempt in "),
        (
            json!({"status": "error", "error": "a", "data": [], "warnings": ["w".repeat(20_000)]}),
            "a (1 attempt in ",
        ),
        (json!({"status": "error", "error": "a".repeat(20_000)}), "aaa"),
    ] {
        for handler in ["query", "list_metrics"] {
            let server = Server::in_order(vec![Reply::json(200, &body)]).await;
            let payload = if handler == "query" { query() } else { json!({}) };
            let answer = Function::of(handler, &server).ask(payload).await;
            let (status, error) = error(&answer);
            assert_eq!(status, 502, "{error}");
            let expected = format!("the server answered 200 with an error: {words}");
            assert!(error.starts_with(&expected) && error.len() < 5_000, "{error}");
        }
    }
}

#[tokio::test]
async fn a_login_page_is_reported_by_its_type_and_beginning() {
    let page = format!("<!DOCTYPE html>\n<html><title>Sign in</title>{}</html>", "<p>".repeat(1_000));
    let server = Server::in_order(vec![Reply::Typed("text/html; charset=utf-8".to_owned(), page)]).await;
    let answer = Function::of("query", &server).ask(query()).await;
    let (status, error) = error(&answer);
    assert_eq!(status, 502);
    assert!(error.contains("text/html; charset=utf-8"), "{error}");
    assert!(error.contains("<!DOCTYPE html> <html><title>Sign in</title>"), "{error}");
    assert!(error.len() < 500, "{error}");
}

#[tokio::test]
async fn a_long_content_type_and_a_long_page_are_reported_bounded() {
    let reply = Reply::Typed(format!("text/{}", "x".repeat(5_000)), format!("<{}", "ü".repeat(500)));
    let server = Server::in_order(vec![reply]).await;
    let answer = Function::of("query", &server).ask(query()).await;
    let (_, error) = error(&answer);
    assert!(error.contains(&format!("type is text/{}… and", "x".repeat(95))), "{error}");
    assert!(error.contains(&format!("begins with \"<{}\" (", "ü".repeat(119))), "{error}");
}

#[tokio::test]
async fn an_answer_that_is_none_of_prometheus_is_a_bad_gateway() {
    for (handler, body) in [
        ("query", "<html>hello</html>"),
        ("query", "{}"),
        ("query", "[]"),
        ("query", ""),
        ("server_info", "{}"),
        ("list_metrics", r#"{"status":"success","data":[1]}"#),
    ] {
        let replies = vec![Reply::Say(503, "busy".to_owned()), Reply::Say(200, body.to_owned())];
        let server = Server::in_order(replies).await;
        let payload = if handler == "query" { query() } else { json!({}) };
        let answer = Function::of(handler, &server).ask(payload).await;
        let (status, error) = error(&answer);
        assert_eq!(status, 502, "{body}");
        assert!(error.starts_with("the answer of the server cannot be read: "), "{error}");
        // One of the two requests of `server_info` succeeds at once.
        let attempts = if handler == "server_info" { " attempt" } else { " (2 attempts in " };
        assert!(error.contains(attempts), "{error}");
    }
}
