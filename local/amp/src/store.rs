//! The memory of the workspace, and the decision on a request: the distributor's rules, the limits, the engine.

use std::collections::BTreeMap;

use http::StatusCode;
use prometheus_proto::{Label, MetricMetadata};

use super::active_series::Room;
use super::answer::{Refusal, Written};
use super::decode::Decoded;
use super::distributor::{ValidSeries, validate};
use super::engine::{AppendError, Bounds, newest};
use super::fault::SeriesMatcher;
use super::ha_tracker::HaTracker;
use super::limits::Limits;
use super::series::{EntriesBySeries, LabelSet, Value};
use super::text::{label_set, time};
use super::{AmpOptions, Ingestion, whole_ms};

/// The samples of one workspace.
#[derive(Debug, Default)]
pub(super) struct Store {
    series: EntriesBySeries,
    head: Option<i64>,
    /// By metric family; only the newest of each.
    metadata: BTreeMap<String, MetricMetadata>,
}

/// Series that a fault refuses, with the answer.
#[derive(Debug)]
pub(super) struct RefusedSeries {
    pub(super) series: SeriesMatcher,
    pub(super) refusal: Refusal,
}

/// The decision on one request.
#[derive(Debug)]
pub(super) struct Plan {
    /// The entries to store.
    pub(super) accepted: EntriesBySeries,
    /// The metadata to store.
    pub(super) metadata: Vec<MetricMetadata>,
    /// The answer, if anything was refused.
    pub(super) first_error: Option<Refusal>,
    /// The numbers that a receiver of 2.0 reports.
    pub(super) written: Written,
}

impl Store {
    pub(super) fn series(&self) -> &EntriesBySeries {
        &self.series
    }

    pub(super) fn metadata(&self) -> &BTreeMap<String, MetricMetadata> {
        &self.metadata
    }

    /// Decides on a request. Nothing is stored yet.
    pub(super) fn plan(
        &self,
        options: &AmpOptions,
        limits: &mut Limits,
        ha_tracker: &mut HaTracker,
        decoded: &Decoded,
        refused: Option<&RefusedSeries>,
    ) -> Result<Plan, Refusal> {
        let now_ms = options.clock.now_ms();
        let without_replica = match options.ha_failover_timeout {
            Some(timeout) => ha_tracker.admit(timeout, now_ms, &decoded.request)?,
            None => false,
        };
        let mut validated = validate(options, now_ms, decoded, without_replica, refused)?;
        limits.take_samples(options, &validated)?;
        let metadata = std::mem::take(&mut validated.metadata);
        let bounds = self.bounds(options, &validated.series);
        let valid = validated.written();
        let (appended, ingester_error) = self.append(options, bounds, validated.series);
        // Cortex then reports 0, although it stores the valid samples.
        let written = if ingester_error.is_some() { Written::default() } else { valid };
        // An error of the ingester takes the place of the distributor's.
        let first_error = ingester_error.or(validated.first_error);
        let mut accepted = EntriesBySeries::new();
        if first_error.is_none() || options.ingestion == Ingestion::KeepGood {
            for (labels, samples) in appended {
                let gained = bounds.store(self.series.get(&labels), samples);
                accepted.insert(labels, gained);
            }
        }
        Ok(Plan { accepted, metadata, first_error, written })
    }

    /// The head of an empty workspace is the first sample that it sees.
    fn bounds(&self, options: &AmpOptions, series: &[ValidSeries]) -> Bounds {
        let first = series.iter().flat_map(ValidSeries::timestamps).next();
        let head = self.head.or(first).unwrap_or_default();
        Bounds::new(head, whole_ms(options.out_of_order_window))
    }

    /// The samples that pass the engine's first check, by series, and the first error of the others.
    fn append(
        &self,
        options: &AmpOptions,
        bounds: Bounds,
        series: Vec<ValidSeries>,
    ) -> (Appended, Option<Refusal>) {
        let mut room = Room::of(options, &self.series, series.len());
        let (mut appended, mut first_error) = (Appended::new(), None);
        for series in series {
            let labels: LabelSet =
                series.labels.iter().cloned().map(|label| (label.name, label.value)).collect();
            let stored = self.series.get(&labels);
            let mut has_room = appended.contains_key(&labels);
            let mut good = Vec::new();
            for (timestamp, value) in series.values() {
                let mut check = || {
                    bounds.check_before_the_series(timestamp)?;
                    if !has_room {
                        room.take(options, stored).map_err(AppendFailure::Series)?;
                        has_room = true;
                    }
                    bounds.check(stored.and_then(newest), timestamp, &value)?;
                    Ok::<(), AppendFailure>(())
                };
                match check() {
                    Ok(()) => good.push((timestamp, value)),
                    Err(failure) => {
                        first_error
                            .get_or_insert_with(|| failure.refusal(options, timestamp, &series.labels));
                    }
                }
            }
            if has_room {
                appended.entry(labels).or_default().append(&mut good);
            }
        }
        (appended, first_error)
    }

    /// Stores accepted samples and metadata.
    pub(super) fn commit(&mut self, accepted: EntriesBySeries, metadata: Vec<MetricMetadata>) {
        self.metadata.extend(metadata.into_iter().map(|one| (one.metric_family_name.clone(), one)));
        for (labels, entries) in accepted {
            if let Some((newest, _)) = newest(&entries) {
                self.head = Some(self.head.map_or(newest, |head| head.max(newest)));
                self.series.entry(labels).or_default().extend(entries);
            }
        }
    }
}

/// Samples by series, in the order in which they came.
type Appended = BTreeMap<LabelSet, Vec<(i64, Value)>>;

/// The reasons for which the ingester refuses a sample.
enum AppendFailure {
    /// There is no room for its series.
    Series(String),
    /// The storage engine refuses it.
    Sample(AppendError),
}

impl From<AppendError> for AppendFailure {
    fn from(error: AppendError) -> Self {
        Self::Sample(error)
    }
}

impl AppendFailure {
    /// Cortex, `wrappedTSDBIngestErr`: a duplicate names its timestamp itself.
    fn refusal(self, options: &AmpOptions, timestamp: i64, labels: &[Label]) -> Refusal {
        let text = match self {
            Self::Series(text) => text,
            Self::Sample(error @ (AppendError::Duplicate { .. } | AppendError::DuplicateHistogram)) => {
                format!("err: {error}. series={}", label_set(labels))
            }
            Self::Sample(error) => {
                format!("err: {error}. timestamp={}, series={}", time(timestamp), label_set(labels))
            }
        };
        Refusal::bad_request(format!("{INGESTER}user={}: {text}", options.workspace))
    }
}

/// The beginning of every error of an ingester (Cortex, `pkg/ring/batch.go`).
const INGESTER: &str = "maxFailure (quorum) on a given error family, addr=127.0.0.1:9095 state=ACTIVE zone=, rpc error: \
                        code = Code(400) desc = ";

impl RefusedSeries {
    pub(super) fn new(series: SeriesMatcher, code: u16, text: String) -> Self {
        let status = StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_REQUEST);
        Self { series, refusal: Refusal::text(status, text) }
    }
}
