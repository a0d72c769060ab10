//! The memory of the workspace, and the rules that need it: order, duplicates, the out-of-order window.
//!
//! The rules are those of the Prometheus storage engine (`tsdb/head_append.go`, `appendable`), on which AMP is built.

use http::StatusCode;
use prometheus_proto::{Sample, TimeSeries, WriteRequest};

use super::active_series::Room;
use super::answer::Refusal;
use super::fault::SeriesMatcher;
use super::limits::Limits;
use super::series::{LabelSet, StoredSamples, StoredSeries, label_set};
use super::series_rules::{check_series, describe, whole_ms};
use super::{AmpOptions, Ingestion};
use local_testing::clock::rfc3339;

/// The engine takes a sample in order only if it is not older than half a block of 2 hours behind the head.
const IN_ORDER_SPAN_MS: i64 = 3_600_000;

/// The samples of one workspace.
#[derive(Debug, Default)]
pub(super) struct Store {
    series: StoredSeries,
    head: Option<i64>,
}

/// Series that a fault refuses, with the answer.
#[derive(Debug)]
pub(super) struct RefusedSeries {
    pub(super) series: SeriesMatcher,
    pub(super) refusal: Refusal,
}

/// The decision on one request.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// The samples to store; empty for a series whose samples are all refused.
    pub(super) accepted: StoredSeries,
    /// The answer, if anything was refused.
    pub(super) first_error: Option<Refusal>,
}

impl Store {
    pub(super) fn series(&self) -> &StoredSeries {
        &self.series
    }

    /// Decides on a request. Nothing is stored yet.
    pub(super) fn plan(
        &self,
        options: &AmpOptions,
        limits: &mut Limits,
        request: &WriteRequest,
        refused: Option<&RefusedSeries>,
    ) -> Result<Plan, Refusal> {
        every_series_has_labels(request)?;
        let now_ms = options.clock.now_ms();
        let checked: Vec<Result<&TimeSeries, Refusal>> = request
            .timeseries
            .iter()
            .map(|series| {
                not_refused(refused, series)?;
                check_series(options, now_ms, series).map_err(Refusal::bad_request)?;
                Ok(series)
            })
            .collect();
        // Cortex's distributor counts the samples that pass its own rules, before the storage checks them.
        limits.take_samples(options, checked.iter().flatten().map(|series| series.samples.len()).sum())?;

        let mut plan = Plan::default();
        let mut room = Room::of(options, &self.series, request.timeseries.len());
        for series in checked {
            if let Err(refusal) =
                series.and_then(|series| self.plan_series(options, &mut plan, &mut room, series))
            {
                plan.first_error.get_or_insert(refusal);
            }
        }
        if plan.first_error.is_some() && options.ingestion == Ingestion::RollBack {
            plan.accepted.clear();
        }
        Ok(plan)
    }

    /// Adds the good samples of one series to the plan and returns the first error of the others.
    fn plan_series(
        &self,
        options: &AmpOptions,
        plan: &mut Plan,
        room: &mut Room,
        series: &TimeSeries,
    ) -> Result<(), Refusal> {
        let labels = label_set(series);
        series_is_new_in_the_request(&plan.accepted, &labels, series)?;
        let stored = self.series.get(&labels);
        let mut first_error = Ok(());
        let mut good = StoredSamples::new();
        for sample in &series.samples {
            match self.check_sample(options, stored, series, *sample) {
                Ok(()) => drop(good.insert(sample.timestamp, sample.value)),
                Err(text) => first_error = first_error.and(Err(Refusal::bad_request(text))),
            }
        }
        if !good.is_empty() {
            room.take(options, stored)?;
        }
        plan.accepted.insert(labels, good);
        first_error
    }

    /// Stores accepted samples.
    pub(super) fn commit(&mut self, accepted: StoredSeries) {
        for (labels, samples) in accepted {
            if let Some((newest, _)) = samples.last_key_value() {
                self.head = Some(self.head.map_or(*newest, |head| head.max(*newest)));
                self.series.entry(labels).or_default().extend(samples);
            }
        }
    }

    /// Decides on one sample, given the head as it was when the request began.
    fn check_sample(
        &self,
        options: &AmpOptions,
        stored: Option<&StoredSamples>,
        series: &TimeSeries,
        sample: Sample,
    ) -> Result<(), String> {
        let head = self.head.unwrap_or(i64::MIN);
        let last = stored.and_then(|samples| samples.last_key_value()).map(|(timestamp, _)| *timestamp);
        let in_order_floor = head.saturating_sub(IN_ORDER_SPAN_MS);
        if sample.timestamp >= in_order_floor {
            if last.is_none_or(|last| sample.timestamp > last) {
                return Ok(());
            }
            if last == Some(sample.timestamp) {
                return no_other_value_at_this_timestamp(options, stored, series, sample);
            }
        }
        self.is_within_the_out_of_order_window(options, series, sample)?;
        no_other_value_at_this_timestamp(options, stored, series, sample)
    }

    /// AMP, "out-of-order time window": older samples of a series are accepted up to this far behind the newest
    /// sample of the workspace. The engine does not check whether the same sample is already stored.
    fn is_within_the_out_of_order_window(
        &self,
        options: &AmpOptions,
        series: &TimeSeries,
        sample: Sample,
    ) -> Result<(), String> {
        let (window, head) = (whole_ms(options.out_of_order_window), self.head.unwrap_or(i64::MIN));
        if window > 0 && sample.timestamp >= head.saturating_sub(window) {
            return Ok(());
        }
        let cause = match window {
            0 if sample.timestamp < head.saturating_sub(IN_ORDER_SPAN_MS) => "out of bounds",
            0 => "out of order sample",
            _ => "too old sample",
        };
        let at = rfc3339(sample.timestamp);
        let head = rfc3339(head);
        Err(format!(
            "user={}: err: {cause}. timestamp={at}, series={}, tsdbHeadMaxTimestamp={head}",
            options.workspace,
            describe(&series.labels)
        ))
    }
}

/// Cortex, `distributor.go`: a series with zero labels refuses the whole request.
fn every_series_has_labels(request: &WriteRequest) -> Result<(), Refusal> {
    if request.timeseries.iter().any(|series| series.labels.is_empty()) {
        return Err(Refusal::bad_request("empty labels found"));
    }
    Ok(())
}

/// One request holds a series once: otherwise its samples have no order (Remote write 1.0, "Ordering").
fn series_is_new_in_the_request(
    accepted: &StoredSeries,
    labels: &LabelSet,
    series: &TimeSeries,
) -> Result<(), Refusal> {
    if accepted.contains_key(labels) {
        let series = describe(&series.labels);
        return Err(Refusal::bad_request(format!("series more than once in one request: {series}")));
    }
    Ok(())
}

/// Prometheus, `appendable`: the same timestamp is accepted again with the same value, bit by bit. The engine drops
/// another value silently when it is not the series' last one; here that is an error too, so that no value is lost
/// unseen.
fn no_other_value_at_this_timestamp(
    options: &AmpOptions,
    stored: Option<&StoredSamples>,
    series: &TimeSeries,
    sample: Sample,
) -> Result<(), String> {
    let existing = stored.and_then(|samples| samples.get(&sample.timestamp));
    match existing {
        Some(existing) if existing.to_bits() != sample.value.to_bits() => Err(format!(
            "user={}: err: duplicate sample for timestamp {}; overrides not allowed: existing {existing}, \
             new value {}. series={}",
            options.workspace,
            sample.timestamp,
            sample.value,
            describe(&series.labels)
        )),
        _ => Ok(()),
    }
}

fn not_refused(refused: Option<&RefusedSeries>, series: &TimeSeries) -> Result<(), Refusal> {
    match refused {
        Some(refused) if refused.series.matches(series) => Err(refused.refusal.clone()),
        _ => Ok(()),
    }
}

impl RefusedSeries {
    pub(super) fn new(series: SeriesMatcher, code: u16, text: String) -> Self {
        let status = StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_REQUEST);
        Self { series, refusal: Refusal::text(status, text) }
    }
}
