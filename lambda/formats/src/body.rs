//! The ways in which a payload holds the body of a record.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use crate::text::{NotText, text_of, truncated};

/// The mark that some editors and Windows programs write before a text.
pub const BYTE_ORDER_MARK: char = '\u{feff}';

/// The body of a record, borrowed from the payload.
#[derive(Clone, Copy, Debug)]
pub enum Body<'a> {
    /// The payload itself, which is JSON.
    Json(&'a str),
    /// An element of an array of the payload.
    Element(&'a str),
    /// A JSON string of the payload with its quotes and escapes, whose text is the body. `None` if there is none, and
    /// any other value if the payload has that instead of a string.
    Quoted(Option<&'a str>),
    /// Bytes that an envelope has decoded.
    Bytes(&'a [u8]),
}

/// The reason why a body has no text, or not text of the expected kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBody {
    /// There is none.
    #[error("`body` is missing")]
    Missing,
    /// Another JSON value.
    #[error("body: expected a string, got {0}")]
    NotAString(String),
    /// A JSON string whose escapes are not Unicode text.
    #[error("invalid JSON: {0}")]
    NotText(#[from] NotText),
    /// Bytes that are not UTF-8, in a format that is text.
    #[error("body: expected UTF-8")]
    NotUtf8,
    /// Neither JSON nor base64 of it.
    #[error("body: expected an event, an array of events, or base64 of either, got {0}")]
    NotJson(String),
}

/// The standard alphabet, as IoT Core's `useBase64` writes it, with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl<'a> Body<'a> {
    /// The text of the body, with the escapes of a JSON string resolved.
    ///
    /// # Errors
    /// [`InvalidBody`]: there is no text.
    pub fn text(&self) -> Result<Cow<'a, str>, InvalidBody> {
        match *self {
            Self::Json(text) | Self::Element(text) => Ok(Cow::Borrowed(text)),
            Self::Bytes(bytes) => str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| InvalidBody::NotUtf8),
            Self::Quoted(None) => Err(InvalidBody::Missing),
            Self::Quoted(Some(raw)) => match text_of(raw) {
                Some(text) => Ok(text?),
                None => Err(InvalidBody::NotAString(truncated(raw))),
            },
        }
    }

    /// The body as bytes.
    ///
    /// # Errors
    /// [`InvalidBody`]: it is neither bytes nor text.
    pub fn bytes(&self) -> Result<Cow<'a, [u8]>, InvalidBody> {
        if let Self::Bytes(bytes) = *self {
            return Ok(Cow::Borrowed(bytes));
        }
        Ok(match self.text()? {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        })
    }
}

/// The JSON in a text: the text itself, or the text that it is base64 of. Either may begin with a byte order mark,
/// and base64 may have line breaks, as the command `base64` writes them.
///
/// # Errors
/// [`InvalidBody::NotJson`] for anything else.
pub fn json_of(text: Cow<'_, str>) -> Result<Cow<'_, str>, InvalidBody> {
    let text = without_mark(text);
    if is_json(&text) {
        return Ok(text);
    }
    match text_of_base64(&text).map(Cow::Owned).map(without_mark) {
        Some(json) if is_json(&json) => Ok(json),
        _ if text.is_empty() => Err(InvalidBody::NotJson("nothing".to_owned())),
        _ => Err(InvalidBody::NotJson(truncated(&text))),
    }
}

/// Whether `text` is an object or an array, if it is JSON at all.
fn is_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
}

fn without_mark(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)),
        Cow::Owned(text) => match text.strip_prefix(BYTE_ORDER_MARK) {
            Some(rest) => Cow::Owned(rest.to_owned()),
            None => Cow::Owned(text),
        },
    }
}

fn text_of_base64(encoded: &str) -> Option<String> {
    let mut encoded = Cow::Borrowed(encoded.trim());
    if encoded.contains(['\r', '\n']) {
        encoded = Cow::Owned(encoded.replace(['\r', '\n'], ""));
    }
    String::from_utf8(BASE64.decode(&*encoded).ok()?).ok()
}
