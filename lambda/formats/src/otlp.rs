//! Metrics of the OpenTelemetry protocol (OTLP): a message `ExportMetricsServiceRequest`.
//!
//! The series are those of OpenTelemetry's specification for Prometheus, and where it leaves a choice, those of Prometheus's
//! own OTLP receiver. Names are always translated with underscores and suffixes, because AMP accepts no others.
//!
//! A data point that has no translation is refused, and the rest is accepted: an answer of OTLP has the number of those refused.
//!
//! JSON is rewritten as protobuf, so that both have one reader, and the memory that either takes is bounded by the body.
//!
//! - <https://opentelemetry.io/docs/specs/otlp/>
//! - <https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/>

mod collected;
mod data_points;
mod json;
mod labels;
mod names;
mod native;
mod refusal;
mod request;
mod target_info;
mod value;

use crate::body::Body;
use crate::limits::TooMany;
use crate::wire::InvalidWire;
use crate::{Content, Invalid, Rules};
use request::Reader;

/// The reason why a body is not a request of OTLP.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOtlp {
    /// It is not the message in protobuf.
    #[error("OTLP: {0}")]
    Wire(#[from] InvalidWire),
    /// It is not the message in JSON.
    #[error("OTLP: line {line}, column {column}: {reason}")]
    Json {
        /// The number of the line; the first is 1.
        line: usize,
        /// The number of the byte in the line.
        column: usize,
        /// The reason, shortened.
        reason: String,
    },
    /// Lists inside each other, as the value of an attribute.
    #[error("OTLP: expected at most 16 lists and maps inside each other in an attribute, got more")]
    TooDeep,
    /// More than is read of one body.
    #[error("OTLP: {0}")]
    TooMany(#[from] TooMany),
}

/// Reads a body in protobuf.
pub(crate) fn read_protobuf<T, E: From<Invalid>>(
    body: &Body<'_>,
    rules: Rules<'_>,
    take: impl FnOnce(Content<'_, '_>) -> Result<T, E>,
) -> Result<T, E> {
    let bytes = body.bytes().map_err(Invalid::from)?;
    read(&bytes, rules, take)
}

/// Reads a body in JSON.
pub(crate) fn read_json<T, E: From<Invalid>>(
    body: &Body<'_>,
    rules: Rules<'_>,
    take: impl FnOnce(Content<'_, '_>) -> Result<T, E>,
) -> Result<T, E> {
    let text = body.text().map_err(Invalid::from)?;
    let bytes = json::to_protobuf(&text).map_err(Invalid::from)?;
    drop(text);
    read(&bytes, rules, take)
}

fn read<T, E: From<Invalid>>(
    bytes: &[u8],
    rules: Rules<'_>,
    take: impl FnOnce(Content<'_, '_>) -> Result<T, E>,
) -> Result<T, E> {
    let mut reader = Reader::new(rules);
    reader.request(bytes).map_err(Invalid::from)?;
    reader.collected.give(take)
}
