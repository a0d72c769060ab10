//! What the attributes say that the producer of a message sets: the format of its body, its path, when it arrived, and how
//! its body is encoded.
//!
//! Lambda and `EventBridge` Pipes write them alike:
//! `"messageAttributes": {"Content-Type": {"stringValue": "text/plain", "dataType": "String", …}, …}`.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use formats::text::truncated;
use formats::{Body, Format, Grouping};
use serde::Deserialize;

use crate::content_type::{EXPECTED, format_of, format_of_otlp};
use crate::envelopes::Payload;
use crate::inflate::{self, Encoding};
use crate::pushgateway::{InvalidGrouping, grouping};

/// The path of JSON events.
const EVENTS: &str = "/api/v1/events";

/// The path of OTLP.
const OTLP: &str = "/v1/metrics";

/// The paths of write requests.
const REMOTE_WRITE: [&str; 2] = ["/api/v1/write", "/api/v1/remote_write"];

/// The names of [`MessageAttributes`] in its order. They are case-sensitive in SQS.
const NAMES: [&str; 4] = ["Content-Type", "Path", "ReceivedTime", "Content-Encoding"];

/// The attributes that have a meaning.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct MessageAttributes<'a> {
    #[serde(borrow, rename = "Content-Type")]
    content_type: Option<Attribute<'a>>,
    #[serde(borrow, rename = "Path")]
    path: Option<Attribute<'a>>,
    #[serde(borrow, rename = "ReceivedTime")]
    received_time: Option<Attribute<'a>>,
    #[serde(borrow, rename = "Content-Encoding")]
    content_encoding: Option<Attribute<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attribute<'a> {
    /// Nothing in an attribute of type `Binary`.
    #[serde(borrow)]
    string_value: Option<Cow<'a, str>>,
}

/// The reason why the attributes of a message, or its body with them, cannot be read. Each message names the attribute.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAttribute {
    /// Not attributes as SQS writes them.
    #[error("messageAttributes: {0}")]
    Unreadable(String),
    /// Not text.
    #[error("{0}: expected an attribute of type String")]
    NotAString(&'static str),
    /// A content type that is not known.
    #[error("Content-Type: expected {EXPECTED}, got {0:?}")]
    ContentType(String),
    /// Not a path of a push.
    #[error("Path: expected /metrics/job/<job>, got {0:?}")]
    Path(String),
    /// A path of a push with invalid labels.
    #[error("Path: {0}")]
    Grouping(#[from] InvalidGrouping),
    /// A path with labels, which JSON events and write requests do not have.
    #[error("Path: expected {expected} for {what}, got {got:?}")]
    NoLabels {
        /// Their path.
        expected: &'static str,
        /// What the body is.
        what: &'static str,
        /// The path.
        got: String,
    },
    /// Not a time.
    #[error("ReceivedTime: expected milliseconds since the epoch, got {0:?}")]
    ReceivedTime(String),
    /// A time that has not come yet.
    #[error("ReceivedTime: expected at most {limit:?} ahead of the clock, got {received_ms}")]
    Future {
        /// The time.
        received_ms: i64,
        /// The limit.
        limit: std::time::Duration,
    },
    /// An encoding that is not known.
    #[error("Content-Encoding: expected gzip or snappy, got {0:?}")]
    ContentEncoding(String),
    /// The body is not base64, and has an encoding.
    #[error("Content-Encoding: expected base64 as the body, got {0}")]
    NotBase64(String),
    /// The body is not of the encoding.
    #[error("Content-Encoding: {0}")]
    Inflate(#[from] inflate::Error),
}

/// What the attributes of a message say.
#[derive(Debug)]
pub(super) struct Said {
    /// The format.
    pub(super) format: Format,
    /// The labels of the path.
    pub(super) grouping: Grouping,
    /// When it arrived, in milliseconds since the epoch.
    pub(super) received_ms: Option<i64>,
    /// Whether they say how the body is read: the encoding, or the reason why it cannot be.
    pub(super) encoding: Result<Option<Encoding>, InvalidAttribute>,
}

impl Said {
    /// What unreadable attributes say.
    pub(super) fn unreadable(reason: InvalidAttribute) -> Self {
        Self { format: Format::Event, grouping: Grouping::new(), received_ms: None, encoding: Err(reason) }
    }
}

impl<'a> MessageAttributes<'a> {
    /// Reads the JSON of the attributes. Where it is invalid, that matters only if it may have one of these attributes.
    pub(super) fn read(raw: &'a str) -> Result<Self, InvalidAttribute> {
        match serde_json::from_str::<Option<Self>>(raw) {
            Ok(attributes) => Ok(attributes.unwrap_or_default()),
            Err(error) if NAMES.iter().any(|name| raw.contains(name)) => {
                Err(InvalidAttribute::Unreadable(truncated(&error.to_string())))
            }
            Err(_) => Ok(Self::default()),
        }
    }

    /// The attributes that are text, with their names, for another message with the same body.
    pub fn texts(self) -> impl Iterator<Item = (&'static str, String)> {
        let attributes = [self.content_type, self.path, self.received_time, self.content_encoding];
        let named = NAMES.into_iter().zip(attributes);
        named.filter_map(|(name, attribute)| Some((name, attribute?.string_value?.into_owned())))
    }

    /// What they say. Where one is invalid, the others still count, for what is written about a push that failed.
    pub(super) fn said(&self, default_format: Format) -> Said {
        let mut said =
            Said { format: default_format, grouping: Grouping::new(), received_ms: None, encoding: Ok(None) };
        let read = self.read_into(&mut said);
        if let Err(reason) = read {
            said.encoding = Err(reason);
        }
        said
    }

    fn read_into(&self, said: &mut Said) -> Result<(), InvalidAttribute> {
        if let Some(received) = text(self.received_time.as_ref(), "ReceivedTime")? {
            let received_ms = received.parse().ok().filter(|&ms: &i64| ms >= 0);
            said.received_ms =
                Some(received_ms.ok_or_else(|| InvalidAttribute::ReceivedTime(truncated(received)))?);
        }
        let path = text(self.path.as_ref(), "Path")?;
        let is_otlp = path == Some(OTLP);
        let path = path.filter(|path| ![EVENTS, OTLP].contains(path) && !REMOTE_WRITE.contains(path));
        if let Some(path) = path {
            said.grouping = grouping(path).ok_or_else(|| InvalidAttribute::Path(truncated(path)))??;
        }
        if let Some(given) = text(self.content_type.as_ref(), "Content-Type")? {
            let unknown = || InvalidAttribute::ContentType(truncated(given));
            let format = if is_otlp { format_of_otlp(Some(given)).ok() } else { format_of(given) };
            said.format = format.ok_or_else(unknown)?;
        }
        if let (false, Some(path)) = (said.format.is_exposition(), path) {
            let (expected, what) = match said.format {
                Format::Otlp | Format::OtlpJson => (OTLP, "OTLP"),
                Format::RemoteWrite1 | Format::RemoteWrite2 => (REMOTE_WRITE[0], "remote write"),
                _ => (EVENTS, "JSON events"),
            };
            return Err(InvalidAttribute::NoLabels { expected, what, got: truncated(path) });
        }
        if let Some(given) = text(self.content_encoding.as_ref(), "Content-Encoding")? {
            let unknown = || InvalidAttribute::ContentEncoding(truncated(given));
            said.encoding = Ok(Some(Encoding::named(given).ok_or_else(unknown)?));
        }
        if said.format.is_remote_write() && !matches!(said.encoding, Ok(Some(Encoding::Gzip))) {
            said.encoding = Ok(Some(Encoding::SnappyBlock));
        }
        if said.format == Format::Otlp && matches!(said.encoding, Ok(None)) {
            said.encoding = Ok(Some(Encoding::Identity));
        }
        Ok(())
    }
}

/// The body of a message with this encoding.
pub(super) fn payload(body: Body<'_>, encoding: Option<Encoding>) -> Result<Payload<'_>, InvalidAttribute> {
    let Some(encoding) = encoding else { return Ok(body.into()) };
    // The format reports a body that is not text.
    let Ok(text) = body.text() else { return Ok(body.into()) };
    let not_base64 = |_| InvalidAttribute::NotBase64(truncated(&text));
    let encoded = STANDARD.decode(text.trim_ascii()).map_err(not_base64)?;
    Ok(Payload::Owned(inflate::inflate(encoding, &encoded)?))
}

/// The text of an attribute, if it is there.
fn text<'b>(
    attribute: Option<&'b Attribute<'_>>,
    name: &'static str,
) -> Result<Option<&'b str>, InvalidAttribute> {
    match attribute {
        None => Ok(None),
        Some(Attribute { string_value: Some(text) }) => Ok(Some(text)),
        Some(Attribute { string_value: None }) => Err(InvalidAttribute::NotAString(name)),
    }
}
