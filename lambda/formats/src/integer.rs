//! Integers of messages as float64, which is what remote write has.

/// The nearest float64, and whether it is another number than `integer`.
#[expect(clippy::cast_precision_loss, reason = "the caller counts inexact values")]
pub(crate) fn to_float(integer: u64) -> (f64, bool) {
    // 53 bits, and any zeros after them.
    let is_exact = integer == 0 || integer.ilog2() - integer.trailing_zeros() < f64::MANTISSA_DIGITS;
    (integer as f64, !is_exact)
}
