//! Fast path: an SQS batch as SQS writes it, read in one pass.
//!
//! In: the text of a payload. Out: what the careful reader would make of it, or `None` at the slightest doubt: a record
//! without a body, a text that is no Unicode, another source. Then the careful reader decides, and says what is wrong. A
//! property test holds both against each other.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, Visitor};
use serde_json::value::RawValue;

use super::{Body, Message};
use crate::text::Text;

/// Reads an SQS batch in which every record is as SQS writes it.
pub(super) fn batch(text: &str) -> Option<Vec<Message<'_>>> {
    let batch: Batch<'_> = serde_json::from_str(text).ok()?;
    if batch.metrics.is_some() {
        return None;
    }
    batch.records.into_iter().map(message).collect()
}

fn message(record: Record<'_>) -> Option<Message<'_>> {
    if record.event_source.0 != "aws:sqs" || record.message_id.0.is_empty() {
        return None;
    }
    Some(Message {
        id: record.message_id.0,
        queue_arn: record.event_source_arn.0,
        body: Body::Text(record.body.0),
        attributes: Some(record.attributes),
    })
}

#[derive(Deserialize)]
struct Batch<'a> {
    #[serde(rename = "Records", borrow)]
    records: Vec<Record<'a>>,
    metrics: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    #[serde(borrow)]
    message_id: Text<'a>,
    #[serde(borrow)]
    body: Text<'a>,
    #[serde(borrow)]
    attributes: &'a RawValue,
    #[serde(borrow)]
    event_source: Text<'a>,
    #[serde(borrow, rename = "eventSourceARN")]
    event_source_arn: Text<'a>,
    #[serde(rename = "receiptHandle")]
    _receipt_handle: Skipped,
}

/// A long string that is not wanted. Asking for bytes makes the parser look for its end only.
struct Skipped;

impl<'de> Deserialize<'de> for Skipped {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Skip;
        impl Visitor<'_> for Skip {
            type Value = Skipped;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_bytes<E>(self, _: &[u8]) -> Result<Skipped, E> {
                Ok(Skipped)
            }
        }
        deserializer.deserialize_bytes(Skip)
    }
}
