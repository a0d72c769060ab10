//! What a function is asked and what came of it.
//!
//! In: a payload. Out: an outcome with its costs. Plain data, made by [`super::Function`].

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use bytes::Bytes;

use super::INIT_LIMIT;

/// What a function is asked.
#[derive(Debug, Clone)]
pub struct InvocationRequest {
    /// The id that the function is given and that its log lines carry.
    pub request_id: String,
    /// The event.
    pub payload: Bytes,
    /// What the caller says of itself: a JSON object.
    pub client_context: Option<String>,
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
