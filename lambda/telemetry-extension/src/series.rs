//! Series: snapshots → samples of remote write: the zeros that begin series, the values, the markers that end them.
//!
//! A counter that appears with a value has no increase to that value, so its series begins with a zero
//! (<https://prometheus.io/docs/practices/instrumentation/#avoid-missing-metrics>). A series ends with a stale marker
//! (remote write 1.0, "Stale Markers"), which nothing else has the bits of.

use std::borrow::Cow;

use remote_write::{LabelName, Labels, MetricName, NameEscaping, Origin, Sample, Series, SeriesBuilder};

use crate::metrics::{Point, Snapshot};

/// Collects samples of one write request.
#[derive(Debug)]
pub struct Samples<'a> {
    builder: SeriesBuilder,
    common: &'a [(String, String)],
}

impl<'a> Samples<'a> {
    /// Samples whose series have the `common` labels, with valid names.
    pub fn new(common: &'a [(String, String)]) -> Self {
        Self { builder: SeriesBuilder::default(), common }
    }

    /// Adds the value of `point` at a time in milliseconds since the epoch.
    pub fn value(&mut self, point: &Point, timestamp_ms: i64) {
        self.push(point, Sample::new(timestamp_ms, point.value));
    }

    /// Adds the zero that the series of `point` begins with.
    pub fn zero(&mut self, point: &Point, timestamp_ms: i64) {
        self.push(point, Sample::new(timestamp_ms, 0.0));
    }

    /// Ends the series of every point of `snapshot`.
    pub fn end(&mut self, snapshot: &Snapshot, timestamp_ms: i64) {
        for point in snapshot.points() {
            self.push(point, Sample::stale(timestamp_ms));
        }
    }

    /// The series, ready to be encoded.
    pub fn group(self) -> Series {
        self.builder.group()
    }

    fn push(&mut self, point: &Point, sample: Sample) {
        let common = self.common.iter().map(|(name, value)| label(name, value));
        let labels = common.chain(point.labels().map(|(name, value)| label(name, value))).collect();
        let labels = Labels::new(labels).expect("external labels never have a reserved name");
        let labels = self.builder.labels(&labels);
        let name = MetricName::new(point.name, NameEscaping::Underscores).expect("names are not empty");
        let series = self.builder.series(labels, &name);
        self.builder.push(series, sample, Origin(0));
    }
}

fn label<'a>(name: &'a str, value: &'a str) -> (LabelName<'a>, Cow<'a, str>) {
    let name = LabelName::new(name, NameEscaping::Underscores);
    (name.expect("names were checked with the configuration"), Cow::Borrowed(value))
}
