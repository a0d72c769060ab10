//! The name, type and meaning of every metric, in the order of their exposition.
//!
//! Names follow <https://prometheus.io/docs/practices/naming/>: one prefix, base units, counters end in `_total`.

use super::bounds::{Bound, INITIALIZATION, INVOCATION, OVERHEAD, SIZE};

/// A metric family.
#[derive(Debug)]
pub struct Family {
    /// Its name.
    pub name: &'static str,
    /// The names of the series of a histogram or a summary: buckets, sum, count.
    pub parts: [&'static str; 3],
    /// Its type.
    pub kind: Kind,
    /// The bounds of a histogram, without `+Inf`.
    pub(super) bounds: &'static [Bound],
    /// Its meaning, on one line without backslashes.
    pub help: &'static str,
}

/// The type of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Never falls.
    Counter,
    /// Rises and falls.
    Gauge,
    /// Counts in buckets.
    Histogram,
    /// Sum and count, without quantiles, which cannot be summed over instances.
    Summary,
}

impl Kind {
    /// The type in the text format.
    pub fn text(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Summary => "summary",
        }
    }
}

/// The metrics that are most often queried as rates. Histograms are complete, because rates of buckets are divided by the
/// rate of their count.
pub static RATED: [&Family; 4] = [&INVOCATIONS, &DURATION, &BILLED_DURATION, &COLD_STARTS];

macro_rules! families {
    ($($constant:ident = $kind:ident$([$bounds:ident])? $name:literal, $help:literal;)+) => {
        $(pub(super) static $constant: Family = Family {
            name: concat!("aws_lambda_", $name),
            parts: [
                concat!("aws_lambda_", $name, "_bucket"),
                concat!("aws_lambda_", $name, "_sum"),
                concat!("aws_lambda_", $name, "_count"),
            ],
            kind: Kind::$kind,
            bounds: [$($bounds,)? &[]][0],
            help: $help,
        };)+

        /// Every family.
        pub static FAMILIES: &[&Family] = &[$(&$constant),+];
    };
}

families! {
    INVOCATIONS = Counter "invocations_total", "Invocations that are over, by status.";
    DURATION = Histogram[INVOCATION] "duration_seconds", "Duration of invocations, as reported by Lambda.";
    BILLED_DURATION = Histogram[INVOCATION] "billed_duration_seconds", "Duration that invocations are billed for.";
    COLD_STARTS = Counter "cold_starts_total", "Execution environments that were initialized or restored, by initialization type.";
    INITS = Counter "inits_total", "Initializations that are over, by phase and status.";
    INIT_DURATION = Histogram[INITIALIZATION] "init_duration_seconds", "Duration of initializations, without those for snapshots.";
    RESTORE_DURATION = Histogram[INITIALIZATION] "restore_duration_seconds", "Duration of restorations from a snapshot.";
    RESPONSE_LATENCY = Histogram[INVOCATION] "response_latency_seconds", "Time until the function began to send its response.";
    RESPONSE_DURATION = Histogram[OVERHEAD] "response_duration_seconds", "Time that the function took to send its response.";
    RESPONSE_SIZE = Histogram[SIZE] "response_size_bytes", "Size of responses.";
    RUNTIME_OVERHEAD = Histogram[OVERHEAD] "runtime_overhead_seconds", "Time from a response until the runtime was ready for the next invocation.";
    EXTENSION_OVERHEAD = Histogram[OVERHEAD] "extension_overhead_seconds", "Time that extensions added to invocations after the runtime was done.";
    MEMORY_SIZE = Gauge "memory_size_bytes", "Memory that the function is configured with.";
    MAX_MEMORY_USED = Gauge "max_memory_used_bytes", "Most memory that this execution environment has used.";
    LOGS_DROPPED_RECORDS = Counter "logs_dropped_records_total", "Log records that Lambda dropped before they reached a subscriber.";
    LOGS_DROPPED_BYTES = Counter "logs_dropped_bytes_total", "Bytes of log records that Lambda dropped before they reached a subscriber.";
    EVENTS = Counter "telemetry_events_total", "Events received from the Telemetry API, by type.";
    DUPLICATE_EVENTS = Counter "telemetry_duplicate_events_total", "Events that were received before and are not counted again.";
    INVALID_EVENTS = Counter "telemetry_invalid_events_total", "Events that do not follow the schema of the Telemetry API.";
    OVERSIZED_DELIVERIES = Counter "telemetry_oversized_deliveries_total", "Deliveries of the Telemetry API that were too large and dropped whole.";
    DISPATCHES = Counter "telemetry_dispatches_total", "Dispatches of these metrics to their destination, by outcome.";
    REPORT_DURATION = Summary "report_duration_seconds", "Duration of invocations.";
    REPORT_BILLED_DURATION = Summary "report_billed_duration_seconds", "Duration that invocations are billed for.";
    REPORT_INIT_DURATION = Summary "report_init_duration_seconds", "Duration of initializations as in the report of the first invocation.";
    REPORT_MEMORY_SIZE = Summary "report_memory_size_bytes", "Memory that the function is configured with, at each invocation.";
    REPORT_MAX_MEMORY_USED = Summary "report_max_memory_used_bytes", "Most memory that the execution environment had used, at each invocation.";
}
