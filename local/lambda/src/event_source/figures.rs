//! The figures of an event source mapping.

use tokio::sync::watch;

/// Counters and gauges.
///
/// `received` is always the sum of `in_flight`, `deleted`, `given_back`, `expired`, `undeleted` and `released`: no
/// message is lost or counted twice. `Recorder` keeps this invariant.
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

/// How a message ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settled {
    Deleted,
    GivenBack,
    Expired,
    Undeleted,
    Released,
}

/// Counts what happens, for all readers of the figures.
#[derive(Debug)]
pub(super) struct Recorder(watch::Sender<Figures>);

impl Recorder {
    pub(super) fn new() -> (Self, watch::Receiver<Figures>) {
        let (sender, figures) = watch::channel(Figures::default());
        (Self(sender), figures)
    }

    /// Messages were received and are in flight.
    pub(super) fn receive(&self, messages: usize) {
        self.0.send_modify(|figures| {
            figures.received += count(messages);
            figures.in_flight += count(messages);
        });
    }

    /// Messages are no longer in flight; readers see all changes at once.
    pub(super) fn settle(&self, ends: impl IntoIterator<Item = (Settled, usize)>) {
        self.0.send_modify(|figures| {
            for (settled, messages) in ends {
                figures.in_flight -= count(messages);
                *match settled {
                    Settled::Deleted => &mut figures.deleted,
                    Settled::GivenBack => &mut figures.given_back,
                    Settled::Expired => &mut figures.expired,
                    Settled::Undeleted => &mut figures.undeleted,
                    Settled::Released => &mut figures.released,
                } += count(messages);
            }
        });
    }

    /// Adds one to a counter.
    pub(super) fn add(&self, counter: fn(&mut Figures) -> &mut u64) {
        self.0.send_modify(|figures| *counter(figures) += 1);
    }

    pub(super) fn set_invocations_in_flight(&self, batches: usize) {
        self.0.send_if_modified(|figures| {
            std::mem::replace(&mut figures.invocations_in_flight, count(batches)) != count(batches)
        });
    }
}

fn count(number: usize) -> u64 {
    number as u64
}
