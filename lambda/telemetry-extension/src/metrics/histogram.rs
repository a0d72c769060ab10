//! Classic histograms, which every receiver accepts.

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
pub(super) const RESPONSE_SIZE: &[Bound] = &[
    Bound { le: 100.0, text: "100.0" },
    Bound { le: 1e3, text: "1000.0" },
    Bound { le: 1e4, text: "10000.0" },
    Bound { le: 1e5, text: "100000.0" },
    Bound { le: 1e6, text: "1e+06" },
    Bound { le: 6e6, text: "6e+06" },
];

/// The upper bound of a bucket.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// The bound, which is inclusive.
    pub le: f64,
    /// The value of the label `le` in the form of Prometheus 3, so a bucket is one series for all destinations.
    pub text: &'static str,
}

/// The most bounds of a histogram.
const MAX_BOUNDS: usize = 15;

/// A histogram.
#[derive(Clone, Debug)]
pub struct Histogram {
    bounds: &'static [Bound],
    /// Values of each bucket alone; those above the last bound are in `count` only.
    buckets: [u64; MAX_BOUNDS],
    sum: f64,
    count: u64,
}

impl Histogram {
    /// A histogram without values.
    pub(super) fn new(bounds: &'static [Bound]) -> Self {
        assert!(bounds.len() <= MAX_BOUNDS);
        Self { bounds, buckets: [0; MAX_BOUNDS], sum: 0.0, count: 0 }
    }

    /// Counts `value`, which must be finite and not negative.
    pub(super) fn observe(&mut self, value: f64) {
        if let Some(bucket) = self.bounds.iter().position(|bound| value <= bound.le) {
            self.buckets[bucket] += 1;
        }
        self.sum += value;
        self.count += 1;
    }

    /// The number of values.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The sum of the values.
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// The buckets with their cumulative counts, `+Inf` last.
    pub fn cumulative(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let mut below = 0;
        let finite = self.bounds.iter().zip(self.buckets).map(move |(bound, own)| {
            below += own;
            (bound.text, below)
        });
        finite.chain([("+Inf", self.count)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_equal_their_bounds_which_ascend() {
        for bounds in [INVOCATION, INITIALIZATION, OVERHEAD, RESPONSE_SIZE] {
            assert!(bounds.windows(2).all(|pair| pair[0].le < pair[1].le));
            for bound in bounds {
                assert_eq!(bound.text.parse::<f64>().unwrap().to_bits(), bound.le.to_bits());
                assert!(bound.text.contains(['.', 'e']), "Prometheus 3 writes it as a float: {}", bound.text);
            }
        }
    }

    /// Prometheus, "Histograms and summaries": buckets are cumulative, their bounds inclusive, and the last is +Inf.
    #[test]
    fn buckets_are_cumulative_and_inclusive() {
        let mut histogram = Histogram::new(RESPONSE_SIZE);
        for value in [0.0, 100.0, 100.5, 7e6] {
            histogram.observe(value);
        }
        let buckets: Vec<_> = histogram.cumulative().collect();
        assert_eq!(buckets[..2], [("100.0", 2), ("1000.0", 3)]);
        assert_eq!(buckets[5..], [("6e+06", 3), ("+Inf", 4)]);
        assert_eq!((histogram.count(), histogram.sum().to_bits()), (4, 7_000_200.5_f64.to_bits()));
    }
}
