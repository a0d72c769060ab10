//! The platform's telemetry records for the lifecycle of a sandbox. Source: Lambda Developer Guide, "Lambda Telemetry API
//! `Event` schema reference".

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

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
            Outcome::Response(_) => Self::success(),
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

/// Part of an invocation (`Span`).
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) name: &'static str,
    pub(super) from: Instant,
    pub(super) to: Instant,
}

/// When an invocation began, on both clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Began {
    pub(super) at: Instant,
    /// Milliseconds since the epoch.
    pub(super) epoch_ms: i64,
}

impl Began {
    fn render(self, spans: &[Span]) -> Value {
        let span = |span: &Span| {
            let offset = span.from.saturating_duration_since(self.at).as_millis();
            let start = self.epoch_ms.saturating_add(i64::try_from(offset).unwrap_or(i64::MAX));
            json!({
                "name": span.name,
                "start": rfc3339(start),
                "durationMs": millis(span.to.saturating_duration_since(span.from)),
            })
        };
        spans.iter().map(span).collect()
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
    answer: Option<(usize, &[Span])>,
) -> Value {
    let duration = done.saturating_duration_since(began.at);
    let mut record = json!({
        "requestId": request_id,
        "tracing": tracing(),
        "metrics": { "durationMs": millis(duration) },
    });
    if let Some((produced_bytes, spans)) = answer {
        record["metrics"]["producedBytes"] = produced_bytes.into();
        record["spans"] = began.render(spans);
    }
    status.write(&mut record);
    record
}

/// The figures of a `platform.report`.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReportFigures {
    /// From the start of the invocation until the runtime and all extensions had finished.
    pub(super) duration: Duration,
    /// The init phase before it, if it was the first.
    pub(super) init: Option<(Duration, Phase)>,
    pub(super) memory_mb: u32,
    /// Of all processes.
    pub(super) max_rss_kb: u64,
}

/// `platform.report`. An init phase that was part of the invocation counts as part of its duration
/// (lambda-runtime-environment, "Failures during the invoke phase").
pub(super) fn report(
    request_id: &str,
    status: &Status,
    figures: ReportFigures,
    began: Began,
    extension_overhead: Option<Span>,
) -> Value {
    let ReportFigures { duration, init, memory_mb, max_rss_kb } = figures;
    let (duration, init) = match init {
        Some((init, Phase::Invoke)) => (duration + init, None),
        Some((init, Phase::Init)) => (duration, Some(init)),
        None => (duration, None),
    };
    let billed = (duration + init.unwrap_or_default()).as_nanos().div_ceil(1_000_000);
    let mut record = json!({
        "requestId": request_id,
        "tracing": tracing(),
        "metrics": {
            "durationMs": millis(duration),
            "billedDurationMs": u64::try_from(billed).unwrap_or(u64::MAX),
            "memorySizeMB": memory_mb,
            "maxMemoryUsedMB": max_rss_kb.div_ceil(1_024),
        },
    });
    if let Some(init) = init {
        record["metrics"]["initDurationMs"] = millis(init).into();
    }
    if let Some(span) = extension_overhead {
        record["spans"] = began.render(&[span]);
    }
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

    fn figures(init: Option<(Duration, Phase)>) -> Value {
        let duration = Duration::from_micros(10_400);
        let figures = ReportFigures { duration, init, memory_mb: 128, max_rss_kb: 2_049 };
        let began = Began { at: Instant::now(), epoch_ms: 0 };
        report("id", &Status::success(), figures, began, None)["metrics"].take()
    }

    /// Telemetry schema reference, `ReportMetrics`; Lambda bills the init phase, and rounds up to a millisecond.
    #[test]
    fn the_first_invocation_reports_its_init_phase() {
        let init = Duration::from_micros(5_700);
        assert_eq!(
            figures(Some((init, Phase::Init))),
            json!({ "durationMs": 10.4, "billedDurationMs": 17, "initDurationMs": 5.7, "memorySizeMB": 128, "maxMemoryUsedMB": 3 })
        );
    }

    /// Lambda Developer Guide, "Failures during the invoke phase": the init that follows a reset is part of the invoke
    /// phase.
    #[test]
    fn an_init_phase_after_a_reset_counts_as_duration() {
        let metrics = figures(Some((Duration::from_micros(5_700), Phase::Invoke)));
        assert_eq!((&metrics["durationMs"], &metrics["billedDurationMs"]), (&json!(16.1), &json!(17)));
        assert_eq!(metrics.get("initDurationMs"), None);
    }
}
