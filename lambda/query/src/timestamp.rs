//! Timestamps: RFC 3339, a date, Unix seconds or a time relative to now → milliseconds since the epoch, which is
//! Prometheus's resolution, and back.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use serde_json::Value;

use crate::duration;
use crate::number::{decimal, decimal_seconds};

/// 9999-12-31T23:59:59Z, the last second that RFC 3339 can write. Milliseconds taken for seconds are beyond it.
const LAST_SECOND: f64 = 253_402_300_799.0;

/// The units that other systems write Unix time in, with how many of them make a second.
const SMALLER_UNITS: [(&str, f64); 3] = [("milliseconds", 1e3), ("microseconds", 1e6), ("nanoseconds", 1e9)];

/// A point in time from 1970 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Milliseconds since the epoch; a time before it becomes the epoch.
    pub fn from_ms(ms: i64) -> Self {
        Self(ms.max(0))
    }

    /// The same point on the system's scale, to the millisecond.
    pub fn from_system(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    /// Reads a JSON number of seconds, or a text with such a number, an RFC 3339 time, or a date, which means midnight in
    /// UTC; `None` for all else.
    pub fn read(value: &Value) -> Option<Self> {
        if let Some(seconds) = decimal(value) {
            return Self::from_seconds(seconds);
        }
        let text = value.as_str()?.trim();
        if text.contains(['T', 't']) {
            Self::from_rfc3339(text)
        } else {
            Self::from_rfc3339(&format!("{text}T00:00:00Z"))
        }
    }

    /// As [`Timestamp::read`], and times relative to `now`, such as `now-1h` or `-6h`.
    pub fn read_at(value: &Value, now: Self) -> Option<Self> {
        Self::read(value).or_else(|| Self::relative(value.as_str()?.trim(), now))
    }

    /// The smaller unit that a number too large for seconds seems to be in, and the time that it means then.
    pub fn in_smaller_unit(value: &Value) -> Option<(&'static str, Self)> {
        let number = decimal(value).filter(|number| *number > LAST_SECOND)?;
        SMALLER_UNITS
            .iter()
            .find_map(|(unit, in_a_second)| Some((*unit, Self::from_seconds(number / in_a_second)?)))
    }

    /// `now`, `now-1h`, `now+5m`, `-6h`; a time before the epoch becomes the epoch.
    fn relative(text: &str, now: Self) -> Option<Self> {
        let offset = match text.strip_prefix("now") {
            Some("") => return Some(now),
            Some(offset) => offset.trim_start(),
            None => text,
        };
        let (sign, length) = offset.split_at_checked(1)?;
        let length_ms = duration::parse_ms(length.trim_start())?;
        match sign {
            "-" => Some(Self::from_ms(now.0.saturating_sub(length_ms))),
            "+" => now.0.checked_add(length_ms).map(Self::from_ms),
            _ => None,
        }
    }

    fn from_seconds(seconds: f64) -> Option<Self> {
        #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
        (0.0..=LAST_SECOND).contains(&seconds).then(|| Self((seconds * 1e3).round() as i64))
    }

    fn from_rfc3339(text: &str) -> Option<Self> {
        let time = DateTime::from_str(&text.to_ascii_uppercase(), Format::DateTimeWithOffset).ok()?;
        time.to_millis().ok().filter(|ms| *ms >= 0).map(Self)
    }

    /// Milliseconds since the epoch.
    pub fn ms(self) -> i64 {
        self.0
    }

    /// Seconds with as many decimals as needed, as Prometheus reads them: `1700000000.25`.
    pub fn seconds(self) -> String {
        decimal_seconds(self.0)
    }

    /// `2026-01-31T12:00:00Z`, to the second.
    pub fn rfc3339(self) -> String {
        DateTime::from_secs(self.0 / 1_000).fmt(Format::DateTime).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// 2023-11-14T22:13:20Z
    const NOW: Timestamp = Timestamp(1_700_000_000_000);

    fn read(given: &Value) -> Option<i64> {
        Timestamp::read_at(given, NOW).map(Timestamp::ms)
    }

    #[test]
    fn times_are_read_in_every_form_that_prometheus_reads() {
        for (given, ms) in [
            (json!(1_700_000_000), 1_700_000_000_000),
            (json!(1_700_000_000.25), 1_700_000_000_250),
            (json!("1700000000"), 1_700_000_000_000),
            (json!(" 1700000000.5 "), 1_700_000_000_500),
            (json!("2023-11-14T22:13:20Z"), 1_700_000_000_000),
            (json!("2023-11-14T22:13:20.123456Z"), 1_700_000_000_123),
            (json!("2023-11-14T23:13:20+01:00"), 1_700_000_000_000),
            (json!("2023-11-14t22:13:20z"), 1_700_000_000_000),
            (json!(0), 0),
        ] {
            assert_eq!(read(&given), Some(ms), "{given}");
        }
    }

    #[test]
    fn relative_times_count_from_now() {
        const HOUR: i64 = 3_600_000;
        for (given, ms) in [
            ("now", 0),
            ("now-1h", -HOUR),
            (" now-1h ", -HOUR),
            ("now - 1h30m", -HOUR - HOUR / 2),
            ("now+5m", HOUR / 12),
            ("-6h", -6 * HOUR),
            ("-1d", -24 * HOUR),
            ("+500ms", 500),
        ] {
            assert_eq!(read(&given.into()), Some(NOW.ms() + ms), "{given}");
        }
        assert_eq!(read(&"-100y".into()), Some(0), "the epoch is the earliest time");
    }

    #[test]
    fn a_date_is_its_midnight_in_utc() {
        assert_eq!(read(&"2023-11-14".into()), Some(1_699_920_000_000));
        assert_eq!(read(&" 2024-02-29 ".into()), Some(1_709_164_800_000));
        assert_eq!(read(&"1970-01-01".into()), Some(0));
    }

    #[test]
    fn other_values_are_refused() {
        for given in [
            json!(-1),
            json!(1_700_000_000_000_i64),
            json!("1700000000000"),
            json!("yesterday"),
            json!("2023-11-14T22:13:20"),
            json!("2023-13-14T22:13:20Z"),
            json!("2023-02-29"),
            json!("2023-11"),
            json!("14.11.2023"),
            json!("1969-12-31T23:59:59Z"),
            json!("1969-12-31"),
            json!("inf"),
            json!("1e9"),
            json!("."),
            json!(""),
            json!("now-"),
            json!("now1h"),
            json!("now-3600"),
            json!("now-1h/h"),
            json!("now*1h"),
            json!("nowé"),
            json!("é"),
            json!("-"),
            json!("-3600"),
            json!("--1h"),
            json!("-1.5h"),
            json!("6h"),
            json!("+9223372036854775807y"),
            json!(true),
            json!([1]),
        ] {
            assert_eq!(read(&given), None, "{given}");
        }
        assert_eq!(Timestamp::read_at(&json!("+1h"), Timestamp(i64::MAX)), None);
    }

    #[test]
    fn numbers_in_smaller_units_are_recognised() {
        for (given, unit, ms) in [
            (json!(1_700_000_000_123_i64), "milliseconds", 1_700_000_000_123),
            (json!("1700000000123"), "milliseconds", 1_700_000_000_123),
            (json!(1_700_000_000_123.75), "milliseconds", 1_700_000_000_124),
            (json!(1_700_000_000_123_000_i64), "microseconds", 1_700_000_000_123),
            (json!(1_700_000_000_123_000_000_i64), "nanoseconds", 1_700_000_000_123),
        ] {
            let found = Timestamp::in_smaller_unit(&given);
            assert_eq!(found, Some((unit, Timestamp(ms))), "{given}");
        }
        for given in [json!(1_700_000_000), json!(-5), json!(1e300), json!("soon"), json!(null)] {
            assert_eq!(Timestamp::in_smaller_unit(&given), None, "{given}");
        }
    }

    #[test]
    fn times_are_written_for_prometheus_and_for_people() {
        let time = Timestamp::from_ms(1_700_000_000_120);
        assert_eq!(time.seconds(), "1700000000.12");
        assert_eq!(time.rfc3339(), "2023-11-14T22:13:20Z");
        assert_eq!(Timestamp::from_ms(5).seconds(), "0.005");
        assert_eq!(Timestamp::from_ms(-5).seconds(), "0");
    }
}
