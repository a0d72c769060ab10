//! Events as bodies of every format, read as the gateway reads them.
//!
//! A unit is what is delivered or rejected as a whole: an event in JSON, the samples of a label set in an exposition, a data
//! point in OTLP, and a single sample in remote write.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::time::Duration;

use formats::{Body, Format, Invalid, OtlpDelta, Rules};
use prometheus_proto::client::{self, MetricFamily, MetricType};
use prometheus_proto::histogram::{Count, ZeroCount};
use prometheus_proto::otlp::{
    AggregationTemporality, ExponentialHistogram, ExponentialHistogramDataPoint, ExportMetricsServiceRequest,
    Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, metric,
    number_data_point,
};
use prometheus_proto::{Label, Sample, TimeSeries, WriteRequest, v2};
use proptest::prelude::*;
use prost::Message as _;
use remote_write::{Labels, NameEscaping, Series, SeriesBuilder};
use serde_json::{Value, json};

/// An event: a timestamp, and the values of some of the metrics `a` to `e`. Metric `d` is a classic histogram, `e` a native
/// one, except in text.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) timestamp_ms: i64,
    pub(crate) values: BTreeMap<char, i32>,
}

/// The events of an invocation, each as a body of one format.
#[derive(Clone, Debug)]
pub(crate) struct Events {
    pub(crate) format: Format,
    pub(crate) events: Vec<Event>,
}

/// The samples that have one outcome.
#[derive(Debug)]
pub(crate) struct Unit {
    pub(crate) timestamp_ms: i64,
    /// The values by series, as [`series_name`] names it.
    pub(crate) values: BTreeMap<String, i32>,
}

const BUCKETS: [&str; 2] = ["1", "+Inf"];

impl Events {
    /// Events in JSON.
    pub(crate) fn json(events: impl IntoIterator<Item = Event>) -> Self {
        Self { format: Format::Event, events: events.into_iter().collect() }
    }

    /// The units in the order of their origins.
    pub(crate) fn units(&self) -> Vec<Unit> {
        self.events.iter().flat_map(|event| self.units_of(event)).collect()
    }

    fn units_of(&self, event: &Event) -> Vec<Unit> {
        let of_metrics = event.values.iter().map(|(&metric, &value)| series(metric, value));
        let values: Vec<BTreeMap<String, i32>> = match self.format {
            Format::Event | Format::Text | Format::OpenMetrics | Format::Protobuf => {
                vec![of_metrics.flatten().collect()]
            }
            Format::RemoteWrite1 | Format::RemoteWrite2 => {
                of_metrics.flatten().map(|one| BTreeMap::from([one])).collect()
            }
            Format::Otlp | Format::OtlpJson => {
                of_metrics.map(|of_metric| of_metric.into_iter().collect()).collect()
            }
        };
        values.into_iter().map(|values| Unit { timestamp_ms: event.timestamp_ms, values }).collect()
    }

    /// The series, the record of each unit, and the records that have parts.
    pub(crate) fn read(&self) -> (Series, Vec<u32>, HashSet<u32>) {
        let rules = Rules {
            escaping: NameEscaping::Reject,
            external_labels: &Labels::default(),
            max_sample_bytes: 100_000,
            grouping: &Vec::new(),
            received_ms: 0,
            now_ms: 0,
            max_future: Duration::from_hours(24),
            otlp_delta: OtlpDelta::Refuse,
        };
        let (mut builder, mut record_of) = (SeriesBuilder::default(), Vec::new());
        for event in &self.events {
            let body = self.body(event);
            let origins = formats::read(self.format, &Body::Bytes(&body), rules, |content| {
                assert_eq!(content.refused, []);
                let origins = if self.format.is_remote_write() {
                    builder.add_each(content.points, |at, _| panic!("{at} collides"))
                } else {
                    builder.add(content.points).map_err(|(_, reason)| reason)
                };
                Ok::<_, Invalid>(origins.expect("few labels"))
            });
            let origins = origins.unwrap_or_else(|reason| panic!("{reason}: {event:?}"));
            assert_eq!(origins.len(), self.units_of(event).len(), "{:?} {event:?}", self.format);
            record_of.extend(std::iter::repeat_n(origins.start, origins.len()));
        }
        let has_parts = self.format.is_otlp() || self.format.is_remote_write();
        let with_parts = record_of.iter().copied().filter(|_| has_parts).collect();
        (builder.group(), record_of, with_parts)
    }

    fn body(&self, event: &Event) -> Vec<u8> {
        match self.format {
            Format::Event => json_event(event).to_string().into_bytes(),
            Format::Text => text(event, |ms| ms.to_string()).into_bytes(),
            Format::OpenMetrics => {
                let seconds = |ms: i64| format!("{}.{:03}", ms / 1_000, ms % 1_000);
                (text(event, seconds) + "# EOF\n").into_bytes()
            }
            Format::Protobuf => exposition(event),
            Format::Otlp => otlp(event).encode_to_vec(),
            Format::OtlpJson => otlp_json(event).to_string().into_bytes(),
            Format::RemoteWrite1 => remote_write(event).encode_to_vec(),
            Format::RemoteWrite2 => remote_write_2(&remote_write(event)).encode_to_vec(),
        }
    }
}

/// The value of a histogram's sum, which differs from its count, so that a receiver may reject one without the other.
fn sum(value: i32) -> i32 {
    (value + 1) % 40
}

/// The series of a metric with their values.
fn series(metric: char, value: i32) -> Vec<(String, i32)> {
    let name = |suffix: &str| format!("{metric}{suffix}");
    match metric {
        'd' => {
            let mut all: Vec<_> =
                BUCKETS.iter().map(|le| (series_name(&name("_bucket"), Some(le)), value)).collect();
            all.extend([(name("_sum"), sum(value)), (name("_count"), value)]);
            all
        }
        _ => vec![(name(""), value)],
    }
}

/// The name of a series: that of its metric, with the bound of a bucket.
pub(crate) fn series_name(metric: &str, le: Option<&str>) -> String {
    le.map_or_else(|| metric.to_owned(), |le| format!("{metric} {le}"))
}

fn count(value: i32) -> u64 {
    u64::try_from(value).expect("no value is negative")
}

fn json_event(event: &Event) -> Value {
    let metric = |(&metric, &value): (&char, &i32)| {
        let json = match metric {
            'd' => json!({"count": value, "sum": sum(value), "buckets": {"1": value, "+Inf": value}}),
            'e' => json!({"count": value, "sum": value, "schema": 3, "zero_count": value}),
            _ => json!(value),
        };
        (metric.to_string(), json)
    };
    let metrics: serde_json::Map<_, _> = event.values.iter().map(metric).collect();
    json!({"dimensions": {}, "timestamp": event.timestamp_ms, "metrics": metrics})
}

fn text(event: &Event, timestamp: impl Fn(i64) -> String) -> String {
    let at = timestamp(event.timestamp_ms);
    let mut text = String::new();
    for (&metric, &value) in &event.values {
        let _ = match metric {
            'd' => {
                let bucket = |le| format!("d_bucket{{le=\"{le}\"}} {value} {at}\n");
                let [first, last] = BUCKETS.map(bucket);
                let sum = sum(value);
                write!(text, "# TYPE d histogram\n{first}{last}d_sum {sum} {at}\nd_count {value} {at}\n")
            }
            _ => writeln!(text, "{metric} {value} {at}"),
        };
    }
    text
}

fn exposition(event: &Event) -> Vec<u8> {
    let family = |(&name, &value): (&char, &i32)| {
        let float = f64::from(value);
        let mut metric =
            client::Metric { timestamp_ms: Some(event.timestamp_ms), ..client::Metric::default() };
        let histogram =
            client::Histogram { sample_count: Some(count(value)), ..client::Histogram::default() };
        let kind = match name {
            'd' => {
                let bound = |bound| client::Bucket {
                    cumulative_count: Some(count(value)),
                    upper_bound: Some(bound),
                    ..client::Bucket::default()
                };
                metric.histogram = Some(client::Histogram {
                    sample_sum: Some(sum(value).into()),
                    bucket: vec![bound(1.0), bound(f64::INFINITY)],
                    ..histogram
                });
                MetricType::Histogram
            }
            'e' => {
                metric.histogram = Some(client::Histogram {
                    sample_sum: Some(float),
                    schema: Some(3),
                    zero_threshold: Some(0.5),
                    zero_count: Some(count(value)),
                    ..histogram
                });
                MetricType::Histogram
            }
            _ => {
                metric.gauge = Some(client::Gauge { value: Some(float) });
                MetricType::Gauge
            }
        };
        MetricFamily {
            name: Some(name.to_string()),
            r#type: Some(kind.into()),
            metric: vec![metric],
            ..MetricFamily::default()
        }
    };
    event.values.iter().flat_map(|value| family(value).encode_length_delimited_to_vec()).collect()
}

fn nanoseconds(event: &Event) -> u64 {
    event.timestamp_ms.unsigned_abs() * 1_000_000
}

fn otlp(event: &Event) -> ExportMetricsServiceRequest {
    let time_unix_nano = nanoseconds(event);
    let aggregation_temporality = AggregationTemporality::Cumulative.into();
    let metric = |(&name, &value): (&char, &i32)| {
        let data = match name {
            'd' => metric::Data::Histogram(Histogram {
                data_points: vec![HistogramDataPoint {
                    time_unix_nano,
                    count: count(value),
                    sum: Some(sum(value).into()),
                    bucket_counts: vec![count(value), 0],
                    explicit_bounds: vec![1.0],
                    ..HistogramDataPoint::default()
                }],
                aggregation_temporality,
            }),
            'e' => metric::Data::ExponentialHistogram(ExponentialHistogram {
                data_points: vec![ExponentialHistogramDataPoint {
                    time_unix_nano,
                    count: count(value),
                    sum: Some(value.into()),
                    scale: 3,
                    zero_count: count(value),
                    ..ExponentialHistogramDataPoint::default()
                }],
                aggregation_temporality,
            }),
            _ => metric::Data::Gauge(Gauge {
                data_points: vec![NumberDataPoint {
                    time_unix_nano,
                    value: Some(number_data_point::Value::AsInt(value.into())),
                    ..NumberDataPoint::default()
                }],
            }),
        };
        Metric { name: name.to_string(), data: Some(data), ..Metric::default() }
    };
    let metrics = event.values.iter().map(metric).collect();
    let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
    let resource_metrics = vec![ResourceMetrics { scope_metrics, ..ResourceMetrics::default() }];
    ExportMetricsServiceRequest { resource_metrics }
}

fn otlp_json(event: &Event) -> Value {
    let time = nanoseconds(event).to_string();
    let cumulative = i32::from(AggregationTemporality::Cumulative);
    let metric = |(&name, &value): (&char, &i32)| {
        let count = value.to_string();
        let name = name.to_string();
        match &*name {
            "d" => json!({"name": name, "histogram": {"aggregationTemporality": cumulative, "dataPoints": [{
                "timeUnixNano": time, "count": count, "sum": sum(value), "bucketCounts": [count, "0"],
                "explicitBounds": [1],
            }]}}),
            "e" => {
                json!({"name": name, "exponentialHistogram": {"aggregationTemporality": cumulative, "dataPoints": [{
                    "timeUnixNano": time, "count": count, "sum": value, "scale": 3, "zeroCount": count,
                }]}})
            }
            _ => json!({"name": name, "gauge": {"dataPoints": [{"timeUnixNano": time, "asInt": count}]}}),
        }
    };
    let metrics: Vec<_> = event.values.iter().map(metric).collect();
    json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]})
}

fn remote_write(event: &Event) -> WriteRequest {
    let one = |(series, value): (String, i32)| {
        let label = |name: &str, value: &str| Label { name: name.to_owned(), value: value.to_owned() };
        let (name, le) = series.split_once(' ').map_or((&*series, None), |(name, le)| (name, Some(le)));
        let mut labels = vec![label("__name__", name)];
        labels.extend(le.map(|le| label("le", le)));
        let timestamp = event.timestamp_ms;
        if name == "e" {
            let histogram = prometheus_proto::Histogram {
                sum: value.into(),
                schema: 3,
                zero_threshold: 0.5,
                timestamp,
                count: Some(Count::CountInt(count(value))),
                zero_count: Some(ZeroCount::ZeroCountInt(count(value))),
                ..prometheus_proto::Histogram::default()
            };
            return TimeSeries { labels, samples: vec![], histograms: vec![histogram] };
        }
        TimeSeries { labels, samples: vec![Sample { value: value.into(), timestamp }], histograms: vec![] }
    };
    let all = event.values.iter().flat_map(|(&metric, &value)| series(metric, value));
    WriteRequest { timeseries: all.map(one).collect(), metadata: vec![] }
}

fn remote_write_2(request: &WriteRequest) -> v2::Request {
    let mut symbols = vec![String::new()];
    let one = |one: &TimeSeries| {
        let mut labels_refs = Vec::new();
        for text in one.labels.iter().flat_map(|label| [&label.name, &label.value]) {
            labels_refs.push(u32::try_from(symbols.len()).expect("few symbols"));
            symbols.push(text.clone());
        }
        // The numbers of the fields are the same.
        let sample = |one: &Sample| v2::Sample::decode(&*one.encode_to_vec()).expect("a sample");
        let histogram = |one: &prometheus_proto::Histogram| {
            v2::Histogram::decode(&*one.encode_to_vec()).expect("a histogram")
        };
        v2::TimeSeries {
            labels_refs,
            samples: one.samples.iter().map(sample).collect(),
            histograms: one.histograms.iter().map(histogram).collect(),
            ..v2::TimeSeries::default()
        }
    };
    let timeseries = request.timeseries.iter().map(one).collect();
    v2::Request { symbols, timeseries }
}

/// Events of any format, `tick_ms` apart or at the same time.
pub(crate) fn events(max: usize, tick_ms: i64) -> impl Strategy<Value = Events> {
    let values = prop::collection::btree_map(prop::char::range('a', 'e'), 0..40i32, 1..4);
    // In OTLP, 0 is an unknown time.
    let event =
        (1..31i64, values).prop_map(move |(tick, values)| Event { timestamp_ms: tick * tick_ms, values });
    let formats = [
        Format::Event,
        Format::Text,
        Format::OpenMetrics,
        Format::Protobuf,
        Format::Otlp,
        Format::OtlpJson,
        Format::RemoteWrite1,
        Format::RemoteWrite2,
    ];
    (prop::sample::select(formats.to_vec()), prop::collection::vec(event, 1..max))
        .prop_map(|(format, events)| Events { format, events })
}
