//! No message is lost when SQS fails.

use std::time::Duration;

use local_lambda::event_source::EventSourceOptions;

use crate::scripted_sqs::{Fault, ScriptedSqs};
use crate::support::{Mapping, Queue, numbered, succeed};

const HIDDEN: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_failed_receive_is_made_again() {
    let sqs = ScriptedSqs::start(&numbered("m", 3), HIDDEN).await;
    // The SDK makes three attempts before it gives up, so the first two receives fail.
    let faults = [Fault::Status(500), Fault::Close, Fault::Status(503)];
    sqs.fail("ReceiveMessage", &[faults, faults].concat());
    let mapping = sqs.map(sqs.options(), succeed).await;
    let figures = mapping.until(|figures| figures.deleted == 3).await;
    assert_eq!((figures.failed_receives, figures.received), (2, 3));
    assert_eq!(sqs.left(), [""; 0]);
}

/// The SQS API reference, `DeleteMessageBatch`: "you should check for batch errors even when the call returns an HTTP
/// status code of 200".
#[tokio::test]
async fn an_entry_that_was_not_deleted_is_deleted_again() {
    let sqs = ScriptedSqs::start(&numbered("m", 3), HIDDEN).await;
    sqs.fail("DeleteMessageBatch", &[Fault::EntriesFail, Fault::EntriesFail]);
    let mapping = sqs.map(sqs.options(), succeed).await;
    let figures = mapping.until(|figures| figures.deleted == 3).await;
    assert_eq!((figures.undeleted, sqs.requests("DeleteMessageBatch")), (0, 3));
    assert_eq!(sqs.left(), [""; 0]);
}

/// Lambda Developer Guide, "Using Lambda with Amazon SQS": "Lambda event source mappings process each event at least
/// once".
#[tokio::test]
async fn messages_that_cannot_be_deleted_are_delivered_again() {
    let sqs = ScriptedSqs::start(&numbered("m", 3), Duration::from_secs(1)).await;
    sqs.fail("DeleteMessageBatch", &[Fault::EntriesFail; 4]);
    let mapping = sqs.map(sqs.options(), succeed).await;
    let figures = mapping.until(|figures| figures.deleted == 3).await;
    assert_eq!((figures.undeleted, figures.received), (3, 6));
    assert_eq!(mapping.batches(), [numbered("m", 3), numbered("m", 3)]);
    assert_eq!(sqs.left(), [""; 0]);
}

/// The SQS API reference, `ReceiptHandleIsInvalid`.
#[tokio::test]
async fn a_message_with_an_invalid_receipt_is_not_retried() {
    let sqs = ScriptedSqs::start(&numbered("m", 3), HIDDEN).await;
    sqs.fail("DeleteMessageBatch", &[Fault::EntriesRefused]);
    let mapping = sqs.map(sqs.options(), succeed).await;
    let figures = mapping.until(|figures| figures.undeleted == 3).await;
    assert_eq!((figures.deleted, sqs.requests("DeleteMessageBatch")), (0, 1));
    assert_eq!(sqs.left(), numbered("m", 3));
}

/// Nothing is received before the options and the queue are checked.
#[tokio::test]
async fn a_mapping_that_is_rejected_receives_nothing() {
    let sqs = ScriptedSqs::start(&numbered("m", 1), HIDDEN).await;
    let options = EventSourceOptions { function_timeout: Duration::from_mins(1), ..sqs.options() };
    let error = Mapping::start(sqs.queue.sqs.clone(), options, succeed).await.expect_err("it is rejected");
    let expected = "Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds";
    assert_eq!((error.to_string().as_str(), sqs.requests("ReceiveMessage")), (expected, 0));
}

#[tokio::test]
async fn the_queue_has_to_exist() {
    let queue = Queue::create("exists", 30).await;
    let options = EventSourceOptions::new(format!("{}-not", queue.url));
    let error = Mapping::start(queue.sqs.clone(), options, succeed).await.expect_err("no queue");
    assert_eq!(error.to_string(), "the queue's attributes cannot be read");
    let reason = std::error::Error::source(&error).expect("a reason").to_string();
    assert!(reason.contains("does not exist"), "{reason}");
}

/// Ten thousand messages, received by several calls at once, arrive once each, in large batches.
#[tokio::test]
async fn a_large_queue_is_drained() {
    let sent: Vec<_> = (0..10_000).map(|at| format!("m-{at:05}")).collect();
    let sqs = ScriptedSqs::start(&sent, Duration::from_mins(5)).await;
    let options =
        EventSourceOptions { batch_size: 1_000, batching_window: Duration::from_secs(2), ..sqs.options() };
    let mapping = sqs.map(options, succeed).await;
    let figures = mapping.until(|figures| figures.deleted == 10_000).await;
    assert_eq!(figures.received, 10_000);
    let mut arrived = mapping.batches().concat();
    arrived.sort();
    assert_eq!(arrived, sent);
    assert_eq!(sqs.left(), [""; 0]);
}
