//! The buckets of classic histograms, which every receiver accepts.

macro_rules! bounds {
    ($($le:literal),+) => { [$(Bound { le: $le, text: stringify!($le) }),+] };
}

/// Buckets of whole invocations, in seconds. A function may run 15 minutes.
pub(super) const INVOCATION: &[Bound] =
    &bounds![0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0];

/// Buckets of initializations, in seconds. On demand they are limited to 10 s, else they may take minutes.
pub(super) const INITIALIZATION: &[Bound] = &bounds![0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0];

/// Buckets of overheads, in seconds.
pub(super) const OVERHEAD: &[Bound] = &bounds![0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0];

/// Buckets of response sizes, in bytes. A buffered response is limited to 6 MB, a streamed one to 200 MB.
pub(super) const SIZE: &[Bound] = &[
    Bound { le: 100.0, text: "100.0" },
    Bound { le: 1e3, text: "1000.0" },
    Bound { le: 1e4, text: "10000.0" },
    Bound { le: 1e5, text: "100000.0" },
    Bound { le: 1e6, text: "1e+06" },
    Bound { le: 6e6, text: "6e+06" },
];

/// The upper bound of a bucket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound {
    /// The bound, which is inclusive.
    pub(super) le: f64,
    /// The value of the label `le` in the form of Prometheus 3, so a bucket is one series for all destinations.
    pub(super) text: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_equal_their_bounds_which_ascend() {
        for bounds in [INVOCATION, INITIALIZATION, OVERHEAD, SIZE] {
            assert!(bounds.windows(2).all(|pair| pair[0].le < pair[1].le));
            for bound in bounds {
                assert_eq!(bound.text.parse::<f64>().unwrap().to_bits(), bound.le.to_bits());
                assert!(bound.text.contains(['.', 'e']), "Prometheus 3 writes it as a float: {}", bound.text);
            }
        }
    }
}
