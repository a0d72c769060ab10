//! Text: JSON strings, borrowed from the payload wherever they have no escapes; and text that is shown, bounded.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::event::InvalidEvent;

/// How much of a user's text an error repeats, in characters.
const SHOWN_CHARS: usize = 64;

/// A JSON string that is read together with what is around it.
#[derive(Debug, Deserialize)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// The text of a JSON string, or `None` for any other value.
///
/// The parser has seen `raw` already, so escapes are known to be well-formed, but not that they make Unicode: a lone
/// surrogate is an error.
pub(crate) fn text_of(raw: &RawValue) -> Option<Result<Cow<'_, str>, InvalidEvent>> {
    let quoted = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    Some(if memchr::memchr(b'\\', quoted.as_bytes()).is_none() {
        Ok(Cow::Borrowed(quoted))
    } else {
        unescape(quoted).map(Cow::Owned).ok_or_else(|| {
            InvalidEvent::Json("a string has an escape that is no Unicode character".to_owned())
        })
    })
}

/// Resolves the escapes of RFC 8259, section 7.
///
/// Every body of an SQS batch is a string full of them, and this takes half the time of parsing the string anew.
fn unescape(quoted: &str) -> Option<String> {
    let mut text = String::with_capacity(quoted.len());
    let mut rest = quoted;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        text.push_str(&rest[..at]);
        let escape = *rest.as_bytes().get(at + 1)?;
        rest = &rest[at + 2..];
        text.push(match escape {
            b'"' | b'\\' | b'/' => char::from(escape),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = hex(rest)?;
                rest = &rest[4..];
                // A character beyond 16 bits comes as a pair of surrogates.
                let second =
                    rest.strip_prefix("\\u").and_then(hex).filter(|_| (0xd800..0xdc00).contains(&first));
                if second.is_some() {
                    rest = &rest[6..];
                }
                char::decode_utf16([first].into_iter().chain(second)).next()?.ok()?
            }
            _ => return None,
        });
    }
    text.push_str(rest);
    Some(text)
}

fn hex(text: &str) -> Option<u16> {
    let digits = text.get(..4).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
    u16::from_str_radix(digits, 16).ok()
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What `serde_json` makes of the same string.
    fn oracle(json: &str) -> Option<String> {
        serde_json::from_str(json).ok()
    }

    fn ours(json: &str) -> Option<String> {
        let raw: &RawValue = serde_json::from_str(json).expect("well-formed but for surrogates");
        text_of(raw).expect("a string").ok().map(Cow::into_owned)
    }

    #[test]
    fn surrogates_are_paired_or_refused() {
        for json in [
            r#""\ud83d\ude00""#,
            r#""\ud83d""#,
            r#""\ude00""#,
            r#""\ude00\ud83d""#,
            r#""\ud83d\ud83d\ude00""#,
            r#""\ud83dx\ude00""#,
            r#""\ud83d\n\ude00""#,
            r#""\uD83D\uDE00\u0000""#,
            r#""\ud83d\u0041""#,
        ] {
            assert_eq!(ours(json), oracle(json), "{json}");
        }
        assert_eq!(ours(r#""\ud83d\ude00""#).as_deref(), Some("😀"));
    }

    proptest! {
        #[test]
        fn any_string_is_read_as_serde_json_reads_it(
            parts in prop::collection::vec(
                prop_oneof![
                    "[^\"\\\\\\x00-\\x1f]{0,8}",
                    "\\\\[\"\\\\/bfnrt]",
                    "\\\\u[0-9a-fA-F]{4}",
                    "\\\\u[dD][89abAB][0-9a-f]{2}",
                    "\\\\u[dD][c-fC-F][0-9a-f]{2}",
                ],
                0..12,
            ),
        ) {
            let json = format!("\"{}\"", parts.concat());
            prop_assert_eq!(ours(&json), oracle(&json), "{}", json);
        }
    }
}
