//! Requests of OTLP, read into plain data. The generated messages build their bodies.

mod captures;
mod json;
mod mapping;
mod names;
mod refused;
mod resources;

use std::time::Duration;

use formats::{Body, Content, Format, Invalid, OtlpDelta, Refused, Rules};
use prometheus_proto::otlp::any_value;
use prometheus_proto::otlp::metric::Data;
use prometheus_proto::otlp::number_data_point;
use prometheus_proto::otlp::{
    AggregationTemporality, AnyValue, ExportMetricsServiceRequest, Gauge, Histogram, HistogramDataPoint,
    KeyValue, Metric, NumberDataPoint, Resource, ResourceMetrics, ScopeMetrics, Sum,
};
use prost::Message as _;
use remote_write::{Labels, NameEscaping};

/// When bodies arrive, and when the data points of these tests were taken.
const NOW_MS: i64 = 1_676_398_017_000;
const NOW: u64 = 1_676_398_017_000_000_000;

const CUMULATIVE: i32 = AggregationTemporality::Cumulative as i32;
const DELTA: i32 = AggregationTemporality::Delta as i32;

const TOO_MANY: &str =
    "OTLP: expected at most 50000 samples with 200000 labels and buckets in a body, got more";

/// The content of a body.
#[derive(Debug, Default, PartialEq)]
struct Read {
    /// `name{labels} value`, with the labels in order; a native histogram is `{…}`.
    samples: Vec<String>,
    /// The timestamps, in milliseconds.
    timestamps: Vec<i64>,
    /// Since when they count.
    starts: Vec<i64>,
    /// `type family help unit`.
    metadata: Vec<String>,
    exemplars: usize,
    inexact_values: usize,
    /// The number of points, and of those that are data points.
    points: usize,
    data_points: usize,
    /// The number of refused data points and the reason.
    refused: Vec<(usize, String)>,
}

fn read(format: Format, body: &[u8], otlp_delta: OtlpDelta) -> Result<Read, String> {
    read_at(NOW_MS, format, body, otlp_delta)
}

fn read_at(now_ms: i64, format: Format, body: &[u8], otlp_delta: OtlpDelta) -> Result<Read, String> {
    let rules = Rules {
        // It has no influence.
        escaping: NameEscaping::Reject,
        external_labels: &Labels::default(),
        max_sample_bytes: 100_000,
        grouping: &Vec::new(),
        received_ms: now_ms,
        now_ms,
        max_future: Duration::from_mins(1),
        otlp_delta,
    };
    let read = formats::read(format, &Body::Bytes(body), rules, |content| Ok::<_, Invalid>(plain(content)));
    read.map_err(|reason| reason.to_string())
}

/// Reads a request in protobuf.
fn read_request(request: &ExportMetricsServiceRequest) -> Read {
    read(Format::Otlp, &request.encode_to_vec(), OtlpDelta::Refuse).unwrap()
}

/// Reads metrics of a resource without attributes.
fn read_metrics(metrics: Vec<Metric>) -> Read {
    read_request(&request(&[], metrics))
}

fn plain(content: Content<'_, '_>) -> Read {
    let mut read = Read {
        exemplars: content.exemplars,
        inexact_values: content.inexact_values,
        points: content.points.len(),
        data_points: content.data_points,
        refused: content.refused.into_iter().map(|Refused { points, reason }| (points, reason)).collect(),
        ..Read::default()
    };
    for point in content.points {
        for (name, value) in &point.metrics {
            let bound = value.bound();
            let is_own = |(name, _): &(&str, &str)| bound.is_none_or(|(bound, _)| *name != bound);
            let mut labels: Vec<_> = point.labels.iter().filter(is_own).chain(bound).collect();
            labels.sort_unstable();
            let labels: Vec<_> = labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
            let value = match value.as_float() {
                Some(value) if value.to_bits() == remote_write::STALE_NAN.to_bits() => "stale".to_owned(),
                Some(value) => value.to_string(),
                None => format!("{value:?}"),
            };
            read.samples.push(format!("{}{{{}}} {value}", name.as_str(), labels.join(",")));
            read.timestamps.push(point.timestamp_ms);
            read.starts.push(point.start_ms);
        }
    }
    let metadata = content.metadata.iter();
    read.metadata = metadata
        .map(|family| {
            format!("{:?} {} {:?} {:?}", family.metric_type(), family.family, family.help, family.unit)
        })
        .collect();
    read
}

/// A request of one resource with these attributes.
fn request(attributes: &[(&str, &str)], metrics: Vec<Metric>) -> ExportMetricsServiceRequest {
    ExportMetricsServiceRequest { resource_metrics: vec![resource(attributes, metrics)] }
}

fn resource(attributes: &[(&str, &str)], metrics: Vec<Metric>) -> ResourceMetrics {
    ResourceMetrics {
        resource: Some(Resource { attributes: texts(attributes) }),
        scope_metrics: vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }],
        ..ResourceMetrics::default()
    }
}

fn texts(attributes: &[(&str, &str)]) -> Vec<KeyValue> {
    attributes
        .iter()
        .map(|&(key, value)| attribute(key, any_value::Value::StringValue(value.to_owned())))
        .collect()
}

fn attribute(key: &str, value: any_value::Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }) }
}

fn metric(name: &str, data: Data) -> Metric {
    Metric { name: name.to_owned(), data: Some(data), ..Metric::default() }
}

fn gauge(data_points: Vec<NumberDataPoint>) -> Data {
    Data::Gauge(Gauge { data_points })
}

fn sum(is_monotonic: bool, aggregation_temporality: i32, data_points: Vec<NumberDataPoint>) -> Data {
    Data::Sum(Sum { data_points, aggregation_temporality, is_monotonic })
}

fn histogram(aggregation_temporality: i32, data_points: Vec<HistogramDataPoint>) -> Data {
    Data::Histogram(Histogram { data_points, aggregation_temporality })
}

fn double(value: f64) -> NumberDataPoint {
    NumberDataPoint {
        value: Some(number_data_point::Value::AsDouble(value)),
        time_unix_nano: NOW,
        ..NumberDataPoint::default()
    }
}

fn integer(value: i64) -> NumberDataPoint {
    NumberDataPoint { value: Some(number_data_point::Value::AsInt(value)), ..double(0.0) }
}

/// A gauge of one value.
fn one(name: &str) -> Metric {
    metric(name, gauge(vec![double(1.0)]))
}
