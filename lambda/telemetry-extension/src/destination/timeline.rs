//! Times of samples, the zeros that series begin with, and the steps that keep rates right. Pure.
//!
//! The times of a series strictly ascend, whatever the clock does. A series begins with a zero, which is repeated at
//! the same time until it has been taken or refused, so that it is never a second increment.
//!
//! A step is the previous value, ten times within ten milliseconds before a new one. `rate` extrapolates by half of the
//! average distance between samples: a zero and one value alone give 1.5 times the truth, and a value that is alone in
//! its window gives nothing. A step gives 1.05 times the truth in every window that holds it.

use hashbrown::HashMap;

use crate::metrics::family::RATED;
use crate::metrics::{OwnLabels, Point, Snapshot};

/// How often a step repeats the previous value. With five the rate is 1.1 times the truth, with twenty 1.025 times.
const REPEATS: i64 = 10;

/// Milliseconds from the zero of a series to its first value.
const LEAD_MS: i64 = REPEATS + 1;

/// A longer gap between delivered values, in milliseconds, gets a step. Dispatches are a minute apart at busy times, and
/// then a window of five minutes holds enough samples by itself.
const MAX_GAP_MS: i64 = 90_000;

/// A series, identified by its name and own labels.
type Key = (&'static str, OwnLabels);

/// What was sent, and when.
#[derive(Debug, Default)]
pub struct Timeline {
    /// The last value of each series that may have arrived: a lower value would be a counter reset.
    sent: HashMap<Key, f64>,
    /// `sent` before the samples that were asked for last.
    before: HashMap<Key, f64>,
    /// Zeros that have been neither taken nor refused.
    zeros: Vec<TimedPoint>,
    last_ms: i64,
    /// When the last dispatch was delivered; `None` if it was not, or if there was none.
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
    /// The zeros that have to be taken before anything of `snapshot` is sent: those that were asked for before and
    /// have not been [`Timeline::begin`]ned, and those of new series.
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

    /// The zeros that were asked for last have been taken, or will never be.
    pub fn begin(&mut self) {
        for zero in self.zeros.drain(..) {
            self.sent.entry(zero.point.series()).or_insert(0.0);
            self.last_ms = self.last_ms.max(zero.timestamp_ms);
        }
    }

    /// The samples of `snapshot`, each series ascending: its values, all at one time that is later than everything
    /// before, and the steps to them.
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

    /// The samples that were asked for last have arrived.
    pub fn delivered(&mut self) {
        self.delivered_ms = Some(self.last_ms);
    }

    /// The samples that were asked for last have certainly not arrived: the next ones have the steps that these had. A
    /// dispatch that is aborted may have arrived, so this is not the default.
    pub fn failed(&mut self) {
        std::mem::swap(&mut self.sent, &mut self.before);
    }

    /// The time of the stale marker after the samples that were asked for last.
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

    /// A function that has been invoked this often.
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
    fn zeros_are_repeated_at_their_time_until_they_are_taken() {
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
    fn a_step_follows_a_gap_or_a_failure_and_nothing_else() {
        let mut timeline = Timeline::default();
        timeline.samples(&snapshot(1), 1_000);
        timeline.delivered();
        assert_eq!(of(INVOCATIONS, &timeline.samples(&snapshot(2), 91_000)), [(91_000, 2.0)]);
        timeline.delivered();
        assert_eq!(of(INVOCATIONS, &timeline.samples(&snapshot(3), 181_001)), step(2.0, 3.0, 181_001));
        timeline.delivered();
        assert_eq!(of(INVOCATIONS, &timeline.samples(&snapshot(3), 999_000)), [(999_000, 3.0)], "unchanged");
        // What may have arrived is never taken back.
        assert_eq!(of(INVOCATIONS, &timeline.samples(&snapshot(4), 999_500)), step(3.0, 4.0, 999_500));
        assert_eq!(of(INVOCATIONS, &timeline.samples(&snapshot(5), 999_900)), step(4.0, 5.0, 999_900));
    }

    #[test]
    fn what_has_failed_is_sent_again_with_its_step() {
        let mut timeline = Timeline::default();
        for now_ms in [1_000, 2_000] {
            let samples = timeline.samples(&snapshot(3), now_ms);
            assert_eq!(of(INVOCATIONS, &samples), step(0.0, 3.0, now_ms));
            timeline.failed();
        }
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
