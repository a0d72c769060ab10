//! The result of an invocation for its caller: the payload, whether it is an error, and the tail of the log (Lambda
//! Developer Guide, "Understanding retry behavior", "Troubleshoot invocation issues").

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;

use crate::runtime::{ExtensionFault, InitError, Invocation, Outcome};

/// Lambda API, `Invoke`: "The last 4 KB of the execution log, which is base64-encoded".
const LOG_TAIL_BYTES: usize = 4 * 1_024;

/// An invocation that ran and failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionError {
    /// JSON with `errorType` and `errorMessage`.
    pub payload: Bytes,
}

impl FunctionError {
    /// The error of an invocation, if it failed.
    pub fn of(invocation: &Invocation, timeout: Duration) -> Option<Self> {
        let (error_type, message) = match &invocation.outcome {
            Outcome::Response(_) => return None,
            Outcome::FunctionError { raw, .. } => return Some(Self { payload: raw.clone() }),
            Outcome::TimedOut => {
                ("Sandbox.Timedout", format!("Task timed out after {:.2} seconds", timeout.as_secs_f64()))
            }
            Outcome::Exited { status } if status.success() => {
                ("Runtime.ExitError", "Runtime exited without providing a reason".to_owned())
            }
            Outcome::Exited { status } => {
                ("Runtime.ExitError", format!("Runtime exited with error: {status}"))
            }
            Outcome::ExtensionFailed(fault) => (&*fault.error_type, extension_failed(fault)),
            Outcome::InitFailed(error) => of_init(error),
            Outcome::PayloadTooLarge { bytes } => {
                ("RequestTooLargeException", format!("a payload of {bytes} bytes"))
            }
        };
        let message = format!("RequestId: {} Error: {message}", invocation.request_id);
        Some(Self { payload: json!({ "errorType": error_type, "errorMessage": message }).to_string().into() })
    }
}

fn extension_failed(fault: &ExtensionFault) -> String {
    format!("extension {}: {}", fault.extension, fault.message)
}

fn of_init(error: &InitError) -> (&str, String) {
    match error {
        InitError::NotStarted { source, .. } => ("Runtime.InvalidEntrypoint", format!("{error}: {source}")),
        InitError::Reported { error_type, message, .. } => (error_type, message.clone()),
        InitError::Exited { .. } => ("Runtime.ExitError", error.to_string()),
        InitError::Extension { fault, .. } => (&fault.error_type, extension_failed(fault)),
        InitError::TimedOut { .. } => ("Sandbox.Timedout", error.to_string()),
    }
}

/// The log between the lines that Lambda adds in its text format, truncated to its end.
pub(super) fn log_tail(invocation: &Invocation, memory_mb: u32) -> String {
    let id = &invocation.request_id;
    let mut log = format!("START RequestId: {id} Version: $LATEST\n");
    for line in &invocation.logs {
        log.push_str(line);
        log.push('\n');
    }
    let _ = writeln!(log, "END RequestId: {id}\n{}", report_line(invocation, memory_mb));
    let surplus = log.len().saturating_sub(LOG_TAIL_BYTES);
    let from = (surplus..=log.len()).find(|at| log.is_char_boundary(*at)).unwrap_or_default();
    log.split_off(from)
}

/// The last line of an invocation in the log ("View CloudWatch Logs for Lambda functions", "REPORT").
fn report_line(invocation: &Invocation, memory_mb: u32) -> String {
    let millis = |time: Duration| time.as_secs_f64() * 1_000.0;
    let mut line = format!(
        "REPORT RequestId: {}\tDuration: {:.2} ms\tBilled Duration: {} ms\tMemory Size: {memory_mb} MB",
        invocation.request_id,
        millis(invocation.duration),
        invocation.billed_ms(),
    );
    if let Some(kb) = invocation.max_rss_kb {
        let _ = write!(line, "\tMax Memory Used: {} MB", kb.div_ceil(1_024));
    }
    if let Some(init) = invocation.init {
        let _ = write!(line, "\tInit Duration: {:.2} ms", millis(init));
    }
    line
}
