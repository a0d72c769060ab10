//! The undelivered events of one subscriber, in bounded memory. The time is that of the sandbox.

use std::collections::VecDeque;
use std::time::Duration;

use super::subscription::Buffering;

/// Further batches that are kept while one is delivered. The guide promises bounded memory, but not the bound.
const WAITING_BATCHES: usize = 2;

/// Events that were dropped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Dropped {
    pub(super) records: u64,
    pub(super) bytes: usize,
}

impl Dropped {
    fn add(&mut self, other: Self) {
        self.records += other.records;
        self.bytes += other.bytes;
    }
}

/// Events in one delivery.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) items: Vec<String>,
    /// Its events, and those that its first event reports: they are dropped if it cannot be delivered.
    if_lost: Dropped,
}

/// The undelivered events.
#[derive(Debug)]
pub(super) struct Buffer {
    limits: Buffering,
    waiting: VecDeque<(String, usize)>,
    bytes: usize,
    /// When the oldest of them arrived.
    since: Duration,
    /// Dropped events that are not reported yet.
    unreported: Dropped,
    /// Whether the subscriber gets platform events, which report dropped ones.
    reports_drops: bool,
    is_closing: bool,
}

impl Buffer {
    /// An empty buffer; `reports_drops` if the subscriber gets events of the platform.
    pub(super) fn new(limits: Buffering, reports_drops: bool) -> Self {
        Self {
            limits,
            waiting: VecDeque::new(),
            bytes: 0,
            since: Duration::ZERO,
            unreported: Dropped::default(),
            reports_drops,
            is_closing: false,
        }
    }

    /// Adds an event, or drops it if the buffer is full.
    pub(super) fn push(&mut self, item: String, bytes: usize, now: Duration) {
        let is_full = self.waiting.len() >= WAITING_BATCHES * self.limits.max_items
            || self.bytes >= WAITING_BATCHES * self.limits.max_bytes;
        if is_full {
            self.unreported.add(Dropped { records: 1, bytes });
            return;
        }
        if !self.has_any() {
            self.since = now;
        }
        self.waiting.push_back((item, bytes));
        self.bytes += bytes;
    }

    /// From now on everything is due at once.
    pub(super) fn close(&mut self) {
        self.is_closing = true;
    }

    /// When the next batch is due; nothing if there is nothing to send.
    pub(super) fn due(&self) -> Option<Duration> {
        if !self.has_any() {
            return None;
        }
        let is_full = self.waiting.len() >= self.limits.max_items || self.bytes >= self.limits.max_bytes;
        Some(if is_full || self.is_closing { Duration::ZERO } else { self.since + self.limits.timeout })
    }

    /// The next batch. If events were dropped before it, `report` makes the event that reports them.
    pub(super) fn take(&mut self, now: Duration, report: impl FnOnce(Dropped) -> String) -> Batch {
        let mut batch = Batch::default();
        if self.has_report() {
            batch.if_lost = std::mem::take(&mut self.unreported);
            batch.items.push(report(batch.if_lost));
        }
        let mut bytes = 0;
        while batch.items.len() < self.limits.max_items && bytes < self.limits.max_bytes {
            let Some((item, size)) = self.waiting.pop_front() else { break };
            batch.items.push(item);
            batch.if_lost.add(Dropped { records: 1, bytes: size });
            bytes += size;
        }
        self.bytes -= bytes;
        self.since = now;
        batch
    }

    /// A batch that could not be delivered: its events are dropped.
    pub(super) fn lose(&mut self, batch: &Batch, now: Duration) {
        if !self.has_any() {
            self.since = now;
        }
        self.unreported.add(batch.if_lost);
    }

    fn has_any(&self) -> bool {
        !self.waiting.is_empty() || self.has_report()
    }

    fn has_report(&self) -> bool {
        self.reports_drops && self.unreported.records > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Buffering = Buffering { max_items: 3, max_bytes: 100, timeout: Duration::from_millis(50) };

    fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn filled(count: usize, bytes: usize) -> Buffer {
        let mut buffer = Buffer::new(LIMITS, true);
        for number in 0..count {
            buffer.push(number.to_string(), bytes, at(7));
        }
        buffer
    }

    fn take(buffer: &mut Buffer) -> Vec<String> {
        buffer.take(at(9), |dropped| format!("{} of {}", dropped.records, dropped.bytes)).items
    }

    /// Telemetry API, "Configuring memory usage and buffering".
    #[test]
    fn a_batch_is_due_when_it_is_old_or_full() {
        assert_eq!(filled(0, 1).due(), None);
        assert_eq!(filled(2, 1).due(), Some(at(57)));
        assert_eq!(filled(3, 1).due(), Some(at(0)));
        assert_eq!(filled(1, 100).due(), Some(at(0)));
        let mut closing = filled(1, 1);
        closing.close();
        assert_eq!(closing.due(), Some(at(0)));
    }

    /// Telemetry API: payloads are at most `2 * maxBytes + metadataBytes`, unless one record alone is larger.
    #[test]
    fn a_batch_ends_at_either_limit() {
        let mut buffer = filled(5, 1);
        assert_eq!(take(&mut buffer), ["0", "1", "2"]);
        assert_eq!(take(&mut buffer), ["3", "4"]);
        assert_eq!(take(&mut filled(3, 60)), ["0", "1"]);
    }

    /// Telemetry API: "Lambda might drop records to keep memory utilization bounded. When this occurs, Lambda sends a
    /// `platform.logsDropped` event."
    #[test]
    fn dropped_events_are_reported() {
        let mut buffer = filled(8, 10);
        assert_eq!(take(&mut buffer), ["2 of 20", "0", "1"]);
        assert_eq!(take(&mut buffer), ["2", "3", "4"]);
    }

    #[test]
    fn a_lost_batch_is_reported_with_its_own_report() {
        let mut buffer = filled(7, 10);
        let batch = buffer.take(at(9), |_| "report".to_owned());
        buffer.lose(&batch, at(10));
        assert_eq!(take(&mut buffer)[0], "3 of 30");
    }
}
