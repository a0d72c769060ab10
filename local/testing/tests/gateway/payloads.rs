//! The three payload shapes, what is none of them, and the keys of an event.

use local_lambda::sqs::sqs_event;
use serde_json::{Value, json};

use crate::support::{NOW_MS, QUEUE, Stage, event, given_back, messages};

#[tokio::test]
async fn one_event_is_written_and_summed_up() {
    let mut stage = Stage::start().await;
    let event = json!({
        "dimensions": {"customerId": "customer1", "device": "d"},
        "timestamp": NOW_MS,
        "metrics": {"temperature": 14.3, "ph": "6.7"},
    });
    assert_eq!(stage.summary(event.to_string()).await, [1, 2, 2, 1]);
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

#[tokio::test]
async fn an_sqs_batch_is_written_and_nothing_is_given_back() {
    let mut stage = Stage::start().await;
    assert_eq!(stage.bodies(&[event("a", NOW_MS, 1), event("b", NOW_MS, 2)]).await, [0; 0]);
    assert_eq!(stage.stored_devices(), ["a", "b"]);
}

/// `EventBridge` Pipes sends the messages of a queue as an array, and takes a partial batch response.
#[tokio::test]
async fn an_array_of_sqs_messages_is_answered_like_a_batch() {
    let mut stage = Stage::start().await;
    let messages = messages(&[event("a", NOW_MS, 1), "hello".to_owned(), event("b", NOW_MS, 2)]);
    let batch: Value = serde_json::from_slice(&sqs_event(QUEUE, &messages)).expect("a batch");
    let invocation = stage.invoke(batch["Records"].to_string()).await;
    assert_eq!(given_back(&invocation, &messages), [1]);
    assert_eq!(stage.stored_devices(), ["a", "b"]);
}

#[tokio::test]
async fn nothing_to_write_is_no_request() {
    let mut stage = Stage::start().await;
    assert_eq!(stage.summary("[]").await, [0; 4]);
    assert_eq!(stage.batch(&[]).await, [0; 0]);
    assert_eq!(stage.amp.requests().len(), 0);
}

#[tokio::test]
async fn white_space_around_a_payload_does_no_harm() {
    let mut stage = Stage::start().await;
    assert_eq!(stage.summary(format!(" \r\n\t{} \n", event("a", NOW_MS, 1))).await, [1, 1, 1, 1]);
    assert_eq!(stage.summary(format!("\n[ {} ]\n", event("b", NOW_MS, 1))).await, [1, 1, 1, 1]);
}

#[tokio::test]
async fn an_unknown_payload_is_an_error_of_the_invocation() {
    let mut stage = Stage::start().await;
    let kinesis = json!({"Records": [{"eventSource": "aws:kinesis", "kinesis": {"data": "eA=="}}]});
    let sns = json!({"Records": [{"EventSource": "aws:sns", "Sns": {"Message": "{}"}}]});
    for payload in [
        "12".to_owned(),
        "\"text\"".to_owned(),
        "null".to_owned(),
        "true".to_owned(),
        String::new(),
        "{".to_owned(),
        "[".to_owned(),
        "{}}".to_owned(),
        "not json".to_owned(),
        kinesis.to_string(),
        sns.to_string(),
    ] {
        let (kind, message) = stage.error(payload.clone()).await;
        assert_eq!(kind, "UnknownPayload", "{payload}: {message}");
    }
    assert_eq!(stage.amp.requests().len(), 0);
}

#[tokio::test]
async fn a_batch_with_a_message_without_an_id_is_an_error_of_the_invocation() {
    let mut stage = Stage::start().await;
    for id in [None, Some(Value::Null), Some(json!("")), Some(json!(12))] {
        let mut record =
            json!({"body": event("a", NOW_MS, 1), "eventSource": "aws:sqs", "eventSourceARN": QUEUE});
        if let Some(id) = id {
            record["messageId"] = id;
        }
        let other = json!({"messageId": "x", "body": event("b", NOW_MS, 1), "eventSource": "aws:sqs"});
        let (_, message) = stage.error(json!({"Records": [other, record]}).to_string()).await;
        assert!(message.contains("messageId"), "{message}");
    }
    assert_eq!(stage.amp.requests().len(), 0);
}

#[tokio::test]
async fn once_the_shape_is_an_event_errors_are_about_that_event() {
    let mut stage = Stage::start().await;
    for (payload, named) in [
        ("{}".to_owned(), "dimensions"),
        (r#"{"dimensions":{},"timestamp":1}"#.to_owned(), "metrics"),
        (r#"{"dimensions":{},"metrics":{"a":1}}"#.to_owned(), "timestamp"),
        (r#"{"dimensions":{},"timestamp":1,"metrics":{"a":true}}"#.to_owned(), "a"),
        (r#"{"Records":{},"dimensions":{}}"#.to_owned(), "timestamp"),
        (r#"{"dimensions":{},"timestamp":1,"metrics":{"a":1},"metrics":{"b":1}}"#.to_owned(), "metrics"),
        (r#"{"dimensions":{},"dimensions":{},"timestamp":1,"metrics":{"a":1}}"#.to_owned(), "dimensions"),
        (r#"{"dimensions":{},"timestamp":1,"timestamp":1,"metrics":{"a":1}}"#.to_owned(), "timestamp"),
    ] {
        let (kind, message) = stage.error(payload.clone()).await;
        assert_eq!(kind, "InvalidEvent", "{payload}: {message}");
        assert!(message.contains(named), "{payload}: {message}");
    }
    assert_eq!(stage.amp.requests().len(), 0);
}

#[tokio::test]
async fn an_element_of_an_array_that_is_no_event_harms_only_itself() {
    let mut stage = Stage::start().await;
    let good = event("a", NOW_MS, 1);
    let (kind, message) = stage.error(format!(r#"[12, {good}, null, "x", [{good}]]"#)).await;
    assert_eq!(kind, "InvalidEvent");
    assert!(message.contains("event 0") && message.contains("event 4"), "{message}");
    assert_eq!(stage.stored("ph", "a"), [(NOW_MS, 1.0)]);
}

#[tokio::test]
async fn keys_that_are_unknown_are_ignored() {
    let mut stage = Stage::start().await;
    let noisy = |device: &str| {
        json!({
            "extra": {"deep": [[[{"metrics": {"x": 1}}]]]},
            "dimensions": {"device": device},
            "Timestamp": "x",
            "timestamp": NOW_MS,
            "Records": [1, 2],
            "metrics": {"ph": 1},
            "": null,
        })
    };
    assert_eq!(stage.summary(noisy("a").to_string()).await, [1, 1, 1, 1]);
    assert_eq!(stage.bodies(&[noisy("b").to_string()]).await, [0; 0]);
    assert_eq!(stage.stored_devices(), ["a", "b"]);
}

#[tokio::test]
async fn a_key_that_is_there_twice_makes_the_event_invalid() {
    let bodies = [
        r#"{"dimensions":{"a":"1","a":"1"},"timestamp":1,"metrics":{"m":1}}"#,
        r#"{"dimensions":{"a":"1","a":""},"timestamp":1,"metrics":{"m":1}}"#,
        r#"{"dimensions":{"a":"1","\u0061":"2"},"timestamp":1,"metrics":{"m":1}}"#,
        r#"{"dimensions":{},"timestamp":1,"metrics":{"m":1,"m":1}}"#,
        r#"{"dimensions":{},"timestamp":1,"metrics":{"m":1,"\u006d":2}}"#,
        r#"{"dimensions":{},"timestamp":1,"metrics":{"m":1},"metrics":{"n":1}}"#,
    ];
    let many: Vec<_> = (0..50).map(|at| format!(r#""m{}":1"#, at % 49)).collect();
    let many = format!(r#"{{"dimensions":{{}},"timestamp":1,"metrics":{{{}}}}}"#, many.join(","));
    let mut bodies: Vec<_> = bodies.iter().map(|&body| body.to_owned()).collect();
    bodies.push(many);
    let mut stage = Stage::start().await;
    assert_eq!(stage.bodies(&bodies).await, (0..bodies.len()).collect::<Vec<_>>());
    assert_eq!(stage.amp.requests().len(), 0);
}
