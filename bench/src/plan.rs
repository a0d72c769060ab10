//! The plan: how much is measured and how often, in full and in a hurry.

use std::time::Duration;

use crate::batch::{FULL, SMALLER, Shape};

/// Records that every subject has seen before the first figure counts, so that a compiler at run time is warm.
const WARM_UP_RECORDS: usize = 11_000;

/// What a run does.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// How often each figure is taken.
    pub(crate) rounds: usize,
    /// The batches, in the order in which they are shown.
    pub(crate) cases: Vec<(Shape, usize)>,
    /// How often the agents are given their load.
    pub(crate) agent_rounds: usize,
    /// How long each step of the scale check takes.
    pub(crate) scale_step: Duration,
    warm_ups: std::ops::RangeInclusive<usize>,
}

impl Plan {
    /// Everything, in some minutes.
    pub(crate) fn full() -> Self {
        let sizes = [1, 10, 100, SMALLER, 1_000, FULL];
        let shapes = [Shape::Numbers, Shape::FewSeries, Shape::ManySeries, Shape::HotSeries];
        let usual = sizes.map(|records| (Shape::Usual, records));
        Self {
            rounds: 25,
            cases: usual.into_iter().chain(shapes.map(|shape| (shape, FULL))).collect(),
            agent_rounds: 5,
            scale_step: Duration::from_secs(4),
            warm_ups: 5..=200,
        }
    }

    /// Enough to see that everything runs; the figures mean little.
    pub(crate) fn quick() -> Self {
        let cases = [(Shape::Usual, 1), (Shape::Usual, 100), (Shape::Usual, FULL), (Shape::HotSeries, 100)];
        Self {
            rounds: 3,
            cases: cases.to_vec(),
            agent_rounds: 1,
            scale_step: Duration::from_millis(500),
            warm_ups: 2..=10,
        }
    }

    /// Invocations before the first that counts, the same for every subject: connections, credentials, caches, the
    /// allocator's pages, code that is compiled as it runs.
    pub(crate) fn warm_ups(&self, records: usize) -> usize {
        (WARM_UP_RECORDS / records.max(1)).clamp(*self.warm_ups.start(), *self.warm_ups.end())
    }
}
