//! Payloads of the SQS event source mapping, with the fields that Lambda sends (Lambda Developer Guide, "Using Lambda with
//! SQS").

use aws_sdk_sqs::types::{Message, MessageAttributeValue, MessageSystemAttributeName as Attribute};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use md5::{Digest as _, Md5};
use serde_json::{Map, Value, json};

/// One message in a queue, received for the first time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueMessage {
    /// Its id.
    pub message_id: String,
    /// Its body.
    pub body: String,
    /// When it was sent, in milliseconds since the epoch.
    pub sent_at_ms: i64,
    /// In a FIFO queue: its group and its position in the order.
    fifo: Option<(String, u64)>,
}

impl QueueMessage {
    /// Message `number`; ids differ by number.
    pub fn new(number: u64, body: impl Into<String>, sent_at_ms: i64) -> Self {
        let message_id = format!("{number:08x}-0000-4000-8000-000000000000");
        Self { message_id, body: body.into(), sent_at_ms, fifo: None }
    }

    /// Puts it into a group of a FIFO queue.
    #[must_use]
    pub fn in_group(self, group: &str, sequence: u64) -> Self {
        Self { fifo: Some((group.to_owned(), sequence)), ..self }
    }

    /// The message as SQS returns it.
    fn to_message(&self) -> Message {
        let mut message = Message::builder()
            .message_id(&self.message_id)
            .receipt_handle(format!("receipt-{}", self.message_id))
            .body(&self.body)
            .md5_of_body(hex::encode(Md5::digest(&self.body)))
            .attributes(Attribute::ApproximateReceiveCount, "1")
            .attributes(Attribute::SentTimestamp, self.sent_at_ms.to_string())
            .attributes(Attribute::SenderId, "AIDALOCAL")
            .attributes(Attribute::ApproximateFirstReceiveTimestamp, (self.sent_at_ms + 5).to_string());
        if let Some((group, sequence)) = &self.fifo {
            message = message
                // SQS numbers the messages of a FIFO queue with 20 digits.
                .attributes(Attribute::SequenceNumber, format!("{sequence:020}"))
                .attributes(Attribute::MessageGroupId, group)
                .attributes(Attribute::MessageDeduplicationId, &self.message_id);
        }
        message.build()
    }
}

/// The payload for a batch of messages of one queue.
///
/// # Panics
/// If `queue_arn` has no region in its fourth part.
pub fn sqs_event(queue_arn: &str, messages: &[QueueMessage]) -> Bytes {
    let region = queue_arn.split(':').nth(3).expect("a queue's ARN is arn:aws:sqs:<region>:<account>:<name>");
    let records: Vec<Value> =
        messages.iter().map(|message| record(&message.to_message(), queue_arn, region)).collect();
    json!({ "Records": records }).to_string().into()
}

/// The record of a message; `queue_arn` and `region` are those of its queue.
pub(crate) fn record(message: &Message, queue_arn: &str, region: &str) -> Value {
    let attributes: Map<String, Value> = (message.attributes.iter().flatten())
        .map(|(name, value)| (name.as_str().to_owned(), value.as_str().into()))
        .collect();
    let message_attributes: Map<String, Value> = (message.message_attributes.iter().flatten())
        .map(|(name, value)| (name.clone(), message_attribute(value)))
        .collect();
    let mut record = json!({
        "messageId": message.message_id,
        "receiptHandle": message.receipt_handle,
        "body": message.body,
        "attributes": attributes,
        "messageAttributes": message_attributes,
        "md5OfBody": message.md5_of_body,
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": region,
    });
    if let Some(md5) = message.md5_of_message_attributes() {
        record["md5OfMessageAttributes"] = md5.into();
    }
    record
}

fn message_attribute(attribute: &MessageAttributeValue) -> Value {
    let (name, value) = match &attribute.binary_value {
        Some(bytes) => ("binaryValue", STANDARD.encode(bytes)),
        None => ("stringValue", attribute.string_value().unwrap_or_default().to_owned()),
    };
    // SQS reserves the two lists for later; Lambda sends them empty.
    json!({ name: value, "stringListValues": [], "binaryListValues": [], "dataType": attribute.data_type })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lambda Developer Guide, "Using Lambda with SQS": examples of a standard and of a FIFO queue's message event.
    #[test]
    fn a_message_has_the_attributes_that_sqs_sets() {
        let message = QueueMessage::new(1, "Test message.", 1_545_082_649_183).in_group("device-1", 7);
        let queue = "arn:aws:sqs:eu-west-1:123456789012:events.fifo";
        let event: Value = serde_json::from_slice(&sqs_event(queue, &[message])).expect("valid JSON");
        let record = &event["Records"][0];
        assert_eq!(record["messageId"].as_str().map(str::len), Some(36));
        assert_eq!(record["md5OfBody"], "e4e68fb7bd0e697a0ae8f1bb342846b3");
        assert_eq!(record["awsRegion"], "eu-west-1");
        let attributes = &record["attributes"];
        assert_eq!(attributes["SentTimestamp"], "1545082649183");
        assert_eq!(attributes["ApproximateReceiveCount"], "1");
        assert_eq!(attributes["MessageGroupId"], "device-1");
        assert_eq!(attributes["SequenceNumber"], "00000000000000000007");
        assert!(attributes["MessageDeduplicationId"].is_string());
    }
}
