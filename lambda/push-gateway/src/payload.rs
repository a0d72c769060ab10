//! Payload: the bytes of an invocation → its records, each with where it came from.
//!
//! The only place that knows the shapes: one event, an array of events, an SQS batch, and the array of SQS messages
//! that `EventBridge` Pipes sends. The shape is decided once, at the outermost level; whatever is wrong further inside is
//! the matter of one record and found later, when each record is read on its own. So a body that is not JSON, or not text,
//! does not affect other records. [`wrapped`] reads what AWS wraps around an event that failed elsewhere.
//!
//! SQS batch: <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>; of `EventBridge` Pipes:
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-sqs.html>. Both take partial batch responses.

mod body;
mod fast;
pub mod wrapped;

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

pub use body::{events_of, json_of_body};

use crate::event::InvalidEvent;
use crate::text::{bounded, text_of};

/// What some editors and Windows programs write before a text.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// What an invocation brings.
#[derive(Debug)]
pub enum Payload<'a> {
    /// Events of a direct invoke, as they stand in the payload.
    Direct(Vec<&'a RawValue>),
    /// Messages of an SQS queue.
    Sqs(Vec<Message<'a>>),
}

/// One SQS message.
#[derive(Debug)]
pub struct Message<'a> {
    /// Its id, which is never empty.
    pub id: Cow<'a, str>,
    /// The ARN of its queue.
    pub queue_arn: Cow<'a, str>,
    /// The JSON value of its body, read when it is asked for.
    body: Option<&'a str>,
    /// The JSON value of what SQS says of it.
    attributes: Option<&'a str>,
}

/// What SQS says of a message.
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

/// The reason why a payload has none of the shapes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownPayload {
    /// The bytes are not UTF-8.
    #[error("the payload is not UTF-8 at byte {0}")]
    NotUtf8(usize),
    /// The text is not JSON.
    #[error("the payload is not valid JSON: {0}")]
    NotJson(String),
    /// Neither an object nor an array.
    #[error("the payload is {0}; it has to be an event, an array of events, or an SQS batch")]
    Shape(String),
    /// A batch whose records are no objects.
    #[error("the payload does not contain SQS messages: {0}")]
    Records(String),
    /// A batch of another service, or a malformed one.
    #[error("the payload contains records, but record {at} is from {found:?} instead of \"aws:sqs\"")]
    Source {
        /// The place of the record.
        at: usize,
        /// Its `eventSource`.
        found: String,
    },
    /// A message without an id could not be reported as failed: Lambda would take the whole batch for failed.
    #[error("record {at} of the SQS batch has no `messageId`")]
    NoMessageId {
        /// The place of the record.
        at: usize,
    },
}

impl<'a> Payload<'a> {
    /// Tells the shapes apart.
    ///
    /// # Errors
    /// [`UnknownPayload`], which concerns the invocation as a whole.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, UnknownPayload> {
        let text = str::from_utf8(bytes).map_err(|error| UnknownPayload::NotUtf8(error.valid_up_to()))?;
        match fast::batch(text) {
            Some(messages) => Ok(Self::Sqs(messages)),
            None => Self::parse_carefully(text),
        }
    }

    /// Tells the shapes apart, whatever they are: the meaning of [`Payload::parse`], without its fast path.
    ///
    /// # Errors
    /// [`UnknownPayload`], which concerns the invocation as a whole.
    pub fn parse_carefully(text: &'a str) -> Result<Self, UnknownPayload> {
        let not_json = |error: serde_json::Error| UnknownPayload::NotJson(error.to_string());
        let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
        match text.trim_start().as_bytes().first() {
            Some(b'[') => match serde_json::from_str::<Vec<&RawValue>>(text).map_err(not_json)? {
                records if records.first().is_some_and(|first| is_record(first)) => messages(&records),
                events => Ok(Self::Direct(events)),
            },
            Some(b'{') => Self::parse_object(text),
            _ => match serde_json::from_str::<&RawValue>(text) {
                Ok(value) => Err(UnknownPayload::Shape(bounded(value.get()))),
                Err(error) => Err(not_json(error)),
            },
        }
    }

    /// The messages of an SQS batch; none for a direct invoke.
    pub fn messages(&self) -> &[Message<'a>] {
        match self {
            Self::Sqs(messages) => messages,
            Self::Direct(_) => &[],
        }
    }

    fn parse_object(text: &'a str) -> Result<Self, UnknownPayload> {
        match serde_json::from_str::<Envelope<Messages<'a>>>(text) {
            Ok(Envelope { records: Some(Messages(messages)), metrics: None }) => messages.map(Self::Sqs),
            Ok(_) => event(text),
            Err(error) if error.is_data() => no_batch(text, &error),
            Err(error) => Err(UnknownPayload::NotJson(error.to_string())),
        }
    }
}

/// Whether an element of an array is a record of `EventBridge` Pipes, of whichever source.
fn is_record(element: &RawValue) -> bool {
    #[derive(Deserialize)]
    struct Keys {
        #[serde(rename = "eventSource")]
        event_source: Option<IgnoredAny>,
        /// No record has it, every event does.
        metrics: Option<IgnoredAny>,
    }
    let keys = element.get().starts_with('{').then(|| serde_json::from_str(element.get()).ok());
    matches!(keys.flatten(), Some(Keys { event_source: Some(_), metrics: None }))
}

/// The messages that `EventBridge` Pipes reads from a queue.
fn messages<'a>(records: &[&'a RawValue]) -> Result<Payload<'a>, UnknownPayload> {
    let message = |(at, record): (usize, &&'a RawValue)| {
        let record: Record<'a> = serde_json::from_str(record.get())
            .map_err(|error| UnknownPayload::Records(bounded(&error.to_string())))?;
        record.message(at)
    };
    records.iter().enumerate().map(message).collect::<Result<_, _>>().map(Payload::Sqs)
}

fn event(text: &str) -> Result<Payload<'_>, UnknownPayload> {
    let event = serde_json::from_str(text).map_err(|error| UnknownPayload::NotJson(error.to_string()))?;
    Ok(Payload::Direct(vec![event]))
}

/// An object whose `Records` are no records: an event, where this is a key like any other, unless it looks like a
/// batch all the same.
fn no_batch<'a>(text: &'a str, error: &serde_json::Error) -> Result<Payload<'a>, UnknownPayload> {
    match serde_json::from_str::<Envelope<&'a RawValue>>(text) {
        Ok(Envelope { records: Some(records), metrics: None }) if records.get().starts_with('[') => {
            Err(UnknownPayload::Records(bounded(&error.to_string())))
        }
        _ => event(text),
    }
}

#[derive(Deserialize)]
struct Envelope<R> {
    #[serde(rename = "Records")]
    records: Option<R>,
    /// No batch has it, every event does.
    metrics: Option<IgnoredAny>,
}

/// The messages of a batch, or the first reason why it is none. Records are turned into messages one by one, so that
/// nothing is held of a batch that is none.
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
                while let Some(record) = records.next_element::<Record<'de>>()? {
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

/// A record as it stands in the batch. Its values are read one by one, so that one that is no text does no harm to
/// the others.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    #[serde(borrow)]
    message_id: Option<&'a RawValue>,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
    #[serde(borrow)]
    attributes: Option<&'a RawValue>,
    #[serde(borrow)]
    event_source: Option<&'a RawValue>,
    #[serde(borrow, rename = "eventSourceARN")]
    event_source_arn: Option<&'a RawValue>,
}

impl<'a> Record<'a> {
    fn message(self, at: usize) -> Result<Message<'a>, UnknownPayload> {
        let source = text(self.event_source).unwrap_or_default();
        if source != "aws:sqs" {
            return Err(UnknownPayload::Source { at, found: bounded(&source) });
        }
        let id =
            text(self.message_id).filter(|id| !id.is_empty()).ok_or(UnknownPayload::NoMessageId { at })?;
        let queue_arn = text(self.event_source_arn).unwrap_or_default();
        let (body, attributes) = (self.body.map(RawValue::get), self.attributes.map(RawValue::get));
        Ok(Message { id, queue_arn, body, attributes })
    }
}

fn text(raw: Option<&RawValue>) -> Option<Cow<'_, str>> {
    text_of(raw?.get())?.ok()
}

impl<'a> Message<'a> {
    /// The body as SQS holds it.
    ///
    /// # Errors
    /// [`InvalidEvent`] when there is none, or when it is no text.
    pub fn body(&self) -> Result<Cow<'a, str>, InvalidEvent> {
        let raw = self.body.ok_or(InvalidEvent::Missing("body"))?;
        match text_of(raw) {
            Some(text) => Ok(text?),
            None => Err(InvalidEvent::Type {
                field: "body".to_owned(),
                expected: "a string",
                found: bounded(raw),
            }),
        }
    }

    /// What stands between the quotes of the body, with its escapes; nothing if the body is no string.
    pub fn escaped_body(&self) -> Option<&'a str> {
        self.body?.strip_prefix('"')?.strip_suffix('"')
    }

    /// What SQS says of the message; nothing where it says it in a form that we do not know.
    pub fn attributes(&self) -> Attributes<'a> {
        self.attributes.and_then(|raw| serde_json::from_str(raw).ok()).unwrap_or_default()
    }

    /// Whether the message comes from a FIFO queue.
    pub fn is_fifo(&self) -> bool {
        self.queue_arn.ends_with(".fifo")
    }
}
