//! Order within a message group.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use local_lambda::event_source::{EventSourceOptions, Invoked};
use tokio::sync::Barrier;

use crate::support::{Queue, numbered, report, succeed};

/// Lambda Developer Guide, "Configuring scaling behavior for SQS event source mappings": "Amazon SQS ensures that
/// messages in the same group are delivered to Lambda in order"; "the order of the messages is maintained".
#[tokio::test]
async fn a_group_is_delivered_in_order_and_not_concurrently() {
    let queue = Queue::create("order.fifo", 30).await;
    let sent: Vec<_> = (0..45).map(|at| format!("{}-{at:02}", ["a", "b", "c"][at % 3])).collect();
    queue.send(&sent).await;
    let busy: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    let overlaps = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&overlaps);
    let mapping = queue
        .map(queue.options(), move |records| {
            let (busy, seen) = (Arc::clone(&busy), Arc::clone(&seen));
            async move {
                let mut groups: BTreeSet<_> = records.iter().map(group).collect();
                let both = busy.lock().expect("no panic").intersection(&groups).count();
                seen.fetch_add(both, Ordering::SeqCst);
                busy.lock().expect("no panic").extend(groups.iter().cloned());
                tokio::task::yield_now().await;
                busy.lock().expect("no panic").retain(|group| !groups.remove(group));
                succeed(records).await
            }
        })
        .await;
    mapping.until(|figures| figures.deleted == 45).await;
    assert_eq!(overlaps.load(Ordering::SeqCst), 0);
    let arrived = mapping.batches().concat();
    for group in ["a", "b", "c"] {
        let of_group = |bodies: &[String]| -> Vec<String> {
            bodies.iter().filter(|body| body.starts_with(group)).cloned().collect()
        };
        assert_eq!(of_group(&arrived), of_group(&sent));
    }
    assert!(mapping.sizes().iter().all(|size| *size <= 10));
}

fn group(record: &serde_json::Value) -> String {
    record["attributes"]["MessageGroupId"].as_str().expect("a group").to_owned()
}

/// Lambda Developer Guide, "Configuring maximum concurrency for Amazon SQS event sources": "concurrent invocations
/// are capped either by the number of message group IDs or the maximum concurrency setting".
#[tokio::test]
async fn different_groups_are_invoked_at_the_same_time() {
    let queue = Queue::create("groups.fifo", 30).await;
    let options = EventSourceOptions { batch_size: 1, ..queue.options() };
    queue.send(&["a-0", "b-0", "a-1", "b-1"]).await;
    // Each invocation waits until one of the other group runs as well.
    let pair = Arc::new(Barrier::new(2));
    let mapping = queue
        .map(options, move |records| {
            let pair = Arc::clone(&pair);
            async move {
                pair.wait().await;
                succeed(records).await
            }
        })
        .await;
    mapping.until(|figures| figures.deleted == 4).await;
    let mut batches = mapping.batches().concat();
    batches[..2].sort();
    batches[2..].sort();
    assert_eq!(batches, ["a-0", "b-0", "a-1", "b-1"]);
}

/// Lambda Developer Guide, "Configuring scaling behavior for SQS event source mappings": "If your function returns
/// an error, the function attempts all retries on the affected messages before Lambda receives additional messages
/// from the same group". One message fails at a time: of several, moto returns the last one first.
#[tokio::test]
async fn only_the_group_of_a_failed_message_waits() {
    let queue = Queue::create("retry.fifo", 1).await;
    let options = EventSourceOptions { batch_size: 1, report_batch_item_failures: true, ..queue.options() };
    queue.send(&["a-0", "a-1", "b-0", "b-1"]).await;
    let mapping = queue
        .map(options, |records: Vec<serde_json::Value>| async move {
            let is_first = records[0]["attributes"]["ApproximateReceiveCount"] == "1";
            report(&records, |body| is_first && body == "a-0")
        })
        .await;
    let figures = mapping.until(|figures| figures.deleted == 4).await;
    assert_eq!((figures.given_back, figures.received), (1, 5));
    let arrived = mapping.batches().concat();
    let place = |wanted: &str| arrived.iter().rposition(|body| body == wanted);
    let of_group = |group| arrived.iter().filter(|body| body.starts_with(group)).collect::<Vec<_>>();
    assert_eq!(of_group('a'), ["a-0", "a-0", "a-1"]);
    assert_eq!(of_group('b'), ["b-0", "b-1"]);
    assert!(place("b-1") < place("a-0"), "{arrived:?}");
}

/// Eight messages of one group that one receive returns and one payload cannot take.
async fn send_eight_large_messages(queue: &Queue) {
    for name in numbered("m", 8) {
        queue.send(&[format!("{name}{}", "\"".repeat(500_000))]).await;
    }
}

fn names(batches: &[Vec<String>]) -> Vec<Vec<&str>> {
    batches.iter().map(|bodies| bodies.iter().map(|body| &body[..4]).collect()).collect()
}

#[tokio::test]
async fn a_receive_for_two_payloads_is_delivered_in_order() {
    let queue = Queue::create("large.fifo", 30).await;
    send_eight_large_messages(&queue).await;
    let mapping = queue.map(queue.options(), succeed).await;
    mapping.until(|figures| figures.deleted == 8).await;
    let all = numbered("m", 8);
    assert_eq!(names(&mapping.batches()), [&all[..6], &all[6..]]);
}

#[tokio::test]
async fn later_messages_of_a_failed_group_are_not_delivered() {
    let queue = Queue::create("large-fails.fifo", 30).await;
    send_eight_large_messages(&queue).await;
    let mapping = queue.map(queue.options(), |_| async { Invoked::FunctionError }).await;
    let figures = mapping.until(|figures| figures.given_back == 8).await;
    assert_eq!((figures.invocations, figures.received), (1, 8));
    assert_eq!(names(&mapping.batches()), [&numbered("m", 6)[..]]);
}
