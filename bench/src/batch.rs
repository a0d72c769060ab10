//! The payloads: SQS batches, and pushes at a function URL. They have the same bytes in every run.

use std::fmt;

use bytes::Bytes;
use local_lambda::http::{Kind as HttpKind, Request};
use local_lambda::sqs::{QueueMessage, sqs_event};
use serde_json::{Value, json};

use crate::push::{PUSH_PATH, Push};

const QUEUE_ARN: &str = "arn:aws:sqs:eu-west-1:123456789012:push-gateway-events";

/// Metrics of an event, and so samples of a message.
const METRICS: usize = 2;

/// 14 February 2023, 18:06:57 UTC.
pub(crate) const FIRST_TIMESTAMP_MS: i64 = 1_676_398_017_000;

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

/// The payload of an invocation.
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
        let request = Request::new("POST", push.format.path(), FIRST_TIMESTAMP_MS).body(push.body());
        let headers = push.format.headers().iter();
        let request = headers.fold(request, |request, (name, value)| request.header(*name, *value));
        let payload = HttpKind::FunctionUrl.event(&request).to_string().into();
        // The gateway adds `push_time_seconds` to what has a job in its path.
        let added = usize::from(push.format.path() == PUSH_PATH);
        Self { kind: Kind::Push(push), samples: push.label_sets * METRICS + added, payload }
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

impl fmt::Display for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Sqs(case) => write!(f, "records: {}, label sets: {}", case.records, case.label_sets),
            Kind::Push(push) => write!(f, "push, {}, label sets: {}", push.format.name(), push.label_sets),
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
