//! The effect of responses on the queue. The cases of a response are in the unit tests of `response.rs`.

use aws_sdk_sqs::types::QueueAttributeName;
use local_lambda::event_source::{EventSourceOptions, Invoked};
use serde_json::json;

use crate::support::{Queue, eventually, numbered, report, succeed};

fn reporting(queue: &Queue) -> EventSourceOptions {
    EventSourceOptions { report_batch_item_failures: true, ..queue.options() }
}

/// Lambda Developer Guide, "Handling errors for an SQS event source in Lambda": "make only the failed messages
/// visible again".
#[tokio::test]
async fn the_reported_messages_stay_and_the_others_are_deleted() {
    let queue = Queue::create("partial", 30).await;
    queue.send(&numbered("m", 5)).await;
    let is_bad = |body: &str| body == "m-01" || body == "m-03";
    let answer = move |records: Vec<_>| async move { report(&records, is_bad) };
    let mapping = queue.map(reporting(&queue), answer).await;
    let figures = mapping.until(|figures| figures.deleted + figures.given_back == 5).await;
    assert_eq!((figures.deleted, figures.given_back), (3, 2));
    assert_eq!((figures.invocations, figures.failed_invocations), (1, 0));
    assert_eq!(queue.visible_and_hidden().await, (0, 2));
}

/// Lambda Developer Guide, "Handling errors for an SQS event source in Lambda": "An `itemIdentifier` value with a
/// message ID that doesn't exist" is a complete failure, and so is an exception.
#[tokio::test]
async fn an_unknown_message_id_or_a_panic_fails_the_whole_batch() {
    for (name, panics) in [("strange-id", false), ("panics", true)] {
        let queue = Queue::create(name, 30).await;
        queue.send(&numbered("m", 3)).await;
        let answer = move |_| async move {
            assert!(!panics, "thrown");
            let failures = json!({ "batchItemFailures": [{ "itemIdentifier": "other" }] });
            Invoked::Response(failures.to_string().into())
        };
        let mapping = queue.map(reporting(&queue), answer).await;
        let figures = mapping.until(|figures| figures.given_back == 3).await;
        assert_eq!((figures.deleted, figures.failed_invocations), (0, 1));
        assert_eq!(queue.visible_and_hidden().await, (0, 3));
    }
}

/// Lambda Developer Guide, "Handling errors for an SQS event source in Lambda": partial batch responses are turned
/// on with `ReportBatchItemFailures`.
#[tokio::test]
async fn without_item_failures_the_response_is_ignored() {
    let queue = Queue::create("ignored", 30).await;
    queue.send(&numbered("m", 3)).await;
    let answer = |records: Vec<_>| async move { report(&records, |_| true) };
    let mapping = queue.map(queue.options(), answer).await;
    let figures = mapping.until(|figures| figures.deleted == 3).await;
    assert_eq!(figures.failed_invocations, 0);
    assert!(queue.is_empty().await);
}

/// Lambda Developer Guide, "Using Lambda with Amazon SQS": "if your function encounters an error while processing a
/// batch, all messages in that batch become visible in the queue again after the visibility timeout expires".
#[tokio::test]
async fn after_a_function_error_every_message_comes_back() {
    for (name, is_reporting) in [("function-error", false), ("function-error-reporting", true)] {
        let queue = Queue::create(name, 1).await;
        queue.send(&numbered("m", 2)).await;
        let options = EventSourceOptions { report_batch_item_failures: is_reporting, ..queue.options() };
        let answer = |records: Vec<serde_json::Value>| async move {
            let is_first = records[0]["attributes"]["ApproximateReceiveCount"] == "1";
            if is_first { Invoked::FunctionError } else { succeed(records).await }
        };
        let mapping = queue.map(options, answer).await;
        let figures = mapping.until(|figures| figures.deleted == 2).await;
        assert_eq!((figures.received, figures.given_back, figures.failed_invocations), (4, 2, 1));
        assert_eq!(mapping.batches(), [numbered("m", 2), numbered("m", 2)]);
        assert!(queue.is_empty().await);
    }
}

/// Lambda Developer Guide, "Creating and configuring an Amazon SQS event source mapping": "if your function fails to
/// process a message multiple times, Amazon SQS can send it to a dead-letter queue".
#[tokio::test]
async fn a_message_that_fails_too_often_is_moved_by_its_queue() {
    let (queue, dead) = (Queue::create("redrive", 1).await, Queue::create("redrive-dead", 30).await);
    let policy = json!({
        "deadLetterTargetArn": "arn:aws:sqs:eu-west-1:123456789012:redrive-dead",
        "maxReceiveCount": 2,
    });
    queue.set(QueueAttributeName::RedrivePolicy, &policy.to_string()).await;
    queue.send(&["good", "bad"]).await;
    let answer = |records: Vec<_>| async move { report(&records, |body| body == "bad") };
    let mapping = queue.map(reporting(&queue), answer).await;
    eventually(|| async { dead.visible_and_hidden().await == (1, 0) }).await;
    let figures = mapping.stop().await;
    assert_eq!((figures.deleted, figures.given_back, figures.invocations), (1, 2, 2));
    assert!(queue.is_empty().await);
    assert_eq!(dead.sqs.receive_all(&dead.url).await.expect("it answers")[0].body, "bad");
}
