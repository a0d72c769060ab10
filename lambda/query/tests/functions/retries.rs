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
    assert_eq!(error(&answer), (502, "the server answered 307"));
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn what_does_not_get_better_is_answered_before_the_deadline_with_the_last_status() {
    let time = Duration::from_millis(600);
    for (reply, status, words) in [
        (Reply::Say(429, r#"{"message":"Rate exceeded"}"#.to_owned()), 429, "Rate exceeded"),
        (Reply::Say(503, "busy".to_owned()), 503, "busy"),
        (Reply::Hang, 504, "no answer within"),
        (Reply::Drop, 502, "the request could not be answered"),
    ] {
        let server = Server::in_order(vec![reply]).await;
        let function = Function::of("query", &server).time(time);
        let answer = tokio::time::timeout(time, function.ask(query())).await.expect("an answer in time");
        let (given, error) = error(&answer);
        assert_eq!(given, status, "{error}");
        assert!(error.contains(words), "{error}");
        assert!(server.seen().len() > 1, "{status}");
    }
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
async fn an_answer_that_is_none_of_prometheus_is_a_bad_gateway() {
    for body in ["<html>hello</html>", "{}", "[]", ""] {
        let server = Server::in_order(vec![Reply::Say(200, body.to_owned())]).await;
        let answer = Function::of("query", &server).ask(query()).await;
        let (status, error) = error(&answer);
        assert_eq!(status, 502, "{body}");
        assert!(error.starts_with("the answer of the server cannot be read: "), "{error}");
    }
}
