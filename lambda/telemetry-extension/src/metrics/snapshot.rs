//! The metrics at one instant, in a form that every destination can write.
//!
//! Series never disappear. Those for alerts and rates start as zeros; rare label values and histograms start with their first
//! value.

use super::family::{self as f, Family};
use super::histogram::Histogram;
use super::label_value::{DispatchOutcome, EventType, InitializationType, Phase, Status};
use super::{MB, Metrics, Summary};

/// The labels of a metric besides the common ones. An empty name means no label.
pub type OwnLabels = [(&'static str, &'static str); 2];

/// The value of one series, without the common labels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The name of the series.
    pub name: &'static str,
    /// The own labels.
    pub labels: OwnLabels,
    /// The value.
    pub value: f64,
    /// Whether the value grows from zero and never falls.
    pub cumulative: bool,
}

/// All families with a series, and their points.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// In the order of [`super::family::FAMILIES`].
    pub families: Vec<(&'static Family, Vec<Point>)>,
}

const NO_LABELS: OwnLabels = [("", ""); 2];

impl Point {
    /// The own labels, without empty ones.
    pub fn labels(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.labels.into_iter().filter(|(name, _)| !name.is_empty())
    }

    /// The key of the series.
    pub fn series(&self) -> (&'static str, OwnLabels) {
        (self.name, self.labels)
    }
}

impl Snapshot {
    /// All points.
    pub fn points(&self) -> impl Iterator<Item = &Point> {
        self.families.iter().flat_map(|(_, points)| points)
    }

    fn counter(&mut self, family: &'static Family, value: u64) {
        self.add(family, vec![counter(family, NO_LABELS, value)]);
    }

    /// A counter with one label. Its `always` values start as zeros.
    fn counter_by(
        &mut self,
        family: &'static Family,
        label: &'static str,
        values: impl Iterator<Item = (&'static str, u64)>,
        always: impl Fn(&str) -> bool,
    ) {
        let present = values.filter(|&(text, count)| count > 0 || always(text));
        let points = present.map(|(text, count)| counter(family, [(label, text), ("", "")], count)).collect();
        self.add(family, points);
    }

    fn gauge(&mut self, family: &'static Family, value: Option<f64>) {
        let point = |value| Point { name: family.name, labels: NO_LABELS, value, cumulative: false };
        self.add(family, value.map(point).into_iter().collect());
    }

    fn histogram(&mut self, family: &'static Family, histogram: &Histogram, always: bool) {
        if histogram.count() == 0 && !always {
            return;
        }
        let [bucket, ..] = family.parts;
        let mut points: Vec<_> = histogram
            .cumulative()
            .map(|(le, count)| cumulative(bucket, [("le", le), ("", "")], as_double(count)))
            .collect();
        points.extend(sum_and_count(family, histogram.sum(), histogram.count()));
        self.add(family, points);
    }

    fn summary(&mut self, family: &'static Family, summary: &Summary) {
        self.add(family, sum_and_count(family, summary.sum, summary.count).to_vec());
    }

    fn add(&mut self, family: &'static Family, points: Vec<Point>) {
        if !points.is_empty() {
            self.families.push((family, points));
        }
    }
}

fn counter(family: &'static Family, labels: OwnLabels, value: u64) -> Point {
    cumulative(family.name, labels, as_double(value))
}

fn cumulative(name: &'static str, labels: OwnLabels, value: f64) -> Point {
    Point { name, labels, value, cumulative: true }
}

fn sum_and_count(family: &'static Family, sum: f64, number: u64) -> [Point; 2] {
    let [_, sum_name, count_name] = family.parts;
    [cumulative(sum_name, NO_LABELS, sum), cumulative(count_name, NO_LABELS, as_double(number))]
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus counts in doubles too")]
fn as_double(count: u64) -> f64 {
    count as f64
}

impl Metrics {
    /// The current metrics.
    pub fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::default();
        self.about_invocations(&mut snapshot);
        self.about_telemetry(&mut snapshot);
        if let Some(summaries) = &self.summaries {
            for (family, summary) in [
                (&f::REPORT_DURATION, &summaries.duration),
                (&f::REPORT_BILLED_DURATION, &summaries.billed_duration),
                (&f::REPORT_INIT_DURATION, &summaries.init_duration),
                (&f::REPORT_MEMORY_SIZE, &summaries.memory_size),
                (&f::REPORT_MAX_MEMORY_USED, &summaries.max_memory_used),
            ] {
                snapshot.summary(family, summary);
            }
        }
        snapshot
    }

    fn about_invocations(&self, snapshot: &mut Snapshot) {
        let (reports, inits) = (&self.reports, &self.inits);
        let statuses = Status::ALL.iter().map(|value| (value.text(), reports.invocations[value.index()]));
        snapshot.counter_by(&f::INVOCATIONS, "status", statuses, is_known);
        snapshot.histogram(&f::DURATION, &reports.duration, true);
        snapshot.histogram(&f::BILLED_DURATION, &reports.billed_duration, true);
        let types = InitializationType::ALL;
        let cold_starts = types.iter().map(|value| (value.text(), inits.cold_starts[value.index()]));
        snapshot.counter_by(&f::COLD_STARTS, "initialization_type", cold_starts, |_| false);
        let mut by_phase_and_status = Vec::new();
        for phase in Phase::ALL {
            for status in Status::ALL {
                let value = inits.by_phase[phase.index()][status.index()];
                if value > 0 {
                    let labels = [("phase", phase.text()), ("status", status.text())];
                    by_phase_and_status.push(counter(&f::INITS, labels, value));
                }
            }
        }
        snapshot.add(&f::INITS, by_phase_and_status);
        for (family, histogram) in [
            (&f::INIT_DURATION, &inits.init_duration),
            (&f::RESTORE_DURATION, &inits.restore_duration),
            (&f::RESPONSE_LATENCY, &reports.response_latency),
            (&f::RESPONSE_DURATION, &reports.response_duration),
            (&f::RESPONSE_SIZE, &reports.response_size),
            (&f::RUNTIME_OVERHEAD, &reports.runtime_overhead),
            (&f::EXTENSION_OVERHEAD, &reports.extension_overhead),
        ] {
            snapshot.histogram(family, histogram, false);
        }
        snapshot.gauge(&f::MEMORY_SIZE, reports.memory_size_mb.map(|mb| mb * MB));
        snapshot.gauge(&f::MAX_MEMORY_USED, reports.max_memory_used_mb.map(|mb| mb * MB));
    }

    fn about_telemetry(&self, snapshot: &mut Snapshot) {
        let telemetry = &self.telemetry;
        snapshot.counter(&f::LOGS_DROPPED_RECORDS, telemetry.dropped_records);
        snapshot.counter(&f::LOGS_DROPPED_BYTES, telemetry.dropped_bytes);
        let types = EventType::ALL.iter().map(|value| (value.text(), telemetry.events[value.index()]));
        snapshot.counter_by(&f::EVENTS, "type", types, |_| false);
        snapshot.counter(&f::DUPLICATE_EVENTS, telemetry.duplicates);
        snapshot.counter(&f::INVALID_EVENTS, telemetry.invalid);
        snapshot.counter(&f::OVERSIZED_DELIVERIES, telemetry.oversized_deliveries);
        let outcomes =
            DispatchOutcome::ALL.iter().map(|value| (value.text(), telemetry.dispatches[value.index()]));
        snapshot.counter_by(&f::DISPATCHES, "outcome", outcomes, is_known);
    }
}

fn is_known(value: &str) -> bool {
    value != "other"
}
