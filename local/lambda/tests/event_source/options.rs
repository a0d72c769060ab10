//! What Lambda refuses when a mapping is created, before anything is received.

use std::time::Duration;

use local_lambda::event_source::EventSourceOptions;

use crate::support::{Mapping, Queue, succeed};

/// Why the mapping cannot be created; nothing may have been received.
async fn refusal(queue: &Queue, change: impl FnOnce(&mut EventSourceOptions)) -> String {
    if queue.url.strip_suffix(".fifo").is_some() {
        queue.send_in_groups(&[("group", "waits")]).await;
    } else {
        queue.send(&["waits"]).await;
    }
    let mut options = queue.options();
    change(&mut options);
    let refused = Mapping::start(queue.sqs.clone(), options, succeed).await;
    assert_eq!(queue.visible_and_hidden().await, (1, 0));
    refused.expect_err("Lambda refuses it").to_string()
}

/// Lambda Developer Guide, "Lambda parameters for Amazon SQS event source mappings": `BatchSize`.
#[tokio::test]
async fn a_batch_has_one_to_ten_thousand_messages() {
    for (at, given) in [0, 10_001].into_iter().enumerate() {
        let queue = Queue::create(&format!("batch-size-{at}"), 30).await;
        let refused = refusal(&queue, |options| {
            options.batch_size = given;
            options.batching_window = Duration::from_secs(1);
        });
        assert_eq!(refused.await, format!("batch size {given} is not between 1 and 10000"));
    }
}

/// Lambda Developer Guide, "Lambda parameters for Amazon SQS event source mappings": "For FIFO queues, the maximum
/// is 10".
#[tokio::test]
async fn a_batch_of_a_fifo_queue_has_at_most_ten_messages() {
    let queue = Queue::create("batch-size.fifo", 30).await;
    let refused = refusal(&queue, |options| options.batch_size = 11).await;
    assert_eq!(refused, "batch size 11 is not between 1 and 10");
}

/// Lambda Developer Guide, "Creating and configuring an Amazon SQS event source mapping": "For a batch size over 10,
/// you must also set the batch window to at least 1 second".
#[tokio::test]
async fn a_batch_of_more_than_ten_needs_a_window() {
    let queue = Queue::create("no-window", 30).await;
    assert_eq!(
        refusal(&queue, |options| options.batch_size = 11).await,
        "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
    );
}

/// Lambda Developer Guide, "Using Lambda with Amazon SQS": "buffer records for up to 5 minutes"; the parameter is
/// `MaximumBatchingWindowInSeconds`.
#[tokio::test]
async fn a_window_has_at_most_five_minutes_in_whole_seconds() {
    for (at, given) in [301_000, 1_500].map(Duration::from_millis).into_iter().enumerate() {
        let queue = Queue::create(&format!("window-{at}"), 30).await;
        let refused = refusal(&queue, |options| options.batching_window = given).await;
        assert_eq!(refused, format!("batching window {given:?} is not in whole seconds between 0 and 300"));
    }
}

/// Lambda Developer Guide, "Lambda parameters for Amazon SQS event source mappings": "Batching window is not
/// supported for FIFO queues".
#[tokio::test]
async fn a_fifo_queue_has_no_window() {
    let queue = Queue::create("window.fifo", 30).await;
    let refused = refusal(&queue, |options| options.batching_window = Duration::from_secs(1)).await;
    assert_eq!(refused, "Batching window is not supported for FIFO queues");
}

/// Lambda Developer Guide, "Configuring scaling behavior for SQS event source mappings": "enter a number between 2
/// and 1,000".
#[tokio::test]
async fn the_maximum_concurrency_is_two_to_one_thousand() {
    for (at, given) in [0, 1, 1_001].into_iter().enumerate() {
        let queue = Queue::create(&format!("concurrency-{at}"), 30).await;
        let refused = refusal(&queue, |options| options.max_concurrency = Some(given)).await;
        assert_eq!(refused, format!("maximum concurrency {given} is not between 2 and 1000"));
    }
}

/// Lambda Developer Guide, "Creating and configuring an Amazon SQS event source mapping": "an error if the function
/// timeout exceeds the queue's visibility timeout".
#[tokio::test]
async fn the_visibility_timeout_covers_the_function_timeout() {
    let queue = Queue::create("visibility", 30).await;
    let refused = refusal(&queue, |options| options.function_timeout = Duration::from_mins(1)).await;
    assert_eq!(refused, "Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds");
    let mut options = queue.options();
    options.function_timeout = Duration::from_secs(30);
    assert!(Mapping::start(queue.sqs.clone(), options, succeed).await.is_ok());
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

/// The limits themselves are allowed.
#[tokio::test]
async fn the_largest_options_are_taken() {
    let queue = Queue::create("largest", 30).await;
    let options = EventSourceOptions {
        batch_size: 10_000,
        batching_window: Duration::from_mins(5),
        max_concurrency: Some(1_000),
        ..queue.options()
    };
    let mapping = queue.map(options, succeed).await;
    assert_eq!(mapping.stop().await.received, 0);
}
