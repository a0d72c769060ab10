//! Reads times and durations in the notations of Prometheus, to the millisecond.
//!
//! <https://prometheus.io/docs/prometheus/latest/querying/api/>,
//! <https://prometheus.io/docs/prometheus/latest/querying/basics/#float-literals-and-time-durations>

use std::time::{SystemTime, UNIX_EPOCH};

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use serde_json::Value;

/// 9999-12-31T23:59:59Z, the last second that RFC 3339 can express. Milliseconds taken for seconds are beyond it.
const LAST_SECOND: f64 = 253_402_300_799.0;

/// Other units of Unix time, and how many of them make a second.
const SMALLER_UNITS: [(&str, f64); 3] = [("milliseconds", 1e3), ("microseconds", 1e6), ("nanoseconds", 1e9)];

/// Units of a duration in milliseconds, in the order that Prometheus requires.
const DURATION_UNITS: [(&str, i64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// The longest duration, a thousand years, in milliseconds: longer than any retention.
const MAX_DURATION_MS: i64 = 1_000 * 365 * 86_400_000;

/// A point in time from 1970 to 9999, in milliseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Timestamp(i64);

impl Timestamp {
    /// Milliseconds since the epoch; a time before it becomes the epoch.
    pub(crate) fn from_ms(ms: i64) -> Self {
        Self(ms.max(0))
    }

    pub(crate) fn from_system(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    /// Reads Unix seconds (a JSON number, or a string of one), an RFC 3339 time, or a date, which means midnight UTC.
    pub(crate) fn read(value: &Value) -> Option<Self> {
        if let Some(seconds) = decimal(value) {
            return Self::from_seconds(seconds);
        }
        let text = value.as_str()?.trim().to_ascii_uppercase();
        let text = if text.contains('T') { text } else { text + "T00:00:00Z" };
        let time = DateTime::from_str(&text, Format::DateTimeWithOffset).ok()?;
        time.to_millis().ok().filter(|ms| *ms >= 0).map(Self)
    }

    /// As [`Timestamp::read`], and times relative to `now`: `now`, `now-1h`, `now+5m`, `-6h`.
    pub(crate) fn read_at(value: &Value, now: Self) -> Option<Self> {
        Self::read(value).or_else(|| Self::relative(value.as_str()?.trim(), now))
    }

    /// The unit that a number too large for seconds seems to have, and the time in that unit.
    pub(crate) fn in_smaller_unit(value: &Value) -> Option<(&'static str, Self)> {
        let number = decimal(value).filter(|number| *number > LAST_SECOND)?;
        SMALLER_UNITS
            .iter()
            .find_map(|(unit, per_second)| Some((*unit, Self::from_seconds(number / per_second)?)))
    }

    fn relative(text: &str, now: Self) -> Option<Self> {
        let offset = match text.strip_prefix("now") {
            Some("") => return Some(now),
            Some(offset) => offset.trim_start(),
            None => text,
        };
        let (sign, duration) = offset.split_at_checked(1)?;
        let ms = parse_duration_ms(duration.trim_start())?;
        match sign {
            "-" => Some(Self::from_ms(now.0.saturating_sub(ms))),
            "+" => now.0.checked_add(ms).map(Self::from_ms),
            _ => None,
        }
    }

    fn from_seconds(seconds: f64) -> Option<Self> {
        #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
        (0.0..=LAST_SECOND).contains(&seconds).then(|| Self((seconds * 1e3).round() as i64))
    }

    pub(crate) fn ms(self) -> i64 {
        self.0
    }

    /// Unix seconds as Prometheus reads them: `1700000000.25`.
    pub(crate) fn seconds(self) -> String {
        decimal_seconds(self.0)
    }

    /// `2026-01-31T12:00:00Z`, to the second.
    pub(crate) fn rfc3339(self) -> String {
        DateTime::from_secs(self.0 / 1_000).fmt(Format::DateTime).unwrap_or_default()
    }
}

/// Reads a positive duration in milliseconds: seconds (a JSON number, or a string of one), or Prometheus's notation.
pub(crate) fn duration_ms(value: &Value) -> Option<i64> {
    let Some(seconds) = decimal(value) else { return parse_duration_ms(value.as_str()?.trim()) };
    #[expect(clippy::cast_possible_truncation, reason = "a cast saturates, and the range is checked")]
    let ms = (seconds * 1e3).round() as i64;
    valid_duration(ms)
}

/// Parses `1h30m`: numbers with units, each unit at most once, the largest first.
fn parse_duration_ms(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut units = DURATION_UNITS.iter();
    let mut ms: i64 = 0;
    while !rest.is_empty() {
        let (count, tail) = rest.split_at(rest.bytes().take_while(u8::is_ascii_digit).count());
        let (name, tail) = tail.split_at(tail.bytes().take_while(u8::is_ascii_alphabetic).count());
        let (_, unit) = units.find(|(unit, _)| *unit == name)?;
        ms = ms.checked_add(count.parse::<i64>().ok()?.checked_mul(*unit)?)?;
        rest = tail;
    }
    valid_duration(ms)
}

fn valid_duration(ms: i64) -> Option<i64> {
    (1..=MAX_DURATION_MS).contains(&ms).then_some(ms)
}

/// A JSON number, or a string of digits with at most one point between them.
pub(crate) fn decimal(value: &Value) -> Option<f64> {
    let is_decimal = |text: &&str| {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        [whole, fraction].iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
    };
    match value {
        Value::Number(number) => number.as_f64(),
        // `parse` alone would accept `inf` and `1e9`.
        Value::String(text) => Some(text.trim()).filter(is_decimal)?.parse().ok(),
        _ => None,
    }
}

/// Milliseconds as seconds, without trailing zeros: `1700000000.25`.
pub(crate) fn decimal_seconds(ms: i64) -> String {
    let (seconds, rest) = (ms / 1_000, ms % 1_000);
    if rest == 0 {
        return seconds.to_string();
    }
    format!("{seconds}.{rest:03}").trim_end_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// 2023-11-14T22:13:20Z
    const NOW: Timestamp = Timestamp(1_700_000_000_000);
    const HOUR: i64 = 3_600_000;

    fn read(given: &Value) -> Option<i64> {
        Timestamp::read_at(given, NOW).map(Timestamp::ms)
    }

    #[test]
    fn times_are_read_in_every_notation() {
        for (given, ms) in [
            (json!(1_700_000_000), NOW.ms()),
            (json!(1_700_000_000.25), 1_700_000_000_250),
            (json!("1700000000"), NOW.ms()),
            (json!(" 1700000000.5 "), 1_700_000_000_500),
            (json!("2023-11-14T22:13:20Z"), NOW.ms()),
            (json!("2023-11-14T22:13:20.123456Z"), 1_700_000_000_123),
            (json!("2023-11-14T23:13:20+01:00"), NOW.ms()),
            (json!("2023-11-14t22:13:20z"), NOW.ms()),
            (json!(0), 0),
            (json!("2023-11-14"), 1_699_920_000_000),
            (json!(" 2024-02-29 "), 1_709_164_800_000),
            (json!("1970-01-01"), 0),
            (json!("now"), NOW.ms()),
            (json!("now-1h"), NOW.ms() - HOUR),
            (json!(" now - 1h30m "), NOW.ms() - HOUR - HOUR / 2),
            (json!("now+5m"), NOW.ms() + HOUR / 12),
            (json!("-6h"), NOW.ms() - 6 * HOUR),
            (json!("+500ms"), NOW.ms() + 500),
            (json!("-100y"), 0),
        ] {
            assert_eq!(read(&given), Some(ms), "{given}");
        }
    }

    #[test]
    fn invalid_times_are_rejected() {
        for given in
            [json!(-1), json!(1_700_000_000_000_i64), json!("1700000000000"), json!(true), json!([1])]
        {
            assert_eq!(read(&given), None, "{given}");
        }
        for given in [
            "yesterday",
            "2023-11-14T22:13:20",
            "2023-13-14T22:13:20Z",
            "2023-02-29",
            "2023-11",
            "14.11.2023",
            "1969-12-31T23:59:59Z",
            "1969-12-31",
            "inf",
            "1e9",
            ".",
            "",
            "now-",
            "now1h",
            "now-3600",
            "now-1h/h",
            "now*1h",
            "nowé",
            "é",
            "-",
            "-3600",
            "--1h",
            "-1.5h",
            "6h",
            "+9223372036854775807y",
        ] {
            assert_eq!(read(&given.into()), None, "{given}");
        }
        assert_eq!(Timestamp::read_at(&json!("+1h"), Timestamp(i64::MAX)), None);
    }

    #[test]
    fn numbers_in_smaller_units_are_recognized() {
        for (given, unit, ms) in [
            (json!(1_700_000_000_123_i64), "milliseconds", 1_700_000_000_123),
            (json!("1700000000123"), "milliseconds", 1_700_000_000_123),
            (json!(1_700_000_000_123.75), "milliseconds", 1_700_000_000_124),
            (json!(1_700_000_000_123_000_i64), "microseconds", 1_700_000_000_123),
            (json!(1_700_000_000_123_000_000_i64), "nanoseconds", 1_700_000_000_123),
        ] {
            assert_eq!(Timestamp::in_smaller_unit(&given), Some((unit, Timestamp(ms))), "{given}");
        }
        for given in [json!(1_700_000_000), json!(-5), json!(1e300), json!("soon"), json!(null)] {
            assert_eq!(Timestamp::in_smaller_unit(&given), None, "{given}");
        }
    }

    #[test]
    fn times_are_written_for_prometheus_and_for_people() {
        let time = Timestamp::from_ms(1_700_000_000_120);
        assert_eq!((time.seconds(), time.rfc3339()), ("1700000000.12".into(), "2023-11-14T22:13:20Z".into()));
        assert_eq!(Timestamp::from_ms(5).seconds(), "0.005");
        assert_eq!(Timestamp::from_ms(-5).seconds(), "0");
    }

    #[test]
    fn durations_are_read_in_every_notation() {
        for (given, ms) in [
            (json!("15s"), 15_000),
            (json!("1h30m"), 5_400_000),
            (json!("1y2w3d4h5m6s7ms"), 33_019_506_007),
            (json!("60"), 60_000),
            (json!("0.25"), 250),
            (json!(15), 15_000),
            (json!(1.5), 1_500),
        ] {
            assert_eq!(duration_ms(&given), Some(ms), "{given}");
        }
    }

    #[test]
    fn invalid_durations_are_rejected() {
        for given in [json!(0), json!(-15), json!(1e300), json!(null)] {
            assert_eq!(duration_ms(&given), None, "{given}");
        }
        for given in [
            "",
            "0",
            "0s",
            "-15s",
            "15 s",
            "s",
            "1m1h",
            "1s1s",
            "1.5h",
            "15sec",
            "15S",
            "99999999999999999999s",
            "9223372036854775807y",
            "1001y",
        ] {
            assert_eq!(duration_ms(&given.into()), None, "{given}");
        }
    }
}
