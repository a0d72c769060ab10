//! The careful reader: any text is an event, or invalid for a reason.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use remote_write::{LabelName, Labels, Metadata, MetricName, NameEscaping, Point, Value};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::histogram::histogram;
use super::value::{Number, parse_number, parse_text, parse_timestamp};
use super::{Event, InvalidEvent};
use crate::members::Members;
use crate::metadata::metric_type;
use crate::text::{Text, text_of, truncated};

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
    let metadata = reader.metadata.unwrap_or_default();
    let is_in_the_labels = |bound| labels.iter().any(|(label, _)| label == bound);
    let has_bound =
        |(_, value): &&(_, Value)| value.bound().is_some_and(|(bound, _)| is_in_the_labels(bound));
    if let Some((name, _)) = metrics.iter().find(has_bound) {
        return Err(InvalidEvent::Bound { metric: truncated(name.given()) });
    }
    Ok(Event { point: Point { labels, timestamp_ms, metrics, ..Point::default() }, inexact_values, metadata })
}

/// The metrics of an event and the number of inexact values.
pub(super) type Metrics<'a> = (Vec<(MetricName<'a>, Value)>, usize);

/// The fields read so far. A reason why the event is invalid goes into `invalid`, where it keeps its type, and stops
/// the parser with an error of its own.
#[derive(Default)]
struct Reader<'a> {
    escaping: NameEscaping,
    labels: Option<Labels<'a>>,
    timestamp_ms: Option<i64>,
    metrics: Option<Metrics<'a>>,
    metadata: Option<Vec<Metadata>>,
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
                "dimensions" | "timestamp" | "metrics" | "metadata" => {
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
            "metrics" => self.metrics.replace(metrics(raw, self.escaping)?).is_some(),
            _ => self.metadata.replace(metadata(raw, self.escaping)?).is_some(),
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
    let pairs = members(raw, "metrics", "an object of numbers, strings with a number, or histograms")?;
    if pairs.is_empty() {
        return Err(InvalidEvent::NoMetrics);
    }
    let mut metrics = Vec::with_capacity(pairs.len());
    let mut inexact_values = 0;
    for (Text(key), raw) in pairs {
        if raw.get().starts_with('{') {
            let field = format!("metrics.{}", truncated(&key));
            inexact_values += histogram(key, &field, raw, escaping, &mut metrics)?;
            continue;
        }
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
        metrics.push((metric_name(key, escaping)?, Value::float(float)));
        inexact_values += usize::from(inexact);
    }
    Ok((metrics, inexact_values))
}

pub(super) fn metric_name(key: Cow<'_, str>, escaping: NameEscaping) -> Result<MetricName<'_>, InvalidEvent> {
    MetricName::new(key, escaping).map_err(|reason| InvalidEvent::Name { field: "metrics", reason })
}

/// The metadata of metrics by their names: `{"temperature":{"type":"gauge","help":"…","unit":"celsius"}}`.
fn metadata(raw: &RawValue, escaping: NameEscaping) -> Result<Vec<Metadata>, InvalidEvent> {
    let families = members(raw, "metadata", "an object of objects")?;
    let mut metadata = Vec::with_capacity(families.len());
    for (Text(key), raw) in families {
        let field = format!("metadata.{}", truncated(&key));
        let mut family = Metadata::default();
        for (Text(part), raw) in members(raw, &field, "an object of strings")? {
            let field = format!("{field}.{}", truncated(&part));
            let text = || match text_of(raw.get()) {
                Some(text) => Ok(text?),
                None => Err(wrong_type(field.clone(), "a string", raw)),
            };
            match &*part {
                "type" => {
                    let known = metric_type(&text()?);
                    family.set_metric_type(
                        known.ok_or_else(|| wrong_type(field.clone(), "a type of OpenMetrics", raw))?,
                    );
                }
                "help" => family.help = text()?.into_owned(),
                "unit" => family.unit = text()?.into_owned(),
                _ => {}
            }
        }
        let name = MetricName::new(key, escaping)
            .map_err(|reason| InvalidEvent::Name { field: "metadata", reason })?;
        name.as_str().clone_into(&mut family.family);
        metadata.push(family);
    }
    Ok(metadata)
}

/// The members of the object in `field`, which has no duplicate key.
pub(super) fn members<'a>(
    raw: &'a RawValue,
    field: &str,
    expected: &'static str,
) -> Result<Vec<(Text<'a>, &'a RawValue)>, InvalidEvent> {
    if !raw.get().starts_with('{') {
        return Err(wrong_type(field.to_owned(), expected, raw));
    }
    let Members::<Text<'_>, _>(members) =
        serde_json::from_str(raw.get()).map_err(|error| InvalidEvent::Json(format!("{field}: {error}")))?;
    match first_duplicate(&members, |(key, _)| &key.0) {
        Some(key) => Err(InvalidEvent::Duplicate(format!("{field}.{}", truncated(key)))),
        None => Ok(members),
    }
}

/// Most events have a handful of keys, which are compared faster than hashed.
pub(crate) fn first_duplicate<T>(members: &[T], key: impl Fn(&T) -> &str) -> Option<&str> {
    const FEW: usize = 12;
    if members.len() <= FEW {
        let is_known = |at: usize| members[..at].iter().any(|known| key(known) == key(&members[at]));
        (1..members.len()).find(|&at| is_known(at)).map(|at| key(&members[at]))
    } else {
        let mut seen = HashSet::new();
        members.iter().map(key).find(|key| !seen.insert(*key))
    }
}

pub(super) fn wrong_type(field: String, expected: &'static str, raw: &RawValue) -> InvalidEvent {
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
