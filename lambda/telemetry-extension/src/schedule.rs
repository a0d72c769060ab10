//! Decides when to dispatch. Times are milliseconds since the epoch, because monotonic clocks stop while a sandbox is frozen.
//!
//! A dispatch is due when enough events have arrived, or the oldest has waited long enough. After a failure nothing is due
//! until a backoff has passed, so not every invocation waits for a destination that is down.

/// The longest first wait after a failure, in milliseconds.
const BACKOFF_BASE_MS: u64 = 2_000;

/// The longest wait, in milliseconds.
const BACKOFF_CAP_MS: u64 = 300_000;

/// Decides when to dispatch.
#[derive(Clone, Debug)]
pub struct Schedule {
    min_batch: u64,
    max_age_ms: u64,
    /// The events before the start of the last dispatch that was delivered or is in progress.
    taken: u64,
    /// As `taken`, without the dispatch in progress.
    delivered: u64,
    /// The arrival of the oldest event that was not delivered.
    oldest_ms: Option<u64>,
    failures: u32,
    not_before_ms: u64,
}

impl Schedule {
    /// Waits for `min_batch` events, or until one is `max_age_ms` old.
    pub fn new(min_batch: u64, max_age_ms: u64) -> Self {
        Self { min_batch, max_age_ms, taken: 0, delivered: 0, oldest_ms: None, failures: 0, not_before_ms: 0 }
    }

    /// Notes the total of `received` events.
    pub fn observe(&mut self, received: u64, now_ms: u64) {
        if received > self.taken {
            self.oldest_ms.get_or_insert(now_ms);
        }
    }

    /// Whether a dispatch is due.
    pub fn is_due(&self, received: u64, now_ms: u64) -> bool {
        let waiting = received.saturating_sub(self.taken);
        let old = self.oldest_ms.is_some_and(|oldest| now_ms.saturating_sub(oldest) >= self.max_age_ms);
        (waiting >= self.min_batch || (waiting > 0 && old)) && now_ms >= self.not_before_ms
    }

    /// Notes that a dispatch of all `received` events begins.
    pub fn began(&mut self, received: u64) {
        self.taken = received;
    }

    /// Notes that it was delivered. Events since its start count as arrived now.
    pub fn delivered(&mut self, received: u64, now_ms: u64) {
        self.delivered = self.taken;
        self.oldest_ms = (received > self.taken).then_some(now_ms);
        self.failures = 0;
        self.not_before_ms = 0;
    }

    /// Notes that it failed, so its events wait as before. `jitter` is uniform in 0 to 1.
    pub fn failed(&mut self, now_ms: u64, jitter: f64) {
        self.taken = self.delivered;
        self.failures = self.failures.saturating_add(1);
        let longest =
            BACKOFF_BASE_MS.saturating_mul(2u64.saturating_pow(self.failures - 1)).min(BACKOFF_CAP_MS);
        // At least half of it, because the next attempt costs an invocation time.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "far below 2^53"
        )]
        let wait = (longest as f64 * f64::midpoint(1.0, jitter.clamp(0.0, 1.0))) as u64;
        self.not_before_ms = now_ms.saturating_add(wait);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_or_an_age_makes_a_dispatch_due() {
        let mut schedule = Schedule::new(10, 60_000);
        assert!(!schedule.is_due(0, 1_000_000), "no events");
        schedule.observe(9, 1_000);
        assert!(!schedule.is_due(9, 60_999));
        assert!(schedule.is_due(9, 61_000));
        assert!(schedule.is_due(10, 1_000));
    }

    #[test]
    fn delivered_events_are_not_due_again() {
        let mut schedule = Schedule::new(10, 60_000);
        schedule.observe(10, 0);
        schedule.began(10);
        assert!(!schedule.is_due(10, 0));
        assert!(!schedule.is_due(10, 100_000));
        schedule.delivered(12, 100_000);
        assert!(!schedule.is_due(12, 159_999));
        assert!(schedule.is_due(12, 160_000), "later events have an age of their own");
    }

    #[test]
    fn waits_after_failures_double_up_to_five_minutes() {
        let mut schedule = Schedule::new(1, 60_000);
        schedule.observe(5, 0);
        let mut waits = Vec::new();
        for _ in 0..12 {
            schedule.began(5);
            schedule.failed(0, 1.0);
            waits.push((0..1_000).find(|&second| schedule.is_due(5, second * 1_000)).unwrap());
        }
        assert_eq!(waits, [2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300, 300]);
        schedule.began(5);
        schedule.delivered(5, 0);
        schedule.observe(6, 0);
        assert!(schedule.is_due(6, 0), "a success ends the backoff");
    }
}
