//! The format JSON event.
//!
//! `{"dimensions":{"customerId":"c1"},"timestamp":1676398017000,"metrics":{"temperature":"14.3"}}`
//!
//! A body is one event or an array of them. An event is atomic: one invalid metric makes all of it invalid. Keys other
//! than the three are ignored.

mod fast;
pub mod value;
mod wrapped;

use std::borrow::Cow;
use std::collections::HashSet;
use std::{fmt, slice};

use remote_write::{
    DuplicateLabel, InvalidName, LabelName, Labels, MetricName, NameEscaping, Oversized, Point, Value,
};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::body::{Body, json_of};
use crate::members::Members;
use crate::text::{NotText, Text, text_of, truncated};
use crate::{Invalid, Rules};
use value::{Number, parse_number, parse_text, parse_timestamp};

/// One event.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    /// Its dimensions, timestamp and metrics, of which there is at least one.
    pub point: Point<'a>,
    /// The number of its values that a float64 cannot hold exactly.
    pub inexact_values: usize,
}

/// The reason why a text is not an event. Each message names the field and what was found, truncated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEvent {
    /// Not JSON, or a JSON string that is not Unicode text.
    #[error("invalid JSON: {0}")]
    Json(String),
    /// Another JSON value.
    #[error("expected an event, which is an object, got {0}")]
    NotAnObject(String),
    /// A required field is missing.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A duplicate key, of which one value would be lost.
    #[error("duplicate key `{0}`")]
    Duplicate(String),
    /// A field of another JSON type.
    #[error("{field}: expected {expected}, got {found}")]
    Type {
        /// The field, with the key inside it.
        field: String,
        /// The type that is required.
        expected: &'static str,
        /// What was found.
        found: String,
    },
    /// `metrics` is an empty object.
    #[error("`metrics` is empty")]
    NoMetrics,
    /// An invalid name of a dimension or metric.
    #[error("{field}: {reason}")]
    Name {
        /// `dimensions` or `metrics`.
        field: &'static str,
        /// The reason.
        reason: InvalidName,
    },
    /// Two dimensions with the same name after escaping.
    #[error("dimensions: {0}")]
    Labels(#[from] DuplicateLabel),
    /// Two metrics with the same name after escaping.
    #[error("duplicate metric name {0:?} after escaping")]
    DuplicateMetric(String),
    /// A string that is not a number.
    #[error("metrics.{metric}: expected a number, got {given:?}")]
    NotANumber {
        /// The metric.
        metric: String,
        /// The string.
        given: String,
    },
    /// A sample that no write request can carry.
    #[error("metrics.{metric}: expected at most {limit} bytes for a sample with its labels, got {needed}")]
    TooLarge {
        /// The metric.
        metric: String,
        /// The size of the sample with its labels, in bytes.
        needed: usize,
        /// The limit.
        limit: usize,
    },
    /// An invalid event of an array.
    #[error("event {at}: {reason}")]
    InArray {
        /// The index of the event.
        at: usize,
        /// The number of events in the array.
        events: usize,
        /// The reason.
        reason: Box<InvalidEvent>,
    },
    /// A message that AWS wrapped around something that is not an event.
    #[error("no valid event in the {by}: {reason}")]
    Wrapped {
        /// The wrapper.
        by: Wrapper,
        /// The reason why its content is invalid.
        reason: Box<Invalid>,
    },
}

/// A message that AWS wraps around an event that it could not pass on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrapper {
    /// The record that a Lambda destination receives.
    #[error("invocation record of a Lambda destination")]
    LambdaDestination,
    /// The message of an IoT rule's error action.
    #[error("error action message of the IoT rule {rule:?}")]
    IotErrorAction {
        /// The name of the rule.
        rule: String,
    },
}

impl InvalidEvent {
    /// The number of events that are invalid for this reason.
    pub fn events(&self) -> usize {
        match self {
            Self::InArray { events, .. } => *events,
            Self::Wrapped { reason, .. } => reason.events(),
            _ => 1,
        }
    }
}

impl From<NotText> for InvalidEvent {
    fn from(error: NotText) -> Self {
        Self::Json(error.to_string())
    }
}

/// Reads a body: one event or an array of them, or what AWS wrapped around either.
pub(crate) fn read<T, E: From<Invalid>>(
    body: &Body<'_>,
    rules: Rules<'_>,
    take: impl FnOnce(&mut [Point<'_>], usize) -> Result<T, E>,
) -> Result<T, E> {
    let (json, reason) = match *body {
        Body::Element(text) => {
            let Event { mut point, inexact_values } = event(text, rules).map_err(Invalid::from)?;
            return take(slice::from_mut(&mut point), inexact_values);
        }
        Body::Json(text) => match event(text, rules) {
            Ok(Event { mut point, inexact_values }) => {
                return take(slice::from_mut(&mut point), inexact_values);
            }
            Err(reason) => (Cow::Borrowed(text), reason),
        },
        Body::Quoted(raw) => {
            let usual = raw.and_then(quoted).and_then(|text| fast::escaped_event(text, rules.escaping));
            if let Some(event) = usual {
                let Event { mut point, inexact_values } = event.with(rules).map_err(Invalid::from)?;
                return take(slice::from_mut(&mut point), inexact_values);
            }
            let json = json_of(body.text().map_err(Invalid::from)?).map_err(Invalid::from)?;
            match events_of(&json, rules) {
                Ok((mut points, inexact_values)) => return take(&mut points, inexact_values),
                Err(reason) => (json, reason),
            }
        }
    };
    let Some((by, content)) = wrapped::wrapped(&json) else { return Err(Invalid::from(reason).into()) };
    let invalid = |reason| Invalid::from(InvalidEvent::Wrapped { by, reason: Box::new(reason) });
    let content = match content {
        Ok(content) => content,
        Err(reason) => return Err(invalid(reason.into()).into()),
    };
    match events_of(&content, rules) {
        Ok((mut points, inexact_values)) => take(&mut points, inexact_values),
        Err(reason) => Err(invalid(reason.into()).into()),
    }
}

/// The text between the quotes of a JSON string.
fn quoted(raw: &str) -> Option<&str> {
    raw.strip_prefix('"')?.strip_suffix('"')
}

/// Reads one event with all rules.
fn event<'a>(text: &'a str, rules: Rules<'_>) -> Result<Event<'a>, InvalidEvent> {
    parse_event(text, rules.escaping)?.with(rules)
}

/// Reads the events in a JSON text: one, or those of an array.
fn events_of<'a>(json: &'a str, rules: Rules<'_>) -> Result<(Vec<Point<'a>>, usize), InvalidEvent> {
    if !json.trim_start().starts_with('[') {
        let Event { point, inexact_values } = event(json, rules)?;
        return Ok((vec![point], inexact_values));
    }
    let texts: Vec<&RawValue> =
        serde_json::from_str(json).map_err(|error| InvalidEvent::Json(error.to_string()))?;
    let (mut points, mut inexact_values) = (Vec::with_capacity(texts.len()), 0);
    for (at, text) in texts.iter().enumerate() {
        match event(text.get(), rules) {
            Ok(event) => {
                points.push(event.point);
                inexact_values += event.inexact_values;
            }
            Err(reason) if texts.len() == 1 => return Err(reason),
            Err(reason) => {
                return Err(InvalidEvent::InArray { at, events: texts.len(), reason: Box::new(reason) });
            }
        }
    }
    Ok((points, inexact_values))
}

impl Event<'_> {
    /// Adds the external labels, and checks the size of the samples.
    fn with(mut self, rules: Rules<'_>) -> Result<Self, InvalidEvent> {
        self.point.labels.add_missing(rules.external_labels);
        match self.point.oversized(rules.max_sample_bytes) {
            None => Ok(self),
            Some(Oversized { metric, needed }) => Err(InvalidEvent::TooLarge {
                metric: truncated(metric),
                needed,
                limit: rules.max_sample_bytes,
            }),
        }
    }
}

/// Reads the text of one event.
///
/// # Errors
/// [`InvalidEvent`]: the first reason.
pub fn parse_event(text: &str, escaping: NameEscaping) -> Result<Event<'_>, InvalidEvent> {
    match fast::event(text, escaping) {
        Some(event) => Ok(event),
        None => parse_event_carefully(text, escaping),
    }
}

/// Reads the text of one event inside a JSON string, with `\"` for its quotes: the usual body of an SQS message, read
/// without resolving its escapes first. `None` if anything about it is unusual or invalid.
pub fn parse_escaped_event(text: &str, escaping: NameEscaping) -> Option<Event<'_>> {
    fast::escaped_event(text, escaping)
}

/// Reads the text of one event without the fast path, which has to agree.
///
/// # Errors
/// [`InvalidEvent`]: the first reason.
pub fn parse_event_carefully(text: &str, escaping: NameEscaping) -> Result<Event<'_>, InvalidEvent> {
    if !text.trim_start().starts_with('{') {
        return Err(not_an_object(text));
    }
    let mut reader = Reader { escaping, ..Reader::default() };
    let mut json = serde_json::Deserializer::from_str(text);
    let read = (&mut reader).deserialize(&mut json).and_then(|()| json.end());
    if let Some(reason) = reader.invalid {
        return Err(reason);
    }
    read.map_err(|error| InvalidEvent::Json(error.to_string()))?;
    let labels = reader.labels.ok_or(InvalidEvent::Missing("dimensions"))?;
    let timestamp_ms = reader.timestamp_ms.ok_or(InvalidEvent::Missing("timestamp"))?;
    let (metrics, inexact_values) = reader.metrics.ok_or(InvalidEvent::Missing("metrics"))?;
    Ok(Event { point: Point { labels, timestamp_ms, metrics }, inexact_values })
}

/// The metrics of an event and the number of inexact values.
type Metrics<'a> = (Vec<(MetricName<'a>, Value)>, usize);

/// The fields read so far. A reason why the event is invalid goes into `invalid`, where it keeps its type, and stops
/// the parser with an error of its own.
#[derive(Default)]
struct Reader<'a> {
    escaping: NameEscaping,
    labels: Option<Labels<'a>>,
    timestamp_ms: Option<i64>,
    metrics: Option<Metrics<'a>>,
    invalid: Option<InvalidEvent>,
}

impl<'de> DeserializeSeed<'de> for &mut Reader<'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &mut Reader<'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event, which is an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Text(key)) = map.next_key()? {
            match &*key {
                "dimensions" | "timestamp" | "metrics" => {
                    let field = map.next_value()?;
                    if let Err(reason) = self.read(&key, field) {
                        self.invalid = Some(reason);
                        return Err(A::Error::custom("invalid event"));
                    }
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

impl<'a> Reader<'a> {
    fn read(&mut self, key: &str, raw: &'a RawValue) -> Result<(), InvalidEvent> {
        let duplicate = match key {
            "dimensions" => self.labels.replace(labels(raw, self.escaping)?).is_some(),
            "timestamp" => self.timestamp_ms.replace(timestamp(raw)?).is_some(),
            _ => self.metrics.replace(metrics(raw, self.escaping)?).is_some(),
        };
        if duplicate { Err(InvalidEvent::Duplicate(key.to_owned())) } else { Ok(()) }
    }
}

/// The reason why a text that is not an object is not an event. A payload may have millions of these, for which the
/// errors of `serde_json` are too slow.
#[cold]
fn not_an_object(text: &str) -> InvalidEvent {
    match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) => InvalidEvent::NotAnObject(truncated(text.trim())),
        Err(error) => InvalidEvent::Json(error.to_string()),
    }
}

fn labels(raw: &RawValue, escaping: NameEscaping) -> Result<Labels<'_>, InvalidEvent> {
    let pairs = members(raw, "dimensions", "an object of strings")?;
    if let Some(key) = first_duplicate(&pairs, |(key, _)| &key.0) {
        return Err(InvalidEvent::Duplicate(format!("dimensions.{}", truncated(key))));
    }
    let mut labels = Vec::with_capacity(pairs.len());
    for (Text(key), value) in pairs {
        let value = match text_of(value.get()) {
            Some(text) => text?,
            None => return Err(wrong_type(format!("dimensions.{}", truncated(&key)), "a string", value)),
        };
        let name = LabelName::new(key, escaping)
            .map_err(|reason| InvalidEvent::Name { field: "dimensions", reason })?;
        labels.push((name, value));
    }
    Ok(Labels::new(labels)?)
}

fn timestamp(raw: &RawValue) -> Result<i64, InvalidEvent> {
    parse_timestamp(raw.get())
        .ok_or_else(|| wrong_type("timestamp".to_owned(), "a number of milliseconds since the epoch", raw))
}

fn metrics(raw: &RawValue, escaping: NameEscaping) -> Result<Metrics<'_>, InvalidEvent> {
    let pairs = members(raw, "metrics", "an object of numbers or strings with a number")?;
    if pairs.is_empty() {
        return Err(InvalidEvent::NoMetrics);
    }
    let mut metrics = Vec::with_capacity(pairs.len());
    let mut inexact_values = 0;
    for (Text(key), raw) in pairs {
        let Number { float, inexact } = match text_of(raw.get()) {
            Some(text) => {
                let text = text?;
                parse_text(&text).ok_or_else(|| InvalidEvent::NotANumber {
                    metric: truncated(&key),
                    given: truncated(&text),
                })?
            }
            None => parse_number(raw.get()).ok_or_else(|| {
                wrong_type(format!("metrics.{}", truncated(&key)), "a number or a string with a number", raw)
            })?,
        };
        let name = MetricName::new(key, escaping)
            .map_err(|reason| InvalidEvent::Name { field: "metrics", reason })?;
        metrics.push((name, Value::float(float)));
        inexact_values += usize::from(inexact);
    }
    match first_duplicate(&metrics, |(name, _)| name.as_str()) {
        Some(name) => Err(InvalidEvent::DuplicateMetric(truncated(name))),
        None => Ok((metrics, inexact_values)),
    }
}

/// The members of the object in `field`.
fn members<'a>(
    raw: &'a RawValue,
    field: &str,
    expected: &'static str,
) -> Result<Vec<(Text<'a>, &'a RawValue)>, InvalidEvent> {
    if !raw.get().starts_with('{') {
        return Err(wrong_type(field.to_owned(), expected, raw));
    }
    let members: Result<Members<_, _>, _> = serde_json::from_str(raw.get());
    members.map(|members| members.0).map_err(|error| InvalidEvent::Json(format!("{field}: {error}")))
}

/// Most events have a handful of keys, which are compared faster than hashed.
fn first_duplicate<T>(members: &[T], key: impl Fn(&T) -> &str) -> Option<&str> {
    const FEW: usize = 12;
    if members.len() <= FEW {
        let is_known = |at: usize| members[..at].iter().any(|known| key(known) == key(&members[at]));
        (1..members.len()).find(|&at| is_known(at)).map(|at| key(&members[at]))
    } else {
        let mut seen = HashSet::new();
        members.iter().map(key).find(|key| !seen.insert(*key))
    }
}

fn wrong_type(field: String, expected: &'static str, raw: &RawValue) -> InvalidEvent {
    let text = raw.get();
    let kind = match text.as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "an array",
        Some(b'"') => "the string ",
        Some(b't' | b'f' | b'n') => "",
        _ => "the number ",
    };
    let shown = if kind.is_empty() || kind.ends_with(' ') { truncated(text) } else { String::new() };
    InvalidEvent::Type { field, expected, found: format!("{kind}{shown}") }
}
