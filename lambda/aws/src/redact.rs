//! Hides secrets of a request in its response: AMP explains a wrong signature by repeating the signed headers, the session
//! token among them, and error messages go to logs, callers and dead letters.
//!
//! A server may repeat a secret escaped or truncated. So texts are compared without their escapes, and every run of
//! characters that is also in the secret is hidden.

use std::collections::HashSet;
use std::ops::Range;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};

use crate::response::MAX_QUERY_ERROR_BODY;

/// The replacement of a secret.
const HIDDEN: &[u8] = b"(hidden)";

/// The shortest part of a secret that is hidden, in characters: a shorter one is useless, and may be in another text by
/// chance.
const SHORTEST: usize = 8;

/// How much of a body is searched, in bytes: all of an error, and the beginning of a result, which may have megabytes.
const SEARCHED: usize = MAX_QUERY_ERROR_BODY;

/// The headers that the signature marks as secret.
pub(crate) fn secrets_of(headers: &HeaderMap) -> Vec<HeaderValue> {
    headers.values().filter(|value| value.is_sensitive()).cloned().collect()
}

/// `body` without `secrets` and without parts of them. The end of a long body stays as it is.
pub(crate) fn without(body: Bytes, secrets: &[HeaderValue]) -> Bytes {
    let text = plain(&body[..body.len().min(SEARCHED)]);
    let mut is_hidden = vec![false; text.len()];
    for secret in secrets {
        let secret: Vec<u8> = plain(secret.as_bytes()).into_iter().map(|(byte, _)| byte).collect();
        let length = SHORTEST.min(secret.len()).max(1);
        let parts: HashSet<&[u8]> = secret.windows(length).collect();
        let bytes: Vec<u8> = text.iter().map(|(byte, _)| *byte).collect();
        for (at, window) in bytes.windows(length).enumerate() {
            if parts.contains(window) {
                is_hidden[at..at + length].fill(true);
            }
        }
    }
    if !is_hidden.contains(&true) {
        return body;
    }
    let mut shown = Vec::with_capacity(body.len());
    let mut end = 0;
    for (at, (_, place)) in text.iter().enumerate() {
        if !is_hidden[at] {
            shown.extend_from_slice(&body[end..place.end]);
        } else if at == 0 || !is_hidden[at - 1] {
            shown.extend_from_slice(HIDDEN);
        }
        end = place.end;
    }
    shown.extend_from_slice(&body[end..]);
    shown.into()
}

/// The unescaped bytes of a text that may be JSON, a URL or XML, nested in any way, with their places. Backslashes are left
/// out: they belong to the next character.
fn plain(text: &[u8]) -> Vec<(u8, Range<usize>)> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let (byte, length) = character(&text[at..]);
        if byte != b'\\' {
            bytes.push((byte, at..at + length));
        }
        at += length;
    }
    bytes
}

/// The first byte without its escapes, and the number of bytes that represent it.
fn character(text: &[u8]) -> (u8, usize) {
    let escaped = match text {
        [b'\\', ..] => json(text),
        [b'%', ..] => url(text),
        [b'&', ..] => xml(text),
        _ => None,
    };
    escaped.unwrap_or((text[0], 1))
}

/// `\/`, `\u002f`, `\x2f`, behind any number of backslashes.
fn json(text: &[u8]) -> Option<(u8, usize)> {
    let slashes = text.iter().take_while(|byte| **byte == b'\\').count();
    let rest = &text[slashes..];
    let digits = match rest.first()? {
        b'u' => 4,
        b'x' => 2,
        _ => 0,
    };
    match rest.get(1..=digits).and_then(|digits| number(digits, 16)) {
        Some(byte) => Some((byte, slashes + 1 + digits)),
        None => Some((rest[0], slashes + 1)),
    }
}

/// `%2F`, and `%252F` where it was encoded twice.
fn url(text: &[u8]) -> Option<(u8, usize)> {
    let mut at = 1;
    while text[at..].starts_with(b"25") && text.get(at + 2..at + 4).is_some_and(|d| number(d, 16).is_some()) {
        at += 2;
    }
    Some((number(text.get(at..at + 2)?, 16)?, at + 2))
}

/// `&#47;` and `&#x2F;`, and `&amp;#47;` where it was encoded twice.
fn xml(text: &[u8]) -> Option<(u8, usize)> {
    let mut at = 1;
    while text[at..].starts_with(b"amp;") {
        at += 4;
    }
    let (digits, radix) = match text.get(at..)? {
        [b'#', b'x' | b'X', ..] => (at + 2, 16),
        [b'#', ..] => (at + 1, 10),
        _ => return None,
    };
    let length = text[digits..].iter().take(8).position(|byte| *byte == b';')?;
    Some((number(&text[digits..digits + length], radix)?, digits + length + 1))
}

fn number(digits: &[u8], radix: u32) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "IQoJb3JpZ2luX2VjEA/token+with/all+signs/and+a+fair+length==";

    fn shown(body: &str) -> String {
        let secrets = [HeaderValue::from_static(TOKEN)];
        String::from_utf8(without(Bytes::copy_from_slice(body.as_bytes()), &secrets).to_vec()).unwrap()
    }

    fn each(notation: impl Fn(char) -> String) -> String {
        TOKEN.chars().map(notation).collect()
    }

    fn special(notation: impl Fn(u32) -> String) -> String {
        each(|c| if c.is_ascii_alphanumeric() { c.to_string() } else { notation(c.into()) })
    }

    #[test]
    fn a_token_is_hidden_in_every_notation() {
        for (name, token) in [
            ("as it is", TOKEN.to_owned()),
            ("JSON", TOKEN.replace('/', "\\/")),
            ("JSON in JSON", TOKEN.replace('/', "\\\\\\/")),
            ("JSON, by code", special(|code| format!("\\u{code:04x}"))),
            ("JSON, every character by code", each(|c| format!("\\u{:04X}", u32::from(c)))),
            ("JSON by code in JSON", special(|code| format!("\\\\u{code:04x}"))),
            ("a text of Python", special(|code| format!("\\x{code:02x}"))),
            ("a URL", special(|code| format!("%{code:02X}"))),
            ("a URL in lower case", special(|code| format!("%{code:02x}"))),
            ("a URL in a URL", special(|code| format!("%25{code:02X}"))),
            ("three times a URL", special(|code| format!("%2525{code:02X}"))),
            ("JSON in a URL", special(|code| format!("%5C%{code:02X}"))),
            ("XML", special(|code| format!("&#{code};"))),
            ("XML, hexadecimal", special(|code| format!("&#x{code:X};"))),
            ("XML in XML", special(|code| format!("&amp;#x{code:x};"))),
        ] {
            assert_eq!(shown(&token), "(hidden)", "{name}");
            let repeated = format!("x-amz-security-token:{token}\\nhost \"{token}\"");
            assert_eq!(shown(&repeated), "x-amz-security-token:(hidden)\\nhost \"(hidden)\"", "{name}");
        }
    }

    #[test]
    fn a_part_of_a_token_is_hidden() {
        for start in 0..TOKEN.len() - SHORTEST {
            for end in start + SHORTEST..=TOKEN.len() {
                let part = &TOKEN[start..end];
                assert_eq!(shown(&format!("<{part}...")), "<(hidden)...", "{part}");
            }
        }
        let lines = format!("{}\r\n {}", &TOKEN[..30], &TOKEN[30..]);
        assert_eq!(shown(&lines), "(hidden)\r\n (hidden)");
    }

    #[test]
    fn other_text_is_unchanged() {
        for text in [
            "",
            "\\",
            "%",
            "%2",
            "%25",
            "&#",
            "&amp;",
            "&#9999;",
            "\\u12",
            "ä ü \\u00e4 %C3%A4",
            "the x-amz-security-token is expired",
            r#"{"message":"out of bounds \"a\/b\" 100%"}"#,
        ] {
            assert_eq!(shown(text), text);
        }
        let bytes = Bytes::from_static(b"\xff\x00");
        assert_eq!(without(bytes.clone(), &[HeaderValue::from_static(TOKEN)]), bytes);
        assert_eq!(without(bytes.clone(), &[HeaderValue::from_static("")]), bytes);
        assert_eq!(without(bytes.clone(), &[]), bytes);
    }

    #[test]
    fn only_the_beginning_of_a_long_body_is_searched() {
        let long = "-".repeat(SEARCHED);
        assert_eq!(shown(&format!("{TOKEN}{long}{TOKEN}")), format!("(hidden){long}{TOKEN}"));
        assert_eq!(shown(&long), long);
    }

    #[test]
    fn a_short_secret_is_hidden_as_a_whole() {
        let secrets = [HeaderValue::from_static("abc"), HeaderValue::from_static("Basic dTpwYXNz")];
        let body = Bytes::from_static(b"a b ab abc=dTpwYXNz");
        assert_eq!(without(body, &secrets), &b"a b ab (hidden)=(hidden)"[..]);
    }
}
