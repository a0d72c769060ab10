//! Remote write, as agents send it: `prometheus.WriteRequest` of version 1.0, and `io.prometheus.write.v2.Request`.
//!
//! | module      | reads                                                             |
//! |-------------|-------------------------------------------------------------------|
//! | `reader`    | series into points, or the reason why one is refused              |
//! | `symbols`   | the texts of version 2.0                                          |
//! | `sample`    | floats and native histograms                                      |
//! | `families`  | metadata, by metric family                                        |
//!
//! A message that is not one is invalid as a whole. A series that breaks a rule is refused alone, and the others are
//! written, as Prometheus and Cortex do. The labels of a series may have any order, as in both.
//!
//! Specifications: <https://prometheus.io/docs/specs/prw/remote_write_spec/> and
//! <https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/>.

mod families;
mod reader;
mod sample;
mod symbols;

use remote_write::{Collision, InvalidName, Version};

use crate::body::Body;
use crate::limits::TooMany;
use crate::wire::{Fields, InvalidWire, messages};
use crate::{Content, Invalid, InvalidPoint, Rules};
use reader::Reader;
use symbols::Symbols;

/// The reason why a body is not a write request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRequest {
    /// Not a message.
    #[error("protobuf parsing error in the write request: {0}")]
    Message(#[from] InvalidWire),
    /// A message of the other version, which would be read as an empty one.
    #[error("expected a message {expected}, got {got}")]
    Version {
        /// The message of the content type.
        expected: &'static str,
        /// The message of the body.
        got: &'static str,
    },
}

/// The reason why a series, or one of its samples, is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSeries {
    /// No label `__name__`, or an empty one.
    #[error("expected a label __name__")]
    NoName,
    /// An invalid metric name.
    #[error("metric name: {0}")]
    Metric(InvalidName),
    /// An invalid label name.
    #[error("label name: {0}")]
    Label(InvalidName),
    /// Two labels of one name.
    #[error("expected label {0:?} once, got it twice")]
    Duplicate(String),
    /// Two labels that escaping gives the same name.
    #[error(transparent)]
    Collision(Collision),
    /// A text that is not.
    #[error("expected UTF-8")]
    NotUtf8,
    /// A symbol that is not in the table.
    #[error("expected the index of one of {symbols} symbols, got {index}")]
    Symbol {
        /// The index.
        index: u64,
        /// The number of symbols.
        symbols: usize,
    },
    /// A label name without a value.
    #[error("expected two symbols for each label, got {0}")]
    Odd(usize),
    /// A native histogram that no receiver accepts.
    #[error("native histogram: {0}")]
    Histogram(&'static str),
    /// A sample that breaks a rule of every format.
    #[error(transparent)]
    Point(InvalidPoint),
}

impl From<TooMany> for InvalidRequest {
    fn from(reason: TooMany) -> Self {
        Self::Message(reason.into())
    }
}

/// Reads a write request, which is not compressed.
pub(crate) fn read<T, E: From<Invalid>>(
    body: &Body<'_>,
    rules: Rules<'_>,
    version: Version,
    take: impl FnOnce(Content<'_, '_>) -> Result<T, E>,
) -> Result<T, E> {
    let bytes = body.bytes().map_err(Invalid::from)?;
    let mut reader = Reader::new(rules);
    let read = match version {
        Version::V1 => version_1(&bytes, &mut reader),
        Version::V2 => version_2(&bytes, &mut reader),
    };
    read.map_err(Invalid::from)?;
    reader.give(take)
}

/// `WriteRequest { repeated TimeSeries timeseries = 1; repeated MetricMetadata metadata = 3; }`
fn version_1<'a>(message: &'a [u8], reader: &mut Reader<'a>) -> Result<(), InvalidRequest> {
    let mut fields = Fields::of(message);
    while let Some((tag, field)) = fields.next()? {
        match tag {
            1 => reader.series_1(field.bytes()?)?,
            3 => reader.families.add_message(field.bytes()?)?,
            4 | 5 => return Err(other_version(Version::V1, Version::V2)),
            _ => {}
        }
    }
    Ok(())
}

/// `Request { repeated string symbols = 4; repeated TimeSeries timeseries = 5; }`
fn version_2<'a>(message: &'a [u8], reader: &mut Reader<'a>) -> Result<(), InvalidRequest> {
    let mut symbols = Symbols::default();
    let mut fields = Fields::of(message);
    while let Some((tag, field)) = fields.next()? {
        match tag {
            1 | 3 => return Err(other_version(Version::V2, Version::V1)),
            4 => symbols.push(field.bytes()?)?,
            _ => {}
        }
    }
    messages(message, 5, |series| reader.series_2(series, &symbols))
}

fn other_version(expected: Version, got: Version) -> InvalidRequest {
    InvalidRequest::Version { expected: expected.message(), got: got.message() }
}
