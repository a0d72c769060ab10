//! The figures of an event source mapping.

use tokio::sync::watch;

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
pub(super) struct Recorder(pub(super) watch::Sender<Figures>);

impl Recorder {
    /// Makes a change, of which readers see all parts at once; what is received and not settled is in flight.
    pub(super) fn update(&self, change: impl FnOnce(&mut Figures)) {
        self.0.send_modify(|figures| {
            change(figures);
            let Figures { deleted, given_back, expired, undeleted, released, .. } = *figures;
            figures.in_flight = figures.received - (deleted + given_back + expired + undeleted + released);
        });
    }
}
