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
//! | [`mod@external_labels`] | labels that an operator sets for every series                             |
//! | [`json`]            | a JSON scanner for what nearly everyone sends                             |

pub mod body;
pub mod event;
pub mod exposition;
pub mod external_labels;
pub mod json;
mod members;
mod metadata;
pub mod rules;
pub mod text;

use remote_write::{Metadata, Point};

pub use body::{Body, InvalidBody};
pub use event::InvalidEvent;
use exposition::Dialect;

pub use exposition::InvalidExposition;
pub use external_labels::{InvalidLabels, external_labels};
pub use rules::{Grouping, InvalidPoint, Rules};

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
}

/// The content of a body.
#[derive(Debug)]
pub struct Content<'c, 'a> {
    /// Its points, in their order.
    pub points: &'c [Point<'a>],
    /// The number of values that a float64 cannot hold exactly.
    pub inexact_values: usize,
    /// The metadata of its metric families.
    pub metadata: Vec<Metadata>,
    /// The number of exemplars, which are not written: AMP accepts none.
    pub exemplars: usize,
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
}

impl Invalid {
    /// The number of points that are invalid for this reason, as far as it is known; at least one.
    pub fn events(&self) -> usize {
        match self {
            Self::Body(_) | Self::Exposition(_) => 1,
            Self::Event(reason) => reason.events(),
        }
    }
}

/// Reads `body` and calls `take` with what it contains. A body is atomic: one invalid point makes all of it invalid.
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
    }
}
