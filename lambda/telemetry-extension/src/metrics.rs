//! Counts events in the counters, histograms and gauges of this execution environment.
//!
//! All counts are cumulative over the life of the process, so a lost snapshot only costs resolution. The order of events does
//! not matter, nor do repetitions (within the window of [`Seen`]). The size is bounded: label values come from fixed sets.
//!
//! Series never disappear. Those for alerts and rates start as zeros; rare label values and histograms start with their first
//! value.

mod bounds;
pub mod family;
pub mod label_value;
mod selection;
mod snapshot;

pub use family::{Family, Kind};
pub use selection::{Selection, UnknownName};
pub use snapshot::{OwnLabels, Point, Snapshot};

use crate::event::{Event, Record};
use crate::seen::Seen;
use family as f;
use label_value::{INITIALIZATION_TYPES, OUTCOMES, PHASES, STATUSES, known};

/// Memory sizes of Lambda are in units of 1,048,576 bytes (quotas: "128 MB to 10,240 MB, in 1-MB increments").
const MB: f64 = 1_048_576.0;

/// Sum and count of the figures of reports, compatible with an earlier extension.
const SUMMARIES: [&Family; 5] = [
    &f::REPORT_DURATION,
    &f::REPORT_BILLED_DURATION,
    &f::REPORT_INIT_DURATION,
    &f::REPORT_MEMORY_SIZE,
    &f::REPORT_MAX_MEMORY_USED,
];

/// The metrics of this execution environment.
#[derive(Debug)]
pub struct Metrics {
    seen: Seen,
    received: u64,
    instance_id: Option<String>,
    summaries: bool,
    current: Snapshot,
}

impl Metrics {
    /// Metrics without events. `memory_size_mb` is the configured memory, if it is known before the first report.
    pub fn new(memory_size_mb: Option<f64>, summaries: bool) -> Self {
        let mut current = Snapshot::empty();
        for status in STATUSES {
            current.add_to(&f::INVOCATIONS, [("status", status), ("", "")], 0.0);
        }
        for outcome in OUTCOMES {
            current.add_to(&f::DISPATCHES, [("outcome", outcome), ("", "")], 0.0);
        }
        for counter in [
            &f::LOGS_DROPPED_RECORDS,
            &f::LOGS_DROPPED_BYTES,
            &f::DUPLICATE_EVENTS,
            &f::INVALID_EVENTS,
            &f::OVERSIZED_DELIVERIES,
        ] {
            current.add(counter, 0.0);
        }
        for family in [&f::DURATION, &f::BILLED_DURATION] {
            current.begin(family);
        }
        for family in SUMMARIES.into_iter().filter(|_| summaries) {
            current.begin(family);
        }
        if let Some(mb) = memory_size_mb {
            current.set(&f::MEMORY_SIZE, mb * MB);
        }
        Self { seen: Seen::default(), received: 0, instance_id: None, summaries, current }
    }

    /// Counts an event.
    pub fn observe(&mut self, event: &Event<'_>) {
        let Event { kind, key, record } = event;
        self.received += 1;
        self.current.count(&f::EVENTS, "type", kind);
        // Log lines have no key: two may be the same at the same millisecond.
        let has_key = !matches!(*kind, "function" | "extension" | "other");
        if has_key && !self.seen.insert((*kind, &**key)) {
            self.observe_repeated(1);
            return;
        }
        let figures = record.metrics.unwrap_or_default();
        match *kind {
            "platform.initStart" => {
                self.note_instance(record);
                // The initialization for a snapshot, when a version is published, is not a cold start.
                if record.phase.as_deref() != Some("snap-start") {
                    let kind = value(&INITIALIZATION_TYPES, record.initialization_type.as_deref());
                    self.current.count(&f::COLD_STARTS, "initialization_type", kind);
                }
            }
            "platform.initReport" => {
                let phase = value(&PHASES, record.phase.as_deref());
                let status = value(&STATUSES, record.status.as_deref());
                self.current.add_to(&f::INITS, [("phase", phase), ("status", status)], 1.0);
                if phase != "snap-start" {
                    self.current.observe(&f::INIT_DURATION, seconds(figures.duration_ms));
                }
            }
            "platform.restoreStart" => {
                self.note_instance(record);
                self.current.count(&f::COLD_STARTS, "initialization_type", "snap-start");
            }
            "platform.restoreReport" => {
                self.current.observe(&f::RESTORE_DURATION, seconds(figures.duration_ms));
            }
            "platform.runtimeDone" => {
                self.current.observe(&f::RESPONSE_SIZE, figures.produced_bytes);
                self.observe_spans(key, record);
            }
            "platform.report" => {
                self.observe_report(record);
                self.observe_spans(key, record);
            }
            "platform.logsDropped" => {
                self.current.add(&f::LOGS_DROPPED_RECORDS, double(record.dropped_records.unwrap_or(0)));
                self.current.add(&f::LOGS_DROPPED_BYTES, double(record.dropped_bytes.unwrap_or(0)));
            }
            _ => {}
        }
    }

    /// Counts an invalid event.
    pub fn observe_invalid(&mut self) {
        self.received += 1;
        self.current.add(&f::INVALID_EVENTS, 1.0);
    }

    /// Counts the events of a repeated delivery.
    pub fn observe_repeated(&mut self, events: u64) {
        self.current.add(&f::DUPLICATE_EVENTS, double(events));
    }

    /// Counts a delivery that was too large to parse.
    pub fn observe_oversized(&mut self) {
        self.received += 1;
        self.current.add(&f::OVERSIZED_DELIVERIES, 1.0);
    }

    /// Counts a finished dispatch: `delivered`, `rejected` or `failed`.
    pub fn observe_dispatch(&mut self, outcome: &'static str) {
        self.current.count(&f::DISPATCHES, "outcome", outcome);
    }

    /// The number of events, valid or not.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Whether the invocation has been reported.
    pub fn is_reported(&self, request_id: &str) -> bool {
        self.seen.contains(("platform.report", request_id))
    }

    /// Lambda's id of this execution environment, once it is known.
    pub fn instance_id(&self) -> Option<&str> {
        self.instance_id.as_deref()
    }

    /// The current metrics.
    pub fn snapshot(&self) -> Snapshot {
        let families = self.current.families.iter().filter(|(_, points)| !points.is_empty());
        Snapshot { families: families.cloned().collect() }
    }

    fn note_instance(&mut self, record: &Record<'_>) {
        if let Some(id) = record.instance_id.as_deref().filter(|id| !id.is_empty()) {
            self.instance_id = Some(id.to_owned());
        }
    }

    fn observe_report(&mut self, record: &Record<'_>) {
        let (current, figures) = (&mut self.current, record.metrics.unwrap_or_default());
        let (duration, billed) = (seconds(figures.duration_ms), seconds(figures.billed_duration_ms));
        let memory = figures.memory_size_mb.map(|mb| mb * MB);
        let used = figures.max_memory_used_mb.map(|mb| mb * MB);
        current.count(&f::INVOCATIONS, "status", value(&STATUSES, record.status.as_deref()));
        current.observe(&f::DURATION, duration);
        current.observe(&f::BILLED_DURATION, billed);
        if let Some(bytes) = memory {
            current.set(&f::MEMORY_SIZE, bytes);
        }
        if let Some(bytes) = used {
            current.raise(&f::MAX_MEMORY_USED, bytes);
        }
        if self.summaries {
            let values = [duration, billed, seconds(figures.init_duration_ms), memory, used];
            for (family, value) in SUMMARIES.into_iter().zip(values) {
                current.observe(family, value);
            }
        }
    }

    /// `responseLatency` and `responseDuration` come with `platform.runtimeDone`, on Managed Instances with
    /// `platform.report`. Each counts once.
    fn observe_spans(&mut self, request_id: &str, record: &Record<'_>) {
        for (name, family) in [
            ("responseLatency", &f::RESPONSE_LATENCY),
            ("responseDuration", &f::RESPONSE_DURATION),
            ("runtimeOverhead", &f::RUNTIME_OVERHEAD),
            ("extensionOverhead", &f::EXTENSION_OVERHEAD),
        ] {
            let span = record.span(name);
            if span.is_some() && self.seen.insert((name, request_id)) {
                self.current.observe(family, seconds(span));
            }
        }
    }
}

/// The label value for a text; `other` if there is none.
fn value(values: &[&'static str], text: Option<&str>) -> &'static str {
    known(values, text.unwrap_or_default())
}

fn seconds(milliseconds: Option<f64>) -> Option<f64> {
    milliseconds.map(|milliseconds| milliseconds / 1e3)
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus counts in doubles too")]
fn double(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
