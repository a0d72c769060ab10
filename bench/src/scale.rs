//! The scale check: 1 to 8 execution environments of the function under as much load as they take → events per second,
//! CPU per event, and the point where this machine is the limit.
//!
//! Each environment is a process with the emulator's runtime API, fed with full batches one after the other. The
//! emulator and the receiver run on the same processors; what share of the busy time is the function's is said.

use std::thread::available_parallelism;
use std::time::Duration;

use local_lambda::runtime::Function;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::batch::{Batch, FULL, SMALLER, Shape};
use crate::measure::{Error, count};
use crate::progress::Progress;
use crate::subject::Subject;
use crate::used::Machine;

/// Numbers of environments.
const ENVIRONMENTS: std::ops::RangeInclusive<usize> = 1..=8;

/// When so much of the machine is busy, it is the limit.
const BUSY: f64 = 0.9;

/// More environments are worth while when they bring this much more.
const WORTHWHILE: f64 = 1.05;

/// Over how long it is seen what the machine does without this load.
const BEFORE: Duration = Duration::from_secs(1);

/// The whole check.
#[derive(Debug, Default)]
pub(crate) struct Scale {
    /// Which share of the machine was busy before the check began, from 0 to 1.
    pub(crate) busy_before: f64,
    /// Every step.
    pub(crate) steps: Vec<Step>,
}

/// What so many environments did.
#[derive(Debug)]
pub(crate) struct Step {
    /// How many ran at once.
    pub(crate) environments: usize,
    /// Events written in a second.
    pub(crate) events_per_second: f64,
    /// CPU time of the function's processes for an event, in microseconds.
    pub(crate) cpu_us: f64,
    /// Which share of the machine was busy, from 0 to 1.
    pub(crate) busy: f64,
    /// Which share of the machine the function's processes had, from 0 to 1.
    pub(crate) ours: f64,
}

/// Takes every step.
pub(crate) async fn check(
    subject: &Subject,
    length: Duration,
    progress: &mut Progress,
) -> Result<Scale, Error> {
    progress.step("the machine without load");
    let before = Machine::now().ok_or(Error::NotMeasured)?;
    tokio::time::sleep(BEFORE).await;
    let busy_before = Machine::now().ok_or(Error::NotMeasured)?.busy_since(before);
    let mut steps = Vec::new();
    for environments in ENVIRONMENTS {
        progress.step(&format!("{environments} execution environments"));
        steps.push(step(subject, environments, length).await?);
        progress.tick();
    }
    Ok(Scale { busy_before, steps })
}

/// How many times [`check`] ticks.
pub(crate) fn ticks() -> usize {
    ENVIRONMENTS.count()
}

/// The first step at which the machine is the limit: it is busy, and no other step brings much more.
pub(crate) fn limit(steps: &[Step]) -> Option<&Step> {
    let best = steps.iter().map(|step| step.events_per_second).fold(0.0, f64::max);
    steps.iter().find(|step| step.busy >= BUSY && step.events_per_second * WORTHWHILE >= best)
}

async fn step(subject: &Subject, environments: usize, length: Duration) -> Result<Step, Error> {
    let mut functions = Vec::new();
    for _ in 0..environments {
        let spawned = Function::spawn(subject.options.clone()).await;
        let mut function = spawned.map_err(|error| Error::Start(subject.name.clone(), error))?;
        let batch = Batch::of(Shape::Usual, SMALLER);
        subject.check(&batch, &function.invoke(batch.payload.clone()).await)?;
        functions.push(function);
    }
    let payload = Batch::of(Shape::Usual, FULL).payload;
    let before = Machine::now().ok_or(Error::NotMeasured)?;
    let began = Instant::now();
    let mut running = JoinSet::new();
    for mut function in functions {
        let payload = payload.clone();
        running.spawn(async move {
            let (mut batches, mut cpu) = (0_usize, Duration::ZERO);
            while began.elapsed() < length {
                let invocation = function.invoke(payload.clone()).await;
                if invocation.batch_item_failures().is_some_and(|failures| failures.is_empty()) {
                    batches += 1;
                }
                cpu += invocation.cpu.unwrap_or_default();
            }
            (batches, cpu)
        });
    }
    let done = running.join_all().await;
    let took = began.elapsed().as_secs_f64();
    let busy = Machine::now().ok_or(Error::NotMeasured)?.busy_since(before);
    let events = count(done.iter().map(|(batches, _)| batches * FULL).sum::<usize>());
    let cpu = done.iter().map(|(_, cpu)| cpu.as_secs_f64()).sum::<f64>();
    let processors = count(available_parallelism().map_or(1, std::num::NonZero::get));
    Ok(Step {
        environments,
        events_per_second: events / took,
        cpu_us: cpu * 1e6 / events.max(1.0),
        busy,
        ours: cpu / (took * processors),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(environments: usize, events_per_second: f64, busy: f64) -> Step {
        Step { environments, events_per_second, cpu_us: 1.0, busy, ours: busy / 2.0 }
    }

    #[test]
    fn the_limit_is_the_first_busy_step_that_no_other_beats() {
        let at = |steps: &[Step]| limit(steps).map(|step| step.environments);
        assert_eq!(at(&[step(1, 100.0, 0.75), step(2, 180.0, 0.92), step(3, 185.0, 0.99)]), Some(2));
        assert_eq!(at(&[step(1, 100.0, 0.95), step(2, 90.0, 0.95), step(3, 180.0, 0.95)]), Some(3));
        assert_eq!(at(&[step(1, 100.0, 0.2), step(2, 200.0, 0.4)]), None);
    }
}
