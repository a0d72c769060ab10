//! Numbers and texts as a person reads them.

use std::fmt::Display;
use std::time::Duration;

/// Milliseconds with as many decimals as say something.
pub(crate) fn millis(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1_000.0)
}

pub(crate) fn megabytes(kb: u64) -> String {
    // Tenths of a megabyte, rounded up, without leaving integers.
    let tenths = (kb * 10).div_ceil(1_024);
    format!("{}.{} MB", tenths / 10, tenths % 10)
}

/// `1,023`.
pub(crate) fn grouped(count: impl Display + Copy) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// At most this many characters, on one line.
pub(crate) fn clip(text: &str, columns: usize) -> String {
    let line = text.replace(['\n', '\r'], " ");
    if line.chars().count() <= columns {
        return line;
    }
    let mut clipped: String = line.chars().take(columns - 1).collect();
    clipped.push('…');
    clipped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!(
            [0, 999, 1_000, 1_234_567].map(|count: u32| grouped(count)),
            ["0", "999", "1,000", "1,234,567"]
        );
    }

    #[test]
    fn a_long_text_is_clipped_to_its_columns() {
        assert_eq!(clip("größer\nals", 8), "größer …");
        assert_eq!(clip("kurz", 8), "kurz");
    }
}
