//! The outcome of a point, and of the record that it is from.

use std::fmt;
use std::rc::Rc;

use aws::{Failure, Response};

use crate::delivery::MAX_ISOLATION_REQUESTS;

/// The outcome of a point or a record. A record has the worst outcome of its points; the variants ascend in severity.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The receiver has all of it, or newer samples of the same invocation for the same timestamps.
    Delivered,
    /// It is not valid, and nothing of it was sent.
    Invalid(Rc<formats::Invalid>),
    /// The receiver rejects its data.
    Rejected {
        /// The HTTP status.
        status: u16,
        /// The receiver's error message, on one line of bounded length.
        message: Rc<str>,
    },
    /// It could not be delivered now.
    Retry(Rc<Reason>),
}

/// The reason why something could not be delivered now, although nothing is wrong with it as far as is known.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Reason {
    /// Its write request failed.
    #[error("{0}")]
    Failed(Failure),
    /// Its write request was rejected, and no further request was left to find the cause.
    #[error(
        "its write request was rejected ({0}); the limit of {MAX_ISOLATION_REQUESTS} isolation requests was reached \
         before the cause was found"
    )]
    NotIsolated(Response),
    /// An earlier record of its group has to be delivered first.
    #[error("an earlier message of its group could not be delivered")]
    BehindGroup,
    /// It has no outcome, which is a mistake of ours that must not lose it.
    #[error("BUG: it was not sent")]
    NotSent,
}

impl Outcome {
    /// A rejection by the receiver.
    pub fn rejected(response: &Response) -> Self {
        Self::Rejected { status: response.status, message: response.message().into() }
    }

    /// Higher is worse.
    pub fn severity(&self) -> u8 {
        match self {
            Self::Delivered => 0,
            Self::Invalid(_) => 1,
            Self::Rejected { .. } => 2,
            Self::Retry(_) => 3,
        }
    }

    /// Whether it is invalid.
    pub fn is_invalid(&self) -> bool {
        matches!(self, Self::Invalid(_))
    }

    /// Whether the receiver rejects it.
    pub fn is_rejected(&self) -> bool {
        matches!(self, Self::Rejected { .. })
    }

    /// Whether it has to be delivered again.
    pub fn is_retry(&self) -> bool {
        matches!(self, Self::Retry(_))
    }
}

/// One line: the reason why something was not delivered.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delivered => f.write_str("delivered"),
            Self::Invalid(reason) => write!(f, "{reason}"),
            Self::Rejected { status, message } if message.is_empty() => {
                write!(f, "the receiver answered {status}")
            }
            Self::Rejected { status, message } => write!(f, "the receiver answered {status} {message}"),
            Self::Retry(reason) => write!(f, "{reason}"),
        }
    }
}
