//! What a function is asked and what came of it.
//!
//! In: a payload. Out: an outcome with its costs. Plain data, made by [`super::Function`].

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};

use super::report::Status;
use super::{ExtensionFault, INIT_LIMIT, ShutdownReason};

/// What a function is asked.
#[derive(Debug, Clone)]
pub struct InvocationRequest {
    /// The id that the function is given and that its log lines carry.
    pub request_id: String,
    /// The event.
    pub payload: Bytes,
    /// What the caller says of itself: a JSON object.
    pub client_context: Option<String>,
    /// More headers for the runtime, passed on as they are.
    pub headers: Vec<(HeaderName, HeaderValue)>,
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
    /// An extension failed, or was not ready in time.
    #[error("extension {}: {}: {}", fault.extension, fault.error_type, fault.message)]
    Extension {
        /// Which, and why.
        fault: ExtensionFault,
        /// What the function and its extensions logged.
        logs: Vec<String>,
    },
    /// It did not ask for an invocation in time.
    #[error("did not ask for an invocation within {} s", INIT_LIMIT.as_secs())]
    TimedOut {
        /// What it logged.
        logs: Vec<String>,
    },
}

impl InitError {
    /// How the init phase ended, as telemetry says it.
    pub(super) fn status(&self) -> Status {
        match self {
            Self::NotStarted { .. } => Status::failure("Runtime.InvalidEntrypoint"),
            Self::Reported { error_type, .. } => Status::error(error_type),
            Self::Exited { .. } => Status::failure("Runtime.ExitError"),
            Self::Extension { fault, .. } => Status::failure(&fault.error_type),
            Self::TimedOut { .. } => Status::timeout(),
        }
    }

    /// Whether time was up.
    pub(super) fn is_timeout(&self) -> bool {
        match self {
            Self::TimedOut { .. } => true,
            Self::Extension { fault, .. } => fault.error_type == ExtensionFault::TIMED_OUT,
            Self::NotStarted { .. } | Self::Reported { .. } | Self::Exited { .. } => false,
        }
    }

    /// Adds what was logged while the environment was shut down.
    pub(super) fn and_logs(mut self, more: Vec<String>) -> Self {
        match &mut self {
            Self::NotStarted { .. } => {}
            Self::Reported { logs, .. }
            | Self::Exited { logs, .. }
            | Self::Extension { logs, .. }
            | Self::TimedOut { logs } => logs.extend(more),
        }
        self
    }

    /// What was logged before it failed.
    pub fn logs(&self) -> &[String] {
        match self {
            Self::NotStarted { .. } => &[],
            Self::Reported { logs, .. }
            | Self::Exited { logs, .. }
            | Self::Extension { logs, .. }
            | Self::TimedOut { logs } => logs,
        }
    }
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
    /// An extension reported an error or ended in the middle of the invocation.
    ExtensionFailed(ExtensionFault),
    /// It was to be started for this invocation and did not come up, not even at the second attempt.
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
    /// What it wrote to stdout and stderr since the last invocation; the first one includes the init phase, and one that
    /// failed before it.
    pub logs: Vec<String>,
    /// The init phase that preceded this invocation, if it was the first of its process.
    pub init: Option<Duration>,
    /// How long the invocation stayed open for extensions after the runtime was done
    /// (`PostRuntimeExtensionsDuration`). Who gets the answer before that finds zero.
    pub extension_overhead: Duration,
}

/// How an environment was shut down.
#[derive(Debug, Clone)]
pub struct Shutdown {
    /// Why.
    pub reason: ShutdownReason,
    /// From the first signal until the last process was gone.
    pub duration: Duration,
    /// The extensions that had to be killed because they did not end in time.
    pub killed: Vec<String>,
    /// The last lines of the runtime, then those of the extensions, each after its name and a colon.
    pub logs: Vec<String>,
}

impl Invocation {
    /// Whether a new process was started for it.
    pub fn is_cold_start(&self) -> bool {
        self.init.is_some()
    }

    /// What Lambda bills: the init phase, the duration and what extensions added, rounded up to a millisecond.
    pub fn billed_ms(&self) -> u128 {
        let billed = self.init.unwrap_or_default() + self.duration + self.extension_overhead;
        billed.as_nanos().div_ceil(1_000_000)
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
