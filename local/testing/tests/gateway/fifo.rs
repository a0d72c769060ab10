//! FIFO queues: once a message of a group is given back, so are all later ones of the group.

use local_amp::{Action, Fault, Matcher};
use local_lambda::sqs::QueueMessage;

use crate::outcomes::refuse;
use crate::queue::stage_with_queue;
use crate::support::{NOW_MS, Setup, Stage, event};

/// Messages of these groups, in this order; each has a series of its own, named by its place.
fn in_groups(groups: &[&str]) -> Vec<QueueMessage> {
    let message = |(at, group): (u64, &&str)| {
        let timestamp = NOW_MS + i64::try_from(at).expect("a few messages");
        QueueMessage::new(at, event(&format!("d{at}"), timestamp, at), NOW_MS).in_group(group, at)
    };
    (0..).zip(groups).map(message).collect()
}

/// The receiver takes one sample at a time, and those of this device not now.
fn cannot_take(device: &str) -> Vec<Fault> {
    vec![
        Fault::always(Matcher::SamplesOver(1), Action::status(413, "one at a time")),
        Fault::always(Matcher::series("device", device), Action::status(403, "not now")),
    ]
}

#[tokio::test]
async fn all_groups_are_delivered_when_nothing_fails() {
    let mut stage = Stage::start().await;
    let messages = in_groups(&["a", "b", "a", "b"]);
    assert_eq!(stage.fifo_batch(&messages).await, [0; 0]);
    assert_eq!(stage.stored_devices(), ["d0", "d1", "d2", "d3"]);
}

#[tokio::test]
async fn everything_behind_a_failed_message_is_given_back() {
    let mut stage = Setup::new().timeout_s(2).start().await;
    stage.fail(Fault::always(Matcher::Any, Action::status(503, "not now")));
    let mut messages = in_groups(&["a", "a", "b", "a"]);
    // Invalid, but its turn has not come.
    messages[3].body = "hello".to_owned();
    assert_eq!(stage.fifo_batch(&messages).await, [0, 1, 2, 3]);
}

#[tokio::test]
async fn an_invalid_message_does_not_stop_its_group() {
    let mut stage = Stage::start().await;
    let mut messages = in_groups(&["a", "a", "b"]);
    messages[0].body = "hello".to_owned();
    assert_eq!(stage.fifo_batch(&messages).await, [0]);
    assert_eq!(stage.stored_devices(), ["d1", "d2"]);
}

#[tokio::test]
async fn a_rejected_message_does_not_stop_its_group() {
    let mut stage = Stage::start().await;
    stage.fail(refuse("d0", 400));
    assert_eq!(stage.fifo_batch(&in_groups(&["a", "a", "b"])).await, [0]);
    assert_eq!(stage.stored_devices(), ["d1", "d2"]);
}

/// Message 0 of group `a` is done; message 2 is given back although the receiver has it.
#[tokio::test]
async fn a_failure_gives_back_its_group_and_no_other() {
    let mut stage = Stage::start().await;
    stage.amp.set_faults(cannot_take("d1"));
    assert_eq!(stage.fifo_batch(&in_groups(&["a", "a", "a", "b", "b"])).await, [1, 2]);
    assert_eq!(stage.stored_devices(), ["d0", "d2", "d3", "d4"]);
}

#[tokio::test]
async fn an_invalid_message_behind_a_failure_is_not_moved() {
    let (mut stage, queue) = stage_with_queue("fifo-behind.fifo").await;
    stage.amp.set_faults(cannot_take("d1"));
    let mut messages = in_groups(&["a", "a", "a", "b"]);
    messages[0].body = "first".to_owned();
    messages[2].body = "behind".to_owned();
    messages.push(QueueMessage::new(99, "other group", NOW_MS).in_group("b", 99));
    assert_eq!(stage.fifo_batch(&messages).await, [1, 2]);
    let mut moved: Vec<_> = queue.letters().await.into_iter().map(|letter| letter.body).collect();
    moved.sort();
    assert_eq!(moved, ["first", "other group"]);
}
