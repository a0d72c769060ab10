//! Numbers and timestamps, as JSON numbers or in strings.
//!
//! Whether a number is an integer is decided by its text: `12` is an integer and `12.0` a float. Both become a float64 on
//! the wire, correctly rounded.

/// A number in the payload.
#[derive(Clone, Copy, Debug)]
pub struct Number {
    /// The float64 that is written.
    pub float: f64,
    /// Whether the number is an integer with too many digits for a float64, or too large for one.
    pub inexact: bool,
}

/// Reads a JSON number.
pub fn parse_number(text: &str) -> Option<Number> {
    if let Some(number) = short_decimal(text.as_bytes()) {
        return Some(number);
    }
    let decimal = Decimal::read(text)?;
    let float: f64 = text.parse().ok()?;
    let inexact = float.is_infinite() || (decimal.is_integer() && !holds_exactly(float, decimal.integer));
    Some(Number { float, inexact })
}

/// Reads the text of a JSON string: a number with an optional sign, or `NaN`, `Inf`, `+Inf`, `-Inf`.
pub fn parse_text(text: &str) -> Option<Number> {
    if let Some(number) = short_decimal(text.as_bytes()) {
        return Some(number);
    }
    let float = match text {
        "NaN" => f64::NAN,
        "Inf" | "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        _ => return parse_number(text),
    };
    Some(Number { float, inexact: false })
}

/// The fewest digits before the point of a timestamp with a fraction: those of March 1973.
const MIN_DIGITS_BEFORE_FRACTION: usize = 12;

/// Reads a timestamp in milliseconds, in any notation, such as `1.676398017e12`. A fraction of a millisecond, as
/// Python's `time.time() * 1000` has it, is truncated. `None` for anything else, also outside of 64 bits.
///
/// A smaller number with a fraction is rejected: it is nearly always a time in seconds.
pub fn parse_timestamp(text: &str) -> Option<i64> {
    if let Ok(timestamp) = text.parse() {
        return Some(timestamp);
    }
    let number = Decimal::read(text)?;
    if number.is_integer() {
        // It needs more than 64 bits.
        return None;
    }
    let digits = [number.integer, number.fraction].concat();
    let digits = digits.trim_start_matches('0');
    let significant = digits.trim_end_matches('0');
    if significant.is_empty() {
        return Some(0);
    }
    // The value is `significant` times ten to the power of `exponent`.
    let dropped = i64::try_from(digits.len() - significant.len()).ok()?;
    let exponent =
        number.exponent()?.checked_sub(i64::try_from(number.fraction.len()).ok()?)?.checked_add(dropped)?;
    let sign = if number.negative { "-" } else { "" };
    if exponent < 0 {
        let whole = significant.len().checked_sub(usize::try_from(exponent.unsigned_abs()).ok()?)?;
        if whole < MIN_DIGITS_BEFORE_FRACTION {
            return None;
        }
        return format!("{sign}{}", &significant[..whole]).parse().ok();
    }
    let zeros = usize::try_from(exponent).ok().filter(|&zeros| zeros < 20)?;
    format!("{sign}{significant}{}", "0".repeat(zeros)).parse().ok()
}

/// The usual value: up to 15 digits with an optional sign and point, without an exponent. `None` for anything else.
///
/// The digits without the point are then a double, and so is the power of ten, so that one division rounds correctly
/// (Clinger, "How to read floating point numbers accurately", 1990).
pub(crate) fn short_decimal(text: &[u8]) -> Option<Number> {
    const POWERS: [f64; 16] =
        [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
    let (is_negative, unsigned) = match text {
        [b'-', unsigned @ ..] => (true, unsigned),
        [b'+', unsigned @ ..] => (false, unsigned),
        _ => (false, text),
    };
    let (mut mantissa, mut digits, mut point) = (0.0, 0, None);
    for &byte in unsigned {
        match byte {
            b'0'..=b'9' if digits < 15 => {
                mantissa = mantissa * 10.0 + f64::from(byte - b'0');
                digits += 1;
            }
            b'.' if point.is_none() => point = Some(digits),
            _ => return None,
        }
    }
    if digits == 0 {
        return None;
    }
    let double = mantissa / POWERS[digits - point.unwrap_or(digits)];
    Some(Number { float: if is_negative { -double } else { double }, inexact: false })
}

/// The parts of a decimal number. There is a digit in `integer` or `fraction`.
struct Decimal<'a> {
    negative: bool,
    integer: &'a str,
    has_point: bool,
    fraction: &'a str,
    exponent: Option<&'a str>,
}

impl<'a> Decimal<'a> {
    /// `[+-]? (digits [. digits*] | . digits) ([eE] [+-]? digits)?`, and nothing around it.
    fn read(text: &'a str) -> Option<Self> {
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let (integer, rest) = digits(unsigned);
        let (has_point, fraction, rest) = match rest.strip_prefix('.') {
            Some(rest) => {
                let (fraction, rest) = digits(rest);
                (true, fraction, rest)
            }
            None => (false, "", rest),
        };
        let exponent = match rest.strip_prefix(['e', 'E']) {
            Some(exponent) => {
                let (digits, rest) = digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent));
                if digits.is_empty() || !rest.is_empty() {
                    return None;
                }
                Some(exponent)
            }
            None if rest.is_empty() => None,
            None => return None,
        };
        if integer.is_empty() && fraction.is_empty() {
            return None;
        }
        Some(Self { negative: text.starts_with('-'), integer, has_point, fraction, exponent })
    }

    fn is_integer(&self) -> bool {
        !self.has_point && self.exponent.is_none()
    }

    /// `None` for an exponent of more than 18 digits, which no 64-bit integer has.
    fn exponent(&self) -> Option<i64> {
        self.exponent.map_or(Some(0), |exponent| exponent.parse().ok())
    }
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

fn holds_exactly(double: f64, digits: &str) -> bool {
    let digits = digits.trim_start_matches('0');
    // Every integer of up to 15 digits is a double. Beyond that the exact decimal form of the double decides.
    digits.len() <= 15 || format!("{:.0}", double.abs()) == digits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(given: &str) -> Option<f64> {
        parse_text(given).map(|number| number.float)
    }

    #[test]
    fn integers_and_floats_are_read_in_every_notation() {
        for (given, expected) in [
            ("12", 12.0),
            ("+12", 12.0),
            ("-12", -12.0),
            ("007", 7.0),
            ("12.0", 12.0),
            ("14.3", 14.3),
            ("1.", 1.0),
            (".5", 0.5),
            ("-.5", -0.5),
            ("1e5", 1e5),
            ("1E+5", 1e5),
            ("2.5e-3", 0.0025),
            ("9007199254740993", 9_007_199_254_740_992.0),
            ("1e400", f64::INFINITY),
            ("5e-324", 5e-324),
            ("1e-400", 0.0),
            ("0.1000000000000000055511151231257827", 0.1),
        ] {
            assert_eq!(text(given), Some(expected), "{given}");
        }
        assert_eq!(text(&format!("{:.0}", f64::MAX)), Some(f64::MAX));
        assert!(text("-0").unwrap().is_sign_negative());
    }

    #[test]
    fn the_special_values_have_one_spelling_each() {
        assert!(text("NaN").unwrap().is_nan());
        assert_eq!(text("Inf"), Some(f64::INFINITY));
        assert_eq!(text("+Inf"), Some(f64::INFINITY));
        assert_eq!(text("-Inf"), Some(f64::NEG_INFINITY));
        for given in ["nan", "+NaN", "inf", "INF", "infinity", "Infinity", "-infinity"] {
            assert_eq!(text(given), None, "{given}");
        }
    }

    #[test]
    fn anything_else_is_rejected() {
        for given in [
            "", " ", "12 ", " 12", "0x1F", "1_000", "1,5", "12hello", "hello", "true", "null", "--1", "+-1",
            "1e", "1e+", "e5", ".", "+", "-", "1.2.3", "1e5.0", "١٢", "1\n", "\u{0}1", "½",
        ] {
            assert_eq!(text(given), None, "{given:?}");
        }
    }

    #[test]
    fn inexact_numbers_are_marked() {
        let inexact = |given| parse_text(given).unwrap().inexact;
        for given in [
            "9007199254740993",
            "-9007199254740993",
            "18446744073709551615",
            "1e400",
            "100000000000000000000001",
        ] {
            assert!(inexact(given), "{given}");
        }
        let huge = "1".repeat(400);
        assert!(inexact(&huge));
        for given in [
            "9007199254740992",
            "9007199254740994",
            "00000000000000000000012",
            "0",
            "-0",
            "100000000000000000000",
            "0.1",
            "Inf",
        ] {
            assert!(!inexact(given), "{given}");
        }
    }

    #[test]
    fn timestamps_keep_every_digit_but_a_fraction() {
        for (given, expected) in [
            ("1676398017000", 1_676_398_017_000),
            ("1.676398017e12", 1_676_398_017_000),
            ("1676398017000.0", 1_676_398_017_000),
            ("16763980170000e-1", 1_676_398_017_000),
            ("9007199254740993.0", 9_007_199_254_740_993),
            ("-1", -1),
            ("-1.5e1", -15),
            ("0", 0),
            ("-0.0e999999999999", 0),
            ("9223372036854775807", i64::MAX),
            ("-9223372036854775808", i64::MIN),
            ("-9.223372036854775808e18", i64::MIN),
            // Python: `time.time() * 1000`.
            ("1676398017123.456", 1_676_398_017_123),
            ("1676398017123.9999", 1_676_398_017_123),
            ("1.676398017123456e12", 1_676_398_017_123),
            ("16763980171234567e-4", 1_676_398_017_123),
            ("-1676398017123.9", -1_676_398_017_123),
            ("100000000000.5", 100_000_000_000),
            ("9223372036854775807.5", i64::MAX),
        ] {
            assert_eq!(parse_timestamp(given), Some(expected), "{given}");
        }
        for given in [
            // Python: `time.time()`, which is in seconds.
            "1676398017.123",
            "99999999999.5",
            "00000000000001.5",
            "9223372036854775808.5",
            "1.5",
            "1e-1",
            "0.5",
            "9223372036854775808",
            "1e19",
            "1e99999999999999999999",
            "1e-99999999999999999999",
            "",
        ] {
            assert_eq!(parse_timestamp(given), None, "{given}");
        }
    }
}
