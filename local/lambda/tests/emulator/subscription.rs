//! The Telemetry API: who may subscribe to what.

use serde_json::{Value, json};

use crate::listener::{Listener, subscribe};
use crate::support::{answers_to, invoke, lines_of, started, with_extension};

/// Telemetry API reference: a successful request has status 200 and the body `"OK"`.
#[tokio::test]
async fn a_subscription_may_end_in_a_slash() {
    let listener = Listener::start().await;
    let mut slash = subscribe(&listener.subscription());
    slash["path"] = json!("/2022-07-01/telemetry/");
    let answers = answers_to(json!([subscribe(&listener.subscription()), slash])).await;
    assert_eq!(answers[1..], vec![(200, "\"OK\"".to_owned()); 2]);
}

/// Telemetry API reference, the example of a failed request.
#[tokio::test]
async fn an_invalid_request_is_rejected_with_all_reasons() {
    let listener = Listener::start().await;
    let mut body = listener.subscription();
    body["types"] = json!([]);
    body["destination"]["URI"] = json!("http://sandbox.localdomain");
    let answers = answers_to(json!([subscribe(&body), subscribe(&json!("{"))])).await;
    let error: Value = serde_json::from_str(&answers[1].1).expect("JSON");
    assert_eq!(answers[1].0, 400);
    assert_eq!(
        error,
        json!({
            "errorType": "ValidationError",
            "errorMessage": "URI port is not provided; types should not be empty",
        })
    );
    assert_eq!(answers[2].0, 400);
}

/// Telemetry API: "Subscription occurs during the extension initialization phase"; Extensions API: registration likewise.
#[tokio::test]
async fn subscriptions_end_with_the_init_phase() {
    let listener = Listener::start().await;
    let call = subscribe(&listener.subscription());
    let mut function = started(with_extension(&json!({ "later": [call] }))).await;
    assert!(invoke(&mut function, json!({})).await.response().is_some());
    let logs = function.shutdown().await.expect("it ran").logs;
    let answers = lines_of(&logs, "answer");
    assert!(answers[1].starts_with("400 ") && answers[1].contains("SubscriptionClosed"), "{answers:?}");
}
