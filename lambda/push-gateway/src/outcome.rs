//! The outcome of a point, and of the record that it is from.

use std::fmt;
use std::rc::Rc;

use aws::{Failure, Response};
use formats::Refused;
use remote_write::NotAdded;

use crate::envelopes::sqs::attributes::InvalidAttribute;
use crate::spill::SpillError;

/// The outcome of a point or a record. A record has the worst outcome of its points; the variants ascend in severity.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The receiver has all of it, or newer samples of the same invocation for the same timestamps.
    Delivered,
    /// The receiver has elected another replica of its HA pair, and stored none of it.
    Deduplicated,
    /// It is in the spill queue, from which it will be delivered.
    Spilled,
    /// It could not be delivered now.
    Retry(Rc<Reason>),
    /// The receiver rejects its data, and so would reject all of it again.
    Rejected {
        /// The HTTP status.
        status: u16,
        /// The receiver's error message, on one line of bounded length.
        message: Rc<str>,
    },
    /// It is not valid. Nothing of it was sent, except with [`Invalid::Refused`].
    Invalid(Rc<Invalid>),
}

/// The reason why a record is not valid. Each message is one line of bounded length.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Its body is invalid.
    #[error(transparent)]
    Content(#[from] formats::Invalid),
    /// An attribute of the message, or its body with it, is invalid.
    #[error(transparent)]
    Attribute(#[from] InvalidAttribute),
    /// Some of its points are refused, and the others were sent. The last reason may be that of the receiver.
    #[error("{}", list(.0))]
    Refused(Vec<Refused>),
}

/// The reason why something could not be delivered now, although nothing is wrong with it as far as is known.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Reason {
    /// Its write request failed.
    #[error("{0}")]
    Failed(Failure),
    /// Its write request was rejected, and no time or request was left to find the cause.
    #[error(
        "its write request was rejected ({0}); the limit of isolation was reached before the cause was found"
    )]
    NotIsolated(Response),
    /// A receiver that does not know the replica answered as if it were one of an HA pair.
    #[error("the answer was {0}, which means that nothing was stored")]
    NothingStored(Response),
    /// Success without the header of a receiver of remote write 2.0.
    #[error(
        "the answer was {0}, without the number of samples written, so the receiver may not take remote write 2.0: set \
         REMOTE_WRITE_PROTOCOL to auto or 1.0"
    )]
    NotOfVersion2(Response),
    /// Success with 0 written samples.
    #[error("the answer was {0}, with 0 samples written")]
    NoneWritten(Response),
    /// Success from something that is not a remote-write receiver.
    #[error("the answer was {0}; a remote-write receiver answers without a body, so the URL may be wrong")]
    UnexpectedBody(Response),
    /// A rejection from something that also rejects a request without samples.
    #[error(
        "the answer was {response}, and {empty} to a write request without samples, so the URL may be wrong"
    )]
    WrongUrl {
        /// The answer to its write request.
        response: Response,
        /// The answer to an empty one.
        empty: Response,
    },
    /// It could not be delivered, and not be queued either.
    #[error("{reason}; {spill}")]
    NotSpilled {
        /// Why it could not be delivered.
        reason: Rc<Reason>,
        /// Why it is not in the spill queue.
        spill: Rc<SpillError>,
    },
    /// It could not be queued, and was not to be delivered at once.
    #[error("{0}")]
    NotQueued(Rc<SpillError>),
    /// The records before it leave too little room in the invocation.
    #[error("there is no room for it beside the messages before it: {0}")]
    NoRoom(NotAdded),
    /// An earlier record of its group has to be delivered first.
    #[error("an earlier message of its group could not be delivered")]
    BehindGroup,
    /// It has no outcome, which is a mistake of ours that must not lose it.
    #[error("BUG: it was not sent")]
    NotSent,
}

impl Invalid {
    /// The number of points that are invalid for this reason, as far as it is known.
    pub fn events(&self) -> usize {
        match self {
            Self::Content(reason) => reason.events(),
            Self::Attribute(_) => 1,
            Self::Refused(refused) => refused.iter().map(|refused| refused.points).sum(),
        }
    }
}

/// The reasons for which points are refused, with their numbers.
fn list(refused: &[Refused]) -> String {
    let one = |Refused { points, reason }: &Refused| match points {
        0 | 1 => reason.clone(),
        _ => format!("{reason} (and {} more)", points - 1),
    };
    refused.iter().map(one).collect::<Vec<_>>().join("; ")
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
            Self::Deduplicated => 1,
            Self::Spilled => 2,
            Self::Retry(_) => 3,
            Self::Rejected { .. } => 4,
            Self::Invalid(_) => 5,
        }
    }

    /// Whether nothing remains to be done for it.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Delivered | Self::Deduplicated | Self::Spilled)
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

impl<E: Into<Invalid>> From<E> for Outcome {
    fn from(reason: E) -> Self {
        Self::Invalid(Rc::new(reason.into()))
    }
}

/// One line: the reason why something was not delivered.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delivered => f.write_str("delivered"),
            Self::Deduplicated => f.write_str("deduplicated: the receiver has elected another replica"),
            Self::Spilled => f.write_str("queued"),
            Self::Invalid(reason) => write!(f, "{reason}"),
            Self::Rejected { status, message } if message.is_empty() => {
                write!(f, "the receiver answered {status}")
            }
            Self::Rejected { status, message } => write!(f, "the receiver answered {status} {message}"),
            Self::Retry(reason) => write!(f, "{reason}"),
        }
    }
}
