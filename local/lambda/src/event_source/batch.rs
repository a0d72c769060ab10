//! Gathers messages into batches.
//!
//! A batch ends when it has its size, when the window since its first message is over, or when the next record would exceed
//! the payload limit of an invocation (Lambda Developer Guide, "Using Lambda with Amazon SQS").

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

/// Lambda quotas: a synchronous invocation takes 6 MB, metadata and JSON included.
const MAX_PAYLOAD_BYTES: usize = 6 * 1_024 * 1_024;

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
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Batch(pub(super) Vec<Message>);

impl Batch {
    /// The payload of the invocation.
    pub(super) fn payload(&self) -> Bytes {
        let records: Vec<&str> = self.0.iter().map(|message| message.json.as_str()).collect();
        [OPENING, &records.join(","), CLOSING].concat().into()
    }

    /// Removes the messages that the queue shows to other consumers by now, and returns their number. They could not be deleted
    /// any more, and another consumer may have them.
    pub(super) fn drop_visible(&mut self, now: Instant) -> usize {
        let before = self.0.len();
        self.0.retain(|message| now < message.visible_at);
        before - self.0.len()
    }
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
        Self { batch_size, window, open: Batch::default(), payload_bytes: 0, due_at: None }
    }

    /// Adds the next message; returns the batch that it completed, or that had no room for it.
    pub(super) fn add(&mut self, message: Message, now: Instant) -> Option<Batch> {
        // A comma before each record but the first.
        let longer = self.payload_bytes + 1 + message.json.len();
        let is_too_much = !self.open.0.is_empty() && longer > MAX_PAYLOAD_BYTES;
        let ended = is_too_much.then(|| self.take());
        if self.open.0.is_empty() {
            self.payload_bytes = OPENING.len() + message.json.len() + CLOSING.len();
            self.due_at = Some(now + self.window);
        } else {
            self.payload_bytes = longer;
        }
        self.open.0.push(message);
        // A batch that ended for its bytes had fewer messages than its size, so only one of the two can end here.
        ended.or_else(|| (self.open.0.len() >= self.batch_size).then(|| self.take()))
    }

    /// The number of messages in the open batch.
    pub(super) fn len(&self) -> usize {
        self.open.0.len()
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

    /// A record of `length` bytes.
    fn record(length: usize) -> String {
        format!("\"{}\"", "x".repeat(length - 2))
    }

    fn gather(gatherer: &mut Gatherer, records: &[String], now: Instant) -> Vec<Batch> {
        let mut batches: Vec<_> =
            (0..).zip(records).filter_map(|(at, json)| gatherer.add(message(at, json, now), now)).collect();
        batches.extend((gatherer.len() > 0).then(|| gatherer.take()));
        batches
    }

    /// Lambda Developer Guide, "Using Lambda with Amazon SQS": "the configured maximum batch size is reached".
    #[tokio::test]
    async fn a_batch_ends_with_its_last_message() {
        let now = Instant::now();
        let mut gatherer = Gatherer::new(3, Duration::from_secs(1));
        assert_eq!(gatherer.add(message(0, "0", now), now), None);
        assert_eq!(gatherer.add(message(1, "1", now), now), None);
        let batch = gatherer.add(message(2, "2", now), now).expect("a full batch");
        assert_eq!(batch.payload(), r#"{"Records":[0,1,2]}"#);
        assert_eq!((gatherer.len(), gatherer.due_at()), (0, None));
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
        assert_eq!(gatherer.take_due(at(105)).map(|batch| batch.0.len()), Some(2));
        gatherer.add(message(2, "2", began), at(106));
        assert_eq!(gatherer.due_at(), Some(at(111)));
    }

    /// Lambda quotas: 6 MB, that is 6,291,456 bytes, for the payload of a synchronous invocation.
    #[tokio::test]
    async fn a_record_over_the_payload_limit_opens_the_next_batch() {
        let now = Instant::now();
        let half = (MAX_PAYLOAD_BYTES - OPENING.len() - CLOSING.len() - 1) / 2;
        let rest = MAX_PAYLOAD_BYTES - OPENING.len() - CLOSING.len() - 1 - half;
        let fits = gather(&mut Gatherer::new(10, Duration::ZERO), &[record(half), record(rest)], now);
        assert_eq!(fits.iter().map(|batch| batch.payload().len()).collect::<Vec<_>>(), [6_291_456]);
        let exceeds = [record(half), record(rest + 1), record(10)];
        let exceeds = gather(&mut Gatherer::new(10, Duration::ZERO), &exceeds, now);
        assert_eq!(exceeds.iter().map(|batch| batch.0.len()).collect::<Vec<_>>(), [1, 2]);
    }

    #[tokio::test]
    async fn visible_messages_are_dropped_from_their_batch() {
        let now = Instant::now();
        let mut batch = Batch(vec![message(0, "0", now), message(1, "1", now)]);
        batch.0[0].visible_at = now + Duration::from_secs(10);
        assert_eq!(batch.drop_visible(now + Duration::from_secs(9)), 0);
        assert_eq!(batch.drop_visible(now + Duration::from_secs(10)), 1);
        assert_eq!(batch.payload(), r#"{"Records":[1]}"#);
    }

    proptest! {
        /// No message is lost, repeated or out of order; no payload exceeds the limit; no batch could have taken the next record.
        #[test]
        fn batches_are_as_large_as_the_limits_allow(
            lengths in prop::collection::vec(2..3_000_000_usize, 0..40),
            batch_size in 1..12_usize,
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            let now = runtime.block_on(async { Instant::now() });
            let records: Vec<_> = lengths.iter().map(|length| record(*length)).collect();
            let batches = gather(&mut Gatherer::new(batch_size, Duration::ZERO), &records, now);
            let ids: Vec<_> = batches.iter().flat_map(|batch| &batch.0).map(|m| m.id.clone()).collect();
            prop_assert_eq!(ids, (0..records.len()).map(|at| at.to_string()).collect::<Vec<_>>());
            for (at, batch) in batches.iter().enumerate() {
                let bytes = batch.payload().len();
                prop_assert!((1..=batch_size).contains(&batch.0.len()) && bytes <= MAX_PAYLOAD_BYTES);
                if let Some(next) = batches.get(at + 1) {
                    let is_full = batch.0.len() == batch_size;
                    prop_assert!(is_full || bytes + 1 + next.0[0].json.len() > MAX_PAYLOAD_BYTES);
                }
            }
        }
    }
}
