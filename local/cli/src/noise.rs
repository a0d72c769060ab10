//! Noise that is the same on every machine, given its seed.

/// A small generator (xorshift64): good enough to shuffle and to choose, and nothing else.
#[derive(Debug, Clone)]
pub(crate) struct Noise(u64);

impl Noise {
    /// Begins with `seed`; zero, of which nothing could follow, stands for one.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.max(1))
    }

    fn bits(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number from -1 to 1.
    pub(crate) fn next(&mut self) -> f64 {
        let step = u32::try_from(self.bits() >> 33).unwrap_or_default();
        f64::from(step) / f64::from(1_u32 << 30) - 1.0
    }

    /// A whole number below `end`, which is not zero.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.bits() % end
    }

    /// True once in `times` on average.
    pub(crate) fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = usize::try_from(self.below(last as u64 + 1)).unwrap_or_default();
            items.swap(last, other);
        }
    }
}
