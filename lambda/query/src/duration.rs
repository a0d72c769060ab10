//! Durations: Prometheus's notation or seconds → milliseconds.
//!
//! <https://prometheus.io/docs/prometheus/latest/querying/basics/#float-literals-and-time-durations>

use serde_json::Value;

use crate::number::decimal;

/// The units from the largest to the smallest, which is the order that they have to be in.
const UNITS: [(&str, i64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Longer than anything is kept: a thousand years, in milliseconds.
const LONGEST_MS: i64 = 1_000 * 365 * 86_400_000;

/// Reads a positive duration in milliseconds from a JSON number of seconds, or a text with such a number or in
/// Prometheus's notation; `None` for all else.
pub fn read_ms(value: &Value) -> Option<i64> {
    match decimal(value) {
        Some(seconds) => {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a float becomes the nearest integer there is"
            )]
            let ms = (seconds * 1e3).round() as i64;
            bounded(ms)
        }
        None => parse_ms(value.as_str()?.trim()),
    }
}

/// Reads a positive duration in milliseconds from Prometheus's notation, `1h30m`: numbers with units, each unit at most
/// once, the largest first.
pub(crate) fn parse_ms(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut units = UNITS.iter();
    let mut ms: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (count, tail) = rest.split_at(digits);
        let name = tail.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (name, tail) = tail.split_at(name);
        let (_, unit) = units.find(|(unit, _)| *unit == name)?;
        ms = ms.checked_add(count.parse::<i64>().ok()?.checked_mul(*unit)?)?;
        rest = tail;
    }
    bounded(ms)
}

fn bounded(ms: i64) -> Option<i64> {
    (1..=LONGEST_MS).contains(&ms).then_some(ms)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn durations_are_read_in_prometheus_notation_and_in_seconds() {
        for (given, ms) in [
            (json!("15s"), 15_000),
            (json!("1h30m"), 5_400_000),
            (json!("1d"), 86_400_000),
            (json!("1y2w3d4h5m6s7ms"), 33_019_506_007),
            (json!("500ms"), 500),
            (json!("60"), 60_000),
            (json!("0.25"), 250),
            (json!(15), 15_000),
            (json!(1.5), 1_500),
        ] {
            assert_eq!(read_ms(&given), Some(ms), "{given}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for given in [
            json!(""),
            json!("0"),
            json!(0),
            json!("0s"),
            json!(-15),
            json!("-15s"),
            json!("15 s"),
            json!("s"),
            json!("1m1h"),
            json!("1s1s"),
            json!("1.5h"),
            json!("15sec"),
            json!("15S"),
            json!("99999999999999999999s"),
            json!("9223372036854775807y"),
            json!("1001y"),
            json!(1e300),
            json!(null),
        ] {
            assert_eq!(read_ms(&given), None, "{given}");
        }
    }
}
