//! Native histograms, as messages of remote write.
//!
//! <https://prometheus.io/docs/specs/native_histograms/>

use std::ops::RangeInclusive;

use prost::Message;

/// The resolutions of exponential buckets that Prometheus and AMP accept.
pub const SCHEMAS: RangeInclusive<i32> = -4..=8;

/// AMP quotas, "Native histogram buckets".
const MAX_BUCKETS: usize = 200;

/// AMP quotas, "Native histogram sample size": of the message, less its two timestamps with their keys.
const MAX_BYTES: usize = 2_048 - (1 + 10) - (2 + 10);

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
    /// The upper bounds of custom buckets, which are those of schema -53.
    #[prost(double, repeated, tag = "16")]
    pub custom_values: Vec<f64>,
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

impl Histogram {
    /// The histogram in the highest resolution that AMP accepts: a schema of at most 8, with at most 200 buckets and 2,048
    /// bytes. Adjacent buckets are merged, as Prometheus does
    /// (<https://prometheus.io/docs/specs/native_histograms/#limit-the-bucket-count-and-resolution>), and none is dropped.
    /// It stays over a limit if it is at schema -4, if its schema is not exponential, or if its spans do not match its
    /// buckets: receivers reject it.
    #[must_use]
    pub fn within_limits(mut self) -> Self {
        let is_over = |histogram: &Self| {
            histogram.schema > *SCHEMAS.end()
                || histogram.buckets() > MAX_BUCKETS
                || histogram.encoded_len() > MAX_BYTES
        };
        if !is_over(&self) || !self.are_spans_valid() {
            return self;
        }
        while self.schema > *SCHEMAS.start() && is_over(&self) {
            self.halve_resolution();
        }
        self
    }

    /// The number of its buckets, empty ones included.
    fn buckets(&self) -> usize {
        self.negative_deltas.len()
            + self.negative_counts.len()
            + self.positive_deltas.len()
            + self.positive_counts.len()
    }

    /// Whether the spans are for as many buckets as there are, either of integers or of floats.
    fn are_spans_valid(&self) -> bool {
        let are_valid = |spans: &[BucketSpan], deltas: &[i64], counts: &[f64]| {
            let expected: u64 = spans.iter().map(|span| u64::from(span.length)).sum();
            expected == (deltas.len() + counts.len()) as u64 && (deltas.is_empty() || counts.is_empty())
        };
        are_valid(&self.negative_spans, &self.negative_deltas, &self.negative_counts)
            && are_valid(&self.positive_spans, &self.positive_deltas, &self.positive_counts)
    }

    /// Merges each bucket with an even index into the one before it, which is the next lower schema.
    fn halve_resolution(&mut self) {
        self.schema -= 1;
        for (spans, deltas, counts) in [
            (&mut self.negative_spans, &mut self.negative_deltas, &mut self.negative_counts),
            (&mut self.positive_spans, &mut self.positive_deltas, &mut self.positive_counts),
        ] {
            let integers = deltas.iter().scan(0_i64, |count, delta| {
                *count = count.wrapping_add(*delta);
                Some(*count)
            });
            let integers = merged(spans, integers, i64::wrapping_add);
            let floats = merged(spans, counts.iter().copied(), |a, b| a + b);
            let indices =
                integers.iter().map(|(index, _)| index).chain(floats.iter().map(|(index, _)| index));
            *spans = spans_of(indices.copied());
            let mut before = 0;
            let delta = |(_, count)| i64::wrapping_sub(count, std::mem::replace(&mut before, count));
            *deltas = integers.into_iter().map(delta).collect();
            *counts = floats.into_iter().map(|(_, count)| count).collect();
        }
    }
}

/// The buckets of the next lower schema, with their indices. The bucket `i` has the observations of `2i - 1` and `2i`.
fn merged<T: Copy>(
    spans: &[BucketSpan],
    counts: impl Iterator<Item = T>,
    add: fn(T, T) -> T,
) -> Vec<(i64, T)> {
    let mut merged: Vec<(i64, T)> = Vec::new();
    for (index, count) in indices(spans).zip(counts) {
        let index = (index + 1).div_euclid(2);
        match merged.last_mut() {
            Some((last, sum)) if *last == index => *sum = add(*sum, count),
            _ => merged.push((index, count)),
        }
    }
    merged
}

/// The indices of the buckets of `spans`.
fn indices(spans: &[BucketSpan]) -> impl Iterator<Item = i64> {
    let mut next = 0;
    spans.iter().flat_map(move |span| {
        let start = next + i64::from(span.offset);
        next = start + i64::from(span.length);
        start..next
    })
}

/// The spans of buckets with these indices, which ascend.
fn spans_of(indices: impl Iterator<Item = i64>) -> Vec<BucketSpan> {
    let mut spans: Vec<BucketSpan> = Vec::new();
    let mut next = 0;
    for index in indices {
        match spans.last_mut() {
            Some(span) if index == next => span.length += 1,
            _ => {
                // Gaps become smaller with the resolution.
                let offset = i32::try_from(index - next).unwrap_or(i32::MAX);
                spans.push(BucketSpan { offset, length: 1 });
            }
        }
        next = index + 1;
    }
    spans
}
