//! Input formats: the body of a record is read into points, or is invalid for a reason.
//!
//! A format is a module here and a row of [`read`]. It depends on no envelope, HTTP or clock: any format may come in
//! any envelope.
//!
//! | module              | what it does                                                              |
//! |---------------------|---------------------------------------------------------------------------|
//! | [`body`]            | the ways in which a payload holds a body: as JSON, as text, in base64     |
//! | [`event`]           | the format JSON event                                                     |
//! | [`exposition`]      | the formats of Prometheus: text, `OpenMetrics` and protobuf               |
//! | [`otlp`]            | metrics of the OpenTelemetry protocol, in protobuf and JSON               |
//! | [`mod@remote_write`] | write requests of remote write 1.0 and 2.0                                |
//! | [`mod@external_labels`] | labels that an operator sets for every series                             |
//! | [`json`]            | a JSON scanner for what nearly everyone sends                             |

pub mod body;
pub mod event;
pub mod exposition;
pub mod external_labels;
mod integer;
pub mod json;
mod limits;
mod members;
mod metadata;
pub mod otlp;
pub mod remote_write;
pub mod rules;
pub mod text;
mod wire;

use ::remote_write::{Metadata, Point, Version};

pub use body::{Body, InvalidBody};
pub use event::InvalidEvent;
use exposition::Dialect;

pub use self::remote_write::InvalidRequest;
pub use exposition::InvalidExposition;
pub use external_labels::{InvalidLabels, external_labels};
pub use limits::TooMany;
pub use otlp::InvalidOtlp;
pub use rules::{Grouping, InvalidPoint, OtlpDelta, Rules};
pub use wire::InvalidWire;

/// The format of a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// JSON events: one, or an array of them.
    #[default]
    Event,
    /// The text exposition format 0.0.4 of Prometheus.
    Text,
    /// `OpenMetrics` 1.0 as text.
    OpenMetrics,
    /// `io.prometheus.client.MetricFamily` messages, each after its length.
    Protobuf,
    /// A message `ExportMetricsServiceRequest` of OTLP.
    Otlp,
    /// The same message as JSON.
    OtlpJson,
    /// A write request of remote write 1.0: `prometheus.WriteRequest`.
    RemoteWrite1,
    /// A write request of remote write 2.0: `io.prometheus.write.v2.Request`.
    RemoteWrite2,
}

impl Format {
    /// Whether it is an exposition, which a Pushgateway takes under a path with labels.
    pub fn is_exposition(self) -> bool {
        matches!(self, Self::Text | Self::OpenMetrics | Self::Protobuf)
    }

    /// Whether it is a request of OTLP, in protobuf or JSON.
    pub fn is_otlp(self) -> bool {
        matches!(self, Self::Otlp | Self::OtlpJson)
    }

    /// Whether it is a write request, of which an invalid series does not concern the others.
    pub fn is_remote_write(self) -> bool {
        matches!(self, Self::RemoteWrite1 | Self::RemoteWrite2)
    }
}

/// The content of a body.
#[derive(Debug, Default)]
pub struct Content<'c, 'a> {
    /// Its points, in their order.
    pub points: &'c [Point<'a>],
    /// The number of values that a float64 cannot hold exactly.
    pub inexact_values: usize,
    /// The metadata of its metric families.
    pub metadata: Vec<Metadata>,
    /// The number of exemplars, which are not written: AMP accepts none.
    pub exemplars: usize,
    /// The number of `points` that are data points of OTLP. Those of `target_info` come after them. 0 in other formats.
    pub data_points: usize,
    /// Parts of the body that are not in `points`, one for each kind of reason.
    pub refused: Vec<Refused>,
}

/// Data points that a format refuses while it accepts the rest of the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Their number; 0 if the reason concerns nothing but `target_info`.
    pub points: usize,
    /// The reason of the first, on one line of bounded length.
    pub reason: String,
}

/// The reason why a body has no points. Each message is one line of bounded length.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// The body is not readable at all.
    #[error(transparent)]
    Body(#[from] InvalidBody),
    /// It is not an event, or has one that is not.
    #[error(transparent)]
    Event(#[from] InvalidEvent),
    /// It is not an exposition of Prometheus.
    #[error(transparent)]
    Exposition(#[from] InvalidExposition),
    /// It is not a request of OTLP.
    #[error(transparent)]
    Otlp(#[from] InvalidOtlp),
    /// It is not a write request.
    #[error(transparent)]
    RemoteWrite(#[from] InvalidRequest),
}

impl Invalid {
    /// Whether a write request or a request of OTLP has more samples or labels than are read.
    pub fn is_too_large(&self) -> bool {
        matches!(
            self,
            Self::RemoteWrite(InvalidRequest::Message(InvalidWire::TooMany(_)))
                | Self::Otlp(InvalidOtlp::TooMany(_) | InvalidOtlp::Wire(InvalidWire::TooMany(_)))
        )
    }

    /// The number of points that are invalid for this reason, as far as it is known; at least one.
    pub fn events(&self) -> usize {
        match self {
            Self::Body(_) | Self::Exposition(_) | Self::Otlp(_) | Self::RemoteWrite(_) => 1,
            Self::Event(reason) => reason.events(),
        }
    }
}

/// Reads `body` and calls `take` with what it contains. A body is atomic: one invalid point makes all of it invalid, except
/// in OTLP and remote write, which have an answer for a part.
///
/// # Errors
/// [`Invalid`], or the error of `take`.
pub fn read<T, E: From<Invalid>>(
    format: Format,
    body: &Body<'_>,
    rules: Rules<'_>,
    take: impl FnOnce(Content<'_, '_>) -> Result<T, E>,
) -> Result<T, E> {
    match format {
        Format::Event => event::read(body, rules, take),
        Format::Text => exposition::read_text(body, rules, Dialect::Text, take),
        Format::OpenMetrics => exposition::read_text(body, rules, Dialect::OpenMetrics, take),
        Format::Protobuf => exposition::read_protobuf(body, rules, take),
        Format::Otlp => otlp::read_protobuf(body, rules, take),
        Format::OtlpJson => otlp::read_json(body, rules, take),
        Format::RemoteWrite1 => remote_write::read(body, rules, Version::V1, take),
        Format::RemoteWrite2 => remote_write::read(body, rules, Version::V2, take),
    }
}
