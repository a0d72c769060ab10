//! Text: JSON strings, borrowed from the payload wherever they have no escapes; and text that is shown, bounded.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::event::InvalidEvent;

/// How much of a user's text an error repeats, in characters.
const SHOWN_CHARS: usize = 64;

/// A JSON string.
#[derive(Debug, Deserialize)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

impl<'a> Text<'a> {
    /// The text of a JSON string, or `None` for any other value. A string with a lone surrogate is an error.
    pub(crate) fn of(raw: &'a RawValue) -> Option<Result<Cow<'a, str>, InvalidEvent>> {
        let quoted = raw.get().strip_prefix('"')?;
        match quoted.strip_suffix('"') {
            Some(plain) if !plain.contains('\\') => Some(Ok(Cow::Borrowed(plain))),
            _ => Some(
                serde_json::from_str::<Text<'a>>(raw.get())
                    .map(|text| text.0)
                    .map_err(|error| InvalidEvent::Json(error.to_string())),
            ),
        }
    }
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
