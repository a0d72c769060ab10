//! The body of a request.
//!
//! The first bytes identify an encoding, because a header may remain when API Gateway has inflated the body, and a header may
//! be missing. Like a Pushgateway, takes any other encoding for none. Remote write has one encoding, a block of snappy,
//! which nothing identifies.

use formats::Format;
use formats::text::truncated;
use http_endpoint::{Request, UnreadableBody};

use crate::content_type::Unsupported;
use crate::inflate::{self, Encoding, inflate};

/// The first bytes of gzip (RFC 1952, section 2.3.1) and of framed snappy (`framing_format.txt`, section 4.1).
const MAGIC: [(&[u8], Encoding); 2] =
    [(b"\x1f\x8b", Encoding::Gzip), (b"\xff\x06\x00\x00sNaPpY", Encoding::Snappy)];

/// The reason why a request has no body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBody {
    /// Bytes that were taken for text on the way, which lost some of them.
    #[error(
        "the compressed body was damaged on its way, because it was taken for text: send it with \
         `Content-Type: application/octet-stream`, or without `Content-Encoding: {0}`"
    )]
    Damaged(&'static str),
    /// The same in OTLP, which has no content type that is never taken for text.
    #[error(
        "the compressed body was damaged on its way, because it was taken for text: send it without \
         `Content-Encoding: {0}`, or in protobuf"
    )]
    DamagedJson(&'static str),
    /// Protobuf that was taken for text.
    #[error(
        "the body was damaged on its way, because it was taken for text: make the media type of its Content-Type a \
         binary one of the API"
    )]
    NotBinary,
    /// A content type that the route does not take.
    #[error(transparent)]
    ContentType(#[from] Unsupported),
    /// An encoding that the route does not take.
    #[error("Content-Encoding: expected {expected}, got {got:?}")]
    Encoding {
        /// The encoding that it takes.
        expected: &'static str,
        /// The header.
        got: String,
    },
    /// Not a string, or not base64 although it is marked as such.
    #[error(transparent)]
    Unreadable(#[from] UnreadableBody),
    /// A body that is not of its encoding, or too large.
    #[error("{0}")]
    Inflate(#[from] inflate::Error),
}

impl InvalidBody {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Self::Damaged(_)
            | Self::DamagedJson(_)
            | Self::NotBinary
            | Self::ContentType(_)
            | Self::Encoding { .. } => 415,
            Self::Inflate(inflate::Error::TooLarge) => 413,
            Self::Unreadable(_) | Self::Inflate(_) => 400,
        }
    }
}

/// Decodes the body of `request`.
pub(super) fn decode(request: &Request<'_>) -> Result<Vec<u8>, InvalidBody> {
    let bytes = request.body()?;
    if let Some((_, encoding)) = MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Ok(inflate(*encoding, &bytes)?);
    }
    let named = request.headers.content_encoding.as_deref();
    match named.and_then(|name| Encoding::named(name.trim())) {
        Some(encoding) if !request.is_base64 && has_replacements(&bytes) => {
            Err(InvalidBody::Damaged(encoding.name()))
        }
        _ => Ok(bytes),
    }
}

/// Decodes the body of a request of remote write, which is a block of snappy, whether its headers say so or not.
pub(super) fn decode_remote_write(request: &Request<'_>) -> Result<Vec<u8>, InvalidBody> {
    if let Some(name) = request.headers.content_encoding.as_deref()
        && Encoding::named(name.trim()) != Some(Encoding::Snappy)
    {
        return Err(InvalidBody::Encoding { expected: "snappy", got: truncated(name) });
    }
    let bytes = request.body()?;
    if !request.is_base64 && has_replacements(&bytes) {
        return Err(InvalidBody::NotBinary);
    }
    Ok(inflate(Encoding::SnappyBlock, &bytes)?)
}

/// Decodes the body of a request of OTLP in `format`, which may be compressed with gzip.
pub(super) fn decode_otlp(request: &Request<'_>, format: Format) -> Result<Vec<u8>, InvalidBody> {
    if let Some(name) = request.headers.content_encoding.as_deref()
        && !["", "gzip", "identity"].contains(&&*name.trim().to_ascii_lowercase())
    {
        return Err(InvalidBody::Encoding { expected: "gzip", got: truncated(name) });
    }
    let bytes = decode(request).map_err(|reason| match reason {
        InvalidBody::Damaged(encoding) => InvalidBody::DamagedJson(encoding),
        reason => reason,
    })?;
    if format == Format::Otlp && !request.is_base64 && has_replacements(&bytes) {
        return Err(InvalidBody::NotBinary);
    }
    Ok(bytes)
}

/// Whether there is U+FFFD, which replaces bytes that are not text.
fn has_replacements(text: &[u8]) -> bool {
    text.windows(3).any(|three| three == "\u{fffd}".as_bytes())
}
