//! The budgets of the function, as ratios where the machine would decide otherwise.

use crate::batch::{Batch, FULL, Kind, SMALLER};
use crate::measure::{Costs, Measured, Start, count, megabytes};
use crate::peers::Peer;
use crate::push::{FULL_PUSHES, PUSH_PATH, PushFormat, SMALL_PUSH};
use crate::subject::{OTHER_BUILD, Subject};

/// A figure and its limit.
#[derive(Debug)]
pub(crate) struct Budget {
    pub(crate) what: String,
    pub(crate) measured: f64,
    pub(crate) at_most: f64,
    pub(crate) unit: &'static str,
}

impl Budget {
    pub(crate) fn is_met(&self) -> bool {
        self.measured <= self.at_most
    }
}

/// The budgets of the first subject. The last subject is the null function.
pub(crate) fn budgets(
    subjects: &[Subject],
    starts: &[Start],
    batches: &[Measured],
    pushes: &[Measured],
    peers: &[Peer],
) -> Vec<Budget> {
    let of = |kind| {
        batches
            .iter()
            .chain(pushes)
            .find(|measured| measured.batch.kind == kind)
            .map(|m| (&m.batch, &m.costs[0]))
    };
    let ours = |case| of(Kind::Sqs(case)).map(|(_, costs)| costs);
    let budget =
        |what: &str, measured, at_most, unit| Budget { what: what.to_owned(), measured, at_most, unit };
    let mut budgets = Vec::new();
    if let Some((full, smaller)) = ours(FULL).zip(ours(SMALLER)) {
        let null_function = full.ratios[subjects.len() - 1].median;
        budgets.push(budget("CPU for a full batch, against the null function", null_function, 1.6, "×"));
        if let Some(other) = subjects.iter().position(|subject| subject.name == OTHER_BUILD) {
            let ratio = full.ratios[other].median;
            budgets.push(budget("CPU for a full batch, against the other build", ratio, 1.1, "×"));
        }
        let growth = per_record(full, FULL.records) / per_record(smaller, SMALLER.records);
        budgets.push(budget("CPU per sample at 11,000 samples, against that at 1,000", growth, 1.1, "×"));
        budgets.push(budget("peak memory for a full batch", full.peak_mb, 32.0, "MB"));
    }
    if let Some(json) = of(Kind::Sqs(FULL)) {
        for push in FULL_PUSHES {
            let Some((batch, costs)) = of(Kind::Push(push)) else { continue };
            let name = push.format.name();
            // OTLP in JSON has several times the bytes of the others.
            if push.format != PushFormat::OtlpJson {
                let what = format!("CPU per sample of {name}, against the JSON batch");
                budgets.push(budget(&what, per_sample((batch, costs)) / per_sample(json), 1.0, "×"));
            }
            // An exposition is another thing to each of them.
            let is_comparable = push.format.path() != PUSH_PATH;
            for peer in peers.iter().filter(|peer| is_comparable && peer.format == push.format) {
                let what = format!("CPU of {name}, against {}", peer.name);
                budgets.push(budget(&what, costs.cpu_ms.median / peer.cpu_ms, 1.0, "×"));
            }
            let what = format!("peak memory for a push of {name}");
            budgets.push(budget(&what, costs.peak_mb, 32.0, "MB"));
        }
    }
    if let Some((_, small)) = of(Kind::Push(SMALL_PUSH)) {
        budgets.push(budget("CPU of a push of 50 metrics", small.cpu_ms.median, 1.0, "ms"));
    }
    budgets.push(budget("process start to the first poll", starts[0].wall_ms.median, 3.0, "ms"));
    let artifact = megabytes(subjects[0].artifact_bytes.unwrap_or_default());
    budgets.push(budget("artifact", artifact, 8.0, "MB"));
    budgets
}

fn per_sample((batch, costs): (&Batch, &Costs)) -> f64 {
    costs.cpu_ms.median / count(batch.samples)
}

fn per_record(costs: &Costs, records: usize) -> f64 {
    costs.cpu_ms.median / count(records)
}
