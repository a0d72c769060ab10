//! Queries that memory answers, in the words of Prometheus's HTTP API.
//!
//! In: all stored series, the parameters, the time. Out: the `data` of an answer.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::numbers;
use super::super::store::{LabelSet, StoredSamples, StoredSeries};
use super::api_error::ApiError;
use super::parameters::Parameters;
use super::selector::{Selector, SelectorError, parse};
use super::time;

/// Prometheus, `--query.lookback-delta`: a series is as it was at most 5 minutes ago.
const LOOKBACK_MS: i64 = 5 * 60_000;

/// Prometheus, `value.StaleNaN`: the sample that ends a series.
const STALE_NAN: u64 = 0x7ff0_0000_0000_0002;

/// `query`, for instant selectors: each series with its newest value, a vector.
pub(super) fn query(stored: &StoredSeries, parameters: &Parameters, now_ms: i64) -> Result<Value, ApiError> {
    let at_ms = parameters.time("time")?.unwrap_or(now_ms);
    let selector = parse(parameters.first("query").unwrap_or_default()).map_err(|error| match error {
        SelectorError::MoreThanASelector { .. } => ApiError::needs_promql("this query"),
        error => ApiError::invalid_parameter("query", error),
    })?;
    let result: Vec<Value> = stored
        .iter()
        .filter(|(labels, _)| selector.matches(labels))
        .filter_map(|(labels, samples)| {
            let value = numbers::in_query_result(value_at(samples, at_ms)?);
            Some(json!({ "metric": labels, "value": [time::in_result(at_ms), value] }))
        })
        .collect();
    Ok(json!({ "resultType": "vector", "result": result }))
}

/// `series`: the label sets that one of the selectors matches.
pub(super) fn series(stored: &StoredSeries, parameters: &Parameters) -> Result<Value, ApiError> {
    let wanted = Wanted::of(parameters)?;
    if wanted.selectors.is_empty() {
        return Err(ApiError::bad_data("no match[] parameter provided"));
    }
    Ok(json!(wanted.label_sets(stored).collect::<Vec<_>>()))
}

/// `labels`: the names of labels.
pub(super) fn labels(stored: &StoredSeries, parameters: &Parameters) -> Result<Value, ApiError> {
    let wanted = Wanted::of(parameters)?;
    let names: BTreeSet<&String> = wanted.label_sets(stored).flat_map(LabelSet::keys).collect();
    Ok(json!(names))
}

/// `label/<name>/values`: the values of one label.
pub(super) fn label_values(
    stored: &StoredSeries,
    name: &str,
    parameters: &Parameters,
) -> Result<Value, ApiError> {
    let first = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    let mut bytes = name.bytes();
    if !bytes.next().is_some_and(first) || !bytes.all(|byte| first(byte) || byte.is_ascii_digit()) {
        return Err(ApiError::bad_data(format!("invalid label name: {name:?}")));
    }
    let wanted = Wanted::of(parameters)?;
    let values: BTreeSet<&String> = wanted.label_sets(stored).filter_map(|labels| labels.get(name)).collect();
    Ok(json!(values))
}

/// The newest value at a time. Prometheus 3.0: the beginning of the lookback does not belong to it.
fn value_at(samples: &StoredSamples, at_ms: i64) -> Option<f64> {
    let (timestamp, value) = samples.range(..=at_ms).next_back()?;
    let is_fresh = *timestamp > at_ms.saturating_sub(LOOKBACK_MS);
    (is_fresh && value.to_bits() != STALE_NAN).then_some(*value)
}

/// What `match[]`, `start` and `end` leave of the series.
#[derive(Debug)]
struct Wanted {
    /// Any of them; all series if there are none.
    selectors: Vec<Selector>,
    start_ms: i64,
    end_ms: i64,
}

impl Wanted {
    fn of(parameters: &Parameters) -> Result<Self, ApiError> {
        let selectors = parameters
            .all("match[]")
            .map(|text| parse(text).map_err(|error| ApiError::invalid_parameter("match[]", error)))
            .collect::<Result<_, _>>()?;
        let start_ms = parameters.time("start")?.unwrap_or(i64::MIN);
        let end_ms = parameters.time("end")?.unwrap_or(i64::MAX);
        Ok(Self { selectors, start_ms, end_ms })
    }

    fn label_sets<'a>(&'a self, stored: &'a StoredSeries) -> impl Iterator<Item = &'a LabelSet> {
        stored
            .iter()
            .filter(|(_, samples)| self.lives_then(samples))
            .map(|(labels, _)| labels)
            .filter(|labels| self.selectors.is_empty() || self.selectors.iter().any(|s| s.matches(labels)))
    }

    /// From its first to its last sample a series is there, as it is in a chunk of Prometheus.
    fn lives_then(&self, samples: &StoredSamples) -> bool {
        let first = samples.first_key_value().map(|(timestamp, _)| *timestamp);
        let last = samples.last_key_value().map(|(timestamp, _)| *timestamp);
        first.is_some_and(|first| first <= self.end_ms) && last.is_some_and(|last| last >= self.start_ms)
    }
}
