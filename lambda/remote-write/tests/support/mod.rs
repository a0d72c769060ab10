//! Helpers of the tests: points from plain data, and requests as a receiver reads them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use prometheus_proto::{self as proto, WriteRequest, v2};
use prost::Message;
use remote_write::histogram::{BucketSpan, Count, ZeroCount};
use remote_write::{
    EncodedRequest, Histogram, LabelName, Labels, MetricName, NameEscaping, Point, Series, SeriesBuilder,
    Value, Version,
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
    Histogram(Box<Histogram>),
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
        GivenValue::Histogram(histogram) => Value::histogram((**histogram).clone()),
    };
    Point {
        labels: Labels::new(given.labels.iter().map(label).collect()).unwrap(),
        timestamp_ms: given.timestamp_ms,
        metrics: vec![(name, value)],
        ..Point::default()
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
        custom_values: Vec::new(),
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
        custom_values: histogram.custom_values.clone(),
        timestamp: timestamp_ms,
    }
}

/// Decodes with the generated types, which share no code with the encoder. A request of 2.0 is read as one of 1.0.
pub(crate) fn decode(request: &EncodedRequest) -> WriteRequest {
    match request.version {
        Version::V1 => WriteRequest::decode(&message(request)[..]).expect("protobuf"),
        Version::V2 => as_1(&decode_2(request)),
    }
}

/// Decodes a request of 2.0.
pub(crate) fn decode_2(request: &EncodedRequest) -> v2::Request {
    v2::Request::decode(&message(request)[..]).expect("protobuf")
}

/// The message of a request.
pub(crate) fn message(request: &EncodedRequest) -> Vec<u8> {
    let message = snap::raw::Decoder::new().decompress_vec(&request.body).expect("snappy block format");
    assert_eq!(message.len(), request.decoded_len);
    message
}

/// The same series in the messages of 1.0. Those of one label set that follow each other are one: in 2.0, floats and
/// histograms are apart.
fn as_1(request: &v2::Request) -> WriteRequest {
    let text = |symbol: u32| request.symbols[symbol as usize].clone();
    let mut timeseries: Vec<proto::TimeSeries> = Vec::new();
    for series in &request.timeseries {
        assert!(series.samples.is_empty() != series.histograms.is_empty(), "either floats or histograms");
        let (labels, rest) = series.labels_refs.as_chunks();
        assert!(rest.is_empty(), "a name without a value");
        let labels =
            labels.iter().map(|&[name, value]| proto::Label { name: text(name), value: text(value) });
        let labels: Vec<_> = labels.collect();
        let samples = series.samples.iter().map(|s| proto::Sample { value: s.value, timestamp: s.timestamp });
        let histograms = series.histograms.iter().map(|histogram| {
            // The fields have the same numbers; those of 2.0 alone are dropped.
            proto::Histogram::decode(&histogram.encode_to_vec()[..]).expect("protobuf")
        });
        match timeseries.last_mut() {
            Some(last) if last.labels == labels => {
                last.samples.extend(samples);
                last.histograms.extend(histograms);
            }
            _ => timeseries.push(proto::TimeSeries {
                labels,
                samples: samples.collect(),
                histograms: histograms.collect(),
            }),
        }
    }
    WriteRequest { timeseries, ..WriteRequest::default() }
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
