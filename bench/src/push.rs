//! The bodies of pushes: the same samples in every format that a function URL takes.

use std::fmt::Write as _;

use prometheus_proto::client::{self, LabelPair, MetricFamily};
use prometheus_proto::metric_metadata::MetricType;
use prometheus_proto::otlp::{
    AnyValue, ExportMetricsServiceRequest, Gauge, KeyValue, Metric, NumberDataPoint, ResourceMetrics,
    ScopeMetrics, any_value, metric, number_data_point,
};
use prometheus_proto::{Label, MetricMetadata, Sample, TimeSeries, WriteRequest, v2};
use prost::Message as _;
use serde_json::json;

use crate::batch::FIRST_TIMESTAMP_MS;

/// The path of an exposition.
pub(crate) const PUSH_PATH: &str = "/metrics/job/bench";

const HELP: &str = "Of the water.";

/// The body of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PushFormat {
    Text,
    OpenMetrics,
    Protobuf,
    Otlp,
    OtlpJson,
    RemoteWrite1,
    RemoteWrite2,
}

/// A push at a function URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Push {
    pub(crate) format: PushFormat,
    pub(crate) label_sets: usize,
}

/// As many samples as a full batch has.
pub(crate) const FULL_PUSHES: [Push; 7] = [
    full(PushFormat::Text),
    full(PushFormat::OpenMetrics),
    full(PushFormat::Protobuf),
    full(PushFormat::Otlp),
    full(PushFormat::OtlpJson),
    full(PushFormat::RemoteWrite1),
    full(PushFormat::RemoteWrite2),
];

const fn full(format: PushFormat) -> Push {
    Push { format, label_sets: 5_500 }
}

/// A push of 50 metrics, as a batch job sends it.
pub(crate) const SMALL_PUSH: Push = Push { format: PushFormat::Text, label_sets: 25 };

impl PushFormat {
    /// The name in tables and budgets.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Text => "text exposition",
            Self::OpenMetrics => "OpenMetrics",
            Self::Protobuf => "protobuf exposition",
            Self::Otlp => "OTLP protobuf",
            Self::OtlpJson => "OTLP JSON",
            Self::RemoteWrite1 => "remote write 1.0",
            Self::RemoteWrite2 => "remote write 2.0",
        }
    }

    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Text | Self::OpenMetrics | Self::Protobuf => PUSH_PATH,
            Self::Otlp | Self::OtlpJson => "/v1/metrics",
            Self::RemoteWrite1 | Self::RemoteWrite2 => "/api/v1/write",
        }
    }

    pub(crate) fn headers(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Text => &[("content-type", "text/plain; version=0.0.4; charset=utf-8")],
            Self::OpenMetrics => {
                &[("content-type", "application/openmetrics-text; version=1.0.0; charset=utf-8")]
            }
            Self::Protobuf => &[(
                "content-type",
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
            )],
            Self::Otlp => &[("content-type", "application/x-protobuf")],
            Self::OtlpJson => &[("content-type", "application/json")],
            Self::RemoteWrite1 => &[
                ("content-type", "application/x-protobuf"),
                ("content-encoding", "snappy"),
                ("x-prometheus-remote-write-version", "0.1.0"),
            ],
            Self::RemoteWrite2 => &[
                ("content-type", "application/x-protobuf;proto=io.prometheus.write.v2.Request"),
                ("content-encoding", "snappy"),
                ("x-prometheus-remote-write-version", "2.0.0"),
            ],
        }
    }
}

impl Push {
    /// Two gauges with the values of an SQS batch, once for each customer.
    pub(crate) fn body(self) -> Vec<u8> {
        let mut random = fastrand::Rng::with_seed(self.label_sets as u64);
        let families = ["temperature", "ph"].map(|name| Family {
            name,
            values: (0..self.label_sets).map(|_| format!("{:.2}", 6.5 + 11.5 * random.f64())).collect(),
        });
        match self.format {
            PushFormat::Text => families.iter().map(Family::text).collect::<String>().into_bytes(),
            PushFormat::OpenMetrics => {
                format!("{}# EOF\n", families.iter().map(Family::text).collect::<String>()).into_bytes()
            }
            PushFormat::Protobuf => families.iter().flat_map(Family::protobuf).collect(),
            PushFormat::Otlp => {
                let metrics = families.iter().map(Family::otlp).collect();
                let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
                let resource_metrics = vec![ResourceMetrics { scope_metrics, ..ResourceMetrics::default() }];
                ExportMetricsServiceRequest { resource_metrics }.encode_to_vec()
            }
            PushFormat::OtlpJson => {
                let metrics: Vec<_> = families.iter().map(Family::otlp_json).collect();
                json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]})
                    .to_string()
                    .into_bytes()
            }
            PushFormat::RemoteWrite1 => snappy(&write_request(&families).encode_to_vec()),
            PushFormat::RemoteWrite2 => snappy(&version_2(&families).encode_to_vec()),
        }
    }
}

fn snappy(message: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(message).expect("a message below 4 GB")
}

/// A gauge with its value for each customer.
struct Family {
    name: &'static str,
    values: Vec<String>,
}

impl Family {
    /// Each customer with its value.
    fn customers(&self) -> impl Iterator<Item = (String, f64)> {
        let values = self.values.iter().enumerate();
        values.map(|(at, value)| (format!("customer{at}"), value.parse().expect("a number")))
    }

    fn text(&self) -> String {
        let name = self.name;
        let mut text = format!("# HELP {name} {HELP}\n# TYPE {name} gauge\n");
        for (customer, value) in self.values.iter().enumerate() {
            let _ = writeln!(text, "{name}{{customerId=\"customer{customer}\"}} {value}");
        }
        text
    }

    fn protobuf(&self) -> Vec<u8> {
        let metric = |(customer, value)| client::Metric {
            label: vec![LabelPair { name: Some("customerId".to_owned()), value: Some(customer) }],
            gauge: Some(client::Gauge { value: Some(value) }),
            ..client::Metric::default()
        };
        let family = MetricFamily {
            name: Some(self.name.to_owned()),
            help: Some(HELP.to_owned()),
            r#type: Some(client::MetricType::Gauge.into()),
            metric: self.customers().map(metric).collect(),
            ..MetricFamily::default()
        };
        family.encode_length_delimited_to_vec()
    }

    fn otlp(&self) -> Metric {
        let point = |(customer, value)| {
            let customer = AnyValue { value: Some(any_value::Value::StringValue(customer)) };
            NumberDataPoint {
                attributes: vec![KeyValue { key: "customerId".to_owned(), value: Some(customer) }],
                time_unix_nano: FIRST_TIMESTAMP_MS.unsigned_abs() * 1_000_000,
                value: Some(number_data_point::Value::AsDouble(value)),
                ..NumberDataPoint::default()
            }
        };
        Metric {
            name: self.name.to_owned(),
            description: HELP.to_owned(),
            data: Some(metric::Data::Gauge(Gauge { data_points: self.customers().map(point).collect() })),
            ..Metric::default()
        }
    }

    fn otlp_json(&self) -> serde_json::Value {
        let point = |(customer, value): (String, f64)| {
            json!({
                "attributes": [{"key": "customerId", "value": {"stringValue": customer}}],
                "timeUnixNano": format!("{FIRST_TIMESTAMP_MS}000000"),
                "asDouble": value,
            })
        };
        let points: Vec<_> = self.customers().map(point).collect();
        json!({"name": self.name, "description": HELP, "gauge": {"dataPoints": points}})
    }
}

fn write_request(families: &[Family]) -> WriteRequest {
    let label = |name: &str, value: &str| Label { name: name.to_owned(), value: value.to_owned() };
    let series = |family: &Family| {
        let name = family.name;
        let one = move |(customer, value): (String, f64)| TimeSeries {
            labels: vec![label("__name__", name), label("customerId", &customer)],
            samples: vec![Sample { value, timestamp: FIRST_TIMESTAMP_MS }],
            histograms: vec![],
        };
        family.customers().map(one).collect::<Vec<_>>()
    };
    let metadata = |family: &Family| MetricMetadata {
        r#type: MetricType::Gauge.into(),
        metric_family_name: family.name.to_owned(),
        help: HELP.to_owned(),
        unit: String::new(),
    };
    WriteRequest {
        timeseries: families.iter().flat_map(series).collect(),
        metadata: families.iter().map(metadata).collect(),
    }
}

fn version_2(families: &[Family]) -> v2::Request {
    const NAMES: [&str; 4] = ["", "__name__", "customerId", HELP];
    let mut symbols = NAMES.map(str::to_owned).to_vec();
    let mut intern = |text: String| {
        symbols.push(text);
        u32::try_from(symbols.len() - 1).expect("few symbols")
    };
    let first = NAMES.len();
    let customers = families.first().map_or(0, |family| family.values.len());
    for customer in 0..customers {
        intern(format!("customer{customer}"));
    }
    let mut timeseries = Vec::new();
    for family in families {
        let name = intern(family.name.to_owned());
        for (at, (_, value)) in family.customers().enumerate() {
            let customer = u32::try_from(first + at).expect("few symbols");
            timeseries.push(v2::TimeSeries {
                labels_refs: vec![1, name, 2, customer],
                samples: vec![v2::Sample { value, timestamp: FIRST_TIMESTAMP_MS, start_timestamp: 0 }],
                metadata: Some(v2::Metadata { r#type: MetricType::Gauge.into(), help_ref: 3, unit_ref: 0 }),
                ..v2::TimeSeries::default()
            });
        }
    }
    v2::Request { symbols, timeseries }
}
