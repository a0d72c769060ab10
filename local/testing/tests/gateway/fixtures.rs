//! The twenty cases of the original implementation's tests of its metrics, one test each, except where our contract
//! decides otherwise: then the test says so.

use serde_json::{Value, json};

use crate::support::{NOW_MS, Stage};

/// The valid record that all cases change.
fn record() -> Value {
    json!({
        "dimensions": {"customerId": "customer1"},
        "timestamp": NOW_MS,
        "metrics": {"temperature": 14.3, "ph": "6.7"},
    })
}

fn changed(change: impl FnOnce(&mut Value)) -> String {
    let mut record = record();
    change(&mut record);
    record.to_string()
}

/// The stored samples of a metric of the record's customer.
fn stored(stage: &Stage, metric: &str) -> Vec<(i64, f64)> {
    stage.amp.samples_of(&[("__name__", metric), ("customerId", "customer1")]).into_iter().collect()
}

async fn is_invalid(body: String) {
    let mut stage = Stage::start().await;
    let (kind, _) = stage.error(body).await;
    assert_eq!(kind, "InvalidEvent");
    assert_eq!(stage.amp.requests().len(), 0);
}

async fn is_written(body: String) {
    let mut stage = Stage::start().await;
    stage.summary(body).await;
    assert!(stage.amp.sample_count() > 0);
}

async fn value_is_written(text: &str, value: f64) {
    let mut stage = Stage::start().await;
    let body = changed(|record| record["metrics"] = json!({ "temperature": text }));
    assert_eq!(stage.summary(body).await, [1, 1, 1, 1]);
    assert_eq!(stored(&stage, "temperature"), [(NOW_MS, value)]);
}

async fn value_is_refused(text: &str) {
    is_invalid(changed(|record| record["metrics"] = json!({ "temperature": text }))).await;
}

#[tokio::test]
async fn case_01_a_valid_record_is_accepted() {
    is_written(record().to_string()).await;
}

#[tokio::test]
async fn case_02_an_empty_object_is_refused() {
    is_invalid("{}".to_owned()).await;
}

/// Otherwise than in the original: unknown keys are ignored.
#[tokio::test]
async fn case_03_an_extra_key_is_ignored() {
    is_written(changed(|record| record["extra"] = json!("extra"))).await;
}

#[tokio::test]
async fn case_04_a_metric_that_is_a_boolean_is_refused() {
    is_invalid(changed(|record| record["metrics"]["temperature"] = json!(true))).await;
}

#[tokio::test]
async fn case_05_empty_metrics_are_refused() {
    is_invalid(changed(|record| record["metrics"] = json!({}))).await;
}

#[tokio::test]
async fn case_06_a_timestamp_that_is_a_string_is_refused() {
    is_invalid(changed(|record| record["timestamp"] = json!("timestamp"))).await;
}

/// Otherwise than in the original: the receiver judges timestamps.
#[tokio::test]
async fn case_07_an_old_timestamp_is_handed_to_the_receiver() {
    is_written(changed(|record| record["timestamp"] = json!(NOW_MS - 24 * 3_600_000 - 10))).await;
}

/// Otherwise than in the original: the receiver judges timestamps.
#[tokio::test]
async fn case_08_a_future_timestamp_is_handed_to_the_receiver() {
    is_written(changed(|record| record["timestamp"] = json!(4_102_444_800_000_i64))).await;
}

#[tokio::test]
async fn case_09_dimensions_that_are_no_object_are_refused() {
    is_invalid(changed(|record| record["dimensions"] = json!("dimensions"))).await;
}

#[tokio::test]
async fn case_10_metrics_that_are_no_object_are_refused() {
    is_invalid(changed(|record| record["metrics"] = json!("metrics"))).await;
}

/// Otherwise than in the original: a series may have no label but its name.
#[tokio::test]
async fn case_11_empty_dimensions_are_accepted() {
    is_written(changed(|record| record["dimensions"] = json!({}))).await;
}

#[tokio::test]
async fn case_12_a_dimension_that_is_no_string_is_refused() {
    is_invalid(changed(|record| record["dimensions"]["customerId"] = json!(12))).await;
}

#[tokio::test]
async fn case_13_the_text_12_is_a_value() {
    value_is_written("12", 12.0).await;
}

#[tokio::test]
async fn case_14_the_text_12_3_is_a_value() {
    value_is_written("12.3", 12.3).await;
}

#[tokio::test]
async fn case_15_the_text_12_0_is_a_value() {
    value_is_written("12.0", 12.0).await;
}

#[tokio::test]
async fn case_16_the_text_minus_12_is_a_value() {
    value_is_written("-12", -12.0).await;
}

#[tokio::test]
async fn case_17_the_text_hello_is_no_value() {
    value_is_refused("hello").await;
}

#[tokio::test]
async fn case_18_the_text_12hello_is_no_value() {
    value_is_refused("12hello").await;
}

#[tokio::test]
async fn case_19_a_record_with_two_metrics_becomes_two_samples_with_its_dimensions_and_time() {
    let mut stage = Stage::start().await;
    assert_eq!(stage.summary(record().to_string()).await, [1, 2, 2, 1]);
    assert_eq!(stored(&stage, "temperature"), [(NOW_MS, 14.3)]);
    assert_eq!(stored(&stage, "ph"), [(NOW_MS, 6.7)]);
}

#[tokio::test]
async fn case_20_a_message_with_an_invalid_metric_is_given_back_and_nothing_of_it_is_written() {
    let mut stage = Stage::start().await;
    let bodies = [changed(|record| record["metrics"]["temperature"] = json!(true))];
    assert_eq!(stage.bodies(&bodies).await, [0]);
    assert_eq!(stage.amp.sample_count(), 0);
}
