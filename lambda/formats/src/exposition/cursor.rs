//! The tokens of a text exposition.

use std::borrow::Cow;

use super::InvalidLine;
use super::go::quoted;

/// A position in a text. Every method moves past what it returns.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// What is in quotes, for the errors.
#[derive(Clone, Copy, Debug)]
pub(super) enum Quoted {
    MetricName,
    LabelName,
    LabelValue,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next byte, if there is one. It is not passed.
    pub(super) fn next(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// The next byte of a line, which is not passed.
    pub(super) fn peek(&self) -> Result<u8, InvalidLine> {
        match self.next() {
            Some(byte) => Ok(byte),
            None => Err(InvalidLine::End),
        }
    }

    /// Passes the byte that was looked at.
    pub(super) fn pass(&mut self) {
        self.at += 1;
    }

    /// Passes `byte` if it is next.
    pub(super) fn pass_if(&mut self, byte: u8) -> bool {
        let is_next = self.next() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// Passes `name`, which is a valid one, if it is next and ends there.
    pub(super) fn pass_name(&mut self, name: &str) -> bool {
        let rest = self.bytes[self.at..].strip_prefix(name.as_bytes());
        let is_next = rest.and_then(<[u8]>::first).is_some_and(|&byte| !is_name(byte));
        self.at += if is_next { name.len() } else { 0 };
        is_next
    }

    /// Passes `name` and an equals sign, if they are next.
    pub(super) fn pass_label(&mut self, name: &str) -> bool {
        let rest = self.bytes[self.at..].strip_prefix(name.as_bytes());
        let is_next = rest.is_some_and(|rest| rest.starts_with(b"="));
        self.at += if is_next { name.len() + 1 } else { 0 };
        is_next
    }

    pub(super) fn pass_blanks(&mut self) {
        self.while_(is_blank);
    }

    /// Everything up to a blank or the end of the line.
    pub(super) fn word(&mut self) -> &'a [u8] {
        self.while_(|byte| !is_blank(byte) && byte != b'\n')
    }

    /// The rest of the line. Its end is passed too.
    pub(super) fn line(&mut self) -> Result<&'a [u8], InvalidLine> {
        let line = self.while_(|byte| byte != b'\n');
        self.peek()?;
        self.pass();
        Ok(line)
    }

    /// A name, or a text in quotes; nothing if neither is next.
    pub(super) fn name(&mut self, what: Quoted) -> Result<Option<Cow<'a, [u8]>>, InvalidLine> {
        if self.pass_if(b'"') {
            return self.quoted(what, false).map(Some);
        }
        let is_part = |byte: u8| is_name(byte) && (byte != b':' || matches!(what, Quoted::MetricName));
        if !self.next().is_some_and(|byte| is_part(byte) && !byte.is_ascii_digit()) {
            return Ok(None);
        }
        let name = self.while_(is_part);
        // No name is the last of a text.
        self.peek()?;
        Ok(Some(Cow::Borrowed(name)))
    }

    /// The text up to a quote, with its escapes resolved. A backslash before any other character is an error, or stays
    /// if `keeps_unknown` is set.
    pub(super) fn quoted(&mut self, what: Quoted, keeps_unknown: bool) -> Result<Cow<'a, [u8]>, InvalidLine> {
        let mut text = Cow::Borrowed(&[][..]);
        loop {
            let part = self.while_(|byte| !matches!(byte, b'"' | b'\\' | b'\n'));
            append(&mut text, part);
            match self.peek()? {
                b'"' => {
                    self.pass();
                    return Ok(text);
                }
                b'\n' => {
                    let what = match what {
                        Quoted::MetricName => "metric name",
                        Quoted::LabelName => "label name",
                        Quoted::LabelValue => "label value",
                    };
                    return Err(InvalidLine::NewLine { what, text: quoted(text) });
                }
                _ => {
                    self.pass();
                    let escaped = self.peek()?;
                    self.pass();
                    unescape(text.to_mut(), escaped, keeps_unknown)?;
                }
            }
        }
    }

    fn while_(&mut self, is_part: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = &self.bytes[self.at..];
        let len = rest.iter().position(|&byte| !is_part(byte)).unwrap_or(rest.len());
        self.at += len;
        &rest[..len]
    }
}

/// A help text with its escapes resolved, by the rule of [`Cursor::quoted`].
pub(super) fn unescaped(text: &[u8], keeps_unknown: bool) -> Result<Cow<'_, [u8]>, InvalidLine> {
    let mut parts = text.split(|&byte| byte == b'\\');
    let mut whole = Cow::Borrowed(parts.next().unwrap_or_default());
    while let Some(part) = parts.next() {
        let (escaped, rest) = match part.split_first() {
            Some((&escaped, rest)) => (escaped, rest),
            // Two backslashes, or one before the end of the line.
            None => match parts.next() {
                Some(rest) => (b'\\', rest),
                None if keeps_unknown => (b'\\', &[][..]),
                None => (b'\n', &[][..]),
            },
        };
        unescape(whole.to_mut(), escaped, keeps_unknown)?;
        append(&mut whole, rest);
    }
    Ok(whole)
}

fn unescape(text: &mut Vec<u8>, escaped: u8, keeps_unknown: bool) -> Result<(), InvalidLine> {
    match escaped {
        b'\\' | b'"' => text.push(escaped),
        b'n' => text.push(b'\n'),
        _ if keeps_unknown => text.extend([b'\\', escaped]),
        _ if escaped.is_ascii_control() => {
            return Err(InvalidLine::Escape(escaped.escape_ascii().to_string()));
        }
        _ => return Err(InvalidLine::Escape(char::from(escaped).to_string())),
    }
    Ok(())
}

fn append<'a>(text: &mut Cow<'a, [u8]>, part: &'a [u8]) {
    if text.is_empty() {
        *text = Cow::Borrowed(part);
    } else if !part.is_empty() {
        text.to_mut().extend_from_slice(part);
    }
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':'
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}
