//! Helpers of the tests: points from plain data, and requests as a receiver reads them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use prometheus_proto::{self as proto, WriteRequest};
use prost::Message;
use remote_write::histogram::{BucketSpan, Count, ZeroCount};
use remote_write::{
    EncodedRequest, Histogram, LabelName, Labels, MetricName, NameEscaping, Point, Series, SeriesBuilder,
    Value,
};

/// A point with one metric; its origin is its place in the slice.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) metric: String,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) timestamp_ms: i64,
    pub(crate) value: GivenValue,
}

#[derive(Clone, Debug)]
pub(crate) enum GivenValue {
    Float(f64),
    Histogram(Histogram),
}

pub(crate) fn given(metric: &str, labels: &[(&str, &str)], timestamp_ms: i64, value: f64) -> Given {
    let labels = labels.iter().map(|&(n, v)| (n.to_owned(), v.to_owned())).collect();
    Given { metric: metric.to_owned(), labels, timestamp_ms, value: GivenValue::Float(value) }
}

pub(crate) fn point(given: &Given) -> Point<'_> {
    let label = |(n, v): &(String, String)| {
        (LabelName::new(n.clone(), NameEscaping::Underscores).unwrap(), Cow::Owned(v.clone()))
    };
    let name = MetricName::new(given.metric.as_str(), NameEscaping::Underscores).unwrap();
    let value = match &given.value {
        GivenValue::Float(value) => Value::float(*value),
        GivenValue::Histogram(histogram) => Value::histogram(histogram.clone()),
    };
    Point {
        labels: Labels::new(given.labels.iter().map(label).collect()).unwrap(),
        timestamp_ms: given.timestamp_ms,
        metrics: vec![(name, value)],
    }
}

pub(crate) fn group(samples: &[Given]) -> Series {
    let mut builder = SeriesBuilder::default();
    for sample in samples {
        builder.add(&[point(sample)]).unwrap();
    }
    builder.group()
}

/// A histogram whose encoding has about nine bytes for each of its positive buckets.
pub(crate) fn histogram(buckets: u32) -> Histogram {
    Histogram {
        count: Some(Count::Float(f64::from(buckets) + 3.0)),
        sum: 1.5,
        schema: -2,
        zero_threshold: 1e-9,
        zero_count: Some(ZeroCount::Float(3.0)),
        negative_spans: vec![BucketSpan { offset: -7, length: 2 }],
        negative_deltas: vec![1, -1],
        negative_counts: Vec::new(),
        positive_spans: vec![BucketSpan { offset: 0, length: buckets }],
        positive_deltas: Vec::new(),
        positive_counts: vec![1.0; buckets as usize],
        reset_hint: 3,
    }
}

/// The same histogram in the generated types.
pub(crate) fn generated(histogram: &Histogram, timestamp_ms: i64) -> proto::Histogram {
    let span = |span: &BucketSpan| proto::BucketSpan { offset: span.offset, length: span.length };
    proto::Histogram {
        count: histogram.count.map(|count| match count {
            Count::Int(count) => proto::histogram::Count::CountInt(count),
            Count::Float(count) => proto::histogram::Count::CountFloat(count),
        }),
        sum: histogram.sum,
        schema: histogram.schema,
        zero_threshold: histogram.zero_threshold,
        zero_count: histogram.zero_count.map(|count| match count {
            ZeroCount::Int(count) => proto::histogram::ZeroCount::ZeroCountInt(count),
            ZeroCount::Float(count) => proto::histogram::ZeroCount::ZeroCountFloat(count),
        }),
        negative_spans: histogram.negative_spans.iter().map(span).collect(),
        negative_deltas: histogram.negative_deltas.clone(),
        negative_counts: histogram.negative_counts.clone(),
        positive_spans: histogram.positive_spans.iter().map(span).collect(),
        positive_deltas: histogram.positive_deltas.clone(),
        positive_counts: histogram.positive_counts.clone(),
        reset_hint: histogram.reset_hint,
        timestamp: timestamp_ms,
    }
}

/// Decodes with the generated types, which share no code with the encoder.
pub(crate) fn decode(request: &EncodedRequest) -> WriteRequest {
    let message = snap::raw::Decoder::new().decompress_vec(&request.body).expect("snappy block format");
    assert_eq!(message.len(), request.decoded_len);
    WriteRequest::decode(&message[..]).expect("protobuf")
}

/// A series by its labels, with its samples as (timestamp, value bits) in the order of the wire. A histogram stands
/// for the bits of its sum.
pub(crate) type Received = BTreeMap<Vec<(String, String)>, Vec<(i64, u64)>>;

pub(crate) fn receive(into: &mut Received, request: &WriteRequest) {
    for series in &request.timeseries {
        let labels = series.labels.iter().map(|l| (l.name.clone(), l.value.clone())).collect();
        let floats = series.samples.iter().map(|s| (s.timestamp, s.value.to_bits()));
        let histograms = series.histograms.iter().map(|h| (h.timestamp, h.sum.to_bits()));
        into.entry(labels).or_default().extend(floats.chain(histograms));
    }
}
