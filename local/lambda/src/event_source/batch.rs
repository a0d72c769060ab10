//! Gathers messages into batches.
//!
//! A batch ends when it has its size, when the window since its first message is over, or when the next record would exceed
//! the payload limit of an invocation (Lambda Developer Guide, "Using Lambda with Amazon SQS").

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::runtime::MAX_PAYLOAD_BYTES;

const OPENING: &str = r#"{"Records":["#;
const CLOSING: &str = "]}";

/// A received message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) receipt_handle: String,
    /// Its message group, in a FIFO queue.
    pub(super) group: Option<String>,
    /// Its record as JSON.
    pub(super) json: String,
    /// When the queue shows it to others again.
    pub(super) visible_at: Instant,
}

/// Messages for one invocation, in the order in which they were received.
pub(super) type Batch = Vec<Message>;

/// The payload of the invocation with a batch.
pub(super) fn payload(batch: &[Message]) -> Bytes {
    let records: Vec<&str> = batch.iter().map(|message| message.json.as_str()).collect();
    [OPENING, &records.join(","), CLOSING].concat().into()
}

/// Gathers messages into batches.
#[derive(Debug)]
pub(super) struct Gatherer {
    batch_size: usize,
    window: Duration,
    open: Batch,
    /// Length of the payload of the open batch.
    payload_bytes: usize,
    /// When the window of the open batch is over.
    due_at: Option<Instant>,
}

impl Gatherer {
    /// Batches of at most `batch_size` (1 or more), gathered for at most `window`.
    pub(super) fn new(batch_size: usize, window: Duration) -> Self {
        Self { batch_size, window, open: Batch::new(), payload_bytes: 0, due_at: None }
    }

    /// Adds the next message; returns the batch that it completed, or that had no room for it.
    pub(super) fn add(&mut self, message: Message, now: Instant) -> Option<Batch> {
        // A comma before each record but the first.
        let longer = self.payload_bytes + 1 + message.json.len();
        let is_too_much = !self.open.is_empty() && longer > MAX_PAYLOAD_BYTES;
        let ended = is_too_much.then(|| self.take());
        if self.open.is_empty() {
            self.payload_bytes = OPENING.len() + message.json.len() + CLOSING.len();
            self.due_at = Some(now + self.window);
        } else {
            self.payload_bytes = longer;
        }
        self.open.push(message);
        // A batch that ended for its bytes had fewer messages than its size, so only one of the two can end here.
        ended.or_else(|| (self.open.len() >= self.batch_size).then(|| self.take()))
    }

    /// The number of messages in the open batch.
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// When the open batch is due, if it has messages.
    pub(super) fn due_at(&self) -> Option<Instant> {
        self.due_at
    }

    /// The open batch, if its window is over.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Batch> {
        self.due_at.is_some_and(|due_at| due_at <= now).then(|| self.take())
    }

    /// The open batch as it is.
    pub(super) fn take(&mut self) -> Batch {
        self.due_at = None;
        std::mem::take(&mut self.open)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(number: usize, json: &str, now: Instant) -> Message {
        Message {
            id: number.to_string(),
            receipt_handle: format!("receipt-{number}"),
            group: None,
            json: json.to_owned(),
            visible_at: now + Duration::from_secs(30),
        }
    }

    /// Lambda Developer Guide, "Using Lambda with Amazon SQS": "until the batch window expires".
    #[tokio::test]
    async fn the_window_counts_from_the_first_message_of_the_batch() {
        let began = Instant::now();
        let at = |seconds| began + Duration::from_secs(seconds);
        let mut gatherer = Gatherer::new(100, Duration::from_secs(5));
        assert_eq!(gatherer.take_due(at(100)), None);
        gatherer.add(message(0, "0", began), at(100));
        gatherer.add(message(1, "1", began), at(104));
        assert_eq!(gatherer.due_at(), Some(at(105)));
        assert_eq!(gatherer.take_due(at(104)), None);
        assert_eq!(gatherer.take_due(at(105)).map(|batch| batch.len()), Some(2));
        assert_eq!((gatherer.len(), gatherer.due_at()), (0, None));
        gatherer.add(message(2, "2", began), at(106));
        assert_eq!(gatherer.due_at(), Some(at(111)));
    }

    proptest! {
        /// Lambda Developer Guide, "Using Lambda with Amazon SQS": a batch ends with its size, or with the payload limit of
        /// 6 MB, that is 6,291,456 bytes. No message is lost, repeated or out of order, and no batch could have taken the next.
        #[test]
        fn batches_are_as_large_as_the_limits_allow(
            lengths in prop::collection::vec(2..3_000_000_usize, 0..40),
            batch_size in 1..12_usize,
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            let now = runtime.block_on(async { Instant::now() });
            let mut gatherer = Gatherer::new(batch_size, Duration::ZERO);
            let record = |length: &usize| format!("\"{}\"", "x".repeat(length - 2));
            let messages = (0..).zip(&lengths).map(|(at, length)| message(at, &record(length), now));
            let mut batches: Vec<_> = messages.filter_map(|message| gatherer.add(message, now)).collect();
            batches.extend((gatherer.len() > 0).then(|| gatherer.take()));
            let ids: Vec<_> = batches.iter().flatten().map(|message| message.id.clone()).collect();
            prop_assert_eq!(ids, (0..lengths.len()).map(|at| at.to_string()).collect::<Vec<_>>());
            for (at, batch) in batches.iter().enumerate() {
                let bytes = payload(batch).len();
                prop_assert!((1..=batch_size).contains(&batch.len()) && bytes <= 6_291_456);
                if let Some(next) = batches.get(at + 1) {
                    prop_assert!(batch.len() == batch_size || bytes + 1 + next[0].json.len() > 6_291_456);
                }
            }
        }
    }
}
