//! The event source mapping: what Lambda does between an SQS queue and a function.
//!
//! In: the queue, at any SQS API, and the function, as a closure. Out: the function is invoked with batches of
//! messages, what it did is deleted, and what it failed at is left to the queue, which shows it again and at last
//! moves it to its dead-letter queue. Delivery is at least once: no message is lost, whatever fails.
//!
//! Source: Lambda Developer Guide, "Using Lambda with Amazon SQS" and the pages below it. Not emulated: filters,
//! provisioned mode, the growth of the number of concurrent batches, and its decrease while invocations fail.

mod backoff;
mod batch;
mod delivery;
mod demand;
mod figures;
mod line;
mod options;
mod poller;
mod response;
mod source_queue;

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::sqs::Sqs;
use delivery::Deliverer;
pub use delivery::Invoked;
pub use figures::Figures;
pub use options::{EventSourceError, EventSourceOptions};
use poller::Poller;
use source_queue::SourceQueue;

/// A running event source mapping. Dropping it ends everything at once, invocations included; what was in flight is
/// received again after the queue's visibility timeout.
#[derive(Debug)]
pub struct EventSource {
    figures: watch::Receiver<Figures>,
    stopping: watch::Sender<bool>,
    polling: JoinHandle<()>,
}

impl EventSource {
    /// Checks the options as Lambda does, then begins to poll the queue and to invoke the function.
    ///
    /// `invoke` is given the payload of an invocation and returns what it ended with; it is called as often at a
    /// time as the options allow. If it panics, that is a function error.
    ///
    /// # Errors
    /// Lambda would refuse the options, or the queue cannot be asked; nothing was received.
    pub async fn start<F, Fut>(
        sqs: Sqs,
        options: EventSourceOptions,
        invoke: F,
    ) -> Result<Self, EventSourceError>
    where
        F: Fn(Bytes) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Invoked> + Send + 'static,
    {
        options.validate()?;
        let queue = SourceQueue::read(sqs, &options.queue_url).await?;
        options.validate_for(queue.is_fifo, queue.visibility_timeout)?;
        let (report, figures) = watch::channel(Figures::default());
        let (stopping, is_stopping) = watch::channel(false);
        let deliverer = Deliverer {
            queue: Arc::new(queue),
            invoke,
            report_batch_item_failures: options.report_batch_item_failures,
            figures: Arc::new(report),
            stopping: is_stopping.clone(),
        };
        let polling = tokio::spawn(Poller::new(deliverer, &options).run(is_stopping));
        Ok(Self { figures, stopping, polling })
    }

    /// What it did so far.
    pub fn figures(&self) -> Figures {
        *self.figures.borrow()
    }

    /// Waits until the figures are as wanted, and returns them; returns the last ones if the polling is over.
    pub async fn wait_for(&self, mut is_wanted: impl FnMut(&Figures) -> bool) -> Figures {
        let mut figures = self.figures.clone();
        let wanted = figures.wait_for(|now| is_wanted(now)).await.map(|wanted| *wanted);
        wanted.unwrap_or_else(|_| self.figures())
    }

    /// Receives nothing any more, waits for the invocations in flight and for their deletions, and makes visible
    /// again what the function did not get. Returns the last figures.
    pub async fn stop(mut self) -> Figures {
        self.stopping.send_replace(true);
        // It fails only if the polling panicked, which was reported then.
        let _ = (&mut self.polling).await;
        self.figures()
    }
}

impl Drop for EventSource {
    fn drop(&mut self) {
        // Receives and deliveries live in sets inside this task and are aborted with it.
        self.polling.abort();
    }
}
