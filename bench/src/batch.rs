//! The payloads: SQS batches, and pushes at a function URL. They have the same bytes in every run.

use std::fmt::{self, Write as _};

use bytes::Bytes;
use local_lambda::http::{Kind as HttpKind, Request};
use local_lambda::sqs::{QueueMessage, sqs_event};
use prometheus_proto::client::{Gauge, LabelPair, Metric, MetricFamily, MetricType};
use prost::Message as _;
use serde_json::{Value, json};

const QUEUE_ARN: &str = "arn:aws:sqs:eu-west-1:123456789012:push-gateway-events";

/// The path of a push.
pub(crate) const PUSH_PATH: &str = "/metrics/job/bench";

/// Metrics of an event, and so samples of a message.
const METRICS: usize = 2;

/// 14 February 2023, 18:06:57 UTC.
const FIRST_TIMESTAMP_MS: i64 = 1_676_398_017_000;

/// Time between the events of one label set.
const INTERVAL_MS: i64 = 10_000;

/// SQS writes a few hundred characters of base64. With this many a record has about 1,000 bytes.
const RECEIPT_HANDLE_CHARS: usize = 436;

/// The messages of a batch, each with one event, and the label sets among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) records: usize,
    pub(crate) label_sets: usize,
}

/// As many records as fit into 6 MB: 11,000 samples.
pub(crate) const FULL: Case = Case { records: 5_500, label_sets: 500 };
/// 1,000 samples, the base of the budget for growth.
pub(crate) const SMALLER: Case = Case { records: 500, label_sets: 500 };

/// The measured batches: several sizes, then a full batch with one label set for each event, and with one for all.
pub(crate) const CASES: [Case; 6] = [
    Case { records: 1, label_sets: 1 },
    Case { records: 100, label_sets: 100 },
    SMALLER,
    FULL,
    Case { records: 5_500, label_sets: 5_500 },
    Case { records: 5_500, label_sets: 1 },
];

/// The body of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PushFormat {
    Text,
    OpenMetrics,
    Protobuf,
}

/// A push at a function URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Push {
    pub(crate) format: PushFormat,
    pub(crate) label_sets: usize,
}

/// As many samples as a full batch has.
pub(crate) const FULL_PUSHES: [Push; 3] = [
    Push { format: PushFormat::Text, label_sets: 5_500 },
    Push { format: PushFormat::OpenMetrics, label_sets: 5_500 },
    Push { format: PushFormat::Protobuf, label_sets: 5_500 },
];

/// A push of 50 metrics, as a batch job sends it.
pub(crate) const SMALL_PUSH: Push = Push { format: PushFormat::Text, label_sets: 25 };

/// What an invocation brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqs(Case),
    Push(Push),
}

/// The payload of one invocation.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) kind: Kind,
    pub(crate) samples: usize,
    pub(crate) payload: Bytes,
}

impl Batch {
    pub(crate) fn of(case: Case) -> Self {
        let mut random = fastrand::Rng::with_seed(case.records as u64);
        let mut messages: Vec<_> =
            (0..case.records).map(|number| message(case, number, &mut random)).collect();
        // A standard queue may deliver in any order.
        random.shuffle(&mut messages);
        let payload = with_receipt_handles(&sqs_event(QUEUE_ARN, &messages), &mut random);
        Self { kind: Kind::Sqs(case), samples: case.records * METRICS, payload }
    }

    /// A push in the event of a function URL.
    pub(crate) fn of_push(push: Push) -> Self {
        let request = Request::new("PUT", PUSH_PATH, FIRST_TIMESTAMP_MS)
            .header("content-type", push.format.content_type())
            .body(push.body());
        let payload = HttpKind::FunctionUrl.event(&request).to_string().into();
        // The gateway adds `push_time_seconds`.
        Self { kind: Kind::Push(push), samples: push.label_sets * METRICS + 1, payload }
    }

    pub(crate) fn label_sets(&self) -> usize {
        match self.kind {
            Kind::Sqs(case) => case.label_sets,
            Kind::Push(push) => push.label_sets,
        }
    }

    /// The number of SQS messages; none of a push.
    pub(crate) fn records(&self) -> usize {
        match self.kind {
            Kind::Sqs(case) => case.records,
            Kind::Push(_) => 0,
        }
    }
}

impl PushFormat {
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
            }
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
        }
    }
}

/// A gauge with its value for each customer.
struct Family {
    name: &'static str,
    values: Vec<String>,
}

impl Family {
    fn text(&self) -> String {
        let name = self.name;
        let mut text = format!("# HELP {name} Of the water.\n# TYPE {name} gauge\n");
        for (customer, value) in self.values.iter().enumerate() {
            let _ = writeln!(text, "{name}{{customerId=\"customer{customer}\"}} {value}");
        }
        text
    }

    fn protobuf(&self) -> Vec<u8> {
        let metric = |(customer, value): (usize, &String)| Metric {
            label: vec![LabelPair {
                name: Some("customerId".to_owned()),
                value: Some(format!("customer{customer}")),
            }],
            gauge: Some(Gauge { value: Some(value.parse().expect("a number")) }),
            ..Metric::default()
        };
        let family = MetricFamily {
            name: Some(self.name.to_owned()),
            help: Some("Of the water.".to_owned()),
            r#type: Some(MetricType::Gauge.into()),
            metric: self.values.iter().enumerate().map(metric).collect(),
            ..MetricFamily::default()
        };
        family.encode_length_delimited_to_vec()
    }
}

impl fmt::Display for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Sqs(case) => write!(f, "records: {}, label sets: {}", case.records, case.label_sets),
            Kind::Push(push) => write!(f, "push, {:?}, label sets: {}", push.format, push.label_sets),
        }
    }
}

/// The event of the README.
fn message(case: Case, number: usize, random: &mut fastrand::Rng) -> QueueMessage {
    let round = i64::try_from(number / case.label_sets).expect("a batch has a few thousand records");
    let timestamp = FIRST_TIMESTAMP_MS + round * INTERVAL_MS + random.i64(0..1_000);
    let body = json!({
        "dimensions": { "customerId": format!("customer{}", number % case.label_sets) },
        "timestamp": timestamp,
        "metrics": {
            "temperature": format!("{:.2}", 14.0 + 4.0 * random.f64()),
            "ph": format!("{:.2}", 6.5 + random.f64()),
        },
    });
    QueueMessage::new(number as u64, body.to_string(), timestamp)
}

/// Replaces the short receipt handles of the local stack: real ones are a third of the payload.
fn with_receipt_handles(payload: &Bytes, random: &mut fastrand::Rng) -> Bytes {
    let mut event: Value = serde_json::from_slice(payload).expect("the batch is JSON");
    let records = event["Records"].as_array_mut().expect("the batch has records");
    for record in records {
        let handle: String = (0..RECEIPT_HANDLE_CHARS).map(|_| random.alphanumeric()).collect();
        record["receiptHandle"] = format!("AQEB{handle}==").into();
    }
    event.to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_batch_has_5_5_mb_and_the_same_bytes_each_time() {
        let batch = Batch::of(FULL);
        assert_eq!(batch.samples, 11_000);
        assert!((5_400_000..5_600_000).contains(&batch.payload.len()), "{} bytes", batch.payload.len());
        assert_eq!(batch.payload, Batch::of(FULL).payload);
    }
}
