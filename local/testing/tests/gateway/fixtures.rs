//! The twenty cases of the original implementation's tests of its metrics. Three are decided otherwise here: unknown keys
//! are ignored (3), the receiver judges old timestamps (7), and dimensions may be empty (11).

use serde_json::{Value, json};

use crate::support::{NOW_MS, Stage};

/// The valid record that the cases change.
fn record() -> Value {
    json!({
        "dimensions": {"customerId": "customer1"},
        "timestamp": NOW_MS,
        "metrics": {"temperature": 14.3, "ph": "6.7"},
    })
}

/// The record with another value at `pointer`.
fn with(pointer: &str, value: Value) -> Value {
    let mut record = record();
    let (parent, key) = pointer.rsplit_once('/').expect("a JSON pointer");
    record.pointer_mut(parent).expect("a part of the record")[key] = value;
    record
}

fn stored(stage: &Stage, metric: &str) -> Vec<(i64, f64)> {
    stage.amp.samples_of(&[("__name__", metric), ("customerId", "customer1")]).into_iter().collect()
}

#[tokio::test]
async fn cases_that_are_refused() {
    for (case, record) in [
        ("2: an empty object", json!({})),
        ("4: a boolean as value", with("/metrics/temperature", json!(true))),
        ("5: empty metrics", with("/metrics", json!({}))),
        ("6: a string as timestamp", with("/timestamp", json!("timestamp"))),
        ("8: a future timestamp", with("/timestamp", json!(4_102_444_800_000_i64))),
        ("9: a string as dimensions", with("/dimensions", json!("dimensions"))),
        ("10: a string as metrics", with("/metrics", json!("metrics"))),
        ("12: a number as dimension", with("/dimensions/customerId", json!(12))),
        ("17: the value hello", with("/metrics", json!({"temperature": "hello"}))),
        ("18: the value 12hello", with("/metrics", json!({"temperature": "12hello"}))),
    ] {
        let mut stage = Stage::start().await;
        assert_eq!(stage.error(record.to_string()).await.0, "InvalidEvent", "{case}");
        assert_eq!(stage.amp.requests().len(), 0, "{case}");
    }
}

#[tokio::test]
async fn cases_that_are_written() {
    for (case, record) in [
        ("1: a valid record", record()),
        ("3: an extra key", with("/extra", json!("extra"))),
        ("7: an old timestamp", with("/timestamp", json!(NOW_MS - 24 * 3_600_000 - 10))),
        ("11: empty dimensions", with("/dimensions", json!({}))),
    ] {
        let mut stage = Stage::start().await;
        assert_eq!(stage.summary(record.to_string()).await, [1, 2, 2, 1], "{case}");
        assert_eq!(stage.amp.sample_count(), 2, "{case}");
    }
}

/// Cases 13 to 16.
#[tokio::test]
async fn texts_that_are_values() {
    for (text, value) in [("12", 12.0), ("12.3", 12.3), ("12.0", 12.0), ("-12", -12.0)] {
        let mut stage = Stage::start().await;
        stage.summary(with("/metrics", json!({"temperature": text})).to_string()).await;
        assert_eq!(stored(&stage, "temperature"), [(NOW_MS, value)]);
    }
}

#[tokio::test]
async fn case_19_two_metrics_become_two_samples() {
    let mut stage = Stage::start().await;
    assert_eq!(stage.summary(record().to_string()).await, [1, 2, 2, 1]);
    assert_eq!(stored(&stage, "temperature"), [(NOW_MS, 14.3)]);
    assert_eq!(stored(&stage, "ph"), [(NOW_MS, 6.7)]);
}

#[tokio::test]
async fn case_20_an_invalid_metric_gives_its_message_back() {
    let mut stage = Stage::start().await;
    let bodies = [with("/metrics/temperature", json!(true)).to_string()];
    assert_eq!(stage.bodies(&bodies).await, [0]);
    assert_eq!(stage.amp.sample_count(), 0);
}
