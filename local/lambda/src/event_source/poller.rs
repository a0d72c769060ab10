//! The loop between the queue and the function.
//!
//! In: what was received, what was delivered, the time. Out: receives and deliveries, as many as are wanted. It
//! alone decides when something starts; what it decides by is in `demand`, `batch` and `line`.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::backoff::Backoff;
use super::batch::{Gatherer, Message};
use super::delivery::{Delivered, Deliverer, Invoked, count};
use super::demand::{Demand, Receivers};
use super::line::Line;
use super::options::EventSourceOptions;
use crate::sqs::SqsError;

/// Lambda Developer Guide, "Configuring scaling behavior for SQS event source mappings": "Lambda starts processing
/// five batches at a time". It goes on to more when there is more; on this machine five it stays.
const CONCURRENCY: usize = 5;

/// The waits after a failed receive.
const FAILED_RECEIVE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// The wait after an empty receive from a FIFO queue, which is not a long poll.
const EMPTY_FIFO: Duration = Duration::from_millis(100);

/// A receive that is over: how many messages were asked for, and what came.
type Received = (usize, Result<Vec<Message>, SqsError>);

/// Everything between the queue and the function.
#[derive(Debug)]
pub(super) struct Poller<F> {
    deliverer: Arc<Deliverer<F>>,
    batch_size: usize,
    batching_window: Duration,
    concurrency: usize,
    gatherer: Gatherer,
    line: Line,
    receives: JoinSet<Received>,
    receivers: Receivers,
    /// Messages asked for by the receives.
    asked: usize,
    /// No receive before this time.
    not_before: Option<Instant>,
    failures: Backoff,
    deliveries: JoinSet<Delivered>,
    /// What is to be made visible again at the end.
    not_invoked: Vec<Message>,
}

impl<F, Fut> Poller<F>
where
    F: Fn(Bytes) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Invoked> + Send + 'static,
{
    pub(super) fn new(deliverer: Deliverer<F>, options: &EventSourceOptions) -> Self {
        Self {
            batch_size: options.batch_size,
            batching_window: options.batching_window,
            concurrency: options.max_concurrency.unwrap_or(CONCURRENCY),
            gatherer: Gatherer::new(options.batch_size, options.batching_window),
            line: Line::default(),
            receives: JoinSet::new(),
            receivers: Receivers::new(deliverer.queue.is_fifo),
            asked: 0,
            not_before: None,
            failures: Backoff::new(FAILED_RECEIVE.0, FAILED_RECEIVE.1),
            deliveries: JoinSet::new(),
            not_invoked: Vec::new(),
            deliverer: Arc::new(deliverer),
        }
    }

    /// Polls until it is to stop, then lets the deliveries end.
    pub(super) async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        loop {
            self.start_deliveries();
            self.start_receives();
            let wake_at = self.wake_at();
            tokio::select! {
                Some(received) = self.receives.join_next() => {
                    self.take_in(received.expect("a receive does not panic"));
                }
                Some(delivered) = self.deliveries.join_next() => {
                    self.finish(delivered.expect("a delivery catches what the function throws"));
                }
                () = sleep_until(wake_at) => {}
                _ = stopping.wait_for(|is_stopping| *is_stopping) => break,
            }
        }
        // Not before the last receive has ended, which would only receive again what is made visible.
        while let Some(received) = self.receives.join_next().await {
            self.take_in(received.expect("a receive does not panic"));
        }
        self.line.push(self.gatherer.take());
        self.not_invoked.extend(self.line.take_all().into_iter().flat_map(|batch| batch.0));
        self.release().await;
        while let Some(delivered) = self.deliveries.join_next().await {
            self.finish(delivered.expect("a delivery catches what the function throws"));
        }
        self.release().await;
    }

    async fn release(&mut self) {
        self.deliverer.release(&std::mem::take(&mut self.not_invoked)).await;
    }

    /// How many more batches the function can take, those in line not counted off.
    fn idle(&self) -> usize {
        self.concurrency - self.deliveries.len()
    }

    fn start_deliveries(&mut self) {
        // A batch that is due while the function is busy stays open and goes on to fill.
        if self.idle() > self.line.len()
            && let Some(batch) = self.gatherer.take_due(Instant::now())
        {
            self.line.push(batch);
        }
        while self.idle() > 0
            && let Some((batch, groups)) = self.line.next()
        {
            self.deliveries.spawn(Arc::clone(&self.deliverer).deliver(batch, groups));
        }
        let in_flight = count(self.deliveries.len());
        self.deliverer.figures.send_if_modified(|figures| {
            std::mem::replace(&mut figures.invocations_in_flight, in_flight) != in_flight
        });
    }

    fn start_receives(&mut self) {
        if self.not_before.is_some_and(|at| Instant::now() < at) {
            return;
        }
        self.not_before = None;
        while self.receives.len() < self.receivers.allowed()
            && let Some(wanted) = self.demand().next()
        {
            self.asked += wanted;
            let queue = Arc::clone(&self.deliverer.queue);
            self.receives.spawn(async move { (wanted, queue.receive(wanted).await) });
        }
    }

    fn demand(&self) -> Demand {
        Demand {
            batch_size: self.batch_size,
            free: self.idle().saturating_sub(self.line.len()),
            gathered: self.gatherer.len(),
            asked: self.asked,
        }
    }

    /// The next time at which something is to be done that nothing else announces.
    fn wake_at(&self) -> Option<Instant> {
        let due_at = self.gatherer.due_at().filter(|_| self.idle() > self.line.len());
        [due_at, self.not_before].into_iter().flatten().min()
    }

    fn take_in(&mut self, (asked, received): Received) {
        self.asked -= asked;
        let now = Instant::now();
        let Ok(messages) = received else {
            self.deliverer.figures.send_modify(|figures| figures.failed_receives += 1);
            self.receivers.saw(asked, 0);
            self.not_before = Some(now + self.failures.wait());
            return;
        };
        self.failures.reset();
        self.receivers.saw(asked, messages.len());
        if messages.is_empty() && self.deliverer.queue.is_fifo {
            self.not_before = Some(now + EMPTY_FIFO);
        }
        self.deliverer.figures.send_modify(|figures| {
            figures.received += count(messages.len());
            figures.in_flight += count(messages.len());
        });
        for message in messages {
            if let Some(batch) = self.gatherer.add(message, now) {
                self.line.push(batch);
            }
        }
        if self.batching_window.is_zero() && self.gatherer.len() > 0 {
            self.line.push(self.gatherer.take());
        }
    }

    fn finish(&mut self, delivered: Delivered) {
        self.not_invoked.extend(delivered.not_invoked);
        let taken = count(self.line.finish(&delivered.groups, &delivered.failed));
        self.deliverer.figures.send_modify(|figures| {
            figures.in_flight -= taken;
            figures.given_back += taken;
            figures.invocations_in_flight = count(self.deliveries.len());
        });
        if self.deliverer.queue.is_fifo {
            // What a group held back may be received now.
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
