//! Sets the times of samples, with the zeros that start series and the steps that keep rates right.
//!
//! The times of a series strictly ascend, whatever the clock does. A series begins with a zero, which is repeated at the same
//! time until it was accepted or rejected, so it is never a second increment.
//!
//! A step is the previous value, ten times within ten milliseconds before a new one. `rate` extrapolates by half of the
//! average distance between samples: a zero and one value alone give 1.5 times the true rate, and a value that is alone in
//! its window gives none. A step gives 1.05 times the true rate in every window that contains it.

use hashbrown::HashMap;

use crate::metrics::family::RATED;
use crate::metrics::{OwnLabels, Point, Snapshot};

/// The repetitions of the previous value in a step. With five the rate is 1.1 times the true one, with twenty 1.025 times.
const REPEATS: i64 = 10;

/// Milliseconds from the zero of a series to its first value.
const LEAD_MS: i64 = REPEATS + 1;

/// A longer gap between delivered values, in milliseconds, gets a step. Dispatches are a minute apart at busy times, and
/// then a window of five minutes holds enough samples by itself.
const MAX_GAP_MS: i64 = 90_000;

/// A series, identified by its name and own labels.
type Key = (&'static str, OwnLabels);

/// The samples sent so far.
#[derive(Debug, Default)]
pub struct Timeline {
    /// The last value of each series that may have arrived: a lower value would be a counter reset.
    sent: HashMap<Key, f64>,
    /// `sent` before the last samples.
    before: HashMap<Key, f64>,
    /// Zeros that were neither accepted nor rejected.
    zeros: Vec<TimedPoint>,
    last_ms: i64,
    /// The time of the last dispatch, if it was delivered.
    delivered_ms: Option<i64>,
}

/// A value of a series at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TimedPoint {
    /// The series and its value.
    pub point: Point,
    /// Milliseconds since the epoch.
    pub timestamp_ms: i64,
}

impl Timeline {
    /// The zeros to send before the samples of `snapshot`: those of new series, and earlier ones until [`Timeline::begin`].
    pub fn zeros(&mut self, snapshot: &Snapshot, now_ms: i64) -> &[TimedPoint] {
        let timestamp_ms = self.last_ms.max(now_ms.saturating_sub(LEAD_MS));
        for point in snapshot.points().filter(|point| point.cumulative) {
            let is_known = self.sent.contains_key(&point.series())
                || self.zeros.iter().any(|zero| zero.point.series() == point.series());
            if !is_known {
                self.zeros.push(TimedPoint { point: Point { value: 0.0, ..*point }, timestamp_ms });
            }
        }
        &self.zeros
    }

    /// Notes that the last zeros were accepted, or never will be.
    pub fn begin(&mut self) {
        for zero in self.zeros.drain(..) {
            self.sent.entry(zero.point.series()).or_insert(0.0);
            self.last_ms = self.last_ms.max(zero.timestamp_ms);
        }
    }

    /// The samples of `snapshot`, each series ascending: its values, all at one time later than all before, and their steps.
    pub fn samples(&mut self, snapshot: &Snapshot, now_ms: i64) -> Vec<TimedPoint> {
        let before_ms = self.zeros.iter().map(|zero| zero.timestamp_ms).fold(self.last_ms, i64::max);
        self.last_ms = now_ms.max(before_ms.saturating_add(LEAD_MS));
        // Undelivered until `delivered` is called.
        let delivered_ms = self.delivered_ms.take();
        let is_gap = delivered_ms.is_none_or(|at| self.last_ms.saturating_sub(at) > MAX_GAP_MS);
        self.before.clone_from(&self.sent);
        let mut samples = Vec::new();
        for (family, points) in &snapshot.families {
            let is_rated = RATED.iter().any(|rated| rated.name == family.name);
            for &point in points {
                let previous = self.sent.insert(point.series(), point.value).unwrap_or_default();
                if is_rated && point.value > previous && (is_gap || previous == 0.0) {
                    let step =
                        |timestamp_ms| TimedPoint { point: Point { value: previous, ..point }, timestamp_ms };
                    samples.extend((self.last_ms - REPEATS..self.last_ms).map(step));
                }
                samples.push(TimedPoint { point, timestamp_ms: self.last_ms });
            }
        }
        samples
    }

    /// Notes that the last samples were delivered.
    pub fn delivered(&mut self) {
        self.delivered_ms = Some(self.last_ms);
    }

    /// Notes that the last samples were certainly not delivered, so the next ones have the same steps. Not the default, because
    /// an aborted dispatch may have been delivered.
    pub fn failed(&mut self) {
        std::mem::swap(&mut self.sent, &mut self.before);
    }

    /// The time of the stale marker after the last samples.
    pub fn end_ms(&self) -> i64 {
        self.last_ms.saturating_add(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event;
    use crate::metrics::Metrics;

    const INVOCATIONS: Key = ("aws_lambda_invocations_total", [("status", "success"), ("", "")]);
    const EVENTS: Key = ("aws_lambda_telemetry_events_total", [("type", "platform.report"), ("", "")]);

    /// A function with this number of invocations.
    fn snapshot(invocations: usize) -> Snapshot {
        let mut metrics = Metrics::new(None, false);
        for id in 0..invocations {
            let report = format!(
                r#"{{"type":"platform.report","record":{{"requestId":"{id}","status":"success","metrics":{{"durationMs":1}}}}}}"#
            );
            metrics.observe(&event::parse(&report).unwrap());
        }
        metrics.snapshot()
    }

    fn of(series: Key, samples: &[TimedPoint]) -> Vec<(i64, f64)> {
        let of = samples.iter().filter(|sample| sample.point.series() == series);
        of.map(|sample| (sample.timestamp_ms, sample.point.value)).collect()
    }

    /// Ten times the first value within ten milliseconds, and the second one after it.
    fn step(from: f64, to: f64, timestamp_ms: i64) -> Vec<(i64, f64)> {
        (timestamp_ms - 10..timestamp_ms).map(|at| (at, from)).chain([(timestamp_ms, to)]).collect()
    }

    #[test]
    fn zeros_are_repeated_at_their_time_until_accepted() {
        let mut timeline = Timeline::default();
        let first = timeline.zeros(&snapshot(0), 2_000).to_vec();
        assert!(first.iter().all(|zero| zero.timestamp_ms == 1_989 && zero.point.value == 0.0));
        let again = timeline.zeros(&snapshot(1), 9_000);
        assert_eq!(first, again[..first.len()]);
        assert_eq!(of(EVENTS, &again[first.len()..]), [(8_989, 0.0)]);
        timeline.begin();
        assert!(timeline.zeros(&snapshot(1), 9_000).is_empty());
    }

    #[test]
    fn the_first_increment_of_a_rated_series_is_a_step() {
        let mut timeline = Timeline::default();
        timeline.zeros(&snapshot(0), 2_000);
        let samples = timeline.samples(&snapshot(3), 2_000);
        assert_eq!(of(INVOCATIONS, &samples), step(0.0, 3.0, 2_000));
        assert_eq!(of(EVENTS, &samples), [(2_000, 3.0)], "only rated series have steps");
        let mut timeline = Timeline::default();
        assert_eq!(of(INVOCATIONS, &timeline.samples(&snapshot(0), 2_000)), [(2_000, 0.0)]);
        timeline.delivered();
        assert_eq!(of(INVOCATIONS, &timeline.samples(&snapshot(1), 3_000)), step(0.0, 1.0, 3_000));
    }

    #[test]
    fn only_gaps_and_failures_are_followed_by_a_step() {
        let mut timeline = Timeline::default();
        timeline.samples(&snapshot(1), 1_000);
        timeline.delivered();
        assert_eq!(of(INVOCATIONS, &timeline.samples(&snapshot(2), 91_000)), [(91_000, 2.0)]);
        timeline.delivered();
        assert_eq!(of(INVOCATIONS, &timeline.samples(&snapshot(3), 181_001)), step(2.0, 3.0, 181_001));
        timeline.delivered();
        assert_eq!(of(INVOCATIONS, &timeline.samples(&snapshot(3), 999_000)), [(999_000, 3.0)], "unchanged");
        // Samples that may have been delivered are not repeated.
        assert_eq!(of(INVOCATIONS, &timeline.samples(&snapshot(4), 999_500)), step(3.0, 4.0, 999_500));
        assert_eq!(of(INVOCATIONS, &timeline.samples(&snapshot(5), 999_900)), step(4.0, 5.0, 999_900));
    }

    #[test]
    fn times_ascend_whatever_the_clock_does() {
        let mut timeline = Timeline::default();
        let mut times = Vec::new();
        for (invocations, now_ms) in [(1, 1_000), (2, 900), (2, 1_001), (3, 7), (4, 200_000), (5, 200_005)] {
            let zeros = of(INVOCATIONS, timeline.zeros(&snapshot(invocations), now_ms));
            times.extend(zeros.into_iter().map(|(at, _)| at));
            timeline.begin();
            let samples = of(INVOCATIONS, &timeline.samples(&snapshot(invocations), now_ms));
            times.extend(samples.into_iter().map(|(at, _)| at));
        }
        times.push(timeline.end_ms());
        assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{times:?}");
    }
}
