//! Input formats: the body of a record is read into points, or is invalid for a reason.
//!
//! A format is a module here and a row of [`read`]. It depends on no envelope, HTTP or clock: any format may come in
//! any envelope.
//!
//! | module              | what it does                                                              |
//! |---------------------|---------------------------------------------------------------------------|
//! | [`body`]            | the ways in which a payload holds a body: as JSON, as text, in base64     |
//! | [`event`]           | the format JSON event                                                     |
//! | [`mod@external_labels`] | labels that an operator sets for every series                             |
//! | [`json`]            | a JSON scanner for what nearly everyone sends                             |

pub mod body;
pub mod event;
pub mod external_labels;
pub mod json;
mod members;
pub mod text;

use std::time::Duration;

use remote_write::{Labels, NameEscaping, Point};

pub use body::{Body, InvalidBody};
pub use event::InvalidEvent;
pub use external_labels::{InvalidLabels, external_labels};

/// The format of a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// JSON events: one, or an array of them.
    #[default]
    Event,
}

/// How points are made of what a body contains.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'r> {
    /// The treatment of names outside the charset.
    pub escaping: NameEscaping,
    /// Labels of every series, unless a point has its own.
    pub external_labels: &'r Labels<'static>,
    /// The size limit of a sample with its labels, in bytes on the wire.
    pub max_sample_bytes: usize,
    /// The time of day, in milliseconds since the epoch.
    pub now_ms: i64,
    /// How far ahead of the time of day a timestamp may be.
    pub max_future: Duration,
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
}

impl Invalid {
    /// The number of points that are invalid for this reason, as far as it is known; at least one.
    pub fn events(&self) -> usize {
        match self {
            Self::Body(_) => 1,
            Self::Event(reason) => reason.events(),
        }
    }
}

/// Reads `body` and calls `take` with its points, in their order, and the number of values that a float64 cannot hold
/// exactly. A body is atomic: one invalid point makes all of it invalid.
///
/// # Errors
/// [`Invalid`], or the error of `take`.
pub fn read<T, E: From<Invalid>>(
    format: Format,
    body: &Body<'_>,
    rules: Rules<'_>,
    take: impl FnOnce(&mut [Point<'_>], usize) -> Result<T, E>,
) -> Result<T, E> {
    match format {
        Format::Event => event::read(body, rules, take),
    }
}
