//! Measuring: subjects and a batch → what an invocation costs each of them.
//!
//! The subjects take turns, so that whatever else the machine does meets all of them alike. A ratio is that of two
//! neighbours in time. Every batch size has its own processes, because the kernel keeps but one peak for a process.

use std::time::Duration;

use push_gateway_local::runtime::{Function, InitError};

use crate::batch::Batch;
use crate::progress::Progress;
use crate::spread::Spread;
use crate::subject::{Subject, WrongAnswer};

/// Invocations before the first that counts: connections, credentials, caches, the allocator's pages.
const WARM_UPS: usize = 5;

/// What invocations cost a subject.
#[derive(Debug)]
pub(crate) struct Costs {
    /// User and system time of the process, in milliseconds.
    pub(crate) cpu_ms: Spread,
    /// From handing over the payload to the answer, in milliseconds.
    pub(crate) wall_ms: Spread,
    /// The largest resident set of the process, in MB.
    pub(crate) peak_mb: f64,
    /// CPU time as a multiple of the yardstick's in the same round.
    pub(crate) cpu_ratio: Spread,
}

/// What starting costs a subject.
#[derive(Debug)]
pub(crate) struct Start {
    /// From starting the program to its first poll, in milliseconds.
    pub(crate) wall_ms: Spread,
    /// User and system time until then, in milliseconds.
    pub(crate) cpu_ms: Spread,
}

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A subject did not come up.
    #[error("{0} did not start: {1}")]
    Start(&'static str, InitError),
    /// A subject did something else than its job.
    #[error(transparent)]
    WrongAnswer(#[from] WrongAnswer),
    /// The kernel does not say what a process has used.
    #[error("this system does not tell the CPU time and the peak memory of another process; Linux does")]
    NotMeasured,
}

/// Invokes all subjects in turns, `rounds` times after the warm-ups. The last subject is the yardstick.
pub(crate) async fn invocations(
    subjects: &[Subject],
    batch: &Batch,
    rounds: usize,
    progress: &mut Progress,
) -> Result<Vec<Costs>, Error> {
    let mut functions = Vec::new();
    for subject in subjects {
        functions.push(start(subject).await?);
    }
    let mut measured: Vec<Vec<Cost>> = subjects.iter().map(|_| Vec::new()).collect();
    for round in 0..WARM_UPS + rounds {
        for ((subject, function), costs) in subjects.iter().zip(&mut functions).zip(&mut measured) {
            let cost = invoke(subject, function, batch).await?;
            if round >= WARM_UPS {
                costs.push(cost);
            }
        }
        progress.tick();
    }
    let yardstick = measured.last().cloned().unwrap_or_default();
    Ok(measured.iter().map(|costs| summary(costs, &yardstick)).collect())
}

/// Starts all subjects in turns, `rounds` times after one that does not count.
pub(crate) async fn starts(
    subjects: &[Subject],
    rounds: usize,
    progress: &mut Progress,
) -> Result<Vec<Start>, Error> {
    let mut measured: Vec<(Vec<f64>, Vec<f64>)> = subjects.iter().map(|_| Default::default()).collect();
    for round in 0..=rounds {
        for (subject, (wall, cpu)) in subjects.iter().zip(&mut measured) {
            let function = start(subject).await?;
            let (took, used) = function.init().ok_or(Error::NotMeasured)?;
            if round > 0 {
                wall.push(millis(took));
                cpu.push(millis(used.ok_or(Error::NotMeasured)?));
            }
        }
        progress.tick();
    }
    let start = |(wall, cpu)| Start { wall_ms: Spread::of(wall), cpu_ms: Spread::of(cpu) };
    Ok(measured.into_iter().map(start).collect())
}

/// How many times [`invocations`] and [`starts`] tick for so many rounds.
pub(crate) fn ticks(batches: usize, rounds: usize) -> usize {
    batches * (WARM_UPS + rounds) + rounds + 1
}

/// One invocation.
#[derive(Debug, Clone, Copy)]
struct Cost {
    cpu_ms: f64,
    wall_ms: f64,
    peak_kb: u64,
}

async fn start(subject: &Subject) -> Result<Function, Error> {
    Function::spawn(subject.options.clone()).await.map_err(|error| Error::Start(subject.name, error))
}

async fn invoke(subject: &Subject, function: &mut Function, batch: &Batch) -> Result<Cost, Error> {
    let invocation = function.invoke(batch.payload.clone()).await;
    subject.check(batch, &invocation)?;
    let (cpu, peak_kb) = invocation.cpu.zip(invocation.max_rss_kb).ok_or(Error::NotMeasured)?;
    Ok(Cost { cpu_ms: millis(cpu), wall_ms: millis(invocation.duration), peak_kb })
}

fn summary(costs: &[Cost], yardstick: &[Cost]) -> Costs {
    let all = |of: fn(&Cost) -> f64| Spread::of(costs.iter().map(of).collect());
    let ratios = costs.iter().zip(yardstick).map(|(cost, yardstick)| cost.cpu_ms / yardstick.cpu_ms);
    // A peak only grows.
    let peak_kb = costs.iter().map(|cost| cost.peak_kb).max().unwrap_or_default();
    Costs {
        cpu_ms: all(|cost| cost.cpu_ms),
        wall_ms: all(|cost| cost.wall_ms),
        peak_mb: megabytes(peak_kb * 1_024),
        cpu_ratio: Spread::of(ratios.collect()),
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Megabytes of a million bytes, as in the budgets.
#[expect(clippy::cast_precision_loss, reason = "a process has fewer than 2^53 bytes")]
pub(crate) fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
