//! The parts of a body that may travel apart: metric families, or events.

use formats::body::json_of;
use formats::{Body, Format};
use serde_json::value::RawValue;

/// The last line of an `OpenMetrics` text.
const EOF: &[u8] = b"# EOF\n";

/// What the names of samples have after the name of their family (`OpenMetrics` 1.0, "Suffixes").
const SUFFIXES: [&[u8]; 8] =
    [b"_bucket", b"_count", b"_sum", b"_total", b"_created", b"_info", b"_gcount", b"_gsum"];

/// The parts of a valid body, in their order. Of an invalid one they mean nothing, but they are all of it.
pub(super) fn of(format: Format, body: &[u8]) -> Vec<&[u8]> {
    match format {
        Format::Event => events(body).unwrap_or_else(|| vec![body]),
        Format::Text | Format::OpenMetrics => families(body),
        Format::Protobuf => messages(body).unwrap_or_else(|| vec![body]),
        // Never spilled: their senders send again.
        Format::Otlp | Format::OtlpJson | Format::RemoteWrite1 | Format::RemoteWrite2 => vec![body],
    }
}

/// A body with these parts alone.
pub(super) fn join(format: Format, parts: &[&[u8]]) -> Vec<u8> {
    match format {
        Format::Event => [b"[", &*parts.join(&b','), b"]"].concat(),
        Format::OpenMetrics => [&*parts.concat(), EOF].concat(),
        _ => parts.concat(),
    }
}

/// The elements of an array.
fn events(body: &[u8]) -> Option<Vec<&[u8]>> {
    // Base64 of an array stays in one part.
    let std::borrow::Cow::Borrowed(json) = json_of(Body::Bytes(body).text().ok()?).ok()? else { return None };
    let events: Vec<&RawValue> = serde_json::from_str(json).ok()?;
    Some(events.into_iter().map(|event| event.get().as_bytes()).collect())
}

/// Messages, each after its length as a varint.
fn messages(body: &[u8]) -> Option<Vec<&[u8]>> {
    let mut messages = Vec::new();
    let mut rest = body;
    while !rest.is_empty() {
        let varint = rest.iter().position(|byte| byte & 0x80 == 0).filter(|&last| last < 5)? + 1;
        let length =
            rest[..varint].iter().rev().fold(0, |length, byte| length << 7 | usize::from(byte & 0x7f));
        let (message, after) = rest.split_at_checked(varint.checked_add(length)?)?;
        messages.push(message);
        rest = after;
    }
    Some(messages)
}

/// Runs of lines that concern one family.
fn families(body: &[u8]) -> Vec<&[u8]> {
    let mut families = Vec::new();
    let (mut start, mut at) = (0, 0);
    let mut family: Option<&[u8]> = None;
    for line in body.split_inclusive(|&byte| byte == b'\n') {
        if is_eof(line) {
            break;
        }
        if let Some(name) = name(line)
            && !family.is_some_and(|family| name.is_of(family))
        {
            if family.is_some() {
                families.push(&body[start..at]);
                start = at;
            }
            family = Some(name.text());
        }
        at += line.len();
    }
    if start < at {
        families.push(&body[start..at]);
    }
    families
}

fn is_eof(line: &[u8]) -> bool {
    line.trim_ascii_end() == EOF.trim_ascii_end()
}

/// The name in a line.
#[derive(Clone, Copy)]
enum Name<'a> {
    /// Of a family, in `# HELP`, `# TYPE` or `# UNIT`.
    Family(&'a [u8]),
    /// Of a sample.
    Sample(&'a [u8]),
}

impl<'a> Name<'a> {
    fn text(self) -> &'a [u8] {
        let (Self::Family(name) | Self::Sample(name)) = self;
        name
    }

    fn is_of(self, family: &[u8]) -> bool {
        match self {
            Self::Family(name) => name == family,
            Self::Sample(name) => match name.strip_prefix(family) {
                Some(suffix) => suffix.is_empty() || SUFFIXES.contains(&suffix),
                None => false,
            },
        }
    }
}

/// The name that a line begins with; `None` for blank lines and comments.
fn name(line: &[u8]) -> Option<Name<'_>> {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let line = line.trim_ascii();
    if let Some(comment) = line.strip_prefix(b"#") {
        let comment = comment.trim_ascii_start();
        let keyword = comment.split(is_blank).next()?;
        if ![b"HELP", b"TYPE", b"UNIT"].contains(&keyword.first_chunk().filter(|_| keyword.len() == 4)?) {
            return None;
        }
        let given = comment[keyword.len()..].trim_ascii_start();
        return Some(Name::Family(
            quoted(given).unwrap_or_else(|| given.split(is_blank).next().unwrap_or_default()),
        ));
    }
    if let Some(inside) = line.strip_prefix(b"{") {
        return quoted(inside.trim_ascii_start()).map(Name::Sample);
    }
    let end = line.iter().position(|byte| *byte == b'{' || is_blank(byte)).unwrap_or(line.len());
    (end > 0).then(|| Name::Sample(&line[..end]))
}

/// The text between quotes, with its escapes, if `text` begins with one.
fn quoted(text: &[u8]) -> Option<&[u8]> {
    let text = text.strip_prefix(b"\"")?;
    let mut is_escaped = false;
    let end = text.iter().position(|&byte| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    })?;
    Some(&text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(format: Format, body: &str) -> Vec<&str> {
        of(format, body.as_bytes()).into_iter().map(|part| str::from_utf8(part).unwrap()).collect()
    }

    #[test]
    fn a_text_is_divided_between_families() {
        let families = [
            "# a comment\n# HELP h H.\n# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\n\nh_sum 1\nh_count 1\n",
            "# HELP h_sum_of_all x\nh_sum_of_all 2\n",
            "untyped{x=\"y\"} 1\nuntyped 2 3\n",
            "# TYPE \"my.name\" gauge\n{\"my.name\",a=\"}\"} 1\n",
            "  b\t1",
        ];
        assert_eq!(texts(Format::Text, &families.concat()), families);
        assert!(of(Format::Text, b"").is_empty());
    }

    #[test]
    fn each_part_of_openmetrics_has_an_end() {
        let body = "# TYPE a counter\na_total 1 # {t=\"1\"} 1\na_created 2\n# TYPE b gauge\n# UNIT b seconds\nb 1\n# EOF\n";
        let parts = of(Format::OpenMetrics, body.as_bytes());
        assert_eq!(parts.len(), 2);
        assert_eq!(join(Format::OpenMetrics, &parts), body.as_bytes());
        assert!(join(Format::OpenMetrics, &parts[..1]).ends_with(b"a_created 2\n# EOF\n"));
    }

    #[test]
    fn events_are_the_elements_of_an_array() {
        let body = "\u{feff} [ {\"a\":[1]} , 2]";
        let parts = of(Format::Event, body.as_bytes());
        assert_eq!(join(Format::Event, &parts), b"[{\"a\":[1]},2]");
        assert_eq!(texts(Format::Event, "{\"a\":1}"), ["{\"a\":1}"]);
    }

    #[test]
    fn protobuf_is_divided_between_messages() {
        let long = [b"\x80\x01".as_slice(), &[7; 128]].concat();
        let body = [b"\x00".as_slice(), &long, b"\x01a"].concat();
        assert_eq!(of(Format::Protobuf, &body), [b"\x00".as_slice(), &long, b"\x01a"]);
        for cut_off in [b"\x02a".as_slice(), b"\x80", b"\xff\xff\xff\xff\xff\x01"] {
            assert_eq!(of(Format::Protobuf, cut_off), [cut_off]);
        }
    }
}
