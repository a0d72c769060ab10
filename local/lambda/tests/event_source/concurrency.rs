//! Concurrency and throttling.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use local_lambda::event_source::{EventSourceOptions, Invoked};
use tokio::sync::{Barrier, Semaphore};

use crate::scripted_sqs::ScriptedSqs;
use crate::support::{Queue, eventually, numbered, succeed};

/// Lambda Developer Guide, "Configuring maximum concurrency for Amazon SQS event sources": "limits the number of
/// concurrent instances of the function that an Amazon SQS event source can invoke".
#[tokio::test]
async fn no_more_invocations_run_than_the_maximum_concurrency() {
    let queue = ScriptedSqs::start(&numbered("m", 30), Duration::from_secs(30)).await;
    let options = EventSourceOptions { batch_size: 3, max_concurrency: Some(2), ..queue.options() };
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let highest = Arc::clone(&most);
    // No invocation ends before another one has begun: two run at once, or the test hangs.
    let pair = Arc::new(Barrier::new(2));
    let mapping = queue
        .map(options, move |records| {
            let (running, highest, pair) = (Arc::clone(&running), Arc::clone(&highest), Arc::clone(&pair));
            async move {
                highest.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                pair.wait().await;
                running.fetch_sub(1, Ordering::SeqCst);
                succeed(records).await
            }
        })
        .await;
    mapping.until(|figures| figures.deleted == 30).await;
    assert_eq!((most.load(Ordering::SeqCst), mapping.sizes().len()), (2, 10));
}

/// Lambda Developer Guide, "Configuring scaling behavior for SQS event source mappings": "Lambda starts processing
/// five batches at a time with five concurrent invocations". While they are busy, the rest stays visible in the queue.
#[tokio::test]
async fn while_the_function_is_busy_no_more_is_received() {
    let queue = ScriptedSqs::start(&numbered("m", 80), Duration::from_secs(30)).await;
    let (gate, closed) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (opened, arrived) = (Arc::clone(&gate), Arc::clone(&closed));
    let mapping = queue
        .map(queue.options(), move |records| {
            let (opened, arrived) = (Arc::clone(&opened), Arc::clone(&arrived));
            async move {
                arrived.add_permits(1);
                let _ = opened.acquire().await;
                succeed(records).await
            }
        })
        .await;
    let _ = closed.acquire_many(5).await.expect("five invocations");
    let figures = mapping.until(|figures| figures.invocations_in_flight == 5).await;
    assert_eq!((figures.received, figures.in_flight), (50, 50));
    assert_eq!(queue.visible_and_hidden(), (30, 50));
    gate.close();
    mapping.until(|figures| figures.deleted == 80).await;
}

/// Lambda Developer Guide, "Backoff strategy for failed invocations": "Lambda continues to retry the message until
/// the message's timestamp exceeds your queue's visibility timeout".
#[tokio::test]
async fn a_throttled_batch_is_tried_again() {
    let queue = Queue::create("throttled", 30).await;
    queue.send(&numbered("m", 3)).await;
    let attempts = AtomicUsize::new(0);
    let mapping = queue
        .map(queue.options(), move |records| {
            let attempt = attempts.fetch_add(1, Ordering::SeqCst);
            async move { if attempt < 3 { Invoked::Throttled } else { succeed(records).await } }
        })
        .await;
    let figures = mapping.until(|figures| figures.deleted == 3).await;
    assert_eq!((figures.throttled, figures.invocations, figures.received), (3, 1, 3));
    assert_eq!(figures.failed_invocations, 0);
}

/// The same: "at which point Lambda drops the message"; the queue shows it again.
#[tokio::test]
async fn a_batch_that_stays_throttled_is_left_to_its_queue() {
    let queue = Queue::create("throttled-long", 1).await;
    queue.send(&numbered("m", 3)).await;
    let mapping = queue
        .map(queue.options(), |records: Vec<serde_json::Value>| async move {
            let is_first = records[0]["attributes"]["ApproximateReceiveCount"] == "1";
            if is_first { Invoked::Throttled } else { succeed(records).await }
        })
        .await;
    let figures = mapping.until(|figures| figures.deleted == 3).await;
    assert_eq!((figures.expired, figures.received, figures.invocations), (3, 6, 1));
    assert_eq!((figures.given_back, figures.failed_invocations), (0, 0));
    assert!(figures.throttled > 1, "{figures:?}");
}

/// A message that is gathered for longer than its visibility timeout would be delivered twice.
#[tokio::test]
async fn messages_that_expire_in_the_window_are_not_delivered() {
    let queue = Queue::create("slow-window", 1).await;
    queue.send(&["m"]).await;
    let options = EventSourceOptions { batching_window: Duration::from_secs(3), ..queue.options() };
    let mapping = queue.map(options, succeed).await;
    let figures = mapping.until(|figures| figures.deleted == 1).await;
    assert!(figures.expired > 0, "{figures:?}");
    assert_eq!((figures.invocations, mapping.sizes()), (1, vec![1]));
    eventually(|| queue.is_empty()).await;
}
