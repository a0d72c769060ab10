//! Answers that are too large: for Lambda, for a model, and for the memory of the function.

use serde_json::{Value, json};

use crate::scripted::{Reply, Server};
use crate::support::{Function, data};

/// Lambda quotas: 6 MB for the answer of a synchronous invocation.
pub(crate) const MAX_ANSWER_BYTES: usize = 6 * 1_024 * 1_024;

/// A vector of `count` series of about `bytes` bytes each, as Prometheus gives it.
pub(crate) fn vector(count: usize, bytes: usize) -> String {
    let padding = "x".repeat(bytes.saturating_sub(70));
    let series: Vec<_> = (0..count)
        .map(|n| {
            format!(
                r#"{{"metric":{{"__name__":"a","n":"{n:07}","pad":"{padding}"}},"value":[1700000000,"1"]}}"#
            )
        })
        .collect();
    format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{}]}}}}"#, series.join(","))
}

async fn answer_to(body: String, payload: Value) -> Value {
    let server = Server::in_order(vec![Reply::Say(200, body)]).await;
    Function::of("query", &server).ask(payload).await
}

#[tokio::test]
async fn an_answer_of_5_mb_comes_whole() {
    let body = vector(20_000, 250);
    assert!((4_900_000..5_500_000).contains(&body.len()), "{}", body.len());
    let answer = answer_to(body.clone(), json!({"query": "a"})).await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(*data(&answer), body["data"]);
}

#[tokio::test]
async fn an_answer_over_the_limit_of_lambda_is_cut_and_says_so() {
    let answer = answer_to(vector(40_000, 250), json!({"query": "a"})).await;
    let bytes = answer.to_string().len();
    assert!((5_000_000..MAX_ANSWER_BYTES).contains(&bytes), "{bytes}");
    let data = data(&answer);
    let returned = data["result"].as_array().unwrap().len();
    assert_eq!((&data["truncated"], &data["returned"]), (&json!(true), &json!(returned)));
    assert_eq!(data["left_out"], 40_000 - returned);
    assert!(data["narrow"].as_str().unwrap().contains("label matchers"), "{}", data["narrow"]);
}

#[tokio::test]
async fn an_answer_over_what_is_read_is_cut_and_says_that_more_is_unknown() {
    let answer = answer_to(vector(80_000, 250), json!({"query": "a"})).await;
    assert!(answer.to_string().len() < MAX_ANSWER_BYTES);
    let data = data(&answer);
    assert_eq!((&data["truncated"], &data["left_out"]), (&json!(true), &Value::Null));
    assert_eq!(data["result"][0]["metric"]["n"], "0000000");
}

#[tokio::test]
async fn the_caller_can_ask_for_fewer_series() {
    let answer = answer_to(vector(100, 100), json!({"query": "a", "limit": 7})).await;
    let data = data(&answer);
    assert_eq!(data["result"].as_array().unwrap().len(), 7);
    assert_eq!(data["left_out"], 93);
}

#[tokio::test]
async fn what_is_whole_is_not_called_truncated() {
    let answer = answer_to(vector(7, 100), json!({"query": "a", "limit": 7})).await;
    assert_eq!(data(&answer).get("truncated"), None);
}

#[tokio::test]
async fn warnings_and_infos_of_prometheus_are_kept_apart() {
    let body = r#"{"status":"success","data":{"resultType":"vector","result":[]},
        "warnings":["partial response"],"infos":["metric might not be a counter"]}"#;
    let answer = answer_to(body.to_owned(), json!({"query": "a"})).await;
    assert_eq!(data(&answer)["warnings"], json!(["partial response"]));
    assert_eq!(data(&answer)["infos"], json!(["metric might not be a counter"]));
}

#[tokio::test]
async fn names_come_with_warnings_and_infos_apart() {
    let body = r#"{"status":"success","data":["a"],"warnings":["partial response"],"infos":["slow"]}"#;
    let server = Server::in_order(vec![Reply::Say(200, body.to_owned())]).await;
    let answer = Function::of("list_metrics", &server).ask(json!({})).await;
    assert_eq!(data(&answer)["warnings"], json!(["partial response"]));
    assert_eq!(data(&answer)["infos"], json!(["slow"]));
}
