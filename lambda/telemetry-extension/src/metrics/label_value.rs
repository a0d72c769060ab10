//! The fixed sets of label values. Values that Lambda adds later become `other`, so the number of series has a bound.

/// The ends of a phase (schema reference, `Status`).
pub(super) const STATUSES: [&str; 4] = ["success", "failure", "error", "timeout"];

/// The origins of an execution environment (schema reference, `InitType`; the last two are values of the variable
/// `AWS_LAMBDA_INITIALIZATION_TYPE`).
pub(super) const INITIALIZATION_TYPES: [&str; 4] =
    ["on-demand", "provisioned-concurrency", "snap-start", "lambda-managed-instances"];

/// The times of an initialization (schema reference, `InitPhase`).
pub(super) const PHASES: [&str; 3] = ["init", "invoke", "snap-start"];

/// The types of events (schema reference, first table).
pub const EVENT_TYPES: [&str; 14] = [
    "platform.initStart",
    "platform.initRuntimeDone",
    "platform.initReport",
    "platform.start",
    "platform.runtimeDone",
    "platform.report",
    "platform.restoreStart",
    "platform.restoreRuntimeDone",
    "platform.restoreReport",
    "platform.extension",
    "platform.telemetrySubscription",
    "platform.logsDropped",
    "function",
    "extension",
];

/// The outcomes of a dispatch.
pub(super) const OUTCOMES: [&str; 3] = ["delivered", "rejected", "failed"];

/// The value that equals `text`, or `other`.
pub fn known(values: &[&'static str], text: &str) -> &'static str {
    values.iter().copied().find(|value| *value == text).unwrap_or("other")
}
