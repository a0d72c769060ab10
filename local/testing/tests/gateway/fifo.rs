//! FIFO queues: once a message of a group could not be delivered now, nothing later of that group is taken as done.

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
async fn everything_behind_a_message_that_failed_is_given_back_with_it() {
    let mut stage = Setup::new().timeout_s(2).start().await;
    stage.fail(Fault::always(Matcher::Any, Action::status(503, "not now")));
    let mut messages = in_groups(&["a", "a", "b", "a"]);
    // Invalid, but its turn has not come.
    messages[3].body = "hello".to_owned();
    assert_eq!(stage.fifo_batch(&messages).await, [0, 1, 2, 3]);
}

#[tokio::test]
async fn an_invalid_message_in_front_stops_no_one() {
    let mut stage = Stage::start().await;
    let mut messages = in_groups(&["a", "a", "b"]);
    messages[0].body = "hello".to_owned();
    assert_eq!(stage.fifo_batch(&messages).await, [0]);
    assert_eq!(stage.stored_devices(), ["d1", "d2"]);
}

#[tokio::test]
async fn a_refused_message_in_front_stops_no_one() {
    let mut stage = Stage::start().await;
    stage.fail(refuse("d0", 400));
    assert_eq!(stage.fifo_batch(&in_groups(&["a", "a", "b"])).await, [0]);
    assert_eq!(stage.stored_devices(), ["d1", "d2"]);
}

/// What arrived of group `a` before `d1` is done; what comes after it is given back although the receiver has it.
#[tokio::test]
async fn a_group_is_given_back_from_its_first_failure_on_and_other_groups_are_not() {
    let mut stage = Stage::start().await;
    stage.amp.set_faults(cannot_take("d1"));
    assert_eq!(stage.fifo_batch(&in_groups(&["a", "a", "a", "b", "b"])).await, [1, 2]);
    assert_eq!(stage.stored_devices(), ["d0", "d2", "d3", "d4"]);
}

#[tokio::test]
async fn with_a_dead_letter_queue_an_invalid_message_behind_a_failure_stays_in_its_queue() {
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
