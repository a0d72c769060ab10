//! Points, which formats yield, and samples, which travel.

use std::sync::Arc;

use crate::histogram::Histogram;
use crate::labels::Labels;
use crate::name::MetricName;
use crate::series::SeriesId;
use crate::wire;

/// The bits of the NaN that Prometheus itself writes for "not a number" (`NormalNaN` in its `model/value`).
pub const NORMAL_NAN: f64 = f64::from_bits(0x7ff8_0000_0000_0001);

/// The stale marker: the NaN that ends a series (remote write 1.0, "Stale Markers"). Used for nothing else.
pub const STALE_NAN: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

/// One label set at one instant, with its metrics. The unit of input: it gets one [`Origin`].
#[derive(Clone, Debug)]
pub struct Point<'a> {
    /// The labels without the metric name.
    pub labels: Labels<'a>,
    /// Milliseconds since the Unix epoch.
    pub timestamp_ms: i64,
    /// Metrics with their values, each given name once.
    pub metrics: Vec<(MetricName<'a>, Value)>,
}

/// A float or a histogram.
#[derive(Clone, Debug)]
pub struct Value(pub(crate) Kind);

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Float(f64),
    Histogram(Arc<Histogram>),
}

/// One value of one series at one instant: the unit of delivery, which no request splits.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The series.
    pub series: SeriesId,
    /// The point that the sample is from.
    pub origin: Origin,
    /// Milliseconds since the Unix epoch.
    pub timestamp_ms: i64,
    /// The value.
    pub value: Value,
}

/// Identifies a point: its index in the order in which points were added. It travels with each sample, because
/// grouping mixes points and only origins lead back. A point has one timestamp, so an origin has one too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(pub u32);

/// A sample that no request can carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oversized<'p> {
    /// The metric.
    pub metric: &'p str,
    /// The size in bytes of a write request with this sample alone, before compression.
    pub needed: usize,
}

impl Value {
    /// A measured value. Every NaN becomes [`NORMAL_NAN`], so that none is mistaken for a stale marker.
    pub fn float(value: f64) -> Self {
        Self(Kind::Float(if value.is_nan() { NORMAL_NAN } else { value }))
    }

    /// The stale marker.
    pub fn stale() -> Self {
        Self(Kind::Float(STALE_NAN))
    }

    /// A native histogram.
    pub fn histogram(histogram: Histogram) -> Self {
        Self(Kind::Histogram(Arc::new(histogram)))
    }

    /// The float, if it is one. A NaN is either [`NORMAL_NAN`] or [`STALE_NAN`].
    pub fn as_float(&self) -> Option<f64> {
        match self.0 {
            Kind::Float(value) => Some(value),
            Kind::Histogram(_) => None,
        }
    }
}

impl Sample {
    /// Whether this sample replaces `earlier`, the sample before it in the order of [`crate::Series::samples`]:
    /// it has the same series and timestamp and arrived later.
    pub fn supersedes(&self, earlier: &Self) -> bool {
        self.series == earlier.series && self.timestamp_ms == earlier.timestamp_ms
    }
}

impl Point<'_> {
    /// The first metric whose sample needs a write request of more than `max_bytes`.
    pub fn oversized(&self, max_bytes: usize) -> Option<Oversized<'_>> {
        let labels_len = self.labels.iter().map(|(name, value)| wire::label_len(name, value)).sum();
        self.metrics.iter().find_map(|(name, value)| {
            let metric = name.as_str();
            let needed = wire::smallest_request_len(labels_len, metric, value);
            (needed > max_bytes).then_some(Oversized { metric, needed })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_measured_nan_has_the_bits_of_the_stale_marker() {
        for nan in [f64::NAN, -f64::NAN, STALE_NAN, f64::from_bits(0xfff8_dead_beef_0000)] {
            assert_eq!(Value::float(nan).as_float().unwrap().to_bits(), NORMAL_NAN.to_bits());
        }
        assert_eq!(Value::stale().as_float().unwrap().to_bits(), 0x7ff0_0000_0000_0002);
    }

    #[test]
    fn other_values_keep_their_bits() {
        for value in [0.0, -0.0, 1.5, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE / 2.0] {
            assert_eq!(Value::float(value).as_float().unwrap().to_bits(), value.to_bits());
        }
    }
}
