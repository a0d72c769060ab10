//! Payloads of the SQS event source mapping, from message bodies and without a queue.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bytes::Bytes;
use md5::{Digest as _, Md5};
use serde_json::{Value, json};

use super::record::{AttributeValue, MessageAttribute, Record};

/// One message in a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueMessage {
    /// Its id.
    pub message_id: String,
    /// Its body.
    pub body: String,
    /// How often it was received, including this time.
    pub receive_count: u32,
    /// When it was sent, in milliseconds since the epoch.
    pub sent_at_ms: i64,
    /// Its message attributes; all are strings.
    pub attributes: Vec<(String, String)>,
    /// Its place in a FIFO queue.
    pub fifo: Option<Fifo>,
}

/// A message's place in a FIFO queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fifo {
    /// The group within which the order holds.
    pub group: String,
    /// The position in the order.
    pub sequence: u64,
}

impl QueueMessage {
    /// Message `number`, received for the first time; ids differ by number.
    pub fn new(number: u64, body: impl Into<String>, sent_at_ms: i64) -> Self {
        let hash = md5_hex(&number.to_le_bytes());
        let message_id =
            format!("{}-{}-4{}-8{}-{}", &hash[..8], &hash[8..12], &hash[13..16], &hash[17..20], &hash[20..]);
        let (attributes, fifo) = (Vec::new(), None);
        Self { message_id, body: body.into(), receive_count: 1, sent_at_ms, attributes, fifo }
    }

    /// Puts it into a group of a FIFO queue.
    #[must_use]
    pub fn in_group(mut self, group: &str, sequence: u64) -> Self {
        self.fifo = Some(Fifo { group: group.to_owned(), sequence });
        self
    }

    /// The message as SQS returns it.
    fn to_record(&self) -> Record {
        let mut attributes = BTreeMap::new();
        let mut set = |name: &str, value: String| drop(attributes.insert(name.to_owned(), value));
        set("ApproximateReceiveCount", self.receive_count.to_string());
        set("SentTimestamp", self.sent_at_ms.to_string());
        set("SenderId", "AIDALOCAL".to_owned());
        set("ApproximateFirstReceiveTimestamp", (self.sent_at_ms + 5).to_string());
        if let Some(Fifo { group, sequence }) = &self.fifo {
            // SQS numbers the messages of a FIFO queue with 20 digits.
            set("SequenceNumber", format!("{sequence:020}"));
            set("MessageGroupId", group.clone());
            set("MessageDeduplicationId", self.message_id.clone());
        }
        let text = |value: &String| MessageAttribute {
            data_type: "String".to_owned(),
            value: AttributeValue::Text(value.clone()),
        };
        Record {
            message_id: self.message_id.clone(),
            receipt_handle: format!("receipt-{}-{}", self.message_id, self.receive_count),
            body: self.body.clone(),
            md5_of_body: md5_hex(self.body.as_bytes()),
            attributes,
            message_attributes: self
                .attributes
                .iter()
                .map(|(name, value)| (name.clone(), text(value)))
                .collect(),
            md5_of_message_attributes: None,
        }
    }
}

/// The payload for a batch of messages of one queue.
///
/// # Panics
/// If `queue_arn` has no region in its fourth part.
pub fn sqs_event(queue_arn: &str, messages: &[QueueMessage]) -> Bytes {
    let region = queue_arn.split(':').nth(3).expect("a queue's ARN is arn:aws:sqs:<region>:<account>:<name>");
    let records: Vec<Value> =
        messages.iter().map(|message| message.to_record().to_json(queue_arn, region)).collect();
    json!({ "Records": records }).to_string().into()
}

fn md5_hex(bytes: &[u8]) -> String {
    Md5::digest(bytes).iter().fold(String::with_capacity(32), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUEUE: &str = "arn:aws:sqs:eu-west-1:123456789012:events";

    fn only_record(message: QueueMessage) -> Value {
        let event: Value = serde_json::from_slice(&sqs_event(QUEUE, &[message])).expect("valid JSON");
        event["Records"][0].clone()
    }

    /// Lambda Developer Guide, "Using Lambda with SQS": example of a standard queue's message event.
    #[test]
    fn a_record_has_the_fields_that_lambda_sends() {
        let record = only_record(QueueMessage::new(1, "Test message.", 1_545_082_649_183));
        assert_eq!(record["md5OfBody"], "e4e68fb7bd0e697a0ae8f1bb342846b3");
        assert_eq!(record["eventSource"], "aws:sqs");
        assert_eq!(record["eventSourceARN"], QUEUE);
        assert_eq!(record["awsRegion"], "eu-west-1");
        assert_eq!(record["attributes"]["SentTimestamp"], "1545082649183");
        assert_eq!(record["attributes"]["ApproximateReceiveCount"], "1");
        assert_eq!(record["messageAttributes"], json!({}));
        assert!(record["receiptHandle"].is_string());
        assert_eq!(record["messageId"].as_str().map(str::len), Some(36));
    }

    /// Lambda Developer Guide, "Using Lambda with SQS": example of a FIFO queue's message event.
    #[test]
    fn a_fifo_record_has_its_group_and_sequence_number() {
        let record = only_record(QueueMessage::new(1, "x", 0).in_group("device-1", 7));
        assert_eq!(record["attributes"]["MessageGroupId"], "device-1");
        assert_eq!(record["attributes"]["SequenceNumber"], "00000000000000000007");
        assert!(record["attributes"]["MessageDeduplicationId"].is_string());
    }

    #[test]
    fn ten_thousand_messages_have_ten_thousand_ids() {
        let ids = (0..10_000).map(|n| QueueMessage::new(n, "", 0).message_id);
        assert_eq!(ids.collect::<std::collections::HashSet<_>>().len(), 10_000);
    }
}
