//! Text: JSON strings and members of objects, borrowed from the payload wherever they have no escapes; and text that is
//! shown, bounded.

use std::borrow::Cow;

pub(crate) use aws::Members;

/// How much of a user's text an error repeats, in characters.
const SHOWN_CHARS: usize = 64;

/// A JSON string whose escapes make no Unicode text.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NotText(String);

/// A JSON string.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// The text of a JSON string, or `None` for any other value. A string with a lone surrogate is an error.
pub(crate) fn text_of(value: &str) -> Option<Result<Cow<'_, str>, NotText>> {
    let quoted = value.strip_prefix('"')?.strip_suffix('"')?;
    Some(if quoted.contains('\\') {
        let text = serde_json::from_str::<Text<'_>>(value);
        text.map(|text| text.0).map_err(|error| NotText(error.to_string()))
    } else {
        Ok(Cow::Borrowed(quoted))
    })
}

/// At most 64 characters of `text`, on one line.
pub(crate) fn bounded(text: &str) -> String {
    let mut shown: String =
        text.chars().take(SHOWN_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(SHOWN_CHARS).is_some() {
        shown.push('…');
    }
    shown
}
