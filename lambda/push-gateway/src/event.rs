//! Events: the text of one event → [`Event`], or the reason why it is none.
//!
//! `{"dimensions":{"customerId":"c1"},"timestamp":1676398017000,"metrics":{"temperature":"14.3"}}`
//!
//! An event is atomic: one bad metric makes all of it invalid. Keys other than the three are ignored.

mod fast;

use std::collections::HashSet;
use std::fmt;

use remote_write::{DuplicateLabel, InvalidName, LabelName, Labels, MetricName, NameEscaping};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::text::{Members, NotText, Text, bounded, text_of};
use crate::value::{Value, parse_number, parse_text, parse_timestamp};

/// One event: samples of one instant under one set of labels.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    /// The dimensions.
    pub labels: Labels<'a>,
    /// Milliseconds since the Unix epoch.
    pub timestamp_ms: i64,
    /// At least one metric, no name twice.
    pub metrics: Vec<(MetricName<'a>, Value)>,
}

/// The reason why a text is no event. Every message names the field and what was found there, shortened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEvent {
    /// Not JSON, or JSON with text that is no Unicode.
    #[error("it is not valid JSON: {0}")]
    Json(String),
    /// JSON, but no object.
    #[error("an event has to be an object, but it is {0}")]
    NotAnObject(String),
    /// The body of a message is neither JSON nor base64 of it.
    #[error("the body is not an event, an array of events, or base64 of either: {0}")]
    Body(String),
    /// A field that has to be there is not.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A key is there twice, and one of its values would be lost.
    #[error("`{0}` is there twice")]
    Duplicate(String),
    /// A field has another JSON type.
    #[error("`{field}` has to be {expected}, but it is {found}")]
    Type {
        /// The field, with the key inside of it.
        field: String,
        /// What it has to be.
        expected: &'static str,
        /// What was found.
        found: String,
    },
    /// `metrics` has nothing in it.
    #[error("`metrics` is empty")]
    NoMetrics,
    /// A dimension or metric has a name that cannot be one.
    #[error("`{field}`: {reason}")]
    Name {
        /// `dimensions` or `metrics`.
        field: &'static str,
        /// What is wrong with the name.
        reason: InvalidName,
    },
    /// Two dimensions have the same name once escaped.
    #[error("`dimensions`: {0}")]
    Labels(#[from] DuplicateLabel),
    /// Two metrics have the same name once escaped.
    #[error("`metrics`: {0:?} is there twice, after escaping its name")]
    DuplicateMetric(String),
    /// A string that holds no number.
    #[error("`metrics.{metric}`: {given:?} is not a number")]
    NotANumber {
        /// The metric.
        metric: String,
        /// The string.
        given: String,
    },
    /// A message that AWS wrapped around something that is not an event.
    #[error("the {by} contains no valid event: {reason}")]
    Wrapped {
        /// The wrapper.
        by: Wrapper,
        /// What is wrong with what is inside.
        reason: Box<InvalidEvent>,
    },
    /// A series that no request can carry.
    #[error(
        "`metrics.{metric}`: a sample with its labels needs {needed} bytes, and a write request has room for {limit}"
    )]
    TooLarge {
        /// The metric.
        metric: String,
        /// What one sample with its labels needs.
        needed: usize,
        /// What a request may have.
        limit: usize,
    },
}

/// What AWS wraps around an event that it could not pass on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrapper {
    /// The record that a Lambda destination gets.
    #[error("invocation record of a Lambda destination")]
    LambdaDestination,
    /// The message that an IoT rule's error action sends.
    #[error("error action message of the IoT rule {rule:?}")]
    IotErrorAction {
        /// The name of the rule.
        rule: String,
    },
}

impl From<NotText> for InvalidEvent {
    fn from(error: NotText) -> Self {
        Self::Json(error.to_string())
    }
}

/// Reads the text of one event.
///
/// # Errors
/// The first thing that makes it invalid.
pub fn parse_event(text: &str, escaping: NameEscaping) -> Result<Event<'_>, InvalidEvent> {
    match fast::event(text, escaping) {
        Some(event) => Ok(event),
        None => parse_event_carefully(text, escaping),
    }
}

/// Reads the text of one event as it stands inside of a JSON string, with `\"` for its quotes: the usual body of an SQS
/// message, read without resolving its escapes first. `None` if anything is unusual or wrong about it.
pub fn parse_escaped_event(text: &str, escaping: NameEscaping) -> Option<Event<'_>> {
    fast::escaped_event(text, escaping)
}

/// Reads the text of one event, whatever it is: the meaning of [`parse_event`], without its fast path.
///
/// # Errors
/// The first thing that makes it invalid.
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
    let metrics = reader.metrics.ok_or(InvalidEvent::Missing("metrics"))?;
    Ok(Event { labels, timestamp_ms, metrics })
}

/// What is read so far. A reason why the event is invalid goes into `invalid`, where it keeps its type, and stops the
/// parser with an error of its own.
#[derive(Default)]
struct Reader<'a> {
    escaping: NameEscaping,
    labels: Option<Labels<'a>>,
    timestamp_ms: Option<i64>,
    metrics: Option<Vec<(MetricName<'a>, Value)>>,
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

/// The reason why a text that is not an object is not an event. A payload may hold millions of these, for which the
/// errors of `serde_json` are too slow.
#[cold]
fn not_an_object(text: &str) -> InvalidEvent {
    match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) => InvalidEvent::NotAnObject(bounded(text.trim())),
        Err(error) => InvalidEvent::Json(error.to_string()),
    }
}

fn labels(raw: &RawValue, escaping: NameEscaping) -> Result<Labels<'_>, InvalidEvent> {
    let pairs = members(raw, "dimensions", "an object of strings")?;
    if let Some(key) = first_duplicate(&pairs, |(key, _)| &key.0) {
        return Err(InvalidEvent::Duplicate(format!("dimensions.{}", bounded(key))));
    }
    let mut labels = Vec::with_capacity(pairs.len());
    for (Text(key), value) in pairs {
        let value = match text_of(value.get()) {
            Some(text) => text?,
            None => return Err(wrong_type(format!("dimensions.{}", bounded(&key)), "a string", value)),
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

fn metrics(raw: &RawValue, escaping: NameEscaping) -> Result<Vec<(MetricName<'_>, Value)>, InvalidEvent> {
    let pairs = members(raw, "metrics", "an object of numbers or strings that hold one")?;
    if pairs.is_empty() {
        return Err(InvalidEvent::NoMetrics);
    }
    let mut metrics = Vec::with_capacity(pairs.len());
    for (Text(key), raw) in pairs {
        let value = match text_of(raw.get()) {
            Some(text) => {
                let text = text?;
                parse_text(&text).ok_or_else(|| InvalidEvent::NotANumber {
                    metric: bounded(&key),
                    given: bounded(&text),
                })?
            }
            None => parse_number(raw.get()).ok_or_else(|| {
                wrong_type(format!("metrics.{}", bounded(&key)), "a number or a string that holds one", raw)
            })?,
        };
        let name = MetricName::new(key, escaping)
            .map_err(|reason| InvalidEvent::Name { field: "metrics", reason })?;
        metrics.push((name, value));
    }
    match first_duplicate(&metrics, |(name, _)| name.as_str()) {
        Some(name) => Err(InvalidEvent::DuplicateMetric(bounded(name))),
        None => Ok(metrics),
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
    members.map(|members| members.0).map_err(|error| InvalidEvent::Json(format!("`{field}`: {error}")))
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
    let shown = if kind.is_empty() || kind.ends_with(' ') { bounded(text) } else { String::new() };
    InvalidEvent::Type { field, expected, found: format!("{kind}{shown}") }
}
