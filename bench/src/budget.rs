//! Budgets: the figures → which promises are kept.
//!
//! They are ratios where a machine would decide otherwise. A missed one is said, never an error: whether a run on a
//! busy machine means anything is for a person to judge.

use crate::batch::{FULL, SMALLER};
use crate::measure::{Costs, Start, megabytes};
use crate::subject::Subject;

const CPU_RATIO: Limit = Limit { budget: 2.5, aim: Some(1.5) };
const PEAK_MB: Limit = Limit { budget: 40.0, aim: Some(28.0) };
const START_MS: Limit = Limit { budget: 5.0, aim: None };
const ARTIFACT_MB: Limit = Limit { budget: 6.0, aim: None };
const GROWTH: Limit = Limit { budget: 1.3, aim: None };

/// What a figure may be, and what it should be.
#[derive(Debug, Clone, Copy)]
struct Limit {
    budget: f64,
    aim: Option<f64>,
}

/// How a figure stands to its budget.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// What it is about.
    pub(crate) what: &'static str,
    /// The figure.
    pub(crate) figure: f64,
    /// Its unit.
    pub(crate) unit: &'static str,
    /// What it may be.
    pub(crate) budget: f64,
    /// What it should be.
    pub(crate) aim: Option<f64>,
}

/// The budgets of one subject, from its costs by batch size in samples and records.
pub(crate) fn verdicts<'a>(
    subject: &Subject,
    start: &Start,
    costs_of: impl Fn(usize) -> Option<(usize, &'a Costs)>,
) -> Vec<Verdict> {
    let verdict = |what, figure, unit, limit: Limit| Verdict {
        what,
        figure,
        unit,
        budget: limit.budget,
        aim: limit.aim,
    };
    let mut verdicts = Vec::new();
    let full = costs_of(FULL);
    if let Some((_, costs)) = full {
        verdicts.push(verdict(
            "CPU for a full batch, as a multiple of the null function",
            costs.of_null.median,
            "×",
            CPU_RATIO,
        ));
        verdicts.push(verdict("peak memory for it", costs.peak_mb, "MB", PEAK_MB));
    }
    verdicts.push(verdict("start to the first poll", start.wall_ms.median, "ms", START_MS));
    verdicts.push(verdict("artifact", megabytes(subject.artifact_bytes), "MB", ARTIFACT_MB));
    if let (Some(full), Some(smaller)) = (full, costs_of(SMALLER)) {
        let growth = cpu_per_sample(full) / cpu_per_sample(smaller);
        verdicts.push(verdict("CPU per sample at 11,000 samples over that at 1,000", growth, "×", GROWTH));
    }
    verdicts
}

impl Verdict {
    /// `met`, `missed`, and whether the aim is reached too.
    pub(crate) fn says(&self) -> &'static str {
        match self.aim {
            _ if self.figure > self.budget => "MISSED",
            Some(aim) if self.figure <= aim => "met, aim reached",
            Some(_) => "met, aim not reached",
            None => "met",
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a batch has fewer than 2^53 samples")]
fn cpu_per_sample((samples, costs): (usize, &Costs)) -> f64 {
    costs.cpu_ms.median / samples as f64
}
