//! Measuring: subjects and a batch → what an invocation costs each of them.
//!
//! The subjects take turns, so that whatever else the machine does meets all of them alike. A ratio is that of two
//! neighbours in time. Every batch size has its own processes, because the kernel keeps but one peak for a process.

use std::time::Duration;

use local_lambda::runtime::{Function, InitError};

use crate::batch::Batch;
use crate::floor::floor;
use crate::plan::Plan;
use crate::progress::Progress;
use crate::spread::Spread;
use crate::subject::{Subject, WrongAnswer};

/// What invocations cost a subject.
#[derive(Debug)]
pub(crate) struct Costs {
    /// User and system time of the process, in milliseconds.
    pub(crate) cpu_ms: Spread,
    /// From handing over the payload to the answer, in milliseconds.
    pub(crate) wall_ms: Spread,
    /// The largest resident set of the process, in MB.
    pub(crate) peak_mb: f64,
    /// CPU time as a multiple of the yardstick's, which is the last subject, in the same round.
    pub(crate) of_null: Spread,
    /// CPU time as a multiple of the first subject's, which is the function, in the same round.
    pub(crate) of_gateway: Spread,
}

/// One batch and what it costs.
#[derive(Debug)]
pub(crate) struct Measured {
    /// The batch.
    pub(crate) batch: Batch,
    /// One for each subject.
    pub(crate) costs: Vec<Costs>,
    /// CPU time of the floor under it, in milliseconds.
    pub(crate) floor_ms: Spread,
}

/// What starting costs a subject.
#[derive(Debug)]
#[expect(clippy::struct_field_names, reason = "the unit is part of every figure's name here")]
pub(crate) struct Start {
    /// From starting the program to its first poll, in milliseconds.
    pub(crate) wall_ms: Spread,
    /// User and system time until then, in milliseconds.
    pub(crate) cpu_ms: Spread,
    /// User and system time of the first invocation, a single record, in milliseconds.
    pub(crate) first_cpu_ms: Spread,
}

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A subject did not come up.
    #[error("{0} did not start: {1}")]
    Start(String, InitError),
    /// A subject did something else than its job.
    #[error(transparent)]
    WrongAnswer(#[from] WrongAnswer),
    /// The kernel does not say what a process has used.
    #[error("this system does not tell the CPU time and the peak memory of another process; Linux does")]
    NotMeasured,
}

/// Invokes all subjects in turns after the warm-ups, and measures the floor between them. The last subject is the
/// yardstick; `messages` are the requests that the batch becomes.
pub(crate) async fn invocations(
    subjects: &[Subject],
    batch: Batch,
    messages: &[Vec<u8>],
    plan: &Plan,
    progress: &mut Progress,
) -> Result<Measured, Error> {
    let mut functions = Vec::new();
    for subject in subjects {
        functions.push(start(subject).await?);
    }
    let mut measured: Vec<Vec<Cost>> = subjects.iter().map(|_| Vec::new()).collect();
    let mut floors = Vec::new();
    let warm_ups = plan.warm_ups(batch.records);
    for round in 0..warm_ups + plan.rounds {
        for ((subject, function), costs) in subjects.iter().zip(&mut functions).zip(&mut measured) {
            let cost = invoke(subject, function, &batch).await?;
            if round >= warm_ups {
                costs.push(cost);
            }
        }
        let floor = floor(&batch.payload, messages).ok_or(Error::NotMeasured)?;
        if round >= warm_ups {
            floors.push(millis(floor));
        }
        progress.tick();
    }
    let costs = measured.iter().map(|costs| summary(costs, &measured)).collect();
    Ok(Measured { batch, costs, floor_ms: Spread::of(floors) })
}

/// Starts all subjects in turns, `rounds` times after one that does not count, and gives each `first`.
pub(crate) async fn starts(
    subjects: &[Subject],
    first: &Batch,
    rounds: usize,
    progress: &mut Progress,
) -> Result<Vec<Start>, Error> {
    let mut measured: Vec<[Vec<f64>; 3]> = subjects.iter().map(|_| Default::default()).collect();
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
        progress.tick();
    }
    let start = |[wall, cpu, first_cpu]: [Vec<f64>; 3]| Start {
        wall_ms: Spread::of(wall),
        cpu_ms: Spread::of(cpu),
        first_cpu_ms: Spread::of(first_cpu),
    };
    Ok(measured.into_iter().map(start).collect())
}

/// How many times [`invocations`] and [`starts`] tick for a plan.
pub(crate) fn ticks(plan: &Plan) -> usize {
    let of_case = |&(_, records): &(_, usize)| plan.warm_ups(records) + plan.rounds;
    plan.cases.iter().map(of_case).sum::<usize>() + plan.rounds + 1
}

/// One invocation.
#[derive(Debug, Clone, Copy)]
struct Cost {
    cpu_ms: f64,
    wall_ms: f64,
    peak_kb: u64,
}

async fn start(subject: &Subject) -> Result<Function, Error> {
    Function::spawn(subject.options.clone()).await.map_err(|error| Error::Start(subject.name.clone(), error))
}

async fn invoke(subject: &Subject, function: &mut Function, batch: &Batch) -> Result<Cost, Error> {
    let invocation = function.invoke(batch.payload.clone()).await;
    subject.check(batch, &invocation)?;
    let (cpu, peak_kb) = invocation.cpu.zip(invocation.max_rss_kb).ok_or(Error::NotMeasured)?;
    Ok(Cost { cpu_ms: millis(cpu), wall_ms: millis(invocation.duration), peak_kb })
}

fn summary(costs: &[Cost], all: &[Vec<Cost>]) -> Costs {
    let spread = |of: fn(&Cost) -> f64| Spread::of(costs.iter().map(of).collect());
    let multiple_of = |others: Option<&Vec<Cost>>| {
        let others = others.into_iter().flatten();
        Spread::of(costs.iter().zip(others).map(|(cost, other)| cost.cpu_ms / other.cpu_ms).collect())
    };
    // A peak only grows.
    let peak_kb = costs.iter().map(|cost| cost.peak_kb).max().unwrap_or_default();
    Costs {
        cpu_ms: spread(|cost| cost.cpu_ms),
        wall_ms: spread(|cost| cost.wall_ms),
        peak_mb: megabytes(peak_kb * 1_024),
        of_null: multiple_of(all.last()),
        of_gateway: multiple_of(all.first()),
    }
}

/// Milliseconds, with what is below them.
pub(crate) fn millis(duration: Duration) -> f64 {
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
