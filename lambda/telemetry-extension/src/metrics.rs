//! Counts events in the counters, histograms and gauges of this execution environment.
//!
//! All counts are cumulative over the life of the process, so a lost snapshot only costs resolution. The order of events does
//! not matter, nor do repetitions (within the window of [`Seen`]). The size is bounded: label values come from fixed sets.

pub mod family;
pub mod histogram;
pub mod label_value;
mod selection;
mod snapshot;

pub use family::{Family, Kind};
pub use selection::{Selection, UnknownName};
pub use snapshot::{OwnLabels, Point, Snapshot};

use crate::event::{Event, Facts, Spans};
use crate::seen::Seen;
use histogram::Histogram;
use label_value::{DispatchOutcome, EventType, InitializationType, Phase, Status};

/// Memory sizes of Lambda are in units of 1,048,576 bytes (quotas: "128 MB to 10,240 MB, in 1-MB increments").
const MB: f64 = 1_048_576.0;

/// The metrics of this execution environment.
#[derive(Debug)]
pub struct Metrics {
    seen: Seen,
    received: u64,
    reports: Reports,
    inits: Inits,
    telemetry: Telemetry,
    summaries: Option<Summaries>,
}

/// The metrics of invocations.
#[derive(Debug)]
struct Reports {
    invocations: [u64; Status::COUNT],
    duration: Histogram,
    billed_duration: Histogram,
    response_latency: Histogram,
    response_duration: Histogram,
    response_size: Histogram,
    runtime_overhead: Histogram,
    extension_overhead: Histogram,
    memory_size_mb: Option<f64>,
    max_memory_used_mb: Option<f64>,
}

/// The metrics of initializations and restores.
#[derive(Debug)]
struct Inits {
    cold_starts: [u64; InitializationType::COUNT],
    by_phase: [[u64; Status::COUNT]; Phase::COUNT],
    init_duration: Histogram,
    restore_duration: Histogram,
    instance_id: Option<String>,
}

/// The metrics of the telemetry itself.
#[derive(Debug, Default)]
struct Telemetry {
    events: [u64; EventType::COUNT],
    duplicates: u64,
    invalid: u64,
    oversized_deliveries: u64,
    dropped_records: u64,
    dropped_bytes: u64,
    dispatches: [u64; DispatchOutcome::COUNT],
}

/// Sum and count of the figures of reports, compatible with an earlier extension.
#[derive(Debug, Default)]
struct Summaries {
    duration: Summary,
    billed_duration: Summary,
    init_duration: Summary,
    memory_size: Summary,
    max_memory_used: Summary,
}

#[derive(Debug, Default)]
struct Summary {
    sum: f64,
    count: u64,
}

impl Metrics {
    /// Metrics without events. `memory_size_mb` is the configured memory, if it is known before the first report.
    pub fn new(memory_size_mb: Option<f64>, summaries: bool) -> Self {
        Self {
            seen: Seen::default(),
            received: 0,
            reports: Reports {
                invocations: [0; Status::COUNT],
                duration: Histogram::new(histogram::INVOCATION),
                billed_duration: Histogram::new(histogram::INVOCATION),
                response_latency: Histogram::new(histogram::INVOCATION),
                response_duration: Histogram::new(histogram::OVERHEAD),
                response_size: Histogram::new(histogram::RESPONSE_SIZE),
                runtime_overhead: Histogram::new(histogram::OVERHEAD),
                extension_overhead: Histogram::new(histogram::OVERHEAD),
                memory_size_mb,
                max_memory_used_mb: None,
            },
            inits: Inits {
                cold_starts: [0; InitializationType::COUNT],
                by_phase: [[0; Status::COUNT]; Phase::COUNT],
                init_duration: Histogram::new(histogram::INITIALIZATION),
                restore_duration: Histogram::new(histogram::INITIALIZATION),
                instance_id: None,
            },
            telemetry: Telemetry::default(),
            summaries: summaries.then(Summaries::default),
        }
    }

    /// Counts an event.
    pub fn observe(&mut self, event: &Event<'_>) {
        self.received += 1;
        self.telemetry.events[event.kind.index()] += 1;
        // Log lines have no key: two may be the same at the same millisecond.
        let has_key = !matches!(event.kind, EventType::Function | EventType::Extension | EventType::Other);
        if has_key && !self.seen.insert((event.kind.index(), &*event.key)) {
            self.telemetry.duplicates += 1;
            return;
        }
        let facts = &event.facts;
        match event.kind {
            EventType::InitStart => self.init_started(facts),
            EventType::InitReport => self.init_reported(facts),
            EventType::RestoreStart => {
                self.inits.cold_starts[InitializationType::SnapStart.index()] += 1;
                self.note_instance(facts);
            }
            EventType::RestoreReport => {
                observe_ms(&mut self.inits.restore_duration, facts.figures.duration_ms);
            }
            EventType::RuntimeDone => {
                if let Some(bytes) = facts.figures.produced_bytes {
                    self.reports.response_size.observe(bytes);
                }
                self.observe_spans(&event.key, &facts.spans);
            }
            EventType::Report => {
                self.reported(facts);
                self.observe_spans(&event.key, &facts.spans);
            }
            EventType::LogsDropped => {
                let dropped = facts.dropped.unwrap_or(crate::event::Dropped { records: 0, bytes: 0 });
                let telemetry = &mut self.telemetry;
                telemetry.dropped_records = telemetry.dropped_records.saturating_add(dropped.records);
                telemetry.dropped_bytes = telemetry.dropped_bytes.saturating_add(dropped.bytes);
            }
            _ => {}
        }
    }

    /// Counts an invalid event.
    pub fn observe_invalid(&mut self) {
        self.received += 1;
        self.telemetry.invalid += 1;
    }

    /// Counts the events of a repeated delivery.
    pub fn observe_repeated(&mut self, events: u64) {
        self.telemetry.duplicates += events;
    }

    /// Counts a delivery that was too large to parse.
    pub fn observe_oversized(&mut self) {
        self.received += 1;
        self.telemetry.oversized_deliveries += 1;
    }

    /// Counts a finished dispatch.
    pub fn observe_dispatch(&mut self, outcome: DispatchOutcome) {
        self.telemetry.dispatches[outcome.index()] += 1;
    }

    /// The number of events, valid or not.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Whether the invocation has been reported.
    pub fn is_reported(&self, request_id: &str) -> bool {
        self.seen.contains((EventType::Report.index(), request_id))
    }

    /// Lambda's id of this execution environment, once it is known.
    pub fn instance_id(&self) -> Option<&str> {
        self.inits.instance_id.as_deref()
    }

    fn init_started(&mut self, facts: &Facts) {
        self.note_instance(facts);
        // The initialization for a snapshot, when a version is published, is not a cold start.
        if facts.phase != Some(Phase::SnapStart) {
            let kind = facts.initialization_type.unwrap_or(InitializationType::Other);
            self.inits.cold_starts[kind.index()] += 1;
        }
    }

    fn init_reported(&mut self, facts: &Facts) {
        let phase = facts.phase.unwrap_or(Phase::Other);
        let status = facts.status.unwrap_or(Status::Other);
        self.inits.by_phase[phase.index()][status.index()] += 1;
        if phase != Phase::SnapStart {
            observe_ms(&mut self.inits.init_duration, facts.figures.duration_ms);
        }
    }

    fn note_instance(&mut self, facts: &Facts) {
        if facts.instance_id.is_some() {
            self.inits.instance_id.clone_from(&facts.instance_id);
        }
    }

    fn reported(&mut self, facts: &Facts) {
        let (reports, figures) = (&mut self.reports, &facts.figures);
        reports.invocations[facts.status.unwrap_or(Status::Other).index()] += 1;
        observe_ms(&mut reports.duration, figures.duration_ms);
        observe_ms(&mut reports.billed_duration, figures.billed_duration_ms);
        reports.memory_size_mb = figures.memory_size_mb.or(reports.memory_size_mb);
        reports.max_memory_used_mb = match (reports.max_memory_used_mb, figures.max_memory_used_mb) {
            (Some(known), Some(new)) => Some(known.max(new)),
            (known, new) => known.or(new),
        };
        if let Some(summaries) = &mut self.summaries {
            summaries.duration.observe(figures.duration_ms, 1e3);
            summaries.billed_duration.observe(figures.billed_duration_ms, 1e3);
            summaries.init_duration.observe(figures.init_duration_ms, 1e3);
            summaries.memory_size.observe(figures.memory_size_mb, 1.0 / MB);
            summaries.max_memory_used.observe(figures.max_memory_used_mb, 1.0 / MB);
        }
    }

    /// `responseLatency` and `responseDuration` come with `platform.runtimeDone`, on Managed Instances with
    /// `platform.report`. Each counts once.
    fn observe_spans(&mut self, request_id: &str, spans: &Spans) {
        let reports = &mut self.reports;
        for (name, span, histogram) in [
            ("responseLatency", spans.response_latency, &mut reports.response_latency),
            ("responseDuration", spans.response_duration, &mut reports.response_duration),
            ("runtimeOverhead", spans.runtime_overhead, &mut reports.runtime_overhead),
            ("extensionOverhead", spans.extension_overhead, &mut reports.extension_overhead),
        ] {
            if span.is_some() && self.seen.insert((name, request_id)) {
                observe_ms(histogram, span);
            }
        }
    }
}

fn observe_ms(histogram: &mut Histogram, milliseconds: Option<f64>) {
    if let Some(milliseconds) = milliseconds {
        histogram.observe(milliseconds / 1e3);
    }
}

impl Summary {
    fn observe(&mut self, value: Option<f64>, per_unit: f64) {
        if let Some(value) = value {
            self.sum += value / per_unit;
            self.count += 1;
        }
    }
}

#[cfg(test)]
mod tests;
