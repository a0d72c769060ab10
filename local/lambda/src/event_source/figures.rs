//! What an event source mapping did so far.

/// Counters that only grow, and gauges of this moment.
///
/// At every moment `received` is the sum of `in_flight`, `deleted`, `given_back`, `expired`, `undeleted` and
/// `released`: no message is lost and none is counted twice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Messages that SQS returned (Lambda's metric `PolledEventCount`).
    pub received: u64,
    /// Gauge: messages received whose end is not decided yet, gathered ones included.
    pub in_flight: u64,
    /// Messages done and deleted (`DeletedEventCount`).
    pub deleted: u64,
    /// Messages that failed and were left to the queue (`FailedInvokeEventCount`).
    pub given_back: u64,
    /// Messages whose visibility timeout ran out before the function took them, left to the queue.
    pub expired: u64,
    /// Messages done that could not be deleted: they will be delivered again.
    pub undeleted: u64,
    /// Messages received but not handed over when the mapping was stopped; made visible again.
    pub released: u64,
    /// Invocations that the function took.
    pub invocations: u64,
    /// Of those: with a function error, or a response that fails the whole batch.
    pub failed_invocations: u64,
    /// Invocations that were throttled.
    pub throttled: u64,
    /// Gauge: batches that are being invoked, tried again after throttling, or deleted.
    pub invocations_in_flight: u64,
    /// Calls of `ReceiveMessage` that failed and were made again.
    pub failed_receives: u64,
}
