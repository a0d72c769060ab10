//! The forms in which Cortex's error texts show names, numbers, times and series: those of Go's `fmt` package.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;
use prometheus_proto::Label;

/// The label that holds the name of a metric.
pub(super) const METRIC_NAME_LABEL: &str = "__name__";

/// Names, values and series in texts of Cortex's validation are cut to this many characters (`%.200q`).
const MAX_SHOWN: usize = 200;

/// Go's `%q`.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        let escaped = match character {
            '"' => "\\\"",
            '\\' => "\\\\",
            '\x07' => "\\a",
            '\x08' => "\\b",
            '\x0c' => "\\f",
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            '\x0b' => "\\v",
            _ => "",
        };
        let code = u32::from(character);
        let _ = match character {
            _ if !escaped.is_empty() => write!(quoted, "{escaped}"),
            _ if is_printable(character) => write!(quoted, "{character}"),
            ..'\u{80}' => write!(quoted, "\\x{code:02x}"),
            ..'\u{10000}' => write!(quoted, "\\u{code:04x}"),
            _ => write!(quoted, "\\U{code:08x}"),
        };
    }
    quoted.push('"');
    quoted
}

/// Go's `%.200q`.
pub(super) fn short(text: &str) -> String {
    quoted(text.char_indices().nth(MAX_SHOWN).map_or(text, |(end, _)| &text[..end]))
}

/// Rust and Go agree on which characters are printable. Rust also escapes an apostrophe, and a combining character at the
/// beginning of a text.
fn is_printable(character: char) -> bool {
    character == '\'' || !String::from_iter(['a', character]).escape_debug().any(|shown| shown == '\\')
}

/// Go's `%g`: the shortest digits; from a million on and below 0.0001 with an exponent of at least two digits.
pub(super) fn number(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) {
        return value.to_string();
    }
    format!("{digits}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.unsigned_abs())
}

/// RFC 3339 in UTC, with as many decimals as necessary; outside the years -9999 to 9999 the milliseconds since the epoch.
pub(super) fn time(epoch_ms: i64) -> String {
    Timestamp::from_millisecond(epoch_ms).map_or_else(|_| epoch_ms.to_string(), |time| time.to_string())
}

/// A series as the ingester and exemplar errors show it: `{__name__="m", device="a"}`.
pub(super) fn label_set(labels: &[Label]) -> String {
    let labels: Vec<String> = labels
        .iter()
        .map(|Label { name, value }| {
            let name = if is_label_name(name) { name.clone() } else { quoted(name) };
            format!("{name}={}", quoted(value))
        })
        .collect();
    format!("{{{}}}", labels.join(", "))
}

/// A series as most validation errors show it: `m{device="a"}`, with its labels as they came.
pub(super) fn metric(labels: &[Label]) -> String {
    let named = labels.iter().position(|label| label.name == METRIC_NAME_LABEL && !label.value.is_empty());
    let others = labels.iter().enumerate().filter(|(position, _)| Some(*position) != named);
    let others = others.map(|(_, label)| (label.name.as_str(), label.value.as_str()));
    of_metric(named.map(|position| labels[position].value.as_str()), others)
}

/// A series as the limit on the number of labels shows it: every name once, sorted.
pub(super) fn metric_of_map(labels: &[Label]) -> String {
    let mut map: BTreeMap<&str, &str> =
        labels.iter().map(|label| (label.name.as_str(), label.value.as_str())).collect();
    let name = map.remove(METRIC_NAME_LABEL);
    of_metric(name, map)
}

fn of_metric<'a>(name: Option<&str>, others: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let others: Vec<String> =
        others.into_iter().map(|(name, value)| format!("{name}={}", quoted(value))).collect();
    match (name, others.is_empty()) {
        (Some(name), true) => name.to_owned(),
        (name, _) => format!("{}{{{}}}", name.unwrap_or_default(), others.join(", ")),
    }
}

/// `[a-zA-Z_:][a-zA-Z0-9_:]*`
pub(super) fn is_metric_name(name: &str) -> bool {
    matches_name(name, |byte| byte == b':')
}

/// `[a-zA-Z_][a-zA-Z0-9_]*`
pub(super) fn is_label_name(name: &str) -> bool {
    matches_name(name, |_| false)
}

fn matches_name(name: &str, also: impl Fn(u8) -> bool) -> bool {
    let first = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_' || also(byte);
    let mut bytes = name.bytes();
    bytes.next().is_some_and(first) && bytes.all(|byte| first(byte) || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Printed by Go 1.26.
    #[test]
    fn numbers_are_printed_as_go_prints_them() {
        let table: [(f64, &str); 17] = [
            (0.0, "0"),
            (1.0, "1"),
            (-1.5, "-1.5"),
            (0.1, "0.1"),
            (6_666.66, "6666.66"),
            (170_000.0, "170000"),
            (999_999.0, "999999"),
            (1e6, "1e+06"),
            (1_666_666.0, "1.666666e+06"),
            (123_456_789.123, "1.23456789123e+08"),
            (1e21, "1e+21"),
            (1e100, "1e+100"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ];
        for (value, text) in table {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn times_have_the_decimals_that_they_need() {
        let times = [1_676_398_017_000, 1_676_398_017_120, -1, i64::MIN].map(time);
        let expected = ["2023-02-14T18:06:57Z", "2023-02-14T18:06:57.12Z", "1969-12-31T23:59:59.999Z"];
        assert_eq!(times[..3], expected);
        assert_eq!(times[3], "-9223372036854775808");
    }

    /// Printed by Go 1.26.
    #[test]
    fn texts_are_quoted_as_go_quotes_them() {
        let table = [
            ("zürich", r#""zürich""#),
            ("a\t\n\"\\'", r#""a\t\n\"\\'""#),
            ("\u{0}\u{7}\u{1f}\u{7f}", r#""\x00\a\x1f\x7f""#),
            ("\u{a0}\u{200b}e\u{301}", "\"\\u00a0\\u200be\u{301}\""),
            ("\u{e0001}温", r#""\U000e0001温""#),
        ];
        for (text, expected) in table {
            assert_eq!(quoted(text), expected);
        }
    }
}
