//! The SQS batch: of Lambda's event source mapping, or of `EventBridge` Pipes, which is an array of the same records.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>,
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-sqs.html>. Both accept partial batch responses.

pub mod attributes;
mod fast;

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use formats::text::{text_of, truncated};
use formats::{Body, Format};
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Envelope, Record, Shape, UnknownPayload};
use crate::dead_letters::Moved;
use crate::outcome::Outcome;
use attributes::{InvalidAttribute, MessageAttributes, Said};

/// The messages of a batch.
#[derive(Debug)]
pub struct Sqs<'a>(Vec<Message<'a>>);

/// One SQS message.
#[derive(Debug)]
pub struct Message<'a> {
    /// Its id, which is never empty.
    pub id: Cow<'a, str>,
    /// The ARN of its queue.
    pub queue_arn: Cow<'a, str>,
    /// The JSON value of its body.
    body: Option<&'a str>,
    /// The JSON value of its attributes.
    attributes: Option<&'a str>,
    /// The JSON value of the attributes that its producer sets, unless it has none.
    user_attributes: Option<&'a str>,
    /// Whether its queue is a FIFO queue.
    is_fifo: bool,
}

/// The attributes of a message that SQS sets.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Attributes<'a> {
    /// When it was sent, in milliseconds since the epoch.
    #[serde(borrow)]
    pub sent_timestamp: Option<Cow<'a, str>>,
    /// Its group in a FIFO queue.
    #[serde(borrow)]
    pub message_group_id: Option<Cow<'a, str>>,
}

/// The reply to a batch: the messages that SQS shall deliver again.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting>
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchResponse {
    batch_item_failures: Vec<BatchItemFailure>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct BatchItemFailure {
    item_identifier: String,
}

/// Reads a batch in which every record is as SQS writes it: the fast path.
pub(super) fn read_usual(text: &str) -> Option<Sqs<'_>> {
    fast::batch(text).map(Sqs)
}

/// Reads a batch.
pub(super) fn read<'a>(shape: &mut Shape<'a>) -> Option<Result<Envelope<'a>, UnknownPayload>> {
    let messages = match shape {
        Shape::Array(records) if records.first().is_some_and(|first| is_record(first)) => {
            let message = |(at, record): (usize, &&'a RawValue)| {
                let record: RawRecord<'a> = serde_json::from_str(record.get())
                    .map_err(|error| UnknownPayload::Records(truncated(&error.to_string())))?;
                record.message(at)
            };
            records.iter().enumerate().map(message).collect()
        }
        Shape::Array(_) => return None,
        Shape::Object(text) => match serde_json::from_str::<Batch<Messages<'a>>>(text) {
            Ok(Batch { records: Some(Messages(messages)), metrics: None }) => messages,
            Ok(_) => return None,
            Err(error) if error.is_data() && !has_records(text) => return None,
            Err(error) if error.is_data() => Err(UnknownPayload::Records(truncated(&error.to_string()))),
            Err(error) => Err(UnknownPayload::NotJson(error.to_string())),
        },
    };
    Some(messages.map(|messages| Envelope::Sqs(Sqs(messages))))
}

impl<'a> Sqs<'a> {
    /// The messages, each a record, whose format is `default_format` unless the message names another one. A body that is
    /// decoded belongs to its record.
    pub fn records(&self, default_format: Format) -> impl Iterator<Item = Record<'_>> {
        self.0.iter().enumerate().map(move |(index, message)| {
            let Said { format, grouping, received_ms, encoding } = message.said(default_format);
            // Events have their own timestamps, and most messages are events.
            let received_ms = match format {
                Format::Event => None,
                _ => received_ms.or_else(|| message.attributes().sent_timestamp?.parse().ok()),
            };
            let body = encoding.and_then(|encoding| attributes::payload(message.body(), encoding));
            Record { index, group: message.group(), format, body, grouping, received_ms }
        })
    }

    /// The messages in their order.
    pub fn messages(&self) -> &[Message<'a>] {
        &self.0
    }

    /// The reply that returns every message to the queue that was neither delivered nor moved.
    pub(super) fn reply(&self, outcomes: &[Outcome], moved: &Moved) -> BatchResponse {
        let mut returned = HashSet::new();
        let batch_item_failures = self
            .0
            .iter()
            .zip(outcomes)
            .enumerate()
            .filter(|(at, (_, outcome))| !outcome.is_done() && !moved.contains(at))
            .filter(|(_, (message, _))| returned.insert(&message.id))
            .map(|(_, (message, _))| BatchItemFailure { item_identifier: message.id.clone().into_owned() })
            .collect();
        BatchResponse { batch_item_failures }
    }
}

impl<'a> Message<'a> {
    /// Looks at the attributes and the ARN while they are in the processor's cache, as one message after the other is read.
    fn new(
        id: Cow<'a, str>,
        queue_arn: Cow<'a, str>,
        body: Option<&'a str>,
        attributes: Option<&'a str>,
        user_attributes: Option<&'a str>,
    ) -> Self {
        let user_attributes = user_attributes.filter(|&raw| raw != "{}");
        let is_fifo = queue_arn.ends_with(".fifo");
        Self { id, queue_arn, body, attributes, user_attributes, is_fifo }
    }

    /// The body as SQS has it.
    pub fn body(&self) -> Body<'a> {
        Body::Quoted(self.body)
    }

    /// The attributes; none if they have an unknown form.
    pub fn attributes(&self) -> Attributes<'a> {
        self.attributes.and_then(|raw| serde_json::from_str(raw).ok()).unwrap_or_default()
    }

    /// The attributes that its producer sets and that have a meaning.
    ///
    /// # Errors
    /// [`InvalidAttribute::Unreadable`]
    pub fn message_attributes(&self) -> Result<MessageAttributes<'a>, InvalidAttribute> {
        match self.user_attributes {
            None => Ok(MessageAttributes::default()),
            Some(raw) => MessageAttributes::read(raw),
        }
    }

    fn said(&self, default_format: Format) -> Said {
        match self.message_attributes() {
            Ok(attributes) => attributes.said(default_format),
            Err(reason) => Said::unreadable(reason),
        }
    }

    /// The group of a message in a FIFO queue.
    fn group(&self) -> Option<String> {
        self.is_fifo.then(|| self.attributes().message_group_id.unwrap_or_default().into_owned())
    }
}

/// Whether an element of an array is a record of `EventBridge` Pipes, from any source.
fn is_record(element: &RawValue) -> bool {
    #[derive(Deserialize)]
    struct Keys {
        #[serde(rename = "eventSource")]
        event_source: Option<IgnoredAny>,
        /// Every event has it, and no record does.
        metrics: Option<IgnoredAny>,
    }
    let keys = element.get().starts_with('{').then(|| serde_json::from_str(element.get()).ok());
    matches!(keys.flatten(), Some(Keys { event_source: Some(_), metrics: None }))
}

/// Whether an object whose records are not SQS messages has an array of records all the same. If not, it is an event,
/// in which `Records` is a key like any other.
fn has_records(text: &str) -> bool {
    matches!(
        serde_json::from_str::<Batch<&RawValue>>(text),
        Ok(Batch { records: Some(records), metrics: None }) if records.get().starts_with('[')
    )
}

#[derive(Deserialize)]
struct Batch<R> {
    #[serde(rename = "Records")]
    records: Option<R>,
    /// Every event has it, and no batch does.
    metrics: Option<IgnoredAny>,
}

/// The messages of a batch, or the first reason why it is not one. Records become messages one by one, so that nothing is
/// kept of an invalid batch.
struct Messages<'a>(Result<Vec<Message<'a>>, UnknownPayload>);

impl<'de: 'a, 'a> Deserialize<'de> for Messages<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Messages<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of records")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut records: A) -> Result<Self::Value, A::Error> {
                let mut messages = Vec::new();
                while let Some(record) = records.next_element::<RawRecord<'de>>()? {
                    match record.message(messages.len()) {
                        Ok(message) => messages.push(message),
                        Err(reason) => {
                            while records.next_element::<IgnoredAny>()?.is_some() {}
                            return Ok(Messages(Err(reason)));
                        }
                    }
                }
                Ok(Messages(Ok(messages)))
            }
        }
        deserializer.deserialize_seq(Collect)
    }
}

/// A record in the batch. Its values are read one by one, so that an invalid one does not affect the others.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawRecord<'a> {
    #[serde(borrow)]
    message_id: Option<&'a RawValue>,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
    #[serde(borrow)]
    attributes: Option<&'a RawValue>,
    #[serde(borrow)]
    message_attributes: Option<&'a RawValue>,
    #[serde(borrow)]
    event_source: Option<&'a RawValue>,
    #[serde(borrow, rename = "eventSourceARN")]
    event_source_arn: Option<&'a RawValue>,
}

impl<'a> RawRecord<'a> {
    fn message(self, at: usize) -> Result<Message<'a>, UnknownPayload> {
        let source = text(self.event_source).unwrap_or_default();
        if source != "aws:sqs" {
            return Err(UnknownPayload::Source { at, found: truncated(&source) });
        }
        let id =
            text(self.message_id).filter(|id| !id.is_empty()).ok_or(UnknownPayload::NoMessageId { at })?;
        let queue_arn = text(self.event_source_arn).unwrap_or_default();
        let [body, attributes, user_attributes] =
            [self.body, self.attributes, self.message_attributes].map(|value| value.map(RawValue::get));
        Ok(Message::new(id, queue_arn, body, attributes, user_attributes))
    }
}

fn text(raw: Option<&RawValue>) -> Option<Cow<'_, str>> {
    text_of(raw?.get())?.ok()
}
