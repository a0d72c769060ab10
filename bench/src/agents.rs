//! Agents: servers that take samples over HTTP and write them to a receiver, for the part of the job that they share
//! with the function.
//!
//! In: their programs, where they are installed. Out: the CPU time of a full batch, which is 11,000 samples in a
//! thousand series. They do neither an SQS envelope nor events, sign nothing, and send when it suits them: only what
//! they used until the receiver has everything can be told, and no wall time. What they use without load is taken off.

mod input;
mod process;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use local_amp::{AmpOptions, AmpStandIn, ReceivedRequest};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::measure::{count, megabytes, millis};
use crate::progress::Progress;
use crate::receiver::Receiver;
use crate::spread::Spread;
use crate::used;
use input::Input;
use process::{Agent, http};

/// Batches that are handed over one after the other; the CPU time is of all of them.
const BATCHES: usize = 10;

/// Agents flush once a second at the latest; when nothing came for so long, everything is there.
const QUIET: Duration = Duration::from_millis(2_500);

/// How long all samples may take to arrive.
const ARRIVAL_LIMIT: Duration = Duration::from_secs(10);

/// Over how long the CPU time without load is taken.
const IDLE: Duration = Duration::from_secs(2);

/// What an agent costs.
#[derive(Debug)]
pub(crate) struct AgentCosts {
    /// What it is called in the tables, with its input.
    pub(crate) name: String,
    /// User and system time for a batch, in milliseconds.
    pub(crate) cpu_ms: Spread,
    /// The largest resident set of the process, in MB.
    pub(crate) peak_mb: f64,
    /// What it does otherwise than the function.
    pub(crate) differs: &'static str,
}

/// What became of an agent.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It was measured.
    Measured(AgentCosts),
    /// It was not, for a reason.
    Absent(&'static str, String),
}

/// Why an agent was not measured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// It did not start or cannot be talked to.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// It did not take the samples.
    #[error("it answered {0} to the samples")]
    Refused(u16),
    /// Not everything came out of it.
    #[error("of {expected} samples it wrote {written}; it was refused with {answer:?}")]
    Incomplete {
        /// How many samples it was given.
        expected: usize,
        /// How many of them it wrote.
        written: usize,
        /// The first answer that was no success.
        answer: String,
    },
    /// The kernel does not say what it used.
    #[error("its CPU time is not told")]
    NotMeasured,
}

/// A way to hand samples to an agent.
#[derive(Debug, Clone, Copy)]
struct Kind {
    name: &'static str,
    program: &'static str,
    input: Input,
    path: &'static str,
    ready: &'static str,
    differs: &'static str,
}

const KINDS: [Kind; 3] = [
    Kind {
        name: "vmagent, JSON lines",
        program: "vmagent",
        input: Input::JsonLines,
        path: "/api/v1/import",
        ready: "/health",
        differs: "input already grouped by series; no SQS envelope, no signature",
    },
    Kind {
        name: "vmagent, Influx lines",
        program: "vmagent",
        input: Input::InfluxLines,
        path: "/write",
        ready: "/health",
        differs: "one line for each event; no SQS envelope, no signature",
    },
    Kind {
        name: "prometheus agent, remote write",
        program: "prometheus",
        input: Input::RemoteWrite,
        path: "/api/v1/write",
        ready: "/-/ready",
        differs: "input already a write request; writes a log to disk; no SQS envelope, no JSON, no signature",
    },
];

/// Measures every agent whose program is in one of `folders`.
pub(crate) async fn measure(
    folders: &OsStr,
    receiver: &Receiver,
    rounds: usize,
    progress: &mut Progress,
) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for kind in KINDS {
        progress.step(kind.name);
        outcomes.push(match find(kind.program, folders) {
            None => Outcome::Absent(kind.name, format!("{} is not installed", kind.program)),
            Some(program) => match measure_one(kind, &program, receiver, rounds).await {
                Ok(costs) => Outcome::Measured(costs),
                Err(error) => Outcome::Absent(kind.name, error.to_string()),
            },
        });
        progress.tick();
    }
    outcomes
}

/// How many times [`measure`] ticks.
pub(crate) fn ticks() -> usize {
    KINDS.len()
}

/// Where a program is among the folders of `PATH`.
pub(crate) fn find(program: &str, folders: &OsStr) -> Option<PathBuf> {
    std::env::split_paths(folders).map(|folder| folder.join(program)).find(|path| path.is_file())
}

async fn measure_one(
    kind: Kind,
    program: &Path,
    receiver: &Receiver,
    rounds: usize,
) -> Result<AgentCosts, Error> {
    prove(kind, program).await?;
    let folder = TempDir::new()?;
    let agent = Agent::start(kind, program, folder.path(), &receiver.url).await?;
    let used = || used::by_process(agent.id).ok_or(Error::NotMeasured);
    let mut batch = 0;
    // The first is the warm-up.
    hand_over(kind, &agent, &mut batch).await?;
    wait_until_quiet(receiver).await?;
    let began = used()?;
    tokio::time::sleep(IDLE).await;
    let idle = used()?.saturating_sub(began).as_secs_f64() / IDLE.as_secs_f64();
    let mut cpu_ms = Vec::new();
    for _ in 0..rounds {
        let (began, used_before) = (Instant::now(), used()?);
        hand_over(kind, &agent, &mut batch).await?;
        wait_until_quiet(receiver).await?;
        let used_idle = began.elapsed().mul_f64(idle);
        cpu_ms.push(millis(used()?.saturating_sub(used_before + used_idle)) / count(BATCHES));
    }
    let peak_mb = used::peak_bytes(agent.id).map(megabytes).ok_or(Error::NotMeasured)?;
    Ok(AgentCosts { name: kind.name.to_owned(), cpu_ms: Spread::of(cpu_ms), peak_mb, differs: kind.differs })
}

/// Makes sure that all samples that go in come out. The stand-in counts them, whatever else it has to say: agents write
/// as Prometheus takes it, which is less strict.
async fn prove(kind: Kind, program: &Path) -> Result<(), Error> {
    let stand_in = AmpStandIn::start(AmpOptions::default()).await?;
    let folder = TempDir::new()?;
    let agent = Agent::start(kind, program, folder.path(), &stand_in.remote_write_url()).await?;
    hand_over(kind, &agent, &mut 0).await?;
    let (expected, began) = (BATCHES * input::SAMPLES_OF_A_BATCH, Instant::now());
    loop {
        let requests = stand_in.requests();
        let written = requests.iter().map(ReceivedRequest::sample_count).sum();
        if written >= expected {
            return Ok(());
        }
        if began.elapsed() > ARRIVAL_LIMIT {
            let refusal = requests.iter().find(|request| !request.is_delivered());
            let answer = refusal.map(|request| request.answer.clone()).unwrap_or_default();
            return Err(Error::Incomplete { expected, written, answer });
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn hand_over(kind: Kind, agent: &Agent, batch: &mut u32) -> Result<(), Error> {
    for _ in 0..BATCHES {
        let (headers, body) = kind.input.batch(*batch);
        *batch += 1;
        let (status, _) = http(&agent.address, "POST", kind.path, headers, &body).await?;
        if !(200..300).contains(&status) {
            return Err(Error::Refused(status));
        }
    }
    Ok(())
}

/// The bytes of all write requests that the receiver has.
async fn received(receiver: &Receiver) -> Result<u64, Error> {
    let (_, text) = http(&receiver.address, "GET", "/", "", b"").await?;
    Ok(text.trim().parse().unwrap_or_default())
}

async fn wait_until_quiet(receiver: &Receiver) -> Result<(), Error> {
    let (mut seen, mut since) = (received(receiver).await?, Instant::now());
    while since.elapsed() < QUIET {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let now = received(receiver).await?;
        if now != seen {
            (seen, since) = (now, Instant::now());
        }
    }
    Ok(())
}
