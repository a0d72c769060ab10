//! The body of a message: text → the JSON of its events.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use serde_json::value::RawValue;

use super::BYTE_ORDER_MARK;
use crate::event::InvalidEvent;
use crate::text::bounded;

/// The standard alphabet, as IoT Core's `useBase64` writes it, with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The JSON in the body of a message: the body itself, or what it is base64 of. Either may begin with a byte order mark,
/// and base64 may have line breaks, as the command `base64` writes them.
///
/// # Errors
/// [`InvalidEvent::Body`] when it is neither.
pub fn json_of_body(body: Cow<'_, str>) -> Result<Cow<'_, str>, InvalidEvent> {
    let body = without_mark(body);
    if is_json(&body) {
        return Ok(body);
    }
    match text_of_base64(&body).map(Cow::Owned).map(without_mark) {
        Some(json) if is_json(&json) => Ok(json),
        _ => Err(InvalidEvent::Body(bounded(&body))),
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

/// The text that `encoded` is base64 of.
fn text_of_base64(encoded: &str) -> Option<String> {
    let mut encoded = Cow::Borrowed(encoded.trim());
    if encoded.contains(['\r', '\n']) {
        encoded = Cow::Owned(encoded.replace(['\r', '\n'], ""));
    }
    String::from_utf8(BASE64.decode(&*encoded).ok()?).ok()
}

/// The events in a JSON text: one, or those of an array.
///
/// # Errors
/// [`InvalidEvent::Json`] if an array is invalid JSON.
pub fn events_of(json: &str) -> Result<Vec<&str>, InvalidEvent> {
    if !json.trim_start().starts_with('[') {
        return Ok(vec![json]);
    }
    let events: Vec<&RawValue> =
        serde_json::from_str(json).map_err(|error| InvalidEvent::Json(error.to_string()))?;
    Ok(events.into_iter().map(RawValue::get).collect())
}
