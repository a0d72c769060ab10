//! The platform's telemetry records for the lifecycle of a sandbox. Source: Lambda Developer Guide, "Lambda Telemetry API
//! `Event` schema reference".

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::api::Answer;
use super::{FunctionOptions, INITIALIZATION_TYPE, Outcome, TRACE_ID, VERSION};
use local_testing::clock::rfc3339;

/// Where an init phase happens (`InitPhase`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Before the first invocation.
    Init,
    /// As part of an invocation, after the environment was reset ("suppressed init").
    Invoke,
}

impl Phase {
    fn name(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Invoke => "invoke",
        }
    }
}

/// How a phase ended (`Status`), with the type of the error if there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Status {
    name: &'static str,
    error_type: Option<String>,
}

impl Status {
    pub(super) fn success() -> Self {
        Self { name: "success", error_type: None }
    }

    pub(super) fn timeout() -> Self {
        Self { name: "timeout", error_type: None }
    }

    /// A process ended.
    pub(super) fn failure(error_type: &str) -> Self {
        Self { name: "failure", error_type: Some(error_type.to_owned()) }
    }

    /// The function reported an error.
    pub(super) fn error(error_type: &str) -> Self {
        let error_type = if error_type.is_empty() { "Runtime.Unknown" } else { error_type };
        Self { name: "error", error_type: Some(error_type.to_owned()) }
    }

    pub(super) fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Response(_) | Outcome::Streamed { .. } => Self::success(),
            Outcome::FunctionError { error_type, .. } => Self::error(error_type),
            Outcome::TimedOut { .. } => Self::timeout(),
            Outcome::ExtensionFailed(fault) => Self::failure(&fault.error_type),
            Outcome::Exited { .. } | Outcome::InitFailed(_) | Outcome::PayloadTooLarge { .. } => {
                Self::failure("Runtime.ExitError")
            }
        }
    }

    fn write(&self, record: &mut Value) {
        record["status"] = self.name.into();
        if let Some(error_type) = &self.error_type {
            record["errorType"] = error_type.as_str().into();
        }
    }
}

/// When an invocation began, on both clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Began {
    pub(super) at: Instant,
    /// Milliseconds since the epoch.
    pub(super) epoch_ms: i64,
}

impl Began {
    /// Part of the invocation (`Span`).
    pub(super) fn span(self, name: &str, from: Instant, to: Instant) -> Value {
        let offset = from.saturating_duration_since(self.at).as_millis();
        let start = self.epoch_ms.saturating_add(i64::try_from(offset).unwrap_or(i64::MAX));
        let duration = millis(to.saturating_duration_since(from));
        json!({ "name": name, "start": rfc3339(start), "durationMs": duration })
    }
}

/// `platform.initStart`.
pub(super) fn init_start(options: &FunctionOptions, phase: Phase) -> Value {
    json!({
        "initializationType": INITIALIZATION_TYPE,
        "phase": phase.name(),
        "functionName": options.name,
        "functionVersion": VERSION,
        "instanceMaxMemory": u64::from(options.memory_mb) * 1_024 * 1_024,
    })
}

/// `platform.initRuntimeDone`.
pub(super) fn init_runtime_done(phase: Phase, status: &Status) -> Value {
    let mut record = json!({ "initializationType": INITIALIZATION_TYPE, "phase": phase.name() });
    status.write(&mut record);
    record
}

/// `platform.initReport`.
pub(super) fn init_report(phase: Phase, status: &Status, duration: Duration) -> Value {
    let mut record = init_runtime_done(phase, status);
    record["metrics"] = json!({ "durationMs": millis(duration) });
    record
}

/// `platform.start`.
pub(super) fn start(request_id: &str) -> Value {
    json!({ "requestId": request_id, "version": VERSION, "tracing": tracing() })
}

/// `platform.runtimeDone`.
pub(super) fn runtime_done(
    request_id: &str,
    status: &Status,
    began: Began,
    done: Instant,
    answer: Option<&Answer>,
) -> Value {
    let duration = millis(done.saturating_duration_since(began.at));
    let mut record = json!({
        "requestId": request_id,
        "tracing": tracing(),
        "metrics": { "durationMs": duration },
    });
    if let Some(answer) = answer {
        record["metrics"]["producedBytes"] = answer.bytes.into();
        record["spans"] = json!([
            began.span("responseLatency", began.at, answer.began),
            began.span("responseDuration", answer.began, answer.ended),
            began.span("runtimeOverhead", answer.ended, done),
        ]);
    }
    status.write(&mut record);
    record
}

/// The metrics of a `platform.report`: the time until the runtime and all extensions had finished, the init phase before it if
/// it was the first, and the largest resident sets of all processes. An init phase that was part of the invocation counts as
/// part of its duration (lambda-runtime-environment, "Failures during the invoke phase").
pub(super) fn metrics(
    mut duration: Duration,
    init: Option<(Duration, Phase)>,
    memory_mb: u32,
    max_rss_kb: u64,
) -> Value {
    let billed = duration + init.map(|(init, _)| init).unwrap_or_default();
    if let Some((_, Phase::Invoke)) = init {
        duration = billed;
    }
    let billed = billed.as_nanos().div_ceil(1_000_000);
    let mut metrics = json!({
        "durationMs": millis(duration),
        "billedDurationMs": u64::try_from(billed).unwrap_or(u64::MAX),
        "memorySizeMB": memory_mb,
        "maxMemoryUsedMB": max_rss_kb.div_ceil(1_024),
    });
    if let Some((init, Phase::Init)) = init {
        metrics["initDurationMs"] = millis(init).into();
    }
    metrics
}

/// `platform.report`.
pub(super) fn report(request_id: &str, status: &Status, metrics: &Value, overhead: &Value) -> Value {
    let mut record = json!({
        "requestId": request_id,
        "tracing": tracing(),
        "metrics": metrics,
        "spans": [overhead],
    });
    status.write(&mut record);
    record
}

fn tracing() -> Value {
    json!({ "type": "X-Amzn-Trace-Id", "value": TRACE_ID })
}

/// Milliseconds with three digits after the point.
fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1_000_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(phase: Phase) -> Value {
        let init = (Duration::from_micros(5_700), phase);
        metrics(Duration::from_micros(10_400), Some(init), 128, 2_049)
    }

    /// Telemetry schema reference, `ReportMetrics`; Lambda bills the init phase, and rounds up to a millisecond.
    #[test]
    fn the_first_invocation_reports_its_init_phase() {
        assert_eq!(
            figures(Phase::Init),
            json!({ "durationMs": 10.4, "billedDurationMs": 17, "initDurationMs": 5.7, "memorySizeMB": 128, "maxMemoryUsedMB": 3 })
        );
    }

    /// Lambda Developer Guide, "Failures during the invoke phase": the init that follows a reset is part of the invoke
    /// phase.
    #[test]
    fn an_init_phase_after_a_reset_counts_as_duration() {
        let metrics = figures(Phase::Invoke);
        assert_eq!((&metrics["durationMs"], &metrics["billedDurationMs"]), (&json!(16.1), &json!(17)));
        assert_eq!(metrics.get("initDurationMs"), None);
    }
}
