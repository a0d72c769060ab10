//! Writes snapshots as series of remote write: a zero at the start of a counter, its values, and a stale marker at its end.
//!
//! A counter that starts with a value has no increase to that value, so its series begins with a zero
//! (<https://prometheus.io/docs/practices/instrumentation/#avoid-missing-metrics>). A series ends with a stale marker
//! (remote write 1.0, "Stale Markers").

use std::borrow::Cow;

use remote_write::{LabelName, Labels, MetricName, NameEscaping, Series, SeriesBuilder, Value};

use crate::destination::timeline::TimedPoint;
use crate::metrics::{Point, Snapshot};

/// Collects samples of one write request.
#[derive(Debug)]
pub struct Samples<'a> {
    builder: SeriesBuilder,
    common: &'a [(String, String)],
}

impl<'a> Samples<'a> {
    /// Samples of series with the `common` labels, whose names are valid.
    pub fn new(common: &'a [(String, String)]) -> Self {
        Self { builder: SeriesBuilder::default(), common }
    }

    /// Adds values.
    pub fn extend(&mut self, points: &[TimedPoint]) {
        for TimedPoint { point, timestamp_ms } in points {
            self.push(point, *timestamp_ms, Value::float(point.value));
        }
    }

    /// Ends the series of every point of `snapshot`.
    pub fn end(&mut self, snapshot: &Snapshot, timestamp_ms: i64) {
        for point in snapshot.points() {
            self.push(point, timestamp_ms, Value::stale());
        }
    }

    /// The series of all samples.
    pub fn group(self) -> Series {
        self.builder.group()
    }

    fn push(&mut self, point: &Point, timestamp_ms: i64, value: Value) {
        let common = self.common.iter().map(|(name, value)| label(name, value));
        let labels = common.chain(point.labels().map(|(name, value)| label(name, value))).collect();
        let labels = Labels::new(labels).expect("external labels never have a reserved name");
        let name = MetricName::new(point.name, NameEscaping::Underscores).expect("names are not empty");
        let point = remote_write::Point {
            labels,
            timestamp_ms,
            metrics: vec![(name, value)],
            ..remote_write::Point::default()
        };
        self.builder.add(&[point]).expect("no name is escaped");
    }
}

fn label<'a>(name: &'a str, value: &'a str) -> (LabelName<'a>, Cow<'a, str>) {
    let name = LabelName::new(name, NameEscaping::Underscores);
    (name.expect("names were checked with the configuration"), Cow::Borrowed(value))
}
