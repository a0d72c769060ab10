//! The text of a number as an exact value, with exact arithmetic to check how it was rounded.

use std::cmp::Ordering;
use std::sync::LazyLock;

use num_bigint::{BigInt, BigUint};
use regex_lite::Regex;

/// `digits` times ten to the power of `exponent`, negative or not.
#[derive(Debug)]
pub struct Decimal {
    /// Whether it has a minus sign.
    pub negative: bool,
    /// All digits without the point.
    pub digits: BigUint,
    /// The power of ten; `None` when it is beyond 64 bits.
    pub exponent: Option<i64>,
    /// Whether the text has neither a point nor an exponent.
    pub is_integer: bool,
}

static GRAMMAR: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^([+-]?)(?:([0-9]+)(\.)?([0-9]*)|(\.)([0-9]+))(?:[eE]([+-]?[0-9]+))?$")
        .expect("a fixed pattern")
});

impl Decimal {
    /// Reads the grammar of a value; `None` for anything else.
    pub fn read(text: &str) -> Option<Self> {
        let parts = GRAMMAR.captures(text)?;
        let part = |at| parts.get(at).map_or("", |part| part.as_str());
        let (integer, fraction) = (part(2), [part(4), part(6)].concat());
        if part(3).is_empty() && !part(4).is_empty() {
            return None;
        }
        let digits = format!("0{integer}{fraction}").parse().expect("only digits");
        let exponent: Option<i64> = if part(7).is_empty() { Some(0) } else { part(7).parse().ok() };
        let fraction_len = i64::try_from(fraction.len()).ok()?;
        Some(Self {
            negative: part(1) == "-",
            digits,
            exponent: exponent.and_then(|exponent| exponent.checked_sub(fraction_len)),
            is_integer: part(3).is_empty() && part(5).is_empty() && part(7).is_empty(),
        })
    }

    /// The value as a timestamp: a whole number of 64 bits, or from 10^11 on one with a fraction, which is cut off.
    pub fn milliseconds(&self) -> Option<i64> {
        if self.digits == BigUint::ZERO {
            return Some(0);
        }
        let exponent = self.exponent?;
        let len = i64::try_from(self.digits.to_string().len()).ok()?;
        let whole = match exponent {
            0..=20 => &self.digits * ten_to(exponent),
            ..0 if exponent >= -len => {
                let (whole, fraction) = (&self.digits / ten_to(-exponent), &self.digits % ten_to(-exponent));
                if fraction != BigUint::ZERO && whole < ten_to(11) {
                    return None;
                }
                whole
            }
            _ => return None,
        };
        let whole = BigInt::from(whole);
        i64::try_from(if self.negative { -whole } else { whole }).ok()
    }

    /// Whether `double` is the nearest double, and of two equally near ones the even one.
    pub fn rounds_to(&self, double: f64) -> bool {
        if self.digits == BigUint::ZERO {
            return double == 0.0 && double.is_sign_negative() == self.negative;
        }
        if double.is_sign_negative() != self.negative {
            return false;
        }
        let len = i64::try_from(self.digits.to_string().len()).unwrap_or(i64::MAX);
        let Some(exponent) = self.exponent.filter(|exponent| (-5_000..=5_000).contains(exponent)) else {
            // The texts that a fuzzer makes have a few thousand digits, so an exponent like that decides alone; one
            // beyond 64 bits may have either sign and is left alone.
            return match self.exponent {
                Some(exponent) if exponent.saturating_add(len) > 400 => double.is_infinite(),
                Some(exponent) if exponent.saturating_add(len) < -400 => double == 0.0,
                _ => true,
            };
        };
        let bits = double.abs().to_bits();
        let is_even = bits.is_multiple_of(2);
        let below = bits == 0 || self.compares_to_middle(bits - 1, exponent, is_even, Ordering::Greater);
        below && (double.is_infinite() || self.compares_to_middle(bits, exponent, is_even, Ordering::Less))
    }

    /// Compares the value with the middle between the double of `bits` and the next one.
    fn compares_to_middle(&self, bits: u64, exponent: i64, or_equal: bool, wanted: Ordering) -> bool {
        let (fraction, scale) = (bits & ((1 << 52) - 1), bits >> 52);
        // IEEE 754: subnormals have the scale of the smallest normals and no hidden bit.
        let (significand, scale) = if scale == 0 { (fraction, 1) } else { (fraction | (1 << 52), scale) };
        let middle = BigUint::from(2 * significand + 1);
        let power_of_two = i64::try_from(scale).expect("11 bits") - 1_075 - 1;
        let (mut value, mut middle) = (self.digits.clone(), middle);
        if exponent >= 0 {
            value *= ten_to(exponent);
        } else {
            middle *= ten_to(-exponent);
        }
        if power_of_two >= 0 {
            middle <<= u64::try_from(power_of_two).expect("not negative");
        } else {
            value <<= u64::try_from(-power_of_two).expect("not negative");
        }
        let order = value.cmp(&middle);
        order == wanted || (or_equal && order == Ordering::Equal)
    }

    /// Whether the whole number that the text is differs from `double`.
    pub fn differs_from(&self, double: f64) -> bool {
        let whole: BigUint = format!("{:.0}", double.abs()).parse().expect("a finite double is digits");
        whole != self.digits
    }
}

fn ten_to(power: i64) -> BigUint {
    BigUint::from(10u8).pow(u32::try_from(power).expect("a small power"))
}
