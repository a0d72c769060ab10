//! Batches: a number of records → the payload of one invocation by SQS, the same bytes in every run.
//!
//! The events are those of the README: one dimension, two metrics as strings with a decimal point. Up to
//! [`CUSTOMERS`] label sets, so that a full batch has eleven samples for each of its thousand series. Records come
//! shuffled, as a standard queue may deliver them.

use bytes::Bytes;
use push_gateway_local::sqs::{QueueMessage, sqs_event};
use serde_json::{Value, json};

const QUEUE_ARN: &str = "arn:aws:sqs:eu-west-1:123456789012:push-gateway-events";

/// How many label sets there are at most.
const CUSTOMERS: usize = 500;

/// Metrics in an event.
const METRICS: usize = 2;

/// 14 February 2023, 18:06:57 UTC. The receiver takes any time.
const FIRST_TIMESTAMP_MS: i64 = 1_676_398_017_000;

/// How far the events of one customer are apart.
const INTERVAL_MS: i64 = 10_000;

/// SQS writes a few hundred characters of base64; with so many a record of the batch has about 1,000 bytes.
const RECEIPT_HANDLE_CHARS: usize = 436;

/// The payload of one invocation.
#[derive(Debug)]
pub(crate) struct Batch {
    /// SQS messages in it, of one event each.
    pub(crate) records: usize,
    /// Samples that they hold.
    pub(crate) samples: usize,
    /// The bytes that the function is given.
    pub(crate) payload: Bytes,
}

impl Batch {
    /// A batch of `records` messages.
    pub(crate) fn of(records: usize) -> Self {
        let mut random = fastrand::Rng::with_seed(records as u64);
        let mut messages: Vec<_> = (0..records).map(|number| message(number, &mut random)).collect();
        random.shuffle(&mut messages);
        let payload = with_receipt_handles(&sqs_event(QUEUE_ARN, &messages), &mut random);
        Self { records, samples: records * METRICS, payload }
    }
}

fn message(number: usize, random: &mut fastrand::Rng) -> QueueMessage {
    let round = i64::try_from(number / CUSTOMERS).expect("a batch has a few thousand records");
    let timestamp = FIRST_TIMESTAMP_MS + round * INTERVAL_MS + random.i64(0..1_000);
    let body = json!({
        "dimensions": { "customerId": format!("customer{}", number % CUSTOMERS) },
        "timestamp": timestamp,
        "metrics": {
            "temperature": format!("{:.2}", 14.0 + 4.0 * random.f64()),
            "ph": format!("{:.2}", 6.5 + random.f64()),
        },
    });
    QueueMessage::new(number as u64, body.to_string(), timestamp)
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
        let batch = Batch::of(5_500);
        assert_eq!((batch.records, batch.samples), (5_500, 11_000));
        assert!((5_400_000..5_600_000).contains(&batch.payload.len()), "{} bytes", batch.payload.len());
    }

    #[test]
    fn the_same_batch_has_the_same_bytes() {
        assert_eq!(Batch::of(100).payload, Batch::of(100).payload);
    }
}
