//! The payload shapes: one event, an array of events, an SQS batch, an array of SQS messages.

use local_lambda::sqs::sqs_event;
use serde_json::{Value, json};

use crate::support::{NOW_MS, QUEUE, Stage, event, given_back, messages};

#[tokio::test]
async fn one_event_is_written() {
    let mut stage = Stage::start().await;
    let event = json!({
        "dimensions": {"customerId": "customer1", "device": "d"},
        "timestamp": NOW_MS,
        "metrics": {"temperature": 14.3, "ph": "6.7"},
    });
    assert_eq!(stage.summary(format!(" \r\n\t{event}\n")).await, [1, 2, 2, 1]);
    let series = [("__name__", "temperature"), ("customerId", "customer1"), ("device", "d")];
    assert_eq!(stage.amp.samples_of(&series).into_iter().collect::<Vec<_>>(), [(NOW_MS, 14.3)]);
    assert_eq!(stage.amp.sample_count(), 2);
}

#[tokio::test]
async fn an_array_of_events_is_written_in_one_request() {
    let mut stage = Stage::start().await;
    let events = [event("a", NOW_MS, 1), event("b", NOW_MS, 2), event("a", NOW_MS + 1, 3)].join(",");
    assert_eq!(stage.summary(format!("[{events}]")).await, [3, 3, 2, 1]);
    assert_eq!(stage.stored("ph", "a"), [(NOW_MS, 1.0), (NOW_MS + 1, 3.0)]);
    assert_eq!(stage.stored("ph", "b"), [(NOW_MS, 2.0)]);
}

/// `EventBridge` Pipes sends the messages of a queue as an array, and takes a partial batch response.
#[tokio::test]
async fn an_array_of_sqs_messages_is_answered_like_a_batch() {
    let mut stage = Stage::start().await;
    let messages = messages(&[event("a", NOW_MS, 1), "hello".to_owned(), event("b", NOW_MS, 2)]);
    let batch: Value = serde_json::from_slice(&sqs_event(QUEUE, &messages)).expect("a batch");
    for payload in [batch.to_string(), batch["Records"].to_string()] {
        let invocation = stage.invoke(payload).await;
        assert_eq!(given_back(&invocation, &messages), [1]);
    }
    assert_eq!(stage.stored_devices(), ["a", "b"]);
}

#[tokio::test]
async fn an_empty_payload_makes_no_request() {
    let mut stage = Stage::start().await;
    assert_eq!(stage.summary("[]").await, [0; 4]);
    assert_eq!(stage.batch(&[]).await, [0; 0]);
    assert_eq!(stage.amp.requests().len(), 0);
}

#[tokio::test]
async fn an_unknown_payload_is_an_error_of_the_invocation() {
    let mut stage = Stage::start().await;
    let event = event("a", NOW_MS, 1);
    for payload in [
        "12".to_owned(),
        String::new(),
        "{".to_owned(),
        "not json".to_owned(),
        json!({"Records": [{"eventSource": "aws:kinesis", "kinesis": {"data": "eA=="}}]}).to_string(),
        json!({"Records": [{"EventSource": "aws:sns", "Sns": {"Message": "{}"}}]}).to_string(),
        json!({"Records": [{"body": event, "eventSource": "aws:sqs"}]}).to_string(),
        json!({"Records": [{"messageId": 12, "body": event, "eventSource": "aws:sqs"}]}).to_string(),
    ] {
        let (kind, message) = stage.error(payload.clone()).await;
        assert_eq!(kind, "UnknownPayload", "{payload}: {message}");
    }
    assert_eq!(stage.amp.requests().len(), 0);
}

#[tokio::test]
async fn an_element_that_is_not_an_event_harms_only_itself() {
    let mut stage = Stage::start().await;
    let good = event("a", NOW_MS, 1);
    let (kind, message) = stage.error(format!(r#"[12, {good}, null, "x", [{good}]]"#)).await;
    assert_eq!(kind, "InvalidEvent");
    assert!(message.contains("event 0") && message.contains("event 4"), "{message}");
    assert_eq!(stage.stored("ph", "a"), [(NOW_MS, 1.0)]);
}
