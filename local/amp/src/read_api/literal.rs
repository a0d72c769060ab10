//! String literals: `"double"`, `'single'`, and raw strings in backquotes.
//!
//! In: text that begins with one. Out: what it says and the text after it. Source: Prometheus, "Querying basics",
//! "String literals", which "follow the same escaping rules as in Go".

/// Why there is no literal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum LiteralError {
    #[error("expected a quoted string")]
    NoQuote,
    #[error("unterminated quoted string")]
    Unterminated,
    #[error("invalid escape sequence in a quoted string")]
    InvalidEscape,
    #[error("a quoted string is not UTF-8")]
    NotUtf8,
}

/// Reads the literal at the beginning of `text`.
pub(super) fn parse(text: &str) -> Result<(String, &str), LiteralError> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\'' | '`')).ok_or(LiteralError::NoQuote)?;
    let inside = &text[1..];
    if quote == '`' {
        let (raw, rest) = inside.split_once('`').ok_or(LiteralError::Unterminated)?;
        return Ok((raw.to_owned(), rest));
    }
    let mut value = Vec::new();
    let mut rest = inside;
    loop {
        let c = rest.chars().next().filter(|c| *c != '\n').ok_or(LiteralError::Unterminated)?;
        rest = &rest[c.len_utf8()..];
        if c == quote {
            return String::from_utf8(value).map(|value| (value, rest)).map_err(|_| LiteralError::NotUtf8);
        }
        if c == '\\' {
            rest = parse_escape(rest, quote, &mut value)?;
        } else {
            push_char(&mut value, c);
        }
    }
}

/// What follows a backslash: `\x` and three octal digits are bytes, `\u` and `\U` are characters. Of the quotes only
/// the own one can be escaped.
fn parse_escape<'a>(text: &'a str, quote: char, value: &mut Vec<u8>) -> Result<&'a str, LiteralError> {
    let c = text.chars().next().ok_or(LiteralError::Unterminated)?;
    let rest = &text[c.len_utf8()..];
    let byte = match c {
        'a' => 0x07,
        'b' => 0x08,
        'f' => 0x0c,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 0x0b,
        '\\' => b'\\',
        '"' | '\'' if c == quote => text.as_bytes()[0],
        '0'..='7' => {
            let (code, rest) = digits(text, 3, 8)?;
            value.push(u8::try_from(code).map_err(|_| LiteralError::InvalidEscape)?);
            return Ok(rest);
        }
        'x' => {
            let (code, rest) = digits(rest, 2, 16)?;
            value.push(u8::try_from(code).map_err(|_| LiteralError::InvalidEscape)?);
            return Ok(rest);
        }
        'u' | 'U' => {
            let (code, rest) = digits(rest, if c == 'u' { 4 } else { 8 }, 16)?;
            push_char(value, char::from_u32(code).ok_or(LiteralError::InvalidEscape)?);
            return Ok(rest);
        }
        _ => return Err(LiteralError::InvalidEscape),
    };
    value.push(byte);
    Ok(rest)
}

/// A number of exactly so many digits, and the text after it.
fn digits(text: &str, count: usize, radix: u32) -> Result<(u32, &str), LiteralError> {
    let number = text.get(..count).filter(|digits| digits.chars().all(|digit| digit.is_digit(radix)));
    let number = number.ok_or(LiteralError::InvalidEscape)?;
    let code = u32::from_str_radix(number, radix).map_err(|_| LiteralError::InvalidEscape)?;
    Ok((code, &text[count..]))
}

fn push_char(value: &mut Vec<u8>, c: char) {
    value.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Prometheus, "String literals", and the Go specification, "Rune literals".
    #[test]
    fn a_literal_says_what_go_reads_in_it() {
        for (text, value) in [
            (r#""a'b`c""#, "a'b`c"),
            (r#"'a"b`c'"#, "a\"b`c"),
            (r#"`a\n"b'c`"#, r#"a\n"b'c"#),
            ("`two\nlines`", "two\nlines"),
            (r#""""#, ""),
            (r#""\a\b\f\n\r\t\v\\\"""#, "\u{7}\u{8}\u{c}\n\r\t\u{b}\\\""),
            (r"'\''", "'"),
            (r#""\x41\101\u00e9\U0001F600""#, "AAé😀"),
            (r#""\xc3\xa9""#, "é"),
            ("\"é😀\"", "é😀"),
        ] {
            assert_eq!(parse(&format!("{text}rest")), Ok((value.to_owned(), "rest")), "{text}");
        }
    }

    #[test]
    fn what_go_does_not_read_is_an_error() {
        for (text, error) in [
            ("", LiteralError::NoQuote),
            ("a", LiteralError::NoQuote),
            ("é", LiteralError::NoQuote),
            ("\"a", LiteralError::Unterminated),
            ("'a\"", LiteralError::Unterminated),
            ("`a", LiteralError::Unterminated),
            ("\"a\nb\"", LiteralError::Unterminated),
            ("\"a\\", LiteralError::Unterminated),
            (r#""\'""#, LiteralError::InvalidEscape),
            (r#"'\"'"#, LiteralError::InvalidEscape),
            (r#""\q""#, LiteralError::InvalidEscape),
            (r#""\x4""#, LiteralError::InvalidEscape),
            (r#""\x+1""#, LiteralError::InvalidEscape),
            (r#""\777""#, LiteralError::InvalidEscape),
            (r#""\18""#, LiteralError::InvalidEscape),
            (r#""\ud800""#, LiteralError::InvalidEscape),
            (r#""\U00110000""#, LiteralError::InvalidEscape),
            (r#""\xff""#, LiteralError::NotUtf8),
            ("\"\\xé\"", LiteralError::InvalidEscape),
        ] {
            assert_eq!(parse(text), Err(error), "{text}");
        }
    }
}
