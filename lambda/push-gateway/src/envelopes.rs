//! Envelopes: the payloads in which records arrive.
//!
//! An envelope is a module here, a variant of [`Envelope`] and a row of `ENVELOPES`. It recognizes its payload, yields
//! the records, and writes the reply; it does not depend on a format. The envelope is decided once, at the outermost
//! level of the payload. Whatever is wrong further inside concerns one record and is found when that record is read.

pub mod direct;
pub mod http;
pub mod sqs;

use formats::body::BYTE_ORDER_MARK;
use formats::text::truncated;
use formats::{Body, Format, Grouping};
use serde::Serialize;
use serde_json::value::RawValue;

use self::http::Http;
use self::http::answer::to_write;
use crate::dead_letters::Moved;
use crate::outcome::Outcome;
use crate::records::Records;
use crate::report::Report;
use crate::spill::Push;
use direct::Direct;
use sqs::Sqs;
use sqs::attributes::InvalidAttribute;

/// What an invocation brings.
#[derive(Debug)]
pub enum Envelope<'a> {
    /// Events of a direct invoke.
    Direct(Direct<'a>),
    /// An HTTP request.
    Http(Http<'a>),
    /// Messages of an SQS queue.
    Sqs(Sqs<'a>),
}

/// Recognizes and reads an envelope; `None`, with the shape unchanged, for the payload of another one.
type Read = for<'a> fn(&mut Shape<'a>) -> Option<Result<Envelope<'a>, UnknownPayload>>;

/// The envelopes in the order in which they are tried. Requests come before batches, nearly all of which
/// [`sqs::read_usual`] has read.
const ENVELOPES: [Read; 3] = [http::read, sqs::read, direct::read];

/// The outermost level of a payload.
#[derive(Debug)]
pub enum Shape<'a> {
    /// An object, as text.
    Object(&'a str),
    /// The elements of an array.
    Array(Vec<&'a RawValue>),
}

/// The unit that an envelope answers for: an SQS message, or an event of a direct invoke.
#[derive(Clone, Debug)]
pub struct Record<'a> {
    /// Its index in the envelope.
    pub index: usize,
    /// The group within which records keep their order, in a FIFO queue.
    pub group: Option<String>,
    /// The format of its body.
    pub format: Format,
    /// Its body, or the reason why the envelope has none.
    pub body: Result<Payload<'a>, InvalidAttribute>,
    /// The labels of its path.
    pub grouping: Grouping,
    /// When it arrived, in milliseconds since the epoch; `None` for now.
    pub received_ms: Option<i64>,
}

/// The bytes of a record.
#[derive(Clone, Debug)]
pub enum Payload<'a> {
    /// Borrowed from the payload of the invocation.
    Borrowed(Body<'a>),
    /// Decoded for this record, and freed with it.
    Owned(Vec<u8>),
}

/// The answer to an invocation that did not fail.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Reply {
    /// To a direct invoke.
    Summary(direct::Summary),
    /// To an HTTP request.
    Http(http_endpoint::Reply),
    /// To an SQS batch.
    Batch(sqs::BatchResponse),
}

/// The reason why an invocation fails. The names are the error types that a caller sees.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No envelope that the function accepts.
    #[error(transparent)]
    UnknownPayload(#[from] UnknownPayload),
    /// Events of a direct invoke are invalid; the others were written.
    #[error("{0}")]
    InvalidEvent(String),
    /// The receiver rejected events of a direct invoke; the others were written.
    #[error("{0}")]
    WriteRejected(String),
    /// Events of a direct invoke could not be delivered now.
    #[error("{0}")]
    WriteFailed(String),
}

/// The reason why a payload is not an envelope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownPayload {
    /// The bytes are not UTF-8.
    #[error("the payload is not UTF-8 at byte {0}")]
    NotUtf8(usize),
    /// The text is not JSON.
    #[error("the payload is not valid JSON: {0}")]
    NotJson(String),
    /// Neither an object nor an array.
    #[error("payload: expected an event, an array of events, an SQS batch, or an HTTP request, got {0}")]
    Shape(String),
    /// A batch with an element that is not a record.
    #[error("the payload does not contain SQS messages: {0}")]
    Records(String),
    /// A batch of another service.
    #[error("payload: expected records from \"aws:sqs\", got record {at} from {found:?}")]
    Source {
        /// The index of the record.
        at: usize,
        /// Its `eventSource`.
        found: String,
    },
    /// A message without an id. Lambda would treat the whole batch as failed if it were reported.
    #[error("record {at} of the SQS batch has no `messageId`")]
    NoMessageId {
        /// The index of the record.
        at: usize,
    },
}

impl<'a> Envelope<'a> {
    /// Reads a payload.
    ///
    /// # Errors
    /// [`UnknownPayload`], which concerns the invocation as a whole.
    pub fn read(payload: &'a [u8]) -> Result<Self, UnknownPayload> {
        let text = str::from_utf8(payload).map_err(|error| UnknownPayload::NotUtf8(error.valid_up_to()))?;
        match sqs::read_usual(text) {
            Some(batch) => Ok(Self::Sqs(batch)),
            None => Self::read_carefully(text),
        }
    }

    /// Reads a payload without the fast path, which has to agree.
    ///
    /// # Errors
    /// [`UnknownPayload`], which concerns the invocation as a whole.
    pub fn read_carefully(text: &'a str) -> Result<Self, UnknownPayload> {
        let mut shape = Shape::of(text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text))?;
        let envelope = ENVELOPES.iter().find_map(|read| read(&mut shape));
        envelope.expect("a direct invoke has any shape")
    }

    /// The records in their order. There may be millions, so none is kept. `default_format` is that of messages that say
    /// none.
    pub fn records(&self, default_format: Format) -> Box<dyn Iterator<Item = Record<'_>> + '_> {
        match self {
            Self::Direct(direct) => Box::new(direct.records()),
            Self::Http(http) => Box::new(http.records()),
            Self::Sqs(batch) => Box::new(batch.records(default_format)),
        }
    }

    /// The push over HTTP, which a spill queue can take over; none of another envelope. `base` is the base path.
    pub fn push(&self, base: Option<&str>) -> Option<Push<'_>> {
        match self {
            Self::Http(http) => http.push(base),
            Self::Direct(_) | Self::Sqs(_) => None,
        }
    }

    /// The messages that a dead-letter queue can take over; none of a direct invoke.
    pub fn messages(&self) -> &[sqs::Message<'a>] {
        match self {
            Self::Direct(_) | Self::Http(_) => &[],
            Self::Sqs(batch) => batch.messages(),
        }
    }

    /// The reply to the caller, who has to learn of every record that was neither delivered nor moved.
    ///
    /// # Errors
    /// [`Error`] of a direct invoke.
    pub fn reply(
        &self,
        records: &Records,
        outcomes: &[Outcome],
        moved: &Moved,
        report: &Report,
    ) -> Result<Reply, Error> {
        match self {
            Self::Http(http) => {
                let answer = to_write(http.format().unwrap_or_default(), outcomes, report);
                Ok(Reply::Http(http.reply(answer)))
            }
            Self::Direct(_) => direct::reply(records, outcomes, report).map(Reply::Summary),
            Self::Sqs(batch) => Ok(Reply::Batch(batch.reply(outcomes, moved))),
        }
    }
}

impl Payload<'_> {
    /// The body, for its format.
    pub fn body(&self) -> Body<'_> {
        match self {
            Self::Borrowed(body) => *body,
            Self::Owned(bytes) => Body::Bytes(bytes),
        }
    }
}

impl<'a> From<Body<'a>> for Payload<'a> {
    fn from(body: Body<'a>) -> Self {
        Self::Borrowed(body)
    }
}

impl<'a> Shape<'a> {
    fn of(text: &'a str) -> Result<Self, UnknownPayload> {
        let not_json = |error: serde_json::Error| UnknownPayload::NotJson(error.to_string());
        match text.trim_start().as_bytes().first() {
            Some(b'[') => serde_json::from_str(text).map(Self::Array).map_err(not_json),
            Some(b'{') => Ok(Self::Object(text)),
            _ => match serde_json::from_str::<&RawValue>(text) {
                Ok(value) => Err(UnknownPayload::Shape(truncated(value.get()))),
                Err(error) => Err(not_json(error)),
            },
        }
    }
}

impl From<Error> for aws::Diagnostic {
    fn from(error: Error) -> Self {
        let error_type = match error {
            Error::UnknownPayload(_) => "UnknownPayload",
            Error::InvalidEvent(_) => "InvalidEvent",
            Error::WriteRejected(_) => "WriteRejected",
            Error::WriteFailed(_) => "WriteFailed",
        };
        Self { error_type: error_type.to_owned(), error_message: error.to_string() }
    }
}
