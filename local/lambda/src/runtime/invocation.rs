//! Invocations and their outcomes: plain data.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::api::error_fields;
use super::report::Status;
use super::response_stream::ResponseStream;
use super::{ExtensionFault, INIT_LIMIT, ShutdownReason};

/// A request for an invocation.
#[derive(Debug)]
pub struct InvocationRequest {
    /// The request id, which is also in its log lines.
    pub request_id: String,
    /// The event.
    pub payload: Bytes,
    /// The client context of the caller: a JSON object.
    pub client_context: Option<String>,
    /// More headers for the runtime, passed on as they are.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Who takes the response as it arrives. It is dropped if the function returns its response whole.
    pub stream: Option<oneshot::Sender<ResponseStream>>,
}

impl InvocationRequest {
    /// The request of this number, with an id in the form of Lambda's.
    pub(crate) fn new(number: u64, payload: Bytes) -> Self {
        let request_id = format!("00000000-0000-4000-8000-{number:012x}");
        Self { request_id, payload, client_context: None, headers: Vec::new(), stream: None }
    }
}

/// Why a function did not start.
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
    /// It reported an error (`/runtime/init/error`).
    #[error("init error {error_type}: {message}")]
    Reported {
        /// The kind of error.
        error_type: String,
        /// Its message.
        message: String,
        /// Its log.
        logs: Vec<String>,
    },
    /// It ended before it requested an invocation.
    #[error("exited before the first invocation: {status}")]
    Exited {
        /// How.
        status: ExitStatus,
        /// Its log.
        logs: Vec<String>,
    },
    /// An extension failed, or was not ready in time.
    #[error("extension {}: {}: {}", fault.extension, fault.error_type, fault.message)]
    Extension {
        /// Which, and why.
        fault: ExtensionFault,
        /// The log of the function and its extensions.
        logs: Vec<String>,
    },
    /// It did not request an invocation in time.
    #[error("did not request an invocation within {} s", INIT_LIMIT.as_secs())]
    TimedOut {
        /// Its log.
        logs: Vec<String>,
    },
}

impl InitError {
    /// The type of the error, as its caller and telemetry get it.
    fn error_type(&self) -> &str {
        match self {
            Self::NotStarted { .. } => "Runtime.InvalidEntrypoint",
            Self::Reported { error_type, .. } => error_type,
            Self::Exited { .. } => "Runtime.ExitError",
            Self::Extension { fault, .. } => &fault.error_type,
            Self::TimedOut { .. } => ExtensionFault::TIMED_OUT,
        }
    }

    fn message(&self) -> String {
        match self {
            Self::NotStarted { source, .. } => format!("{self}: {source}"),
            Self::Reported { message, .. } => message.clone(),
            Self::Extension { fault, .. } => fault.to_string(),
            Self::Exited { .. } | Self::TimedOut { .. } => self.to_string(),
        }
    }

    /// How the init phase ended, for telemetry.
    pub(super) fn status(&self) -> Status {
        match self {
            Self::TimedOut { .. } => Status::timeout(),
            Self::Reported { error_type, .. } => Status::error(error_type),
            _ => Status::failure(self.error_type()),
        }
    }

    /// Whether the time limit was exceeded.
    pub(super) fn is_timeout(&self) -> bool {
        !matches!(self, Self::Reported { .. }) && self.error_type() == ExtensionFault::TIMED_OUT
    }

    /// Adds the log of the shutdown.
    pub(super) fn and_logs(mut self, more: Vec<String>) -> Self {
        if let Self::Reported { logs, .. }
        | Self::Exited { logs, .. }
        | Self::Extension { logs, .. }
        | Self::TimedOut { logs } = &mut self
        {
            logs.extend(more);
        }
        self
    }

    /// The log before the failure.
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

/// How an invocation ended.
#[derive(Debug)]
pub enum Outcome {
    /// The function's response.
    Response(Bytes),
    /// The function's response was passed on as it arrived, all of it.
    Streamed {
        /// Its length.
        bytes: usize,
    },
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
    TimedOut {
        /// The function's timeout.
        timeout: Duration,
    },
    /// It ended in the middle of the invocation.
    Exited {
        /// How.
        status: ExitStatus,
    },
    /// An extension reported an error or ended in the middle of the invocation.
    ExtensionFailed(ExtensionFault),
    /// The function did not start for this invocation, not even at the second attempt.
    InitFailed(InitError),
    /// The payload exceeds Lambda's limit and was not passed on.
    PayloadTooLarge {
        /// Its length.
        bytes: usize,
    },
}

impl Outcome {
    /// The error that a function reported.
    pub(super) fn function_error(raw: Bytes) -> Self {
        let (error_type, error_message) = error_fields(&raw);
        Self::FunctionError { error_type, error_message, raw }
    }
}

/// One invocation with its duration and resource usage.
#[derive(Debug)]
pub struct Invocation {
    /// How it ended.
    pub outcome: Outcome,
    /// Its request id.
    pub request_id: String,
    /// From passing on the payload to the function's response.
    pub duration: Duration,
    /// User and system time of the whole process until it requested the next invocation (`clock_getcpuclockid`,
    /// nanoseconds); `None` if the process ended before.
    pub cpu: Option<Duration>,
    /// The largest resident set of the process so far (`VmHWM`).
    pub max_rss_kb: Option<u64>,
    /// Its output since the last invocation; the first one includes the init phase, and a failed one before it.
    pub logs: Vec<String>,
    /// The init phase before this invocation, if it was the first of its process.
    pub init: Option<Duration>,
    /// How long the invocation stayed open for extensions after the runtime had finished
    /// (`PostRuntimeExtensionsDuration`); zero while that is not known.
    pub extension_overhead: Duration,
}

/// How an environment was shut down.
#[derive(Debug, Clone)]
pub struct Shutdown {
    /// Why.
    pub reason: ShutdownReason,
    /// From the first signal until the last process was gone.
    pub duration: Duration,
    /// The extensions that were killed because they did not end in time.
    pub killed: Vec<String>,
    /// The last lines of the runtime, then those of the extensions, each after its name and a colon.
    pub logs: Vec<String>,
}

impl Invocation {
    /// The billed time: the init phase, the duration and the time of extensions, rounded up to a millisecond.
    pub fn billed_ms(&self) -> u128 {
        let billed = self.init.unwrap_or_default() + self.duration + self.extension_overhead;
        billed.as_nanos().div_ceil(1_000_000)
    }

    /// The function's response, which is empty if it was streamed, or else the error that its caller gets: JSON with
    /// `errorType` and `errorMessage` (Lambda Developer Guide, "Understanding retry behavior", "Troubleshoot invocation
    /// issues").
    ///
    /// # Errors
    /// The invocation failed.
    pub fn result(&self) -> Result<&Bytes, Bytes> {
        static EMPTY: Bytes = Bytes::new();
        let (error_type, message) = match &self.outcome {
            Outcome::Response(body) => return Ok(body),
            Outcome::Streamed { .. } => return Ok(&EMPTY),
            Outcome::FunctionError { raw, .. } => return Err(raw.clone()),
            Outcome::TimedOut { timeout } => (
                ExtensionFault::TIMED_OUT,
                format!("Task timed out after {:.2} seconds", timeout.as_secs_f64()),
            ),
            Outcome::Exited { status } if status.success() => {
                ("Runtime.ExitError", "Runtime exited without providing a reason".to_owned())
            }
            Outcome::Exited { status } => {
                ("Runtime.ExitError", format!("Runtime exited with error: {status}"))
            }
            Outcome::ExtensionFailed(fault) => (&*fault.error_type, fault.to_string()),
            Outcome::InitFailed(error) => (error.error_type(), error.message()),
            Outcome::PayloadTooLarge { bytes } => {
                ("RequestTooLargeException", format!("a payload of {bytes} bytes"))
            }
        };
        let message = format!("RequestId: {} Error: {message}", self.request_id);
        Err(json!({ "errorType": error_type, "errorMessage": message }).to_string().into())
    }

    /// The function's response, if there is one.
    pub fn response(&self) -> Option<&Bytes> {
        self.result().ok()
    }

    /// The response as JSON, if there is one and it is JSON.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(self.response()?).ok()
    }

    /// The ids in `batchItemFailures` of the response; `None` if it has none.
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
