//! Points, which formats yield, and samples, which travel.

use std::sync::Arc;

use crate::histogram::{Count, Histogram, ZeroCount};
use crate::labels::Labels;
use crate::name::MetricName;
use crate::series::SeriesId;
use crate::wire;

/// The bits of the NaN that Prometheus itself writes for "not a number" (`NormalNaN` in its `model/value`).
pub const NORMAL_NAN: f64 = f64::from_bits(0x7ff8_0000_0000_0001);

/// The stale marker: the NaN that ends a series (remote write 1.0, "Stale Markers"). Used for nothing else.
pub const STALE_NAN: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

/// One label set at one instant, with its metrics. The unit of input: it gets one [`Origin`].
#[derive(Clone, Debug, Default)]
pub struct Point<'a> {
    /// The labels without the metric name.
    pub labels: Labels<'a>,
    /// Milliseconds since the Unix epoch.
    pub timestamp_ms: i64,
    /// Since when its metrics count, in milliseconds since the Unix epoch. Unknown is 0, or any time that is not before the
    /// timestamp. Only remote write 2.0 carries it.
    pub start_ms: i64,
    /// Metrics with their values, each given name once, or once for each bound.
    pub metrics: Vec<(MetricName<'a>, Value)>,
}

/// The value of a metric: 16 bytes, because a payload may have hundreds of thousands.
#[derive(Clone, Debug)]
pub struct Value(Bounded);

#[derive(Clone, Debug)]
enum Bounded {
    Plain(SampleValue),
    /// With the name and the value of a label that its series has besides those of the point.
    Bound(Box<(&'static str, String, SampleValue)>),
}

/// A float or a histogram.
#[derive(Clone, Debug)]
pub struct SampleValue(pub(crate) Kind);

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Float(f64),
    Histogram(Arc<Histogram>),
}

/// The labels of a bucket and of a quantile ([`Value::with_bound`]).
pub const BOUNDS: [&str; 2] = ["le", "quantile"];

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
    pub value: SampleValue,
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
    /// The size in bytes of a write request of 1.0 with this sample alone, before compression.
    pub needed: usize,
}

impl Value {
    /// A measured value. Every NaN becomes [`NORMAL_NAN`], so that none is mistaken for a stale marker.
    pub fn float(value: f64) -> Self {
        Self::of(Kind::Float(if value.is_nan() { NORMAL_NAN } else { value }))
    }

    /// The stale marker.
    pub fn stale() -> Self {
        Self::of(Kind::Float(STALE_NAN))
    }

    /// A native histogram, in a resolution within AMP's limits ([`Histogram::within_limits`]). A NaN as its sum becomes
    /// [`NORMAL_NAN`].
    pub fn histogram(mut histogram: Histogram) -> Self {
        if histogram.sum.is_nan() {
            histogram.sum = NORMAL_NAN;
        }
        Self::of(Kind::Histogram(Arc::new(histogram.within_limits())))
    }

    /// The same value of a bucket or quantile: its series also has `label`, which is one of [`BOUNDS`], in place of any that
    /// the point has. So all series of a classic histogram or a summary are of one point, and are delivered or rejected
    /// together.
    #[must_use]
    pub fn with_bound(self, label: &'static str, bound: String) -> Self {
        Self(Bounded::Bound(Box::new((label, bound, self.sample().clone()))))
    }

    /// The label that its series has besides those of the point.
    pub fn bound(&self) -> Option<(&'static str, &str)> {
        match &self.0 {
            Bounded::Plain(_) => None,
            Bounded::Bound(bound) => Some((bound.0, bound.1.as_str())),
        }
    }

    /// The stale marker of a series of native histograms: one without observations whose sum is [`STALE_NAN`].
    pub fn stale_histogram() -> Self {
        let histogram = Histogram {
            count: Some(Count::Int(0)),
            sum: STALE_NAN,
            zero_count: Some(ZeroCount::Int(0)),
            ..Histogram::default()
        };
        Self::of(Kind::Histogram(Arc::new(histogram)))
    }

    /// The float, if it is one. A NaN is either [`NORMAL_NAN`] or [`STALE_NAN`].
    pub fn as_float(&self) -> Option<f64> {
        match &self.sample().0 {
            Kind::Float(value) => Some(*value),
            Kind::Histogram(_) => None,
        }
    }

    /// The native histogram, if it is one.
    pub fn as_histogram(&self) -> Option<&Histogram> {
        match &self.sample().0 {
            Kind::Float(_) => None,
            Kind::Histogram(histogram) => Some(histogram),
        }
    }

    /// The value of its sample.
    pub(crate) fn sample(&self) -> &SampleValue {
        match &self.0 {
            Bounded::Plain(sample) => sample,
            Bounded::Bound(bound) => &bound.2,
        }
    }

    fn of(kind: Kind) -> Self {
        Self(Bounded::Plain(SampleValue(kind)))
    }
}

impl SampleValue {
    /// Whether it is a native histogram.
    pub fn is_histogram(&self) -> bool {
        matches!(self.0, Kind::Histogram(_))
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
        let labels_len: usize = self.labels.iter().map(|(name, value)| wire::label_len(name, value)).sum();
        self.metrics.iter().find_map(|(name, value)| {
            let metric = name.as_str();
            let bound_len = value.bound().map_or(0, |(label, bound)| wire::label_len(label, bound));
            let needed = wire::smallest_request_len(labels_len + bound_len, metric, value.sample());
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
    fn the_sum_of_a_histogram_is_the_stale_marker_only_if_it_is_one() {
        let sum = |value: &Value| value.as_histogram().expect("a histogram").sum.to_bits();
        let measured = |sum| Value::histogram(Histogram { sum, ..Histogram::default() });
        assert_eq!(sum(&measured(STALE_NAN)), NORMAL_NAN.to_bits());
        assert_eq!(sum(&measured(-0.0)), (-0.0_f64).to_bits());
        assert_eq!(sum(&Value::stale_histogram()), STALE_NAN.to_bits());
    }

    #[test]
    fn a_value_takes_16_bytes() {
        assert_eq!((size_of::<Value>(), size_of::<Sample>()), (16, 32));
    }

    #[test]
    fn other_values_keep_their_bits() {
        for value in [0.0, -0.0, 1.5, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE / 2.0] {
            assert_eq!(Value::float(value).as_float().unwrap().to_bits(), value.to_bits());
        }
    }
}
