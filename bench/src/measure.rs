//! Measures starts and invocations of all subjects, which take turns.
//!
//! Whatever else the machine does affects all subjects alike, and a ratio is that of two figures of the same round. Every
//! batch has processes of its own, because the kernel keeps one peak of memory for a process.

use std::time::Duration;

use local_lambda::runtime::{Function, InitError};

use crate::batch::Batch;
use crate::subject::{Subject, WrongAnswer};

/// Samples that a subject has processed before the first figure counts, so that code compiled at run time is compiled.
const WARM_UP_SAMPLES: usize = 22_000;

/// Repeated figures of one thing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) min: f64,
    pub(crate) median: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// # Panics
    /// If there are no figures.
    pub(crate) fn of(figures: impl IntoIterator<Item = f64>) -> Self {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        figures.sort_by(f64::total_cmp);
        let last = figures.len() - 1;
        let median = f64::midpoint(figures[last / 2], figures[last.div_ceil(2)]);
        Self { min: figures[0], median, max: figures[last] }
    }
}

/// The costs of an invocation for one subject.
#[derive(Debug)]
pub(crate) struct Costs {
    /// User and system time of the process, in milliseconds.
    pub(crate) cpu_ms: Spread,
    /// From handing over the payload to the answer, in milliseconds.
    pub(crate) wall_ms: Spread,
    /// The largest resident set of the process, in MB.
    pub(crate) peak_mb: f64,
    /// CPU time as a multiple of that of each subject in the same round, by the subject's position.
    pub(crate) ratios: Vec<Spread>,
}

/// A batch and its costs, one for each subject.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) batch: Batch,
    pub(crate) costs: Vec<Costs>,
}

/// The costs of a start.
#[derive(Debug)]
#[expect(clippy::struct_field_names, reason = "the unit is part of every name")]
pub(crate) struct Start {
    /// From starting the program to its first poll, in milliseconds.
    pub(crate) wall_ms: Spread,
    /// User and system time until then, in milliseconds.
    pub(crate) cpu_ms: Spread,
    /// User and system time of the first invocation, in milliseconds.
    pub(crate) first_cpu_ms: Spread,
}

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A subject did not start.
    #[error("{0} did not start: {1}")]
    Start(&'static str, InitError),
    /// A subject did not do its job.
    #[error(transparent)]
    WrongAnswer(#[from] WrongAnswer),
    /// The kernel does not report the use of another process.
    #[error(
        "this system does not report the CPU time and the peak memory of another process, which Linux does"
    )]
    NotMeasured,
}

/// Invokes all subjects in turns, after invocations that do not count.
pub(crate) async fn invocations(
    subjects: &[Subject],
    batch: Batch,
    rounds: usize,
) -> Result<Measured, Error> {
    let mut functions = Vec::new();
    for subject in subjects {
        functions.push(start(subject).await?);
    }
    let mut measured: Vec<Vec<Cost>> = vec![Vec::new(); subjects.len()];
    let warm_ups = (WARM_UP_SAMPLES / batch.samples).clamp(5, 200);
    for round in 0..warm_ups + rounds {
        for ((subject, function), costs) in subjects.iter().zip(&mut functions).zip(&mut measured) {
            let cost = invoke(subject, function, &batch).await?;
            if round >= warm_ups {
                costs.push(cost);
            }
        }
    }
    let costs = measured.iter().map(|costs| summary(costs, &measured)).collect();
    Ok(Measured { batch, costs })
}

/// Starts all subjects in turns, after one start that does not count, and gives each the batch `first`.
pub(crate) async fn starts(subjects: &[Subject], first: &Batch, rounds: usize) -> Result<Vec<Start>, Error> {
    let mut measured: Vec<[Vec<f64>; 3]> = vec![<[Vec<f64>; 3]>::default(); subjects.len()];
    for round in 0..=rounds {
        for (subject, [wall, cpu, first_cpu]) in subjects.iter().zip(&mut measured) {
            let mut function = start(subject).await?;
            let (took, used) = function.init().ok_or(Error::NotMeasured)?;
            let cost = invoke(subject, &mut function, first).await?;
            if round > 0 {
                wall.push(millis(took));
                cpu.push(millis(used.ok_or(Error::NotMeasured)?));
                first_cpu.push(cost.cpu_ms);
            }
        }
    }
    let start = |figures: [Vec<f64>; 3]| {
        let [wall_ms, cpu_ms, first_cpu_ms] = figures.map(Spread::of);
        Start { wall_ms, cpu_ms, first_cpu_ms }
    };
    Ok(measured.into_iter().map(start).collect())
}

/// One invocation.
#[derive(Debug, Clone, Copy)]
struct Cost {
    cpu_ms: f64,
    wall_ms: f64,
    peak_mb: f64,
}

async fn start(subject: &Subject) -> Result<Function, Error> {
    Function::spawn(subject.options.clone()).await.map_err(|error| Error::Start(subject.name, error))
}

async fn invoke(subject: &Subject, function: &mut Function, batch: &Batch) -> Result<Cost, Error> {
    let invocation = function.invoke(batch.payload.clone()).await;
    subject.check(batch, &invocation)?;
    let (cpu, peak_kb) = invocation.cpu.zip(invocation.max_rss_kb).ok_or(Error::NotMeasured)?;
    Ok(Cost {
        cpu_ms: millis(cpu),
        wall_ms: millis(invocation.duration),
        peak_mb: megabytes(peak_kb * 1_024),
    })
}

fn summary(costs: &[Cost], all: &[Vec<Cost>]) -> Costs {
    let ratio = |others: &Vec<Cost>| {
        Spread::of(costs.iter().zip(others).map(|(cost, other)| cost.cpu_ms / other.cpu_ms))
    };
    Costs {
        cpu_ms: Spread::of(costs.iter().map(|cost| cost.cpu_ms)),
        wall_ms: Spread::of(costs.iter().map(|cost| cost.wall_ms)),
        peak_mb: costs.iter().map(|cost| cost.peak_mb).fold(0.0, f64::max),
        ratios: all.iter().map(ratio).collect(),
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Megabytes of a million bytes, as in the budgets.
pub(crate) fn megabytes(bytes: u64) -> f64 {
    count(bytes) / 1e6
}

/// A count as a factor.
#[expect(clippy::cast_precision_loss, reason = "nothing here is counted up to 2^53")]
pub(crate) fn count(number: impl TryInto<u64>) -> f64 {
    number.try_into().unwrap_or_default() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_between_the_two_middle_figures() {
        assert_eq!(Spread::of([3.0, 1.0, 9.0]), Spread { min: 1.0, median: 3.0, max: 9.0 });
        assert_eq!(Spread::of([4.0, 1.0, 2.0, 9.0]), Spread { min: 1.0, median: 3.0, max: 9.0 });
        assert_eq!(Spread::of([5.0]), Spread { min: 5.0, median: 5.0, max: 5.0 });
    }
}
