//! Invokes the function with a batch, and settles each message: deletes it, or leaves it to the queue, which shows it
//! again after its visibility timeout and moves it to the dead-letter queue when it was received too often.

use std::collections::BTreeSet;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use tokio::sync::watch;
use tokio::time::Instant;

use super::Recorder;
use super::batch::{Batch, Message, payload};
use super::options::EventSourceOptions;
use super::response::failed_items;
use super::source_queue::{Deletion, MAX_ENTRIES, SourceQueue};
use super::waiting::{Groups, groups_of};
use crate::backoff;

/// The waits between two attempts to invoke a function that throttles.
const THROTTLED: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// The waits between two attempts to delete, of which there are at most [`DELETE_ATTEMPTS`].
const DELETING: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
const DELETE_ATTEMPTS: u32 = 4;
const CONCURRENT_DELETES: usize = 4;

/// The result of an invocation, as far as its messages are concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invoked {
    /// The function answered.
    Response(Bytes),
    /// It failed in any way: an error, a timeout, an exit, a payload that is too large.
    FunctionError,
    /// It was not invoked: too many invocations are running.
    Throttled,
}

/// What all invocations share.
#[derive(Debug)]
pub(super) struct Invoker<F> {
    pub(super) queue: SourceQueue,
    pub(super) options: EventSourceOptions,
    pub(super) invoke: F,
    pub(super) figures: Recorder,
    pub(super) stopping: watch::Receiver<bool>,
}

/// A batch that is done.
#[derive(Debug)]
pub(super) struct Finished {
    /// The groups of its batch.
    pub(super) groups: Groups,
    /// The groups with a message that is back in the queue.
    pub(super) failed: Groups,
    /// Messages that the function did not get before the mapping was stopped.
    pub(super) not_invoked: Vec<Message>,
}

impl<F, Fut> Invoker<F>
where
    F: Fn(Bytes) -> Fut,
    Fut: Future<Output = Invoked>,
{
    /// Invokes the function with the batch and settles each message.
    pub(super) async fn run(self: Arc<Self>, mut batch: Batch, groups: Groups) -> Finished {
        let Some(invoked) = self.invoke(&mut batch).await else {
            return Finished { failed: groups.clone(), groups, not_invoked: batch };
        };
        let failed_ids = self.failed_ids(&invoked, &batch);
        let (failed, done): (Vec<_>, Vec<_>) =
            batch.into_iter().partition(|message| failed_ids.contains(&message.id));
        let retry_until = done.iter().map(|message| message.visible_at).max();
        let handles: Vec<_> = done.into_iter().map(|message| message.receipt_handle).collect();
        let deleted = delete_all(&self.queue, &handles, retry_until).await;
        self.figures.update(|figures| {
            figures.given_back += failed.len() as u64;
            figures.deleted += deleted as u64;
            figures.undeleted += (handles.len() - deleted) as u64;
        });
        Finished { groups, failed: groups_of(&failed), not_invoked: Vec::new() }
    }

    /// Invokes the function until it does not throttle, with the messages that are still hidden from others. `None` if
    /// none is left, or if the mapping stops meanwhile; then `batch` keeps the rest.
    async fn invoke(&self, batch: &mut Batch) -> Option<Invoked> {
        for failures in 0.. {
            self.expire(batch, Instant::now());
            let last_visible_at = batch.iter().map(|message| message.visible_at).max()?;
            // A closure that panics counts as a function error.
            let invocation = AssertUnwindSafe(async { (self.invoke)(payload(batch)).await });
            let invoked = invocation.catch_unwind().await.unwrap_or(Invoked::FunctionError);
            if invoked != Invoked::Throttled {
                self.figures.update(|figures| figures.invocations += 1);
                return Some(invoked);
            }
            self.figures.update(|figures| figures.throttled += 1);
            let next_attempt = Instant::now() + backoff::wait(THROTTLED, failures);
            if next_attempt >= last_visible_at {
                self.expire(batch, next_attempt);
            } else if self.stops_before(next_attempt).await {
                break;
            }
        }
        None
    }

    /// Removes the messages that the queue shows to other consumers by then. They could not be deleted any more, and another
    /// consumer may have them.
    fn expire(&self, batch: &mut Batch, now: Instant) {
        let expired = batch.extract_if(.., |message| message.visible_at <= now).count();
        self.figures.update(|figures| figures.expired += expired as u64);
    }

    /// Waits; true if the mapping is stopped meanwhile.
    async fn stops_before(&self, time: Instant) -> bool {
        let mut stopping = self.stopping.clone();
        tokio::time::timeout_at(time, stopping.wait_for(|is_stopping| *is_stopping)).await.is_ok()
    }

    /// The ids of the messages that failed.
    fn failed_ids(&self, invoked: &Invoked, batch: &Batch) -> BTreeSet<String> {
        let ids: BTreeSet<&str> = batch.iter().map(|message| message.id.as_str()).collect();
        let failed = match invoked {
            Invoked::Response(_) if !self.options.report_batch_item_failures => Some(BTreeSet::new()),
            Invoked::Response(response) => failed_items(response, &ids),
            Invoked::FunctionError | Invoked::Throttled => None,
        };
        failed.unwrap_or_else(|| {
            self.figures.update(|figures| figures.failed_invocations += 1);
            ids.into_iter().map(str::to_owned).collect()
        })
    }

    /// Makes messages visible again that the function did not get.
    pub(super) async fn release(&self, messages: Vec<Message>) {
        self.queue.release(&messages).await;
        self.figures.update(|figures| figures.released += messages.len() as u64);
    }
}

/// Deletes messages and returns how many were deleted. There is no attempt after the queue shows them again.
async fn delete_all(queue: &SourceQueue, receipt_handles: &[String], retry_until: Option<Instant>) -> usize {
    let chunks: Vec<_> = receipt_handles.chunks(MAX_ENTRIES).map(<[String]>::to_vec).collect();
    stream::iter(chunks)
        .map(|chunk| delete_chunk(queue, chunk, retry_until))
        .buffer_unordered(CONCURRENT_DELETES)
        .fold(0, async |deleted, of_chunk| deleted + of_chunk)
        .await
}

async fn delete_chunk(queue: &SourceQueue, mut left: Vec<String>, retry_until: Option<Instant>) -> usize {
    let mut deleted = 0;
    for failures in 0..DELETE_ATTEMPTS {
        if let Ok(results) = queue.delete(&left).await {
            deleted += results.iter().filter(|result| **result == Deletion::Done).count();
            let mut results = results.into_iter();
            left.retain(|_| results.next() == Some(Deletion::Failed));
        }
        let next_attempt = Instant::now() + backoff::wait(DELETING, failures);
        let is_late = retry_until.is_none_or(|until| until <= next_attempt);
        if left.is_empty() || failures + 1 == DELETE_ATTEMPTS || is_late {
            break;
        }
        tokio::time::sleep_until(next_attempt).await;
    }
    deleted
}
