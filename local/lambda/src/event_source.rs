//! The event source mapping between an SQS queue, at any SQS API, and a function, which is a closure.
//!
//! Invokes the function with batches of messages, deletes those that it processed, and leaves those that failed to the
//! queue, which shows them again and finally moves them to its dead-letter queue. Delivery is at least once.
//!
//! Source: Lambda Developer Guide, "Using Lambda with Amazon SQS" and the pages below it. Not emulated: filters,
//! provisioned mode, the growth of the number of concurrent batches, and its decrease while invocations fail.

mod batch;
mod invoker;
mod options;
mod poller;
mod response;
mod source_queue;
mod waiting;

use std::future::Future;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::sqs::Sqs;
pub use invoker::Invoked;
use invoker::Invoker;
pub use options::{EventSourceError, EventSourceOptions};
use poller::Poller;
use source_queue::SourceQueue;

/// A running event source mapping. Dropping it ends everything at once, including invocations; messages in flight are
/// received again after the queue's visibility timeout.
#[derive(Debug)]
pub struct EventSource {
    figures: watch::Receiver<Figures>,
    stopping: watch::Sender<bool>,
    polling: JoinHandle<()>,
}

impl EventSource {
    /// Checks the options as Lambda does, then polls the queue and invokes the function.
    ///
    /// `invoke` takes the payload of an invocation and returns its result; it is called concurrently, as the options
    /// allow. A panic counts as a function error.
    ///
    /// # Errors
    /// Lambda would reject the options, or the queue cannot be read. Nothing was received.
    pub async fn start<F, Fut>(
        sqs: Sqs,
        options: EventSourceOptions,
        invoke: F,
    ) -> Result<Self, EventSourceError>
    where
        F: Fn(Bytes) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Invoked> + Send + 'static,
    {
        let queue = SourceQueue::read(sqs, &options.queue_url).await?;
        options.validate(queue.is_fifo, queue.visibility_timeout)?;
        let (recorder, figures) = watch::channel(Figures::default());
        let (stopping, is_stopping) = watch::channel(false);
        let invoker = Invoker { queue, options, invoke, figures: Recorder(recorder), stopping: is_stopping };
        let polling = tokio::spawn(Poller::new(invoker).run());
        Ok(Self { figures, stopping, polling })
    }

    /// The figures so far.
    pub fn figures(&self) -> Figures {
        *self.figures.borrow()
    }

    /// Waits until the figures satisfy `is_wanted` and returns them, or the last ones if polling has ended.
    pub async fn wait_for(&self, mut is_wanted: impl FnMut(&Figures) -> bool) -> Figures {
        let mut figures = self.figures.clone();
        let wanted = figures.wait_for(|now| is_wanted(now)).await.map(|wanted| *wanted);
        wanted.unwrap_or_else(|_| self.figures())
    }

    /// Stops receiving, waits for the running invocations and their deletions, and makes the messages visible again that
    /// the function did not get. Returns the last figures.
    pub async fn stop(mut self) -> Figures {
        self.stopping.send_replace(true);
        // It fails only if polling panicked, which was reported then.
        let _ = (&mut self.polling).await;
        self.figures()
    }
}

impl Drop for EventSource {
    fn drop(&mut self) {
        // Receives and invocations live in sets inside this task and are aborted with it.
        self.polling.abort();
    }
}

/// Counters and gauges.
///
/// `received` is always the sum of `in_flight`, `deleted`, `given_back`, `expired`, `undeleted` and `released`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Messages that SQS returned (Lambda's metric `PolledEventCount`).
    pub received: u64,
    /// Gauge: messages received and not settled yet, gathered ones included.
    pub in_flight: u64,
    /// Messages processed and deleted (`DeletedEventCount`).
    pub deleted: u64,
    /// Messages that failed and were left to the queue (`FailedInvokeEventCount`).
    pub given_back: u64,
    /// Messages whose visibility timeout ended before the function was invoked with them, left to the queue.
    pub expired: u64,
    /// Messages processed that could not be deleted: they will be delivered again.
    pub undeleted: u64,
    /// Messages received but not used when the mapping was stopped, made visible again.
    pub released: u64,
    /// Invocations that were not throttled.
    pub invocations: u64,
    /// Of those: with a function error, or a response that fails the whole batch.
    pub failed_invocations: u64,
    /// Invocations that were throttled.
    pub throttled: u64,
    /// Gauge: batches that are with the function, wait after throttling, or are being deleted.
    pub invocations_in_flight: u64,
    /// Calls of `ReceiveMessage` that failed and were repeated.
    pub failed_receives: u64,
}

/// Changes the figures for all readers.
#[derive(Debug)]
struct Recorder(watch::Sender<Figures>);

impl Recorder {
    /// Makes a change, of which readers see all parts at once; what is received and not settled is in flight.
    fn update(&self, change: impl FnOnce(&mut Figures)) {
        self.0.send_modify(|figures| {
            change(figures);
            let Figures { deleted, given_back, expired, undeleted, released, .. } = *figures;
            figures.in_flight = figures.received - (deleted + given_back + expired + undeleted + released);
        });
    }
}
