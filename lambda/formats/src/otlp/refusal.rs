//! The reasons why a data point is refused while the rest of the body is accepted.

use remote_write::InvalidName;

use crate::InvalidPoint;

/// The reason why a data point is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    /// A difference, which needs the values before it to become a counter.
    #[error(
        "expected cumulative temporality, got delta: set \
         OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=cumulative in the SDK"
    )]
    Delta,
    /// Neither cumulative nor delta.
    #[error("aggregationTemporality: expected 2 (cumulative), got {0}")]
    Temporality(u64),
    /// An invalid name of the metric.
    #[error(transparent)]
    Metric(InvalidName),
    /// An invalid key of an attribute.
    #[error("attribute: {0}")]
    Attribute(InvalidName),
    /// Neither a value nor the flag "no recorded value".
    #[error("expected a value, got none")]
    NoValue,
    /// No timestamp.
    #[error("timeUnixNano: expected a time, got 0")]
    NoTime,
    /// An exponential histogram that a native histogram cannot be.
    #[error("sum: expected a number, got none")]
    NoSum,
    /// A resolution that native histograms do not have.
    #[error("scale: expected at least -4, got {0}")]
    Scale(i32),
    /// Buckets outside of what the integers of a native histogram hold.
    #[error("bucketCounts: expected counts and indices of buckets within their range, got larger ones")]
    Buckets,
    /// A point that breaks a rule of every format.
    #[error(transparent)]
    Point(InvalidPoint),
}
