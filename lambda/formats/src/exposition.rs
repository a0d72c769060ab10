//! The exposition formats of Prometheus: text 0.0.4, `OpenMetrics` 1.0 and delimited protobuf.
//!
//! Text is accepted as the Pushgateway accepts it, with its error texts, because the formats are what its clients send.
//! Beyond it, timestamps are kept, and names outside the charset are escaped.
//!
//! Labels `le` and `quantile` are written as the Pushgateway exposes them (`1`, not `1.0`), so that a histogram has the
//! same series in all three formats.

mod cursor;
mod families;
pub(crate) mod go;
mod invalid_line;
pub(crate) mod native;
mod protobuf;
mod samples;
mod text;

use remote_write::Point;

use crate::body::Body;
use crate::{Content, Invalid, InvalidPoint, Rules};
use families::Families;
use samples::Samples;

pub use invalid_line::InvalidLine;
pub use protobuf::InvalidMessage;

/// A text format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// 0.0.4.
    Text,
    /// `OpenMetrics` 1.0.
    OpenMetrics,
}

/// The reason why a body is not an exposition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidExposition {
    /// An invalid line.
    #[error("{} parsing error in line {line}: {reason}", match dialect {
        Dialect::Text => "text format",
        Dialect::OpenMetrics => "openmetrics",
    })]
    Line {
        /// The format.
        dialect: Dialect,
        /// The number of the line; the first is 1.
        line: usize,
        /// The reason.
        reason: InvalidLine,
    },
    /// An invalid message.
    #[error("protobuf parsing error in message {message}: {reason}")]
    Message {
        /// The number of the message; the first is 1.
        message: usize,
        /// The reason.
        reason: InvalidMessage,
    },
    /// Samples or families that do not go together.
    #[error("pushed metrics are invalid or inconsistent with existing metrics: {0}")]
    Inconsistent(String),
    /// A point that breaks a rule of every format.
    #[error(transparent)]
    Point(#[from] InvalidPoint),
}

/// Reads a body of a text format.
pub(crate) fn read_text<T, E: From<Invalid>>(
    body: &Body<'_>,
    rules: Rules<'_>,
    dialect: Dialect,
    take: impl FnOnce(Content<'_, '_>) -> Result<T, E>,
) -> Result<T, E> {
    let bytes = body.bytes().map_err(Invalid::from)?;
    let (mut families, mut samples) = (Families::default(), Samples::new(rules));
    text::read(&bytes, dialect, &mut families, &mut samples).map_err(Invalid::from)?;
    give(families, samples, take)
}

/// Reads a body of protobuf messages.
pub(crate) fn read_protobuf<T, E: From<Invalid>>(
    body: &Body<'_>,
    rules: Rules<'_>,
    take: impl FnOnce(Content<'_, '_>) -> Result<T, E>,
) -> Result<T, E> {
    let bytes = body.bytes().map_err(Invalid::from)?;
    let (mut families, mut samples) = (Families::default(), Samples::new(rules));
    protobuf::read(&bytes, &mut families, &mut samples).map_err(Invalid::from)?;
    give(families, samples, take)
}

fn give<T, E: From<Invalid>>(
    families: Families<'_>,
    mut samples: Samples<'_>,
    take: impl FnOnce(Content<'_, '_>) -> Result<T, E>,
) -> Result<T, E> {
    if let Some(reason) = families.collision() {
        samples.inconsistent(reason);
    }
    let (inexact_values, exemplars) = (samples.inexact_values, samples.exemplars);
    let metadata = families.metadata(samples.rules().escaping);
    let points: Vec<Point<'_>> = samples.points().map_err(Invalid::from)?;
    take(Content { points: &points, inexact_values, metadata, exemplars, ..Content::default() })
}
