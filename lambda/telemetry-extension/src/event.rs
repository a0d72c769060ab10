//! Parses one event of the Telemetry API.
//!
//! Log lines are not parsed. Unknown types and fields are accepted; a field that is used must follow the schema. An event is
//! atomic: if one of its figures is invalid, none of it counts.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html>

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::metrics::label_value::{EVENT_TYPES, known};

/// The largest duration in milliseconds, or size: thirty thousand years, a petabyte.
const MAX_FIGURE: f64 = 1e15;

/// The names of the spans that are counted.
const SPANS: [&str; 4] = ["responseLatency", "responseDuration", "runtimeOverhead", "extensionOverhead"];

/// One event.
#[derive(Debug)]
pub struct Event<'a> {
    /// One of [`EVENT_TYPES`], or `other`.
    pub kind: &'static str,
    /// The key among events of its type: the request id, or the time of events without one.
    pub key: Cow<'a, str>,
    /// Its content; empty for events that are counted by their type only.
    pub record: Record<'a>,
}

/// The content of events, as far as it is used.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the schema's")]
pub struct Record<'a> {
    #[serde(borrow)]
    request_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub status: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub initialization_type: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub phase: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub instance_id: Option<Cow<'a, str>>,
    pub metrics: Option<Figures>,
    #[serde(borrow)]
    spans: Option<Vec<Span<'a>>>,
    pub dropped_records: Option<u64>,
    pub dropped_bytes: Option<u64>,
}

/// The figures of reports, each from 0 to 1e15.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the schema's, with units in their names")]
pub struct Figures {
    pub duration_ms: Option<f64>,
    pub billed_duration_ms: Option<f64>,
    pub init_duration_ms: Option<f64>,
    #[serde(rename = "maxMemoryUsedMB")]
    pub max_memory_used_mb: Option<f64>,
    #[serde(rename = "memorySizeMB")]
    pub memory_size_mb: Option<f64>,
    pub produced_bytes: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Span<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    duration_ms: f64,
}

/// The reason why an event is invalid.
#[derive(Debug, thiserror::Error)]
pub enum InvalidEvent {
    /// Not an object.
    #[error("expected a JSON object")]
    NoObject,
    /// An object without a type, or a field that does not follow the schema.
    #[error("invalid event: {0}")]
    Schema(#[from] serde_json::Error),
    /// An event of this type without this field.
    #[error("{0}: expected {1}, got none")]
    Missing(&'static str, &'static str),
    /// A negative figure, which would make a counter fall, or a huge one, which would spoil its sum.
    #[error("{0}: expected {1} from 0 to 1e15, got {2}")]
    OutOfRange(&'static str, &'static str, f64),
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    time: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    record: Option<&'a RawValue>,
}

/// Reads one event.
pub fn parse(json: &str) -> Result<Event<'_>, InvalidEvent> {
    let Envelope { time, kind, record } = serde_json::from_str(object(json)?)?;
    let kind = known(&EVENT_TYPES, &kind);
    let mut event = Event { kind, key: time, record: Record::default() };
    if matches!(
        kind,
        "function" | "extension" | "platform.extension" | "platform.telemetrySubscription" | "other"
    ) {
        return Ok(event);
    }
    let missing = |field| InvalidEvent::Missing(kind, field);
    event.record = serde_json::from_str(object(record.ok_or_else(|| missing("record"))?.get())?)?;
    event.record.check(kind)?;
    if matches!(kind, "platform.start" | "platform.runtimeDone" | "platform.report") {
        let request_id = event.record.request_id.take().filter(|id| !id.is_empty());
        event.key = request_id.ok_or_else(|| missing("requestId"))?;
    }
    Ok(event)
}

/// `serde` would accept an array as an object with its fields in order.
fn object(json: &str) -> Result<&str, InvalidEvent> {
    if json.starts_with('{') { Ok(json) } else { Err(InvalidEvent::NoObject) }
}

impl Record<'_> {
    /// The milliseconds of the first span of this name.
    pub fn span(&self, name: &str) -> Option<f64> {
        self.spans.iter().flatten().find(|span| span.name == name).map(|span| span.duration_ms)
    }

    fn check(&self, kind: &'static str) -> Result<(), InvalidEvent> {
        if kind == "platform.logsDropped" {
            self.dropped_records.ok_or(InvalidEvent::Missing(kind, "droppedRecords"))?;
            self.dropped_bytes.ok_or(InvalidEvent::Missing(kind, "droppedBytes"))?;
        }
        let figures = self.metrics.unwrap_or_default();
        let figures = [
            ("durationMs", figures.duration_ms),
            ("billedDurationMs", figures.billed_duration_ms),
            ("initDurationMs", figures.init_duration_ms),
            ("maxMemoryUsedMB", figures.max_memory_used_mb),
            ("memorySizeMB", figures.memory_size_mb),
            ("producedBytes", figures.produced_bytes),
        ];
        let spans = SPANS.map(|name| (name, self.span(name)));
        for (field, value) in figures.into_iter().chain(spans) {
            if let Some(value) = value.filter(|value| !(0.0..=MAX_FIGURE).contains(value)) {
                return Err(InvalidEvent::OutOfRange(kind, field, value));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
