//! Times in queries: Unix seconds or RFC 3339 on the way in, Unix seconds on the way out.
//!
//! Everything inside is milliseconds since the epoch. Source: Prometheus, "HTTP API", "Format overview".

use serde_json::Value;

use local_testing::clock::{UtcTime, epoch_ms_from_iso_basic};

/// Reads a time.
pub(super) fn parse(text: &str) -> Option<i64> {
    parse_unix_seconds(text).or_else(|| parse_rfc3339(text))
}

/// A time in a result: whole seconds without a fraction, otherwise three digits of it.
pub(super) fn in_result(ms: i64) -> Value {
    if ms % 1_000 == 0 {
        return Value::from(ms / 1_000);
    }
    let sign = if ms < 0 { "-" } else { "" };
    let (seconds, millis) = (ms.unsigned_abs() / 1_000, ms.unsigned_abs() % 1_000);
    // A double holds every millisecond of the next 200,000 years.
    format!("{sign}{seconds}.{millis:03}").parse::<f64>().map_or(Value::Null, Value::from)
}

fn parse_unix_seconds(text: &str) -> Option<i64> {
    let seconds: f64 = text.parse().ok()?;
    // Rounded by writing it down: what is not finite or does not fit in 64 bits does not read back.
    format!("{:.0}", seconds * 1_000.0).parse().ok()
}

/// `2023-02-14T18:06:57.123+01:00`, with at most nine digits of a fraction, of which three count.
fn parse_rfc3339(text: &str) -> Option<i64> {
    let (date_time, rest) = (text.get(..19)?, text.get(19..)?);
    let (fraction_ms, zone) = split_fraction(rest)?;
    let bytes = date_time.as_bytes();
    if [4, 7].iter().any(|&at| bytes[at] != b'-') || [13, 16].iter().any(|&at| bytes[at] != b':') {
        return None;
    }
    let basic: String = date_time.chars().filter(|c| !matches!(c, '-' | ':')).chain(['Z']).collect();
    let local_ms = epoch_ms_from_iso_basic(&basic)?;
    // A day that the month does not have would come back as one of the next month.
    let exists = UtcTime::from_epoch_ms(local_ms).iso_basic() == basic;
    exists.then_some(local_ms + fraction_ms - offset_ms(zone)?)
}

/// The milliseconds of a fraction, and the zone after it.
fn split_fraction(rest: &str) -> Option<(i64, &str)> {
    let Some(fraction) = rest.strip_prefix('.') else { return Some((0, rest)) };
    let length = fraction.bytes().take_while(u8::is_ascii_digit).count();
    if !(1..=9).contains(&length) {
        return None;
    }
    let millis: String = fraction[..length].chars().chain("000".chars()).take(3).collect();
    Some((millis.parse().ok()?, &fraction[length..]))
}

/// `Z`, `+01:00`, `-01:00`.
fn offset_ms(zone: &str) -> Option<i64> {
    if zone == "Z" {
        return Some(0);
    }
    let (sign, offset) = match zone.as_bytes().first()? {
        b'+' => (1, &zone[1..]),
        b'-' => (-1, &zone[1..]),
        _ => return None,
    };
    let (hours, minutes) = offset.split_once(':')?;
    let two_digits = |text: &str, limit: i64| {
        let right = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        right.then(|| text.parse().ok())?.filter(|number: &i64| *number < limit)
    };
    Some(sign * (two_digits(hours, 24)? * 60 + two_digits(minutes, 60)?) * 60_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_unix_seconds_or_rfc_3339() {
        for (text, ms) in [
            ("1676398017", 1_676_398_017_000),
            ("1676398017.123", 1_676_398_017_123),
            ("1.676398017e9", 1_676_398_017_000),
            ("-0.5", -500),
            ("2023-02-14T18:06:57Z", 1_676_398_017_000),
            ("2023-02-14T18:06:57.123456789Z", 1_676_398_017_123),
            ("2023-02-14T18:06:57.1Z", 1_676_398_017_100),
            ("2023-02-14T20:36:57+02:30", 1_676_398_017_000),
            ("2023-02-14T13:06:57-05:00", 1_676_398_017_000),
        ] {
            assert_eq!(parse(text), Some(ms), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "now",
            "NaN",
            "inf",
            "1e300",
            "2023-02-14",
            "2023-02-14T18:06:57",
            "2023-02-14 18:06:57Z",
            "2023-02-30T18:06:57Z",
            "2023-02-14T18:06:57.Z",
            "2023-02-14T18:06:57.1234567890Z",
            "2023-02-14T18:06:57+0100",
            "2023-02-14T18:06:57+24:00",
            "2023/02/14T18:06:57Z",
            "2023-02-14T18:06:5é",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_in_a_result_has_a_fraction_only_if_it_needs_one() {
        let written = [1_676_398_017_000, 1_676_398_017_050, 0, -1_500].map(|ms| in_result(ms).to_string());
        assert_eq!(written, ["1676398017", "1676398017.05", "0", "-1.5"]);
    }
}
