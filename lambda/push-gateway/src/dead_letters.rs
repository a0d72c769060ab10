//! Moves messages that cannot be delivered to the dead-letter queue, each with its reason.
//!
//! A message that cannot be moved is returned to its queue.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use aws::sqs::{Entry, Queue, SendError, batches};
use aws::{Cause, Client, Failure};
use futures_util::{StreamExt, stream};
use tokio::time::Instant;

use crate::envelopes::sqs::Message;
use crate::envelopes::sqs::attributes::MessageAttributes;
use crate::outcome::Outcome;

/// The limit of calls in flight.
const CALLS_AT_ONCE: usize = 4;

/// The time in which the first call connects to the queue.
const CONNECT: Duration = Duration::from_millis(500);

/// The time of each further call.
const CALL: Duration = Duration::from_millis(50);

/// The indexes of the messages that are in the dead-letter queue now.
pub type Moved = HashSet<usize>;

/// A dead-letter queue.
#[derive(Debug)]
pub struct DeadLetterQueue {
    client: Arc<Client>,
    queue: Queue,
}

impl DeadLetterQueue {
    /// A queue to which messages are sent with `client`.
    pub fn new(client: Arc<Client>, queue: Queue) -> Self {
        Self { client, queue }
    }

    /// The time that moving this number of messages usually takes.
    pub fn time_for(&self, messages: usize) -> Duration {
        let calls = if self.queue.is_fifo() { messages } else { messages.div_ceil(10 * CALLS_AT_ONCE) };
        match u32::try_from(calls) {
            Ok(0) => Duration::ZERO,
            Ok(calls) => CONNECT.saturating_add(CALL.saturating_mul(calls)),
            Err(_) => Duration::MAX,
        }
    }

    /// Moves the messages that are invalid or rejected.
    pub async fn take(&self, messages: &[Message<'_>], outcomes: &[Outcome], deadline: Instant) -> Moved {
        let is_fifo = self.queue.is_fifo();
        let letters: Vec<Entry> = messages
            .iter()
            .zip(outcomes)
            .enumerate()
            .filter_map(|(at, (message, outcome))| dead_letter(at, message, outcome, is_fifo))
            .collect();
        let calls = Calls { queue: self, deadline, is_refused: Cell::new(false), error: RefCell::default() };
        let moved = if is_fifo { calls.in_order(&letters).await } else { calls.at_once(&letters).await };
        if let Some(error) = calls.error.take() {
            let messages = letters.len() - moved.len();
            tracing::warn!(messages, error, "Messages could not be moved to the dead-letter queue.");
        }
        moved
    }
}

/// Calls to one queue.
struct Calls<'a> {
    queue: &'a DeadLetterQueue,
    deadline: Instant,
    /// Whether the queue rejects everything, so that further calls are of no use.
    is_refused: Cell<bool>,
    /// The first error, which stands for all in the log.
    error: RefCell<Option<String>>,
}

impl Calls<'_> {
    async fn at_once(&self, letters: &[Entry]) -> Moved {
        stream::iter(batches(letters))
            .map(|batch| self.batch(batch))
            .buffer_unordered(CALLS_AT_ONCE)
            .fold(Moved::new(), async |mut all, some| {
                all.extend(some);
                all
            })
            .await
    }

    /// Moves messages one by one, because a FIFO queue keeps the order of arrival, and none after one of its group that
    /// could not be moved. A batch of a FIFO queue has at most ten messages.
    async fn in_order(&self, letters: &[Entry]) -> Moved {
        let (mut moved, mut blocked) = (Moved::new(), HashSet::new());
        for letter in letters {
            // The queue is missing or denies access.
            if moved.is_empty() && blocked.len() == 2 {
                break;
            }
            if blocked.contains(&letter.group_id) {
                continue;
            }
            match self.call(std::slice::from_ref(letter)).await {
                Ok(one) if !one.is_empty() => moved.extend(one),
                _ => {
                    blocked.insert(&letter.group_id);
                }
            }
        }
        moved
    }

    async fn batch(&self, batch: &[Entry]) -> Vec<usize> {
        let status = match self.call(batch).await {
            Ok(moved) => return moved,
            Err(status) => status,
        };
        let mut moved = Vec::new();
        // SQS rejects a call as a whole for one of its entries, which must not affect the others. If the first two are
        // rejected alone as well, the queue is missing or denies access.
        if status == Some(400) && batch.len() > 1 {
            let mut rejected = 0;
            for letter in batch.chunks(1) {
                match self.call(letter).await {
                    Ok(one) => moved.extend(one),
                    Err(_) => rejected += 1,
                }
                if moved.is_empty() && rejected == 2 {
                    self.is_refused.set(true);
                    break;
                }
            }
        }
        moved
    }

    /// Makes one call, and keeps the first error of all.
    ///
    /// # Errors
    /// The HTTP status, if there was a response.
    async fn call(&self, batch: &[Entry]) -> Result<Vec<usize>, Option<u16>> {
        if self.is_refused.get() {
            return Err(None);
        }
        if Instant::now() >= self.deadline {
            // There may be hundreds of calls left, and building each takes time that the reply needs.
            self.keep(&Failure::from(Cause::OutOfTime));
            return Err(None);
        }
        let DeadLetterQueue { client, queue } = self.queue;
        match queue.send(client, batch, self.deadline).await {
            Ok(stored) => {
                if let Some(error) = stored.first_error {
                    self.keep(&error);
                }
                let is_stored = |entry: &&Entry| stored.ids.contains(&entry.id);
                Ok(batch.iter().filter(is_stored).filter_map(|entry| entry.id.parse().ok()).collect())
            }
            Err(error) => {
                self.keep(&error);
                Err(match error {
                    SendError::Rejected(response) => Some(response.status),
                    SendError::Failed(_) | SendError::Unreadable(_) => None,
                })
            }
        }
    }

    fn keep(&self, error: &dyn std::error::Error) {
        self.error.borrow_mut().get_or_insert_with(|| error.to_string());
    }
}

/// The dead letter of a message, unless its outcome leaves it with its own queue.
fn dead_letter(at: usize, message: &Message<'_>, outcome: &Outcome, is_fifo: bool) -> Option<Entry> {
    let (reason, status) = match outcome {
        Outcome::Invalid(_) => ("invalid", String::new()),
        Outcome::Rejected { status, .. } => ("rejected", status.to_string()),
        Outcome::Delivered | Outcome::Deduplicated | Outcome::Spilled | Outcome::Retry(_) => return None,
    };
    // A body that is not text cannot be moved unchanged, so its own queue keeps it.
    let body = message.body().text().ok()?.into_owned();
    let attributes = message.attributes();
    let mut entry = Entry::new(at.to_string(), body)
        .with_attribute("reason", reason)
        .with_attribute("detail", &outcome.to_string())
        .with_attribute("status", &status)
        .with_attribute("source", &message.queue_arn)
        .with_attribute("messageId", &message.id)
        .with_attribute("sentTimestamp", attributes.sent_timestamp.as_deref().unwrap_or_default());
    // SQS accepts ten attributes. With these, the letter can be sent again as it is.
    for (name, value) in message.message_attributes().into_iter().flat_map(MessageAttributes::texts) {
        if !value.is_empty() {
            entry = entry.with_exact_attribute(name, value);
        }
    }
    if is_fifo {
        let group = attributes.message_group_id.unwrap_or_else(|| message.id.clone());
        entry.group_id = Some(group.into_owned());
        entry.deduplication_id = Some(message.id.clone().into_owned());
    }
    Some(entry)
}
