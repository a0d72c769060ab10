//! The rules for one series of a request that need no memory: its labels, the order and the age of its samples.
//!
//! A series that breaks a rule is refused with all its samples (Cortex validates whole series before they reach the
//! storage).

use std::time::Duration;

use prometheus_proto::{Label, TimeSeries};

use super::AmpOptions;

const METRIC_NAME_LABEL: &str = "__name__";

/// AMP quotas: "Labels per series".
const MAX_LABELS: usize = 150;

/// AMP quotas: "Label size", all names and values of a series together, 7 KB.
const MAX_LABEL_BYTES: usize = 7 * 1_024;

/// Checks one series; an error is the text of the first rule that it breaks.
pub(super) fn check_series(options: &AmpOptions, now_ms: i64, series: &TimeSeries) -> Result<(), String> {
    let labels = &series.labels;
    metric_name_is_valid(labels)?;
    labels_are_few_enough(labels)?;
    label_names_are_valid(labels)?;
    label_values_are_not_empty(labels)?;
    label_names_are_unique(labels)?;
    labels_are_sorted(labels)?;
    labels_are_small_enough(labels)?;
    samples_are_there(series)?;
    samples_are_ascending(series)?;
    samples_are_not_too_old(options.max_sample_age, now_ms, series)?;
    samples_are_not_too_new(options.max_ahead, now_ms, series)
}

/// AMP quotas: "Every sample and metadata must have a metric name". Remote write 1.0, "Labels": metric names match
/// `[a-zA-Z_:]([a-zA-Z0-9_:])*`. Cortex's texts.
fn metric_name_is_valid(labels: &[Label]) -> Result<(), String> {
    let name = metric_name(labels).ok_or("sample missing metric name")?;
    if matches_name(name, |b| b == b':') {
        return Ok(());
    }
    Err(format!("sample invalid metric name: {:?}", short(name)))
}

/// AMP quotas: at most 150 labels a series; Cortex's text.
fn labels_are_few_enough(labels: &[Label]) -> Result<(), String> {
    if labels.len() <= MAX_LABELS {
        return Ok(());
    }
    let series = describe(labels);
    Err(format!(
        "series has too many labels (actual: {}, limit: {MAX_LABELS}) series: '{series}'",
        labels.len()
    ))
}

/// Remote write 1.0, "Labels": label names match `[a-zA-Z_]([a-zA-Z0-9_])*` and are not empty; Cortex's text.
fn label_names_are_valid(labels: &[Label]) -> Result<(), String> {
    match labels.iter().find(|label| !matches_name(&label.name, |_| false)) {
        None => Ok(()),
        Some(label) => {
            Err(format!("sample invalid label: {:?} metric {:?}", short(&label.name), of_metric(labels)))
        }
    }
}

/// Remote write 1.0, "Labels": senders "MUST NOT ... contain any empty label names or values". Cortex drops such
/// a label silently, which would merge series behind the sender's back.
fn label_values_are_not_empty(labels: &[Label]) -> Result<(), String> {
    match labels.iter().find(|label| label.value.is_empty()) {
        None => Ok(()),
        Some(label) => {
            Err(format!("empty label value: {:?} metric {:?}", short(&label.name), of_metric(labels)))
        }
    }
}

/// Remote write 1.0, "Labels": "MUST NOT contain any repeated label names"; Cortex's text.
fn label_names_are_unique(labels: &[Label]) -> Result<(), String> {
    let mut names: Vec<&str> = labels.iter().map(|label| label.name.as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        None => Ok(()),
        Some(pair) => {
            Err(format!("duplicate label name: {:?} metric {:?}", short(pair[0]), of_metric(labels)))
        }
    }
}

/// Remote write 1.0, "Labels": "MUST have label names sorted in lexicographical order" (of bytes); Cortex's text.
fn labels_are_sorted(labels: &[Label]) -> Result<(), String> {
    match labels.windows(2).find(|pair| pair[0].name.as_bytes() > pair[1].name.as_bytes()) {
        None => Ok(()),
        Some(pair) => {
            Err(format!("labels not sorted: {:?} metric {:?}", short(&pair[1].name), of_metric(labels)))
        }
    }
}

/// AMP quotas: names and values of a series take at most 7 KB together; Cortex's text.
fn labels_are_small_enough(labels: &[Label]) -> Result<(), String> {
    let bytes: usize = labels.iter().map(|label| label.name.len() + label.value.len()).sum();
    if bytes <= MAX_LABEL_BYTES {
        return Ok(());
    }
    let metric = of_metric(labels);
    Err(format!(
        "labels size bytes exceeded for metric (actual: {bytes}, limit: {MAX_LABEL_BYTES}) metric: {metric:?}"
    ))
}

/// The specification has no use for a series without samples, so it is a sender's mistake.
fn samples_are_there(series: &TimeSeries) -> Result<(), String> {
    if series.samples.is_empty() {
        return Err(format!("series without samples: {}", describe(&series.labels)));
    }
    Ok(())
}

/// Remote write 1.0, "Ordering": samples of a series MUST be in timestamp order, without repetition.
fn samples_are_ascending(series: &TimeSeries) -> Result<(), String> {
    match series.samples.windows(2).find(|pair| pair[0].timestamp >= pair[1].timestamp) {
        None => Ok(()),
        Some(pair) => Err(format!(
            "samples not in timestamp order: {} after {}, series={}",
            pair[1].timestamp,
            pair[0].timestamp,
            describe(&series.labels)
        )),
    }
}

/// AMP quotas: "Metric samples older than 1 hour are refused"; Cortex's text.
fn samples_are_not_too_old(
    max_age: Option<Duration>,
    now_ms: i64,
    series: &TimeSeries,
) -> Result<(), String> {
    let Some(max_age) = max_age else { return Ok(()) };
    let oldest = now_ms.saturating_sub(whole_ms(max_age));
    match series.samples.iter().find(|sample| sample.timestamp < oldest) {
        None => Ok(()),
        Some(sample) => {
            Err(format!("timestamp too old: {} metric: {:?}", sample.timestamp, of_metric(&series.labels)))
        }
    }
}

/// Cortex, `-validation.create-grace-period` (10 minutes); AMP documents no rule of its own.
fn samples_are_not_too_new(
    max_ahead: Option<Duration>,
    now_ms: i64,
    series: &TimeSeries,
) -> Result<(), String> {
    let Some(max_ahead) = max_ahead else { return Ok(()) };
    let newest = now_ms.saturating_add(whole_ms(max_ahead));
    match series.samples.iter().find(|sample| sample.timestamp > newest) {
        None => Ok(()),
        Some(sample) => {
            Err(format!("timestamp too new: {} metric: {:?}", sample.timestamp, of_metric(&series.labels)))
        }
    }
}

/// A series as error texts show it: `temperature{customerId="customer1"}`.
pub(super) fn describe(labels: &[Label]) -> String {
    let name = metric_name(labels).unwrap_or_default();
    let others: Vec<String> = labels
        .iter()
        .filter(|label| label.name != METRIC_NAME_LABEL)
        .map(|label| format!("{}={:?}", label.name, label.value))
        .collect();
    format!("{name}{{{}}}", others.join(", "))
}

/// A duration in milliseconds, the unit of timestamps.
pub(super) fn whole_ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn metric_name(labels: &[Label]) -> Option<&str> {
    labels.iter().find(|label| label.name == METRIC_NAME_LABEL).map(|label| label.value.as_str())
}

fn of_metric(labels: &[Label]) -> &str {
    short(metric_name(labels).unwrap_or_default())
}

/// Cortex shows at most 200 characters of a name.
fn short(text: &str) -> &str {
    text.char_indices().nth(200).map_or(text, |(end, _)| &text[..end])
}

fn matches_name(name: &str, also: impl Fn(u8) -> bool) -> bool {
    let first = |b: u8| b.is_ascii_alphabetic() || b == b'_' || also(b);
    let mut bytes = name.bytes();
    bytes.next().is_some_and(first) && bytes.all(|b| first(b) || b.is_ascii_digit())
}
