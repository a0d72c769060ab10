//! Batches: a number of records and a shape → the payload of one invocation by SQS, the same bytes in every run.
//!
//! The events are those of the README: one dimension, two metrics. Records come shuffled, as a standard queue may
//! deliver them.

use bytes::Bytes;
use local_lambda::sqs::{QueueMessage, sqs_event};
use serde_json::{Value, json};

const QUEUE_ARN: &str = "arn:aws:sqs:eu-west-1:123456789012:push-gateway-events";

/// Records in a batch as full as 6 MB allow: 11,000 samples.
pub(crate) const FULL: usize = 5_500;
/// Records in a batch of 1,000 samples, by which growth is told.
pub(crate) const SMALLER: usize = 500;

/// Metrics in an event.
pub(crate) const METRICS: usize = 2;

/// 14 February 2023, 18:06:57 UTC. The receiver takes any time.
const FIRST_TIMESTAMP_MS: i64 = 1_676_398_017_000;

/// How far the events of one customer are apart.
const INTERVAL_MS: i64 = 10_000;

/// SQS writes a few hundred characters of base64; with so many a record of the batch has about 1,000 bytes.
const RECEIPT_HANDLE_CHARS: usize = 436;

/// What the events of a batch have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Values as strings with two decimals, 500 label sets: eleven samples for each series of a full batch.
    Usual,
    /// The same with values as JSON numbers.
    Numbers,
    /// Ten label sets.
    FewSeries,
    /// A label set for each event.
    ManySeries,
    /// One label set for all.
    HotSeries,
}

impl Shape {
    /// What it is called in the tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Usual => "strings, 500 label sets",
            Self::Numbers => "numbers, 500 label sets",
            Self::FewSeries => "strings, 10 label sets",
            Self::ManySeries => "strings, a label set for each event",
            Self::HotSeries => "strings, one label set",
        }
    }

    /// How many label sets there are at most.
    fn label_sets(self, records: usize) -> usize {
        match self {
            Self::Usual | Self::Numbers => 500,
            Self::FewSeries => 10,
            Self::ManySeries => records,
            Self::HotSeries => 1,
        }
    }
}

/// The payload of one invocation.
#[derive(Debug)]
pub(crate) struct Batch {
    /// What its events have in common.
    pub(crate) shape: Shape,
    /// SQS messages in it, of one event each.
    pub(crate) records: usize,
    /// Samples that they hold.
    pub(crate) samples: usize,
    /// The bytes that the function is given.
    pub(crate) payload: Bytes,
}

impl Batch {
    /// A batch of `records` messages.
    pub(crate) fn of(shape: Shape, records: usize) -> Self {
        let mut random = fastrand::Rng::with_seed(records as u64);
        let label_sets = shape.label_sets(records);
        let mut messages: Vec<_> =
            (0..records).map(|number| message(shape, label_sets, number, &mut random)).collect();
        random.shuffle(&mut messages);
        let payload = with_receipt_handles(&sqs_event(QUEUE_ARN, &messages), &mut random);
        Self { shape, records, samples: records * METRICS, payload }
    }
}

fn message(shape: Shape, label_sets: usize, number: usize, random: &mut fastrand::Rng) -> QueueMessage {
    let round = i64::try_from(number / label_sets).expect("a batch has a few thousand records");
    let timestamp = FIRST_TIMESTAMP_MS + round * INTERVAL_MS + random.i64(0..1_000);
    let body = json!({
        "dimensions": { "customerId": format!("customer{}", number % label_sets) },
        "timestamp": timestamp,
        "metrics": {
            "temperature": value(shape, 14.0 + 4.0 * random.f64()),
            "ph": value(shape, 6.5 + random.f64()),
        },
    });
    QueueMessage::new(number as u64, body.to_string(), timestamp)
}

/// Two decimals in either form.
fn value(shape: Shape, value: f64) -> Value {
    match shape {
        Shape::Numbers => ((value * 100.0).round() / 100.0).into(),
        _ => format!("{value:.2}").into(),
    }
}

/// The local stack's receipt handles are short; real ones are a third of what a function is handed.
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
    fn a_full_batch_is_as_the_budget_describes_it() {
        let batch = Batch::of(Shape::Usual, 5_500);
        assert_eq!((batch.records, batch.samples), (5_500, 11_000));
        assert!((5_400_000..5_600_000).contains(&batch.payload.len()), "{} bytes", batch.payload.len());
    }

    #[test]
    fn the_same_batch_has_the_same_bytes() {
        let batch = || Batch::of(Shape::Usual, 100).payload;
        assert_eq!(batch(), batch());
    }

    #[test]
    fn a_shape_decides_how_many_label_sets_there_are() {
        let customers = |shape| {
            let payload: Value = serde_json::from_slice(&Batch::of(shape, 600).payload).expect("JSON");
            let records = payload["Records"].as_array().expect("records").clone();
            let body =
                |record: Value| serde_json::from_str(record["body"].as_str().expect("text")).expect("JSON");
            let customer = |event: Value| event["dimensions"]["customerId"].to_string();
            records.into_iter().map(body).map(customer).collect::<std::collections::HashSet<_>>().len()
        };
        let shapes = [Shape::Usual, Shape::FewSeries, Shape::ManySeries, Shape::HotSeries];
        assert_eq!(shapes.map(customers), [500, 10, 600, 1]);
    }
}
