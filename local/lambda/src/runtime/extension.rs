//! The external extensions of one sandbox: their processes and the Extensions API. Source: Lambda Developer Guide, "Using
//! the Lambda Extensions API to create extensions".

pub(super) mod api;
mod process;
mod registry;

use std::time::Duration;

use http::StatusCode;

pub(super) use process::Extensions;
pub(super) use registry::Registry;

/// Why a request of an extension is rejected.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) error_type: &'static str,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn bad_request(error_type: &'static str, message: String) -> Self {
        Self { status: StatusCode::BAD_REQUEST, error_type, message }
    }

    pub(super) fn forbidden(error_type: &'static str, message: String) -> Self {
        Self { status: StatusCode::FORBIDDEN, error_type, message }
    }
}

/// Why a sandbox is shut down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShutdownReason {
    /// It is no longer needed.
    Spindown,
    /// An invocation took too long.
    Timeout,
    /// The runtime or an extension failed.
    Failure,
}

impl ShutdownReason {
    /// As in the event SHUTDOWN.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Spindown => "SPINDOWN",
            Self::Timeout => "TIMEOUT",
            Self::Failure => "FAILURE",
        }
    }
}

/// The failure of an extension.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("extension {extension}: {message}")]
pub struct ExtensionFault {
    /// The extension's name.
    pub extension: String,
    /// Its `Lambda-Extension-Function-Error-Type`, or `Extension.Crash` if it ended without a report.
    pub error_type: String,
    /// `errorMessage` of its report, or how it ended.
    pub message: String,
}

impl ExtensionFault {
    /// The error type of an extension that was not ready in time.
    pub(super) const TIMED_OUT: &str = "Sandbox.Timedout";
}

/// The resource usage of an extension's process, and how long it prolonged an invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtensionFigures {
    /// The extension's name.
    pub name: String,
    /// Its process, while it runs.
    pub pid: Option<u32>,
    /// From starting the program to its registration.
    pub registered: Option<Duration>,
    /// From starting the program to its first request for an event.
    pub ready: Option<Duration>,
    /// User and system time since it started (`clock_getcpuclockid`, nanoseconds).
    pub cpu: Option<Duration>,
    /// The largest resident set so far (`VmHWM`).
    pub max_rss_kb: Option<u64>,
    /// How long the latest invocation stayed open for it after the runtime had finished.
    pub kept_open: Duration,
}
