//! The loop between the queue and the function: it alone starts receives and invocations.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::batch::{Gatherer, Message};
use super::invoker::{Finished, Invoked, Invoker};
use super::waiting::WaitingBatches;
use crate::backoff;
use crate::sqs::SqsError;

/// `ReceiveMessage` returns at most 10 messages.
const MAX_MESSAGES: usize = 10;

/// More requests at a time do not help against one local server.
const MAX_RECEIVES: usize = 4;

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
    gatherer: Gatherer,
    waiting: WaitingBatches,
    receives: JoinSet<Received>,
    receivers: Receivers,
    /// Messages requested by the running receives.
    requested: usize,
    /// No receive before this time.
    not_before: Option<Instant>,
    /// Receives that failed since the last success.
    failures: u32,
    invocations: JoinSet<Finished>,
    /// Messages to make visible again at the end.
    not_invoked: Vec<Message>,
}

/// How many receives may run at once: one for an empty queue, several to drain a full one.
#[derive(Debug)]
struct Receivers {
    allowed: usize,
    most: usize,
}

impl Receivers {
    /// One at a time for a FIFO queue: two answers could arrive in the wrong order.
    fn new(is_fifo: bool) -> Self {
        Self { allowed: 1, most: if is_fifo { 1 } else { MAX_RECEIVES } }
    }

    /// Adjusts the number after a receive: one that returned all that it requested indicates that there is more.
    fn record(&mut self, requested: usize, received: usize) {
        self.allowed = if received < requested { 1 } else { (self.allowed * 2).min(self.most) };
    }
}

impl<F, Fut> Poller<F>
where
    F: Fn(Bytes) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Invoked> + Send + 'static,
{
    pub(super) fn new(invoker: Invoker<F>) -> Self {
        Self {
            gatherer: Gatherer::new(invoker.options.batch_size, invoker.options.batching_window),
            waiting: WaitingBatches::default(),
            receives: JoinSet::new(),
            receivers: Receivers::new(invoker.queue.is_fifo),
            requested: 0,
            not_before: None,
            failures: 0,
            invocations: JoinSet::new(),
            not_invoked: Vec::new(),
            invoker: Arc::new(invoker),
        }
    }

    /// Polls until it is stopped, then waits for the running invocations.
    pub(super) async fn run(mut self) {
        let mut stopping = self.invoker.stopping.clone();
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
        self.not_invoked.extend(self.waiting.take_all());
        self.release().await;
        while let Some(finished) = self.invocations.join_next().await {
            self.finish(finished.expect("panics of the function are caught"));
        }
        self.release().await;
    }

    async fn release(&mut self) {
        self.invoker.release(std::mem::take(&mut self.not_invoked)).await;
    }

    /// How many more batches the function can take, including those that wait.
    fn idle(&self) -> usize {
        self.invoker.options.max_concurrency.unwrap_or(CONCURRENCY) - self.invocations.len()
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
        self.count_invocations();
    }

    fn count_invocations(&self) {
        let running = self.invocations.len() as u64;
        self.invoker.figures.update(|figures| figures.invocations_in_flight = running);
    }

    fn start_receives(&mut self) {
        if self.not_before.is_some_and(|at| Instant::now() < at) {
            return;
        }
        self.not_before = None;
        while self.receives.len() < self.receivers.allowed
            && let Some(wanted) = self.wanted()
        {
            self.requested += wanted;
            let invoker = Arc::clone(&self.invoker);
            self.receives.spawn(async move { (wanted, invoker.queue.receive(wanted).await) });
        }
    }

    /// How many messages to request next, 1 to 10. Nothing is requested while the function is busy, because the visibility
    /// timeout of a received message runs.
    fn wanted(&self) -> Option<usize> {
        let batch_size = self.invoker.options.batch_size;
        let capacity = self.idle().saturating_sub(self.waiting.len()).saturating_mul(batch_size);
        let wanted = capacity.saturating_sub(self.gatherer.len() + self.requested);
        (wanted > 0).then(|| wanted.min(batch_size).min(MAX_MESSAGES))
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
            self.invoker.figures.update(|figures| figures.failed_receives += 1);
            self.receivers.record(requested, 0);
            self.not_before = Some(now + backoff::wait(FAILED_RECEIVE, self.failures));
            self.failures += 1;
            return;
        };
        self.failures = 0;
        self.receivers.record(requested, messages.len());
        if messages.is_empty() && self.invoker.queue.is_fifo {
            self.not_before = Some(now + EMPTY_FIFO);
        }
        self.invoker.figures.update(|figures| figures.received += messages.len() as u64);
        for message in messages {
            if let Some(batch) = self.gatherer.add(message, now) {
                self.waiting.push(batch);
            }
        }
        if self.invoker.options.batching_window.is_zero() && self.gatherer.len() > 0 {
            self.waiting.push(self.gatherer.take());
        }
    }

    fn finish(&mut self, finished: Finished) {
        self.not_invoked.extend(finished.not_invoked);
        let removed = self.waiting.finish(&finished.groups, &finished.failed);
        self.invoker.figures.update(|figures| figures.given_back += removed as u64);
        self.count_invocations();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_standard_queue_is_received_in_parallel() {
        for (is_fifo, expected) in [(false, [2, 4, 4, 1, 2]), (true, [1; 5])] {
            let mut receivers = Receivers::new(is_fifo);
            let allowed = [10, 10, 10, 3, 10].map(|received| {
                receivers.record(10, received);
                receivers.allowed
            });
            assert_eq!(allowed, expected);
        }
    }
}
