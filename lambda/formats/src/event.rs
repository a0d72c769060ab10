//! The format JSON event.
//!
//! `{"dimensions":{"customerId":"c1"},"timestamp":1676398017000,"metrics":{"temperature":"14.3"}}`
//!
//! A metric may also be a histogram (`event/histogram.rs`). A body is one event or an array of them. An event is atomic: one
//! invalid metric makes all of it invalid. It may have `metadata` of its metrics; other keys are ignored.

mod careful;
mod fast;
mod histogram;
pub mod value;
mod wrapped;

use std::borrow::Cow;
use std::{fmt, slice};

use remote_write::{Collision, InvalidName, Metadata, NameEscaping, NotAdded, Point};
use serde::de::{Deserializer as _, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::body::{Body, json_of};
use crate::text::NotText;
use crate::{Content, Invalid, InvalidPoint, Rules};

pub(crate) use careful::first_duplicate;
pub use careful::parse_event_carefully;

/// One event.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    /// Its dimensions, timestamp and metrics, of which there is at least one.
    pub point: Point<'a>,
    /// The number of its values that a float64 cannot hold exactly.
    pub inexact_values: usize,
    /// The metadata of its metrics.
    pub metadata: Vec<Metadata>,
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
    /// Two names that escaping makes the same, in this event or in it and an earlier one.
    #[error(transparent)]
    Names(#[from] Collision),
    /// A string that is not a number.
    #[error("metrics.{metric}: expected a number, got {given:?}")]
    NotANumber {
        /// The metric.
        metric: String,
        /// The string.
        given: String,
    },
    /// Parts of a histogram that do not go together.
    #[error("{field}: expected {expected}, got {found}")]
    Histogram {
        /// The part.
        field: String,
        /// What the other parts require.
        expected: String,
        /// What was found.
        found: String,
    },
    /// A classic histogram with the label of its buckets.
    #[error("metrics.{metric}: a histogram with `buckets` must not have the dimension `le`")]
    Bound {
        /// The metric.
        metric: String,
    },
    /// More samples or labels than an invocation may hold.
    #[error("{0}")]
    TooMany(String),
    /// A point that breaks a rule of every format.
    #[error(transparent)]
    Point(#[from] InvalidPoint),
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
    /// The reason `self` of the event at the index `at` of `events`, which are invalid together.
    #[must_use]
    pub fn at(self, at: usize, events: usize) -> Self {
        if events == 1 { self } else { Self::InArray { at, events, reason: Box::new(self) } }
    }

    /// The number of events that are invalid for this reason.
    pub fn events(&self) -> usize {
        match self {
            Self::InArray { events, .. } => *events,
            Self::Wrapped { reason, .. } => reason.events(),
            _ => 1,
        }
    }
}

impl From<NotAdded> for InvalidEvent {
    fn from(reason: NotAdded) -> Self {
        match reason {
            NotAdded::Collision(collision) => collision.into(),
            NotAdded::TooMany => Self::TooMany(reason.to_string()),
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
    take: impl FnOnce(Content<'_, '_>) -> Result<T, E>,
) -> Result<T, E> {
    let (json, reason) = match *body {
        Body::Element(text) => return take_event(event(text, rules).map_err(Invalid::from)?, take),
        Body::Json(text) => match event(text, rules) {
            Ok(event) => return take_event(event, take),
            Err(reason) => (Cow::Borrowed(text), reason),
        },
        Body::Bytes(_) | Body::Quoted(_) => {
            let usual = match *body {
                Body::Quoted(raw) => {
                    raw.and_then(quoted).and_then(|text| fast::escaped_event(text, rules.escaping))
                }
                _ => None,
            };
            if let Some(event) = usual {
                return take_event(event.with(rules).map_err(Invalid::from)?, take);
            }
            let json = json_of(body.text().map_err(Invalid::from)?).map_err(Invalid::from)?;
            match events_of(&json, rules) {
                Ok(events) => return take_events(events, take),
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
        Ok(events) => take_events(events, take),
        Err(reason) => Err(invalid(reason.into()).into()),
    }
}

fn take_event<T, E>(
    Event { point, inexact_values, metadata }: Event<'_>,
    take: impl FnOnce(Content<'_, '_>) -> Result<T, E>,
) -> Result<T, E> {
    take(Content { points: slice::from_ref(&point), inexact_values, metadata, ..Content::default() })
}

fn take_events<T, E>(
    Events { points, inexact_values, metadata }: Events<'_>,
    take: impl FnOnce(Content<'_, '_>) -> Result<T, E>,
) -> Result<T, E> {
    take(Content { points: &points, inexact_values, metadata, ..Content::default() })
}

/// The events of a body.
#[derive(Default)]
struct Events<'a> {
    points: Vec<Point<'a>>,
    inexact_values: usize,
    metadata: Vec<Metadata>,
}

impl<'a> Events<'a> {
    fn push(&mut self, Event { point, inexact_values, metadata }: Event<'a>) {
        self.points.push(point);
        self.inexact_values += inexact_values;
        self.metadata.extend(metadata);
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
fn events_of<'a>(json: &'a str, rules: Rules<'_>) -> Result<Events<'a>, InvalidEvent> {
    let mut events = Events::default();
    if !json.trim_start().starts_with('[') {
        events.push(event(json, rules)?);
        return Ok(events);
    }
    let (mut count, mut invalid) = (0, None);
    let read = |text: &'a RawValue| {
        if invalid.is_none() {
            match event(text.get(), rules) {
                Ok(event) => events.push(event),
                Err(reason) => invalid = Some((count, reason)),
            }
        }
        count += 1;
    };
    each_element(json, read).map_err(|error| InvalidEvent::Json(error.to_string()))?;
    match invalid {
        Some((at, reason)) => Err(reason.at(at, count)),
        None => Ok(events),
    }
}

/// Calls `take` with each element of a JSON array. Keeping them could take eight times the memory of the text.
fn each_element<'a>(json: &'a str, take: impl FnMut(&'a RawValue)) -> serde_json::Result<()> {
    struct Elements<F>(F);
    impl<'de, F: FnMut(&'de RawValue)> Visitor<'de> for Elements<F> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array")
        }

        fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<(), A::Error> {
            while let Some(element) = elements.next_element()? {
                (self.0)(element);
            }
            Ok(())
        }
    }
    let mut deserializer = serde_json::Deserializer::from_str(json);
    deserializer.deserialize_seq(Elements(take))?;
    deserializer.end()
}

impl Event<'_> {
    /// Applies the rules of every format.
    fn with(mut self, rules: Rules<'_>) -> Result<Self, InvalidEvent> {
        rules.apply(&mut self.point)?;
        Ok(self)
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
