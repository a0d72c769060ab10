//! Dead letters: messages that no redelivery will make good → the dead-letter queue, each with its reason.
//!
//! In: the messages with their fates. Out: the places of those that arrived in the queue; the others are given back.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::sync::Arc;

use aws::sqs::{Entry, SendError, batches};
use aws::{Cause, Client, Failure};
use futures_util::{StreamExt, stream};
use tokio::time::Instant;

use crate::config::Queue;
use crate::fate::RecordFate;
use crate::payload::Message;

/// Calls in flight at most.
const CALLS_AT_ONCE: usize = 4;

/// A message on its way to the dead-letter queue.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// The message's place in the batch.
    pub at: usize,
    /// The message's group.
    pub group: Option<String>,
    /// The message as SQS gets it.
    pub entry: Entry,
}

/// The letters that `messages` with these `fates` make, but for those at the places `tried`.
pub fn dead_letters(
    messages: &[Message<'_>],
    fates: &[RecordFate],
    tried: &HashSet<usize>,
    is_fifo: bool,
) -> Vec<DeadLetter> {
    let letter = |(at, (message, fate)): (usize, (&Message<'_>, &RecordFate))| {
        let (reason, status) = match fate {
            RecordFate::Invalid { .. } => ("invalid", String::new()),
            RecordFate::Rejected(answer) => ("rejected", answer.status.to_string()),
            _ => return None,
        };
        // A body that is no text cannot be moved unchanged, so SQS keeps it.
        let body = message.body().ok()?.into_owned();
        let attributes = message.attributes();
        let group = attributes.message_group_id.map(Cow::into_owned);
        let mut entry = Entry::new(at.to_string(), body)
            .with_attribute("reason", reason)
            .with_attribute("detail", &fate.to_string())
            .with_attribute("status", &status)
            .with_attribute("source", &message.queue_arn)
            .with_attribute("messageId", &message.id)
            .with_attribute("sentTimestamp", attributes.sent_timestamp.as_deref().unwrap_or_default());
        if is_fifo {
            entry.group_id = Some(group.clone().unwrap_or_else(|| message.id.clone().into_owned()));
            entry.deduplication_id = Some(message.id.clone().into_owned());
        }
        Some(DeadLetter { at, group, entry })
    };
    messages.iter().zip(fates).enumerate().filter(|(at, _)| !tried.contains(at)).filter_map(letter).collect()
}

/// The queue that dead letters go to.
#[derive(Debug)]
pub struct DeadLetterQueue {
    client: Arc<Client>,
    queue: Queue,
}

impl DeadLetterQueue {
    /// A queue that is written to with `client`.
    pub fn new(client: Arc<Client>, queue: Queue) -> Self {
        Self { client, queue }
    }

    pub(crate) fn is_fifo(&self) -> bool {
        self.queue.is_fifo()
    }

    /// Moves `letters` there and returns the places of those that arrived. The others are for SQS to deliver again.
    pub async fn take(&self, letters: &[DeadLetter], deadline: Instant) -> HashSet<usize> {
        let call = Taking {
            queue: self,
            deadline,
            refuses: Cell::new(false),
            first: RefCell::new(None),
            first_entry: RefCell::new(None),
        };
        let taken =
            if self.queue.is_fifo() { call.in_order(letters).await } else { call.at_once(letters).await };
        let refusal = call.first.take().map(|error| error.to_string());
        if let Some(refusal) = refusal.or_else(|| call.first_entry.take().map(|error| error.to_string())) {
            let messages = letters.len() - taken.len();
            tracing::warn!(messages, error = %refusal, "Messages could not be moved to the dead-letter queue.");
        }
        taken
    }
}

/// Letters on their way.
struct Taking<'a> {
    queue: &'a DeadLetterQueue,
    deadline: Instant,
    /// Whether the queue refuses everything, so that asking on is of no use.
    refuses: Cell<bool>,
    /// The first refusal, which stands for all in the log.
    first: RefCell<Option<SendError>>,
    /// The first entry that was refused.
    first_entry: RefCell<Option<aws::sqs::EntryError>>,
}

impl Taking<'_> {
    async fn at_once(&self, letters: &[DeadLetter]) -> HashSet<usize> {
        stream::iter(batches(&entries(letters)))
            .map(|batch| self.batch(batch))
            .buffer_unordered(CALLS_AT_ONCE)
            .fold(HashSet::new(), async |mut all, some| {
                all.extend(some);
                all
            })
            .await
    }

    /// A FIFO queue keeps the order of arrival, so letters go one by one, and none after one of its group that failed.
    /// A batch of a FIFO queue has ten messages at most.
    async fn in_order(&self, letters: &[DeadLetter]) -> HashSet<usize> {
        let (mut taken, mut stuck) = (HashSet::new(), HashSet::new());
        for letter in letters {
            if stuck.contains(&letter.group) {
                continue;
            }
            match self.call(std::slice::from_ref(&letter.entry)).await {
                Ok(one) if !one.is_empty() => taken.extend(one),
                _ => {
                    stuck.insert(&letter.group);
                }
            }
        }
        taken
    }

    async fn batch(&self, batch: &[Entry]) -> Vec<usize> {
        let is_entry_bad = match self.call(batch).await {
            Ok(taken) => return taken,
            // A call is refused as a whole when one of its entries is.
            Err(Status(Some(400))) => batch.len() > 1,
            Err(_) => false,
        };
        let mut taken = Vec::new();
        if is_entry_bad {
            // The other entries must not suffer from it. But if the first two are refused alone as well, it is not one
            // entry: the queue is missing, or closed to us.
            let mut refused_alone = 0;
            for letter in batch.chunks(1) {
                match self.call(letter).await {
                    Ok(one) => taken.extend(one),
                    Err(_) => refused_alone += 1,
                }
                if taken.is_empty() && refused_alone == 2 {
                    self.refuses.set(true);
                    break;
                }
            }
        }
        taken
    }

    /// Makes one call and remembers the first refusal of all.
    async fn call(&self, batch: &[Entry]) -> Result<Vec<usize>, Status> {
        if self.refuses.get() {
            return Err(Status(None));
        }
        if Instant::now() >= self.deadline {
            // There may be hundreds of calls left, and building each takes time needed for the answer.
            self.first.borrow_mut().get_or_insert(SendError::Failed(Failure::from(Cause::OutOfTime)));
            return Err(Status(None));
        }
        let DeadLetterQueue { client, queue } = self.queue;
        let refusal = match queue.send(client, batch, self.deadline).await {
            Ok(stored) => {
                if let Some(error) = stored.first_error {
                    self.first_entry.borrow_mut().get_or_insert(error);
                }
                return Ok(stored.ids.iter().filter_map(|id| id.parse().ok()).collect());
            }
            Err(refusal) => refusal,
        };
        let status = match &refusal {
            SendError::Rejected(answer) => Some(answer.status),
            _ => None,
        };
        self.first.borrow_mut().get_or_insert(refusal);
        Err(Status(status))
    }
}

fn entries(letters: &[DeadLetter]) -> Vec<Entry> {
    letters.iter().map(|letter| letter.entry.clone()).collect()
}

/// The status of a refused call, if there was an answer.
struct Status(Option<u16>);
