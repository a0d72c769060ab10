//! One record of a payload of the SQS event source mapping, with the fields that Lambda sends (Lambda Developer Guide, "Using
//! Lambda with SQS").

use std::collections::BTreeMap;

use aws_sdk_sqs::types::{Message, MessageAttributeValue};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

/// A message as `ReceiveMessage` returns it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) message_id: String,
    pub(crate) receipt_handle: String,
    pub(crate) body: String,
    /// `MD5OfBody`: 32 hexadecimal digits.
    pub(crate) md5_of_body: String,
    /// The system attributes, such as `SentTimestamp`, as SQS writes them.
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) message_attributes: BTreeMap<String, MessageAttribute>,
    /// `MD5OfMessageAttributes`, of a message that has some.
    pub(crate) md5_of_message_attributes: Option<String>,
}

/// A message attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MessageAttribute {
    /// `String`, `Number` or `Binary`, with an optional custom type after a dot.
    pub(crate) data_type: String,
    pub(crate) value: AttributeValue,
}

/// The value of a message attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AttributeValue {
    /// Of a `String` or a `Number`.
    Text(String),
    Binary(Vec<u8>),
}

impl Record {
    /// The record's JSON; `queue_arn` and `region` are those of its queue.
    pub(crate) fn to_json(&self, queue_arn: &str, region: &str) -> Value {
        let message_attributes: Map<String, Value> =
            self.message_attributes.iter().map(|(name, value)| (name.clone(), value.to_json())).collect();
        let mut record = json!({
            "messageId": self.message_id,
            "receiptHandle": self.receipt_handle,
            "body": self.body,
            "attributes": self.attributes,
            "messageAttributes": message_attributes,
            "md5OfBody": self.md5_of_body,
            "eventSource": "aws:sqs",
            "eventSourceARN": queue_arn,
            "awsRegion": region,
        });
        if let Some(md5) = &self.md5_of_message_attributes {
            record["md5OfMessageAttributes"] = md5.as_str().into();
        }
        record
    }
}

impl MessageAttribute {
    fn to_json(&self) -> Value {
        let (name, value) = match &self.value {
            AttributeValue::Text(text) => ("stringValue", text.clone()),
            AttributeValue::Binary(bytes) => ("binaryValue", STANDARD.encode(bytes)),
        };
        // SQS reserves the two lists for later; Lambda sends them empty.
        json!({ name: value, "stringListValues": [], "binaryListValues": [], "dataType": self.data_type })
    }
}

impl From<Message> for Record {
    fn from(message: Message) -> Self {
        let attributes = message.attributes.unwrap_or_default().into_iter();
        let message_attributes = message.message_attributes.unwrap_or_default().into_iter();
        Self {
            message_id: message.message_id.unwrap_or_default(),
            receipt_handle: message.receipt_handle.unwrap_or_default(),
            body: message.body.unwrap_or_default(),
            md5_of_body: message.md5_of_body.unwrap_or_default(),
            attributes: attributes.map(|(name, value)| (name.as_str().to_owned(), value)).collect(),
            message_attributes: message_attributes.map(|(name, value)| (name, value.into())).collect(),
            md5_of_message_attributes: message.md5_of_message_attributes,
        }
    }
}

impl From<MessageAttributeValue> for MessageAttribute {
    fn from(attribute: MessageAttributeValue) -> Self {
        let value = match attribute.binary_value {
            Some(bytes) => AttributeValue::Binary(bytes.into_inner()),
            None => AttributeValue::Text(attribute.string_value.unwrap_or_default()),
        };
        Self { data_type: attribute.data_type, value }
    }
}
