//! Timestamps: RFC 3339 or Unix seconds → milliseconds since the epoch, which is Prometheus's resolution, and back.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use serde_json::Value;

/// 9999-12-31T23:59:59Z, the last second that RFC 3339 can write. Milliseconds taken for seconds are beyond it.
const LAST_SECOND: f64 = 253_402_300_799.0;

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

    /// Reads a JSON number of seconds, or a text with such a number or an RFC 3339 time; `None` for all else.
    pub fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => Self::from_seconds(number.as_f64()?),
            Value::String(text) => match text.trim() {
                text if text.starts_with(|c: char| c.is_ascii_digit()) && text.contains(['T', 't']) => {
                    Self::from_rfc3339(text)
                }
                text if is_decimal(text) => Self::from_seconds(text.parse().ok()?),
                _ => None,
            },
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

/// Milliseconds as seconds, without needless decimals.
pub(crate) fn decimal_seconds(ms: i64) -> String {
    let (seconds, rest) = (ms / 1_000, ms % 1_000);
    if rest == 0 {
        return seconds.to_string();
    }
    format!("{seconds}.{rest:03}").trim_end_matches('0').to_owned()
}

/// Whether `text` is digits with at most one point between them; `parse` alone would take `inf` and `1e9`.
pub(crate) fn is_decimal(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    [whole, fraction].iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
            assert_eq!(Timestamp::read(&given).map(Timestamp::ms), Some(ms), "{given}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for given in [
            json!(-1),
            json!(1_700_000_000_000_i64),
            json!("1700000000000"),
            json!("yesterday"),
            json!("now"),
            json!("2023-11-14"),
            json!("2023-11-14T22:13:20"),
            json!("2023-13-14T22:13:20Z"),
            json!("1969-12-31T23:59:59Z"),
            json!("inf"),
            json!("1e9"),
            json!("."),
            json!(""),
            json!(true),
            json!([1]),
        ] {
            assert_eq!(Timestamp::read(&given), None, "{given}");
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
