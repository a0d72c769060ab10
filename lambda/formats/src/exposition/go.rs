//! Numbers and quoted text as Go reads and writes them, because the Pushgateway and the client libraries do.

use std::fmt::Write as _;

use crate::event::value::{Number, parse_number, short_decimal};

/// The number of characters of a text that an error shows.
const SHOWN_CHARS: usize = 64;

/// Reads a number: decimal, or `Inf`, `Infinity` and `NaN` in any case. `None` for anything else, also for what is too
/// large for a float64.
pub(super) fn parse_float(text: &[u8]) -> Option<Number> {
    if let Some(number) = short_decimal(text) {
        return Some(number);
    }
    let text = str::from_utf8(text).ok()?;
    if let Some(number) = parse_number(text) {
        return number.float.is_finite().then_some(number);
    }
    let (sign, unsigned) = match text.as_bytes() {
        [b'+', ..] => (Some(1.0), &text[1..]),
        [b'-', ..] => (Some(-1.0), &text[1..]),
        _ => (None, text),
    };
    let is = |name| unsigned.eq_ignore_ascii_case(name);
    let float = match sign {
        _ if is("inf") || is("infinity") => sign.unwrap_or(1.0) * f64::INFINITY,
        None if is("nan") => f64::NAN,
        _ => return None,
    };
    Some(Number { float, inexact: false })
}

/// The shortest text of `value`, such as `0.1`, `1`, `1e+06` and `+Inf`: `%g`, as labels `le` and `quantile` have it.
pub(crate) fn float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    // Without a sign.
    if value == 0.0 {
        return "0".to_owned();
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>() {
        Ok(-4..=5) => value.to_string(),
        Ok(exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
        }
        Err(_) => scientific,
    }
}

/// `text` in double quotes with escapes, as `%q` writes it, but at most 64 characters.
pub(super) fn quoted(text: impl AsRef<[u8]>) -> String {
    let mut shown = String::from('"');
    let mut chars = 0;
    for chunk in text.as_ref().utf8_chunks() {
        for c in chunk.valid().chars() {
            chars += 1;
            if chars > SHOWN_CHARS {
                return shown + "…\"";
            }
            push_escaped(&mut shown, c, '"');
        }
        for byte in chunk.invalid() {
            chars += 1;
            let _ = write!(shown, "\\x{byte:02x}");
        }
    }
    shown.push('"');
    shown
}

/// `byte` in single quotes, as `%q` writes it: as the character with this number.
pub(super) fn quoted_byte(byte: u8) -> String {
    let mut shown = String::from('\'');
    push_escaped(&mut shown, char::from(byte), '\'');
    shown.push('\'');
    shown
}

fn push_escaped(shown: &mut String, c: char, quote: char) {
    match c {
        '\\' => shown.push_str("\\\\"),
        '\n' => shown.push_str("\\n"),
        '\r' => shown.push_str("\\r"),
        '\t' => shown.push_str("\\t"),
        '\u{7}' => shown.push_str("\\a"),
        '\u{8}' => shown.push_str("\\b"),
        '\u{b}' => shown.push_str("\\v"),
        '\u{c}' => shown.push_str("\\f"),
        c if c == quote => shown.extend(['\\', c]),
        c if !c.is_ascii_control() && (c.is_ascii() || c.escape_debug().len() == 1) => shown.push(c),
        c => {
            let _ = match u32::from(c) {
                c @ ..0x80 => write!(shown, "\\x{c:02x}"),
                c @ ..0x1_0000 => write!(shown, "\\u{c:04x}"),
                c => write!(shown, "\\U{c:08x}"),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_have_the_shortest_text() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (0.1, "0.1"),
            (0.000_1, "0.0001"),
            (0.000_01, "1e-05"),
            (100_000.0, "100000"),
            (1e6, "1e+06"),
            (123_456_789.0, "1.23456789e+08"),
            (-2.5, "-2.5"),
            (1e100, "1e+100"),
            (5e-324, "5e-324"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(float(value), text);
        }
    }

    #[test]
    fn numbers_are_read_as_go_reads_them() {
        for (text, value) in [
            ("1", 1.0),
            ("+.5", 0.5),
            ("5.", 5.0),
            ("1e-400", 0.0),
            ("-inf", f64::NEG_INFINITY),
            ("+INFINITY", f64::INFINITY),
        ] {
            assert_eq!(parse_float(text.as_bytes()).unwrap().float.to_bits(), value.to_bits(), "{text}");
        }
        assert!(parse_float(b"nAn").unwrap().float.is_nan());
        for text in ["", "+nan", "0x1p4", "1_0", "1e400", "1e", "infinite", "1\r", "--1", "\u{661}"] {
            assert!(parse_float(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn quoted_text_is_escaped_and_bounded() {
        assert_eq!(quoted("a\"b\\\n\u{1}é\u{a0}"), r#""a\"b\\\n\x01é\u00a0""#);
        assert_eq!(quoted(b"\xff"), r#""\xff""#);
        assert_eq!(quoted("x".repeat(100)).chars().count(), 67);
        assert_eq!(quoted_byte(b'\''), r"'\''");
        assert_eq!(quoted_byte(b'"'), "'\"'");
        assert_eq!(quoted_byte(0xc3), "'Ã'");
    }
}
