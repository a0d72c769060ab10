//! Parses one event of the Telemetry API.
//!
//! Log lines are not parsed. Unknown types and fields are accepted; a field that is used must follow the schema. An event is
//! atomic: if one of its figures is invalid, none of it counts.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html>

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::metrics::label_value::{EventType, InitializationType, Phase, Status};

/// The largest duration in milliseconds, or size: thirty thousand years, a petabyte.
pub const MAX_FIGURE: f64 = 1e15;

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub struct Event<'a> {
    /// Its type.
    pub kind: EventType,
    /// The key among events of its type: the request id, or the time of events without one.
    pub key: Cow<'a, str>,
    /// Its content.
    pub facts: Facts,
}

/// The content of events. Facts that an event does not have are `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// The end of the phase.
    pub status: Option<Status>,
    /// The origin of the environment.
    pub initialization_type: Option<InitializationType>,
    /// The time of the initialization.
    pub phase: Option<Phase>,
    /// `metrics`: durations in milliseconds, sizes as named. All are from 0 to [`MAX_FIGURE`].
    pub figures: Figures,
    /// `spans`: durations in milliseconds by the name of the span.
    pub spans: Spans,
    /// The events that Lambda dropped.
    pub dropped: Option<Dropped>,
    /// Lambda's id of the execution environment.
    pub instance_id: Option<String>,
}

/// The figures of reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
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

/// The spans that Lambda documents, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "they are the schema's")]
pub struct Spans {
    pub response_latency: Option<f64>,
    pub response_duration: Option<f64>,
    pub runtime_overhead: Option<f64>,
    pub extension_overhead: Option<f64>,
}

/// The figures of a `platform.logsDropped`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are the schema's")]
pub struct Dropped {
    pub records: u64,
    pub bytes: u64,
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
    /// A missing field.
    #[error("{kind}: expected {field}, got none")]
    Missing {
        /// The type of the event.
        kind: &'static str,
        /// The field.
        field: &'static str,
    },
    /// A negative duration or size, which would make a counter fall, or a huge one, which would spoil its sum.
    #[error("{kind}: expected {field} from 0 to 1e15, got {value}")]
    OutOfRange {
        /// The type of the event.
        kind: &'static str,
        /// The field.
        field: &'static str,
        /// Its value.
        value: f64,
    },
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

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Record<'a> {
    #[serde(borrow)]
    request_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    status: Option<Cow<'a, str>>,
    #[serde(borrow)]
    initialization_type: Option<Cow<'a, str>>,
    #[serde(borrow)]
    phase: Option<Cow<'a, str>>,
    instance_id: Option<String>,
    metrics: Option<Figures>,
    #[serde(borrow)]
    spans: Option<Vec<Span<'a>>>,
    dropped_records: Option<u64>,
    dropped_bytes: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Span<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    duration_ms: f64,
}

/// Reads one event.
///
/// # Errors
/// [`InvalidEvent`]
pub fn parse(json: &str) -> Result<Event<'_>, InvalidEvent> {
    let Envelope { time, kind, record } = serde_json::from_str(object(json)?)?;
    let kind = EventType::of(&kind);
    if matches!(
        kind,
        EventType::Function
            | EventType::Extension
            | EventType::ExtensionState
            | EventType::TelemetrySubscription
            | EventType::Other
    ) {
        return Ok(Event { kind, key: time, facts: Facts::default() });
    }
    let missing = |field| InvalidEvent::Missing { kind: kind.text(), field };
    let record: Record<'_> = serde_json::from_str(object(record.ok_or_else(|| missing("record"))?.get())?)?;
    let facts = record.facts(kind)?;
    let key = match kind {
        EventType::Start | EventType::RuntimeDone | EventType::Report => {
            record.request_id.filter(|id| !id.is_empty()).ok_or_else(|| missing("requestId"))?
        }
        _ => time,
    };
    Ok(Event { kind, key, facts })
}

/// `serde` would accept an array as an object with its fields in order.
fn object(json: &str) -> Result<&str, InvalidEvent> {
    if json.starts_with('{') { Ok(json) } else { Err(InvalidEvent::NoObject) }
}

impl Record<'_> {
    fn facts(&self, kind: EventType) -> Result<Facts, InvalidEvent> {
        let missing = |field| InvalidEvent::Missing { kind: kind.text(), field };
        let dropped = match kind {
            EventType::LogsDropped => Some(Dropped {
                records: self.dropped_records.ok_or_else(|| missing("droppedRecords"))?,
                bytes: self.dropped_bytes.ok_or_else(|| missing("droppedBytes"))?,
            }),
            _ => None,
        };
        let figures = self.metrics.unwrap_or_default();
        let spans = self.spans.as_deref().map(Spans::of).unwrap_or_default();
        in_range(kind, &figures, &spans)?;
        Ok(Facts {
            status: self.status.as_deref().map(Status::of),
            initialization_type: self.initialization_type.as_deref().map(InitializationType::of),
            phase: self.phase.as_deref().map(Phase::of),
            figures,
            spans,
            dropped,
            instance_id: self.instance_id.clone().filter(|id| !id.is_empty()),
        })
    }
}

impl Spans {
    /// The first span of each name counts.
    fn of(spans: &[Span<'_>]) -> Self {
        let find = |name| spans.iter().find(|span| span.name == name).map(|span| span.duration_ms);
        Self {
            response_latency: find("responseLatency"),
            response_duration: find("responseDuration"),
            runtime_overhead: find("runtimeOverhead"),
            extension_overhead: find("extensionOverhead"),
        }
    }
}

fn in_range(kind: EventType, figures: &Figures, spans: &Spans) -> Result<(), InvalidEvent> {
    for (field, value) in [
        ("durationMs", figures.duration_ms),
        ("billedDurationMs", figures.billed_duration_ms),
        ("initDurationMs", figures.init_duration_ms),
        ("maxMemoryUsedMB", figures.max_memory_used_mb),
        ("memorySizeMB", figures.memory_size_mb),
        ("producedBytes", figures.produced_bytes),
        ("responseLatency", spans.response_latency),
        ("responseDuration", spans.response_duration),
        ("runtimeOverhead", spans.runtime_overhead),
        ("extensionOverhead", spans.extension_overhead),
    ] {
        if let Some(value) = value
            && !(0.0..=MAX_FIGURE).contains(&value)
        {
            return Err(InvalidEvent::OutOfRange { kind: kind.text(), field, value });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
