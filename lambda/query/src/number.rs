//! Decimal numbers as callers write them, and milliseconds as Prometheus reads them.

use serde_json::Value;

/// A JSON number, or a text of digits with at most one point between them.
pub(crate) fn decimal(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        // `parse` alone would accept `inf` and `1e9`.
        Value::String(text) => Some(text.trim()).filter(|text| is_decimal(text))?.parse().ok(),
        _ => None,
    }
}

/// Milliseconds as seconds, without needless decimals: `1700000000.25`.
pub(crate) fn decimal_seconds(ms: i64) -> String {
    let (seconds, rest) = (ms / 1_000, ms % 1_000);
    if rest == 0 {
        return seconds.to_string();
    }
    format!("{seconds}.{rest:03}").trim_end_matches('0').to_owned()
}

fn is_decimal(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    [whole, fraction].iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
}
