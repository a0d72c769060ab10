//! JSON strings, borrowed from the payload wherever they have no escapes, and truncation for error messages.

use std::borrow::Cow;

/// The number of characters of a user's text that an error shows.
const SHOWN_CHARS: usize = 64;

/// A JSON string whose escapes are not Unicode text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotText(String);

/// A JSON string.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// The text of a JSON string, or `None` for any other value. A string with a lone surrogate is an error.
pub fn text_of(value: &str) -> Option<Result<Cow<'_, str>, NotText>> {
    let quoted = value.strip_prefix('"')?.strip_suffix('"')?;
    Some(if quoted.contains('\\') {
        let text = serde_json::from_str::<Text<'_>>(value);
        text.map(|text| text.0).map_err(|error| NotText(error.to_string()))
    } else {
        Ok(Cow::Borrowed(quoted))
    })
}

/// At most 64 characters of `text`, on one line.
pub fn truncated(text: &str) -> String {
    truncated_to(SHOWN_CHARS, text)
}

/// At most `chars` characters of `text`, on one line.
pub(crate) fn truncated_to(chars: usize, text: &str) -> String {
    let mut shown: String = text.chars().take(chars).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(chars).is_some() {
        shown.push('…');
    }
    shown
}
