//! Metadata of metric families. It travels beside the series: in requests of its own, so that a receiver that rejects it
//! still has the samples.

use prost::Message;

use crate::encode::{EncodedRequest, compress};

/// The type, help and unit of a metric family: the message `MetricMetadata` of `proto/types.proto`.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Metadata {
    /// The type of its metrics.
    #[prost(enumeration = "MetricType", tag = "1")]
    pub metric_type: i32,
    /// The name of the family, such as `http_request_duration_seconds`.
    #[prost(string, tag = "2")]
    pub family: String,
    /// The description of the metrics.
    #[prost(string, tag = "4")]
    pub help: String,
    /// The unit, such as `seconds`; empty if there is none.
    #[prost(string, tag = "5")]
    pub unit: String,
}

/// The types of `OpenMetrics` (<https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md>).
#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub enum MetricType {
    /// Not known.
    Unknown = 0,
    /// A value that only increases.
    Counter = 1,
    /// A value that may go up and down.
    Gauge = 2,
    /// Observations in buckets.
    Histogram = 3,
    /// Current values in buckets.
    GaugeHistogram = 4,
    /// Observations as quantiles.
    Summary = 5,
    /// Labels without a value.
    Info = 6,
    /// Related booleans.
    StateSet = 7,
}

/// `message WriteRequest { repeated MetricMetadata metadata = 3; }`
#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "3")]
    metadata: Vec<Metadata>,
}

impl Metadata {
    /// Encodes a request of metadata alone.
    pub fn encode(metadata: Vec<Self>) -> EncodedRequest {
        compress(&WriteRequest { metadata }.encode_to_vec(), 0, 0)
    }
}
