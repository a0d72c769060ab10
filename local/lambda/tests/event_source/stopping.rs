//! The end of a mapping.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use local_lambda::event_source::{EventSourceOptions, Invoked};
use tokio::sync::{Notify, oneshot};

use crate::support::{Queue, eventually, numbered, succeed};

#[tokio::test]
async fn stopping_waits_for_invocations_and_their_deletions() {
    let queue = Queue::create("stop", 30).await;
    queue.send(&numbered("m", 3)).await;
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (is_begun, may_go_on) = (Arc::clone(&begun), Arc::clone(&go_on));
    let mapping = queue
        .map(queue.options(), move |records| {
            let (is_begun, may_go_on) = (Arc::clone(&is_begun), Arc::clone(&may_go_on));
            async move {
                is_begun.notify_one();
                may_go_on.notified().await;
                succeed(records).await
            }
        })
        .await;
    begun.notified().await;
    let mut stopping = Box::pin(mapping.stop());
    tokio::select! {
        biased;
        figures = &mut stopping => panic!("it did not wait: {figures:?}"),
        () = tokio::task::yield_now() => {}
    }
    go_on.notify_one();
    assert_eq!(stopping.await.deleted, 3);
    assert!(queue.is_empty().await);
}

/// A message that was gathered but not handed over need not wait for its visibility timeout.
#[tokio::test]
async fn stopping_releases_messages_that_were_not_invoked() {
    let queue = Queue::create("stop-gathered", 300).await;
    queue.send(&numbered("m", 3)).await;
    let options = EventSourceOptions { batching_window: Duration::from_mins(5), ..queue.options() };
    let mapping = queue.map(options, succeed).await;
    mapping.until(|figures| figures.in_flight == 3).await;
    let figures = mapping.stop().await;
    assert_eq!((figures.released, figures.invocations), (3, 0));
    assert_eq!(queue.visible_and_hidden().await, (3, 0));
}

#[tokio::test]
async fn stopping_does_not_wait_for_a_throttled_batch() {
    let queue = Queue::create("stop-throttled", 300).await;
    queue.send(&numbered("m", 3)).await;
    let mapping = queue.map(queue.options(), |_| async { Invoked::Throttled }).await;
    mapping.until(|figures| figures.throttled > 0).await;
    assert_eq!(mapping.stop().await.released, 3);
    assert_eq!(queue.visible_and_hidden().await, (3, 0));
}

#[tokio::test]
async fn after_stopping_nothing_is_received_any_more() {
    let queue = Queue::create("stopped", 30).await;
    let mapping = queue.map(queue.options(), succeed).await;
    assert_eq!(mapping.stop().await.received, 0);
    queue.send(&["late"]).await;
    assert_eq!(queue.visible_and_hidden().await, (1, 0));
}

#[tokio::test]
async fn dropping_a_mapping_ends_its_invocations_at_once() {
    let queue = Queue::create("dropped", 1).await;
    queue.send(&["m"]).await;
    let (begun, (held, dropped)) = (Arc::new(Notify::new()), oneshot::channel::<()>());
    let (is_begun, held) = (Arc::clone(&begun), Mutex::new(Some(held)));
    let mapping = queue
        .map(queue.options(), move |_| {
            let (is_begun, held) = (Arc::clone(&is_begun), held.lock().expect("no panic").take());
            async move {
                let _held = held;
                is_begun.notify_one();
                std::future::pending().await
            }
        })
        .await;
    begun.notified().await;
    drop(mapping);
    dropped.await.expect_err("the invocation is gone");
    eventually(|| async { queue.visible_and_hidden().await == (1, 0) }).await;
}
