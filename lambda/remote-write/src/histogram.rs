//! Native histograms, as messages of remote write.
//!
//! <https://prometheus.io/docs/specs/native_histograms/>

use prost::Message;

/// A native histogram: the message `Histogram` of `proto/types.proto` without its timestamp, which the sample has.
#[derive(Clone, PartialEq, Message)]
pub struct Histogram {
    /// The number of observations.
    #[prost(oneof = "Count", tags = "1, 2")]
    pub count: Option<Count>,
    /// The sum of the observations.
    #[prost(double, tag = "3")]
    pub sum: f64,
    /// The resolution: each power of two has 2^schema buckets.
    #[prost(sint32, tag = "4")]
    pub schema: i32,
    /// Observations of at most this magnitude count as zero.
    #[prost(double, tag = "5")]
    pub zero_threshold: f64,
    /// The number of observations that count as zero.
    #[prost(oneof = "ZeroCount", tags = "6, 7")]
    pub zero_count: Option<ZeroCount>,
    /// Runs of negative buckets.
    #[prost(message, repeated, tag = "8")]
    pub negative_spans: Vec<BucketSpan>,
    /// Counts of negative buckets, each as the difference to the bucket before it.
    #[prost(sint64, repeated, tag = "9")]
    pub negative_deltas: Vec<i64>,
    /// Counts of negative buckets of a float histogram.
    #[prost(double, repeated, tag = "10")]
    pub negative_counts: Vec<f64>,
    /// Runs of positive buckets.
    #[prost(message, repeated, tag = "11")]
    pub positive_spans: Vec<BucketSpan>,
    /// Counts of positive buckets, each as the difference to the bucket before it.
    #[prost(sint64, repeated, tag = "12")]
    pub positive_deltas: Vec<i64>,
    /// Counts of positive buckets of a float histogram.
    #[prost(double, repeated, tag = "13")]
    pub positive_counts: Vec<f64>,
    /// Whether a counter reset comes before this histogram: 0 unknown, 1 yes, 2 no, 3 a gauge, which has none.
    #[prost(int32, tag = "14")]
    pub reset_hint: i32,
}

/// The number of observations, of an integer or a float histogram.
#[derive(Clone, Copy, PartialEq, prost::Oneof)]
pub enum Count {
    /// Of an integer histogram.
    #[prost(uint64, tag = "1")]
    Int(u64),
    /// Of a float histogram.
    #[prost(double, tag = "2")]
    Float(f64),
}

/// The number of observations that count as zero, of an integer or a float histogram.
#[derive(Clone, Copy, PartialEq, prost::Oneof)]
pub enum ZeroCount {
    /// Of an integer histogram.
    #[prost(uint64, tag = "6")]
    Int(u64),
    /// Of a float histogram.
    #[prost(double, tag = "7")]
    Float(f64),
}

/// A run of buckets without a gap.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Message)]
pub struct BucketSpan {
    /// The gap to the run before it; of the first run, the index of its first bucket.
    #[prost(sint32, tag = "1")]
    pub offset: i32,
    /// The number of buckets.
    #[prost(uint32, tag = "2")]
    pub length: u32,
}
