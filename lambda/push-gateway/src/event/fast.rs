//! Fast path: an event as nearly everyone writes it, read in one pass.
//!
//! In: the text of an event. Out: what the careful reader would make of it, or `None` at the slightest doubt: an escape,
//! an unknown key, anything invalid. Then the careful reader decides, and says what is wrong. A property test and a fuzz
//! target hold both against each other.

use std::borrow::Cow;

use remote_write::{LabelName, Labels, MetricName, NameEscaping};

use super::{Event, first_duplicate};
use crate::value::{Value, parse_number, parse_text, parse_timestamp};

/// Reads an event that has its three keys, each once and no other, and strings without escapes.
pub(super) fn event(text: &str, escaping: NameEscaping) -> Option<Event<'_>> {
    let (mut labels, mut timestamp_ms, mut metrics) = (None, None, None);
    let mut json = Json { text, at: 0 };
    json.object(|json, key| {
        let is_first = match key {
            "dimensions" => labels.replace(json.labels(escaping)?).is_none(),
            "timestamp" => timestamp_ms.replace(parse_timestamp(json.number()?)?).is_none(),
            "metrics" => metrics.replace(json.metrics(escaping)?).is_none(),
            _ => false,
        };
        is_first.then_some(())
    })?;
    json.end()?;
    Some(Event { labels: labels?, timestamp_ms: timestamp_ms?, metrics: metrics? })
}

/// A place in a JSON text. Every method moves past what it reads, or gives up.
struct Json<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Json<'a> {
    fn labels(&mut self, escaping: NameEscaping) -> Option<Labels<'a>> {
        let mut labels: Vec<(LabelName<'a>, Cow<'a, str>)> = Vec::with_capacity(4);
        let mut has_empty = false;
        self.object(|json, key| {
            let value = json.string()?;
            has_empty |= value.is_empty();
            labels.push((LabelName::new(key, escaping).ok()?, Cow::Borrowed(value)));
            Some(())
        })?;
        // `Labels` forgets empty values, and with them whether their keys are there twice.
        if has_empty { None } else { Labels::new(labels).ok() }
    }

    fn metrics(&mut self, escaping: NameEscaping) -> Option<Vec<(MetricName<'a>, Value)>> {
        let mut metrics = Vec::with_capacity(4);
        self.object(|json, key| {
            let value = match json.peek()? {
                b'"' => parse_text(json.string()?)?,
                _ => parse_number(json.number()?)?,
            };
            metrics.push((MetricName::new(key, escaping).ok()?, value));
            Some(())
        })?;
        let is_valid = !metrics.is_empty() && first_duplicate(&metrics, |(name, _)| name.as_str()).is_none();
        is_valid.then_some(metrics)
    }

    /// An object; `member` is called after each key to read its value.
    fn object(&mut self, mut member: impl FnMut(&mut Self, &'a str) -> Option<()>) -> Option<()> {
        self.expect(b'{')?;
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(());
        }
        loop {
            let key = self.string()?;
            self.expect(b':')?;
            member(self, key)?;
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Some(());
                }
                _ => return None,
            }
        }
    }

    /// A string without escapes.
    fn string(&mut self) -> Option<&'a str> {
        self.expect(b'"')?;
        let rest = &self.text.as_bytes()[self.at..];
        let len = rest.iter().position(|&b| b == b'"' || b == b'\\' || b < b' ')?;
        if rest[len] != b'"' {
            return None;
        }
        let string = &self.text[self.at..self.at + len];
        self.at += len + 1;
        Some(string)
    }

    /// A number as JSON has it: no sign but a minus, no leading zeros, digits on both sides of the point.
    fn number(&mut self) -> Option<&'a str> {
        self.peek()?;
        let rest = &self.text[self.at..];
        let is_number = |b: u8| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.' | b'e' | b'E');
        let number = &rest[..rest.bytes().take_while(|&b| is_number(b)).count()];
        let unsigned = number.strip_prefix('-').unwrap_or(number);
        let (mantissa, exponent) =
            unsigned.split_once(['e', 'E']).map_or((unsigned, None), |(m, e)| (m, Some(e)));
        let (integer, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(i, f)| (i, Some(f)));
        let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let is_json = all_digits(integer)
            && (integer == "0" || !integer.starts_with('0'))
            && fraction.is_none_or(all_digits)
            && exponent
                .is_none_or(|exponent| all_digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)));
        self.at += number.len();
        is_json.then_some(number)
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        let found = self.peek()? == byte;
        self.at += 1;
        found.then_some(())
    }

    /// The next byte that is no whitespace.
    fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while matches!(bytes.get(self.at)?, b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
        bytes.get(self.at).copied()
    }

    fn end(&mut self) -> Option<()> {
        self.peek().is_none().then_some(())
    }
}
