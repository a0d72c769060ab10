//! The loop between the queue and the function: it alone starts receives and invocations.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::backoff::Backoff;
use super::batch::{Gatherer, Message};
use super::demand::{Demand, Receivers};
use super::figures::Settled;
use super::invoker::{Finished, Invoked, Invoker};
use super::options::EventSourceOptions;
use super::waiting::WaitingBatches;
use crate::sqs::SqsError;

/// Lambda Developer Guide, "Configuring scaling behavior for SQS event source mappings": "Lambda starts processing
/// five batches at a time". Here it stays at five.
const CONCURRENCY: usize = 5;

/// The waits after a failed receive.
const FAILED_RECEIVE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// The wait after an empty receive from a FIFO queue, which is not a long poll.
const EMPTY_FIFO: Duration = Duration::from_millis(100);

/// The number of messages requested, and the answer.
type Received = (usize, Result<Vec<Message>, SqsError>);

/// Everything between the queue and the function.
#[derive(Debug)]
pub(super) struct Poller<F> {
    invoker: Arc<Invoker<F>>,
    batch_size: usize,
    batching_window: Duration,
    concurrency: usize,
    gatherer: Gatherer,
    waiting: WaitingBatches,
    receives: JoinSet<Received>,
    receivers: Receivers,
    /// Messages requested by the running receives.
    requested: usize,
    /// No receive before this time.
    not_before: Option<Instant>,
    failures: Backoff,
    invocations: JoinSet<Finished>,
    /// Messages to make visible again at the end.
    not_invoked: Vec<Message>,
}

impl<F, Fut> Poller<F>
where
    F: Fn(Bytes) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Invoked> + Send + 'static,
{
    pub(super) fn new(invoker: Invoker<F>, options: &EventSourceOptions) -> Self {
        Self {
            batch_size: options.batch_size,
            batching_window: options.batching_window,
            concurrency: options.max_concurrency.unwrap_or(CONCURRENCY),
            gatherer: Gatherer::new(options.batch_size, options.batching_window),
            waiting: WaitingBatches::default(),
            receives: JoinSet::new(),
            receivers: Receivers::new(invoker.queue.is_fifo),
            requested: 0,
            not_before: None,
            failures: Backoff::new(FAILED_RECEIVE.0, FAILED_RECEIVE.1),
            invocations: JoinSet::new(),
            not_invoked: Vec::new(),
            invoker: Arc::new(invoker),
        }
    }

    /// Polls until it is stopped, then waits for the running invocations.
    pub(super) async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        loop {
            self.start_invocations();
            self.start_receives();
            let wake_at = self.wake_at();
            tokio::select! {
                Some(received) = self.receives.join_next() => {
                    self.take_in(received.expect("a receive does not panic"));
                }
                Some(finished) = self.invocations.join_next() => {
                    self.finish(finished.expect("panics of the function are caught"));
                }
                () = sleep_until(wake_at) => {}
                _ = stopping.wait_for(|is_stopping| *is_stopping) => break,
            }
        }
        // After the last receive, which would receive the released messages again.
        while let Some(received) = self.receives.join_next().await {
            self.take_in(received.expect("a receive does not panic"));
        }
        self.waiting.push(self.gatherer.take());
        self.not_invoked.extend(self.waiting.take_all().into_iter().flat_map(|batch| batch.0));
        self.release().await;
        while let Some(finished) = self.invocations.join_next().await {
            self.finish(finished.expect("panics of the function are caught"));
        }
        self.release().await;
    }

    async fn release(&mut self) {
        self.invoker.release(&std::mem::take(&mut self.not_invoked)).await;
    }

    /// How many more batches the function can take, including those that wait.
    fn idle(&self) -> usize {
        self.concurrency - self.invocations.len()
    }

    fn start_invocations(&mut self) {
        // A batch that is due while the function is busy stays open and can grow.
        if self.idle() > self.waiting.len()
            && let Some(batch) = self.gatherer.take_due(Instant::now())
        {
            self.waiting.push(batch);
        }
        while self.idle() > 0
            && let Some((batch, groups)) = self.waiting.next()
        {
            self.invocations.spawn(Arc::clone(&self.invoker).run(batch, groups));
        }
        self.invoker.figures.set_invocations_in_flight(self.invocations.len());
    }

    fn start_receives(&mut self) {
        if self.not_before.is_some_and(|at| Instant::now() < at) {
            return;
        }
        self.not_before = None;
        while self.receives.len() < self.receivers.allowed()
            && let Some(wanted) = self.demand().next()
        {
            self.requested += wanted;
            let queue = Arc::clone(&self.invoker.queue);
            self.receives.spawn(async move { (wanted, queue.receive(wanted).await) });
        }
    }

    fn demand(&self) -> Demand {
        Demand {
            batch_size: self.batch_size,
            more_batches: self.idle().saturating_sub(self.waiting.len()),
            gathered: self.gatherer.len(),
            requested: self.requested,
        }
    }

    /// The next time at which to act even if nothing else happens.
    fn wake_at(&self) -> Option<Instant> {
        let due_at = self.gatherer.due_at().filter(|_| self.idle() > self.waiting.len());
        [due_at, self.not_before].into_iter().flatten().min()
    }

    fn take_in(&mut self, (requested, received): Received) {
        self.requested -= requested;
        let now = Instant::now();
        let Ok(messages) = received else {
            self.invoker.figures.add(|figures| &mut figures.failed_receives);
            self.receivers.record(requested, 0);
            self.not_before = Some(now + self.failures.wait());
            return;
        };
        self.failures.reset();
        self.receivers.record(requested, messages.len());
        if messages.is_empty() && self.invoker.queue.is_fifo {
            self.not_before = Some(now + EMPTY_FIFO);
        }
        self.invoker.figures.receive(messages.len());
        for message in messages {
            if let Some(batch) = self.gatherer.add(message, now) {
                self.waiting.push(batch);
            }
        }
        if self.batching_window.is_zero() && self.gatherer.len() > 0 {
            self.waiting.push(self.gatherer.take());
        }
    }

    fn finish(&mut self, finished: Finished) {
        self.not_invoked.extend(finished.not_invoked);
        let removed = self.waiting.finish(&finished.groups, &finished.failed);
        self.invoker.figures.settle([(Settled::GivenBack, removed)]);
        self.invoker.figures.set_invocations_in_flight(self.invocations.len());
        if self.invoker.queue.is_fifo {
            // Messages that a group held back may be received now.
            self.not_before = None;
        }
    }
}

async fn sleep_until(wake_at: Option<Instant>) {
    match wake_at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
