//! Fast path: what nearly every payload looks like, read in one pass.
//!
//! In: the text of a payload or of an event. Out: what the careful readers in [`crate::payload`] and [`crate::event`]
//! would make of it, or `None` at the slightest doubt: an escape in an event, an unknown key, a record without a body,
//! anything invalid. Then the careful readers decide, and say what is wrong. The property tests hold both against
//! each other.

use std::borrow::Cow;
use std::fmt;

use remote_write::{LabelName, Labels, MetricName, NameEscaping};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, Visitor};
use serde_json::value::RawValue;

use crate::event::{Event, first_duplicate};
use crate::payload::{Body, Message};
use crate::text::Text;
use crate::value::{Value, parse_number, parse_text, parse_timestamp};

/// Reads an SQS batch in which every record is as SQS writes it.
pub(crate) fn batch(text: &str) -> Option<Vec<Message<'_>>> {
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

/// Reads an event that has its three keys, each once and no other, and strings without escapes.
pub(crate) fn event(text: &str, escaping: NameEscaping) -> Option<Event<'_>> {
    let (mut labels, mut timestamp_ms, mut metrics) = (None, None, None);
    let mut json = Json { text, at: 0 };
    json.object(|json, key| {
        let is_first = match key {
            "dimensions" => labels.replace(json.labels(escaping)?).is_none(),
            "timestamp" => timestamp_ms.replace(parse_timestamp(json.number()?)?).is_none(),
            "metrics" => metrics.replace(json.metrics(escaping)?).is_none(),
            _ => false,
        };
        is_first.then_some(())
    })?;
    json.end()?;
    Some(Event { labels: labels?, timestamp_ms: timestamp_ms?, metrics: metrics? })
}

/// A place in a JSON text. Every method moves past what it reads, or gives up.
struct Json<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Json<'a> {
    fn labels(&mut self, escaping: NameEscaping) -> Option<Labels<'a>> {
        let mut labels: Vec<(LabelName<'a>, Cow<'a, str>)> = Vec::with_capacity(4);
        let mut has_empty = false;
        self.object(|json, key| {
            let value = json.string()?;
            has_empty |= value.is_empty();
            labels.push((LabelName::new(key, escaping).ok()?, Cow::Borrowed(value)));
            Some(())
        })?;
        // `Labels` forgets empty values, and with them whether their keys are there twice.
        if has_empty { None } else { Labels::new(labels).ok() }
    }

    fn metrics(&mut self, escaping: NameEscaping) -> Option<Vec<(MetricName<'a>, Value)>> {
        let mut metrics = Vec::with_capacity(4);
        self.object(|json, key| {
            let value = match json.peek()? {
                b'"' => parse_text(json.string()?)?,
                _ => parse_number(json.number()?)?,
            };
            metrics.push((MetricName::new(key, escaping).ok()?, value));
            Some(())
        })?;
        let is_valid = !metrics.is_empty() && first_duplicate(&metrics, |(name, _)| name.as_str()).is_none();
        is_valid.then_some(metrics)
    }

    /// An object; `member` is called after each key to read its value.
    fn object(&mut self, mut member: impl FnMut(&mut Self, &'a str) -> Option<()>) -> Option<()> {
        self.expect(b'{')?;
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(());
        }
        loop {
            let key = self.string()?;
            self.expect(b':')?;
            member(self, key)?;
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Some(());
                }
                _ => return None,
            }
        }
    }

    /// A string without escapes.
    fn string(&mut self) -> Option<&'a str> {
        self.expect(b'"')?;
        let rest = &self.text.as_bytes()[self.at..];
        let len = rest.iter().position(|&b| b == b'"' || b == b'\\' || b < b' ')?;
        if rest[len] != b'"' {
            return None;
        }
        let string = &self.text[self.at..self.at + len];
        self.at += len + 1;
        Some(string)
    }

    /// A number as JSON has it: no sign but a minus, no leading zeros, digits on both sides of the point.
    fn number(&mut self) -> Option<&'a str> {
        self.peek()?;
        let rest = &self.text[self.at..];
        let is_number = |b: u8| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.' | b'e' | b'E');
        let number = &rest[..rest.bytes().take_while(|&b| is_number(b)).count()];
        let unsigned = number.strip_prefix('-').unwrap_or(number);
        let (mantissa, exponent) =
            unsigned.split_once(['e', 'E']).map_or((unsigned, None), |(m, e)| (m, Some(e)));
        let (integer, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(i, f)| (i, Some(f)));
        let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let is_json = all_digits(integer)
            && (integer == "0" || !integer.starts_with('0'))
            && fraction.is_none_or(all_digits)
            && exponent
                .is_none_or(|exponent| all_digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)));
        self.at += number.len();
        is_json.then_some(number)
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        let found = self.peek()? == byte;
        self.at += 1;
        found.then_some(())
    }

    /// The next byte that is no whitespace.
    fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while matches!(bytes.get(self.at)?, b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
        bytes.get(self.at).copied()
    }

    fn end(&mut self) -> Option<()> {
        self.peek().is_none().then_some(())
    }
}
