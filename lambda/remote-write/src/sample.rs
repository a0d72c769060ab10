//! Samples: a timestamp and a value, and the [`Origin`] that says where they came from.

/// The bits of the NaN that Prometheus itself writes for "not a number" (`NormalNaN` in its `model/value`).
pub const NORMAL_NAN: f64 = f64::from_bits(0x7ff8_0000_0000_0001);

/// The stale marker: the NaN that ends a series (remote write 1.0, "Stale Markers"). Used for nothing else.
pub const STALE_NAN: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

/// One value at one instant.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    timestamp_ms: i64,
    value: f64,
}

/// Which of the caller's inputs a sample came from: an index that the caller chose, ascending in the order of
/// arrival. It travels with the sample, because grouping mixes inputs and only origins lead back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(pub u32);

impl Sample {
    /// A sample of a measured `value` at `timestamp_ms` milliseconds since the Unix epoch.
    ///
    /// Every NaN becomes [`NORMAL_NAN`], so that no measured value is ever taken for a stale marker.
    pub fn new(timestamp_ms: i64, value: f64) -> Self {
        Self { timestamp_ms, value: if value.is_nan() { NORMAL_NAN } else { value } }
    }

    /// The stale marker that ends a series at `timestamp_ms`.
    pub fn stale(timestamp_ms: i64) -> Self {
        Self { timestamp_ms, value: STALE_NAN }
    }

    /// Milliseconds since the Unix epoch.
    pub fn timestamp_ms(self) -> i64 {
        self.timestamp_ms
    }

    /// The value. A NaN is either [`NORMAL_NAN`] or [`STALE_NAN`].
    pub fn value(self) -> f64 {
        self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_measured_nan_has_the_bits_of_the_stale_marker() {
        for nan in [f64::NAN, -f64::NAN, STALE_NAN, f64::from_bits(0xfff8_dead_beef_0000)] {
            assert_eq!(Sample::new(0, nan).value().to_bits(), NORMAL_NAN.to_bits());
        }
        assert_eq!(Sample::stale(0).value().to_bits(), 0x7ff0_0000_0000_0002);
    }

    #[test]
    fn other_values_keep_their_bits() {
        for value in [0.0, -0.0, 1.5, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE / 2.0] {
            assert_eq!(Sample::new(0, value).value().to_bits(), value.to_bits());
        }
    }
}
