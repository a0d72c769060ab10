//! The format JSON event.
//!
//! `{"dimensions":{"customerId":"c1"},"timestamp":1676398017000,"metrics":{"temperature":"14.3"}}`
//!
//! A body is one event or an array of them. An event is atomic: one invalid metric makes all of it invalid. Keys other
//! than the three are ignored.

mod careful;
mod fast;
pub mod value;
mod wrapped;

use std::borrow::Cow;
use std::slice;
use std::time::Duration;

use remote_write::{Collision, InvalidName, NameEscaping, Oversized, Point};
use serde_json::value::RawValue;

use crate::body::{Body, json_of};
use crate::text::{NotText, truncated};
use crate::{Invalid, Rules};

pub use careful::parse_event_carefully;

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
    /// A timestamp too far in the future, which would shorten the receiver's out-of-order window for all series.
    #[error(
        "timestamp: expected at most {limit:?} ahead of the clock, got {timestamp_ms}, which is {ahead:?} ahead"
    )]
    Future {
        /// The timestamp.
        timestamp_ms: i64,
        /// How far ahead of the clock it is.
        ahead: Duration,
        /// The limit.
        limit: Duration,
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
            Err(reason) => return Err(reason.at(at, texts.len())),
        }
    }
    Ok((points, inexact_values))
}

impl Event<'_> {
    /// Adds the external labels, and checks the timestamp and the size of the samples.
    fn with(mut self, rules: Rules<'_>) -> Result<Self, InvalidEvent> {
        let Point { timestamp_ms, .. } = self.point;
        let ahead = timestamp_ms.saturating_sub(rules.now_ms);
        let ahead = Duration::from_millis(ahead.try_into().unwrap_or_default());
        if ahead > rules.max_future {
            return Err(InvalidEvent::Future { timestamp_ms, ahead, limit: rules.max_future });
        }
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
