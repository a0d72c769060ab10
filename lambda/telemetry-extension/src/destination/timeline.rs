//! Timeline: snapshots → the times of their samples, and the zeros that come before them. Pure.
//!
//! The times of a series strictly ascend, whatever the clock does. A series begins with a zero, which is repeated at
//! the same time until it has been taken or refused, so that it is never a second increment.

use hashbrown::HashSet;

use crate::metrics::{OwnLabels, Point, Snapshot};

/// A zero is dated back at most so far, in milliseconds: AMP refuses samples that are older than an hour, and rates
/// look at some minutes.
const MAX_BACKDATE_MS: i64 = 300_000;

/// What was sent, and when.
#[derive(Debug)]
pub struct Timeline {
    begun: HashSet<(&'static str, OwnLabels)>,
    zeros: Option<Zeros>,
    last_ms: i64,
}

/// The beginnings of series.
#[derive(Clone, Debug)]
pub struct Zeros {
    /// A point of each series.
    pub points: Vec<Point>,
    /// When they begin.
    pub timestamp_ms: i64,
}

impl Timeline {
    /// A timeline of an environment that counts since `since_ms`.
    pub fn new(since_ms: i64) -> Self {
        Self { begun: HashSet::new(), zeros: None, last_ms: since_ms }
    }

    /// The zeros that have to be taken before anything of `snapshot` is sent: those that were asked for before and
    /// have not been [`Timeline::begin`]ned, else those of its new series.
    pub fn zeros(&mut self, snapshot: &Snapshot, now_ms: i64) -> Option<Zeros> {
        if self.zeros.is_none() {
            let is_new = |point: &&Point| point.cumulative && !self.begun.contains(&point.series());
            let points: Vec<_> = snapshot.points().filter(is_new).copied().collect();
            let timestamp_ms = self.last_ms.max(now_ms.saturating_sub(MAX_BACKDATE_MS));
            self.zeros = (!points.is_empty()).then_some(Zeros { points, timestamp_ms });
        }
        self.zeros.clone()
    }

    /// The zeros that were asked for last have been taken, or will never be.
    pub fn begin(&mut self) {
        if let Some(zeros) = self.zeros.take() {
            self.begun.extend(zeros.points.iter().map(Point::series));
            self.last_ms = self.last_ms.max(zeros.timestamp_ms);
        }
    }

    /// The time of values that are sent at `now_ms`; later than everything before.
    pub fn next_ms(&mut self, now_ms: i64) -> i64 {
        let zeros_ms = self.zeros.as_ref().map_or(i64::MIN, |zeros| zeros.timestamp_ms);
        self.last_ms = now_ms.max(self.last_ms.max(zeros_ms).saturating_add(1));
        self.last_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;

    fn snapshot() -> Snapshot {
        Metrics::new(None, false).snapshot()
    }

    #[test]
    fn zeros_are_repeated_at_their_time_until_they_are_taken() {
        let mut timeline = Timeline::new(1_000);
        let first = timeline.zeros(&snapshot(), 2_000).unwrap();
        let again = timeline.zeros(&snapshot(), 9_000).unwrap();
        assert_eq!((first.timestamp_ms, again.timestamp_ms), (1_000, 1_000));
        assert_eq!(first.points, again.points);
        timeline.begin();
        assert!(timeline.zeros(&snapshot(), 9_000).is_none());
    }

    #[test]
    fn a_series_that_comes_later_begins_when_the_others_were_seen_last() {
        let mut timeline = Timeline::new(0);
        timeline.zeros(&snapshot(), 2_000);
        timeline.begin();
        assert_eq!(timeline.next_ms(5_000), 5_000);
        let mut metrics = Metrics::new(None, false);
        let event = r#"{"time":"t","type":"function","record":"x"}"#;
        metrics.observe(&crate::event::parse(event).unwrap());
        let zeros = timeline.zeros(&metrics.snapshot(), 65_000).unwrap();
        assert_eq!((zeros.points.len(), zeros.timestamp_ms), (1, 5_000));
        timeline.begin();
        let zeros = timeline.zeros(&Metrics::new(None, true).snapshot(), 10_000_000).unwrap();
        assert_eq!(zeros.timestamp_ms, 9_700_000, "not further back than five minutes");
    }

    #[test]
    fn times_ascend_whatever_the_clock_does() {
        let mut timeline = Timeline::new(1_000);
        assert_eq!(timeline.zeros(&snapshot(), 500).unwrap().timestamp_ms, 1_000);
        timeline.begin();
        assert_eq!(timeline.next_ms(900), 1_001);
        assert_eq!(timeline.next_ms(1_001), 1_002);
        assert_eq!(timeline.next_ms(7), 1_003);
        assert_eq!(timeline.next_ms(2_000), 2_000);
    }
}
