//! The body of a request.
//!
//! The first bytes identify an encoding, because a header may remain when API Gateway has inflated the body, and a header may
//! be missing. Like a Pushgateway, takes any other encoding for none.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use formats::text::text_of;

use super::headers::Headers;
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
    /// Not a string, or not base64 although it is marked as such.
    #[error("the event has no readable body")]
    Unreadable,
    /// A body that is not of its encoding, or too large.
    #[error("{0}")]
    Inflate(#[from] inflate::Error),
}

impl InvalidBody {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Self::Damaged(_) => 415,
            Self::Inflate(inflate::Error::TooLarge) => 413,
            Self::Unreadable | Self::Inflate(_) => 400,
        }
    }
}

/// Decodes the JSON string `raw`.
pub(super) fn decode(
    raw: Option<&str>,
    is_base64: bool,
    headers: &Headers<'_>,
) -> Result<Vec<u8>, InvalidBody> {
    let Some(raw) = raw else { return Ok(Vec::new()) };
    let text = text_of(raw).and_then(Result::ok).ok_or(InvalidBody::Unreadable)?;
    let bytes = if is_base64 {
        STANDARD.decode(&*text).map_err(|_| InvalidBody::Unreadable)?
    } else {
        text.into_owned().into_bytes()
    };
    if let Some((_, encoding)) = MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Ok(inflate(*encoding, &bytes)?);
    }
    let named = headers.content_encoding.as_deref().and_then(|name| Encoding::named(name.trim()));
    match named {
        Some(encoding) if !is_base64 && has_replacements(&bytes) => {
            Err(InvalidBody::Damaged(encoding.name()))
        }
        _ => Ok(bytes),
    }
}

/// Whether there is U+FFFD, which replaces bytes that are not text.
fn has_replacements(text: &[u8]) -> bool {
    text.windows(3).any(|three| three == "\u{fffd}".as_bytes())
}
