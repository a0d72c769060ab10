//! A Lambda function on this machine: a real binary behind the real runtime API, with deadlines that hold.
//!
//! In: a binary, its configuration, payloads. Out: what the function answered and what that cost. One
//! [`Function`] is one execution environment: it takes one invocation at a time, is killed when it overruns its
//! time-out, and is started again for the next invocation, as Lambda does.
//!
//! Not emulated: limits of memory and CPU (both are reported), the freeze between invocations.

mod api;
mod measure;
mod process;

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use aws_credential_types::Credentials;
use bytes::Bytes;
use tokio::time::Instant;

use crate::clock::Clock;
use api::{Event, NextInvocation};
use process::{Process, Step};

/// Lambda quotas: the limit of a synchronous invocation's payload and of its answer.
pub const MAX_PAYLOAD_BYTES: usize = 6 * 1_024 * 1_024;

/// The runtime API takes answers a little longer than the limit, for the envelope of an error.
const MAX_RESPONSE_BYTES: usize = MAX_PAYLOAD_BYTES + 100;

/// Lambda, "execution environment": the init phase is limited to 10 seconds.
const INIT_LIMIT: Duration = Duration::from_secs(10);

/// How a function is configured.
#[derive(Debug, Clone)]
pub struct FunctionOptions {
    /// The program.
    pub binary: PathBuf,
    /// The function's name.
    pub name: String,
    /// The environment variables that its owner sets; nothing else of this process's environment is passed on.
    pub env: Vec<(String, String)>,
    /// How long one invocation may take.
    pub timeout: Duration,
    /// The configured memory (reported to the function, not enforced).
    pub memory_mb: u32,
    /// The region it runs in.
    pub region: String,
    /// The credentials of its role.
    pub credentials: Credentials,
}

impl FunctionOptions {
    /// A function with Lambda's smallest memory, a time-out of 10 seconds and made-up credentials.
    pub fn new(binary: impl Into<PathBuf>) -> Self {
        Self {
            binary: binary.into(),
            name: "push-gateway".to_owned(),
            env: Vec::new(),
            timeout: Duration::from_secs(10),
            memory_mb: 128,
            region: "eu-west-1".to_owned(),
            credentials: Credentials::new(
                "AKIDLOCAL",
                "local-secret",
                Some("local-token".to_owned()),
                None,
                "local",
            ),
        }
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.push((name.to_owned(), value.into()));
        self
    }
}

/// Why a function did not come up.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The program could not be started, or the runtime API could not be served.
    #[error("cannot start {}", binary.display())]
    NotStarted {
        /// The program.
        binary: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It reported an error of its own (`/runtime/init/error`).
    #[error("init error {error_type}: {message}")]
    Reported {
        /// The kind of error.
        error_type: String,
        /// What it says.
        message: String,
        /// What it logged.
        logs: Vec<String>,
    },
    /// It ended before it asked for an invocation.
    #[error("exited before the first invocation: {status}")]
    Exited {
        /// How.
        status: ExitStatus,
        /// What it logged.
        logs: Vec<String>,
    },
    /// It did not ask for an invocation in time.
    #[error("did not ask for an invocation within {} s", INIT_LIMIT.as_secs())]
    TimedOut {
        /// What it logged.
        logs: Vec<String>,
    },
}

/// What an invocation ended with.
#[derive(Debug)]
pub enum Outcome {
    /// The function's answer.
    Response(Bytes),
    /// The function reported an error.
    FunctionError {
        /// `errorType` of the report.
        error_type: String,
        /// `errorMessage` of the report.
        error_message: String,
        /// The whole report.
        raw: Bytes,
    },
    /// It did not answer before its deadline and was killed.
    TimedOut,
    /// It ended in the middle of the invocation.
    Exited {
        /// How.
        status: ExitStatus,
    },
    /// It was to be started for this invocation and did not come up.
    InitFailed(InitError),
    /// The payload is over Lambda's limit and was not handed over.
    PayloadTooLarge {
        /// Its length.
        bytes: usize,
    },
}

/// One invocation and what it cost.
#[derive(Debug)]
pub struct Invocation {
    /// What it ended with.
    pub outcome: Outcome,
    /// The request id that the function was given.
    pub request_id: String,
    /// From handing over the payload to the function's answer.
    pub duration: Duration,
    /// User and system time of the whole process from handing over the payload until it asked for the next one
    /// (`clock_getcpuclockid`, nanoseconds); `None` if the process did not live to be measured.
    pub cpu: Option<Duration>,
    /// The largest resident set of the process so far (`VmHWM`).
    pub max_rss_kb: Option<u64>,
    /// What it wrote to stdout and stderr since the last invocation; the first one includes the init phase.
    pub logs: Vec<String>,
    /// The init phase that preceded this invocation, if it was the first of its process.
    pub init: Option<Duration>,
}

impl Invocation {
    /// Whether a new process was started for it.
    pub fn is_cold_start(&self) -> bool {
        self.init.is_some()
    }

    /// What Lambda bills: the init phase and the duration, rounded up to a millisecond.
    pub fn billed_ms(&self) -> u128 {
        (self.init.unwrap_or_default() + self.duration).as_nanos().div_ceil(1_000_000)
    }

    /// The answer, if there is one.
    pub fn response(&self) -> Option<&Bytes> {
        match &self.outcome {
            Outcome::Response(body) => Some(body),
            _ => None,
        }
    }

    /// The answer as JSON, if there is one and it is JSON.
    pub fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(self.response()?).ok()
    }

    /// The ids in `batchItemFailures` of the answer; `None` if the answer is not that of a batch.
    pub fn batch_item_failures(&self) -> Option<Vec<String>> {
        let answer = self.json()?;
        let failures = answer.get("batchItemFailures")?.as_array()?;
        failures.iter().map(|f| f.get("itemIdentifier")?.as_str().map(str::to_owned)).collect()
    }

    /// `errorType` and `errorMessage`, if the function reported an error.
    pub fn function_error(&self) -> Option<(&str, &str)> {
        match &self.outcome {
            Outcome::FunctionError { error_type, error_message, .. } => Some((error_type, error_message)),
            _ => None,
        }
    }
}

/// A function that is ready to be invoked.
#[derive(Debug)]
pub struct Function {
    options: FunctionOptions,
    process: Option<Process>,
    invocations: u64,
    clock: Clock,
}

impl Function {
    /// Starts the program and waits until it asks for its first invocation.
    ///
    /// # Errors
    /// The init phase failed; nothing is left running.
    pub async fn spawn(options: FunctionOptions) -> Result<Self, InitError> {
        let process = Process::start(&options).await?;
        Ok(Self { options, process: Some(process), invocations: 0, clock: Clock::system() })
    }

    /// Time from starting the program to its first poll, and the CPU time that took; `None` after it was killed.
    pub fn init(&self) -> Option<(Duration, Option<Duration>)> {
        self.process.as_ref().map(|process| (process.init, process.init_cpu))
    }

    /// The process id, if it is running.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().and_then(Process::pid)
    }

    /// The options it runs with; changes hold from the next start.
    pub fn options_mut(&mut self) -> &mut FunctionOptions {
        &mut self.options
    }

    /// Stops the process; the next invocation is a cold start.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Hands over a payload and waits for the outcome, starting the program again if it is not running.
    pub async fn invoke(&mut self, payload: impl Into<Bytes>) -> Invocation {
        self.invocations += 1;
        let request_id = format!("00000000-0000-4000-8000-{:012x}", self.invocations);
        let payload = payload.into();
        if payload.len() > MAX_PAYLOAD_BYTES {
            return not_run(request_id, Outcome::PayloadTooLarge { bytes: payload.len() });
        }
        let mut process = match self.process.take() {
            Some(process) => process,
            None => match Process::start(&self.options).await {
                Ok(process) => process,
                Err(error) => return not_run(request_id, Outcome::InitFailed(error)),
            },
        };
        let (invocation, survives) = self.run(&mut process, request_id, payload).await;
        if survives {
            self.process = Some(process);
        }
        invocation
    }

    /// One invocation on a process that is waiting for one; also says whether the process can take another.
    async fn run(&self, process: &mut Process, request_id: String, payload: Bytes) -> (Invocation, bool) {
        let init = process.take_init();
        let cpu_before = process.cpu();
        let began = Instant::now();
        let deadline = began + self.options.timeout;
        process.hand_over(NextInvocation {
            request_id: request_id.clone(),
            deadline_ms: self.clock.now_ms()
                + i64::try_from(self.options.timeout.as_millis()).unwrap_or(i64::MAX),
            function_arn: format!(
                "arn:aws:lambda:{}:000000000000:function:{}",
                self.options.region, self.options.name
            ),
            payload,
        });
        let outcome = wait_for_outcome(process, deadline).await;
        let duration = began.elapsed();
        let answered = matches!(outcome, Outcome::Response(_) | Outcome::FunctionError { .. });
        // Lambda ends an invocation when the runtime asks for the next one; until then it may still compute.
        let survives = answered && process.wait_for_poll(deadline).await;
        let cpu = process.cpu().zip(cpu_before).map(|(after, before)| after.saturating_sub(before));
        let max_rss_kb = process.max_rss_kb();
        if !survives {
            process.kill().await;
        }
        let logs = process.take_logs().await;
        (Invocation { outcome, request_id, duration, cpu, max_rss_kb, logs, init }, survives)
    }
}

async fn wait_for_outcome(process: &mut Process, deadline: Instant) -> Outcome {
    loop {
        match process.step(deadline).await {
            Step::Event(Event::Response(body)) => return Outcome::Response(body),
            Step::Event(Event::Error(raw)) => {
                let (error_type, error_message) = api::error_fields(&raw);
                return Outcome::FunctionError { error_type, error_message, raw };
            }
            // A poll without an answer, or a late init error: neither ends the invocation.
            Step::Event(Event::Poll { .. } | Event::InitError(_)) => {}
            Step::Exited(status) => return Outcome::Exited { status },
            Step::OutOfTime => return Outcome::TimedOut,
        }
    }
}

fn not_run(request_id: String, outcome: Outcome) -> Invocation {
    Invocation {
        outcome,
        request_id,
        duration: Duration::ZERO,
        cpu: None,
        max_rss_kb: None,
        logs: Vec::new(),
        init: None,
    }
}
