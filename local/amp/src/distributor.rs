//! The rules of Cortex's distributor, which need no memory: labels, age, exemplars, native histograms, metadata.
//!
//! A series that breaks a rule is refused with everything in it, and the other series of the request go on
//! (`pkg/distributor`, `prepareSeriesKeys`, and `pkg/util/validation`).

use prometheus_proto::{Histogram, Label, MetricMetadata, Sample, TimeSeries};

use super::answer::{Refusal, Written};
use super::decode::{Decoded, Exemplar};
use super::series::Value;
use super::store::RefusedSeries;
use super::text::{self, METRIC_NAME_LABEL, label_set, metric, metric_of_map, short};
use super::{AmpOptions, ha_tracker, histogram, protocol, whole_ms};

/// AMP quotas: "Labels per series".
const MAX_LABELS: usize = 150;

/// AMP quotas: "Label size", 7 KB for a series. Cortex counts the bytes of its protobuf messages.
const MAX_LABEL_SET_BYTES: usize = 7 * 1_024;

/// Cortex, `-validation.max-length-label-name`; AMP documents no limit.
const MAX_LABEL_NAME_BYTES: usize = 1_024;

/// Cortex, `-validation.max-length-label-value`, also for the name of a metric; AMP documents no limit.
const MAX_LABEL_VALUE_BYTES: usize = 2_048;

/// OpenMetrics 1.0, "Exemplars": names and values together, in characters.
const MAX_EXEMPLAR_CHARACTERS: usize = 128;

/// Cortex, `-validation.max-metadata-length`, for each text.
const MAX_METADATA_BYTES: usize = 1_024;

/// The valid part of a request, and the first error of the rest.
#[derive(Debug, Default)]
pub(super) struct Validated {
    /// The series, those with native histograms last.
    pub(super) series: Vec<ValidSeries>,
    /// Floats and native histograms.
    pub(super) samples: usize,
    pub(super) exemplars: usize,
    pub(super) metadata: Vec<MetricMetadata>,
    pub(super) first_error: Option<Refusal>,
}

impl Validated {
    /// What is written if the ingester takes it.
    pub(super) fn written(&self) -> Written {
        let histograms = self.series.iter().map(|series| series.histograms.len()).sum();
        Written { samples: self.samples - histograms, histograms, exemplars: self.exemplars }
    }
}

/// A series with sorted labels.
#[derive(Debug)]
pub(super) struct ValidSeries {
    pub(super) labels: Vec<Label>,
    pub(super) samples: Vec<Sample>,
    pub(super) histograms: Vec<Histogram>,
}

impl ValidSeries {
    /// The times of its values, in the order in which the ingester takes them.
    pub(super) fn timestamps(&self) -> impl Iterator<Item = i64> {
        let histograms = self.histograms.iter().map(|histogram| histogram.timestamp);
        self.samples.iter().map(|sample| sample.timestamp).chain(histograms)
    }

    /// Its values, in that order.
    pub(super) fn values(&self) -> impl Iterator<Item = (i64, Value)> {
        let floats = self.samples.iter().map(|sample| Value::Float(sample.value));
        let histograms =
            self.histograms.iter().map(|histogram| Value::Histogram(Box::new(histogram.clone())));
        self.timestamps().zip(floats.chain(histograms))
    }
}

/// Checks a request. `without_replica` removes the label of the HA replica.
pub(super) fn validate(
    options: &AmpOptions,
    now_ms: i64,
    decoded: &Decoded,
    without_replica: bool,
    refused: Option<&RefusedSeries>,
) -> Result<Validated, Refusal> {
    let request = &decoded.request;
    if request.timeseries.iter().any(|series| series.labels.is_empty()) {
        return Err(Refusal::bad_request("empty labels found"));
    }
    let mut validated = Validated::default();
    let mut with_histograms = Vec::new();
    let mut seen = protocol::SeenSeries::default();
    for (position, series) in request.timeseries.iter().enumerate() {
        let exemplars = decoded.exemplars(position);
        let checked = not_refused(refused, series).and_then(|()| {
            let valid = check_series(options, now_ms, series, exemplars, without_replica);
            let keeps_the_protocol =
                |valid| if options.strict { seen.check(series).map(|()| valid) } else { Ok(valid) };
            valid.and_then(keeps_the_protocol).map_err(Refusal::bad_request)
        });
        match checked {
            Ok(series) => {
                validated.samples += series.samples.len() + series.histograms.len();
                validated.exemplars += exemplars.len();
                let list =
                    if series.histograms.is_empty() { &mut validated.series } else { &mut with_histograms };
                list.push(series);
            }
            Err(refusal) => drop(validated.first_error.get_or_insert(refusal)),
        }
    }
    validated.series.append(&mut with_histograms);
    for metadata in &request.metadata {
        match check_metadata(metadata) {
            Ok(()) => validated.metadata.push(metadata.clone()),
            Err(text) => drop(validated.first_error.get_or_insert_with(|| Refusal::bad_request(text))),
        }
    }
    Ok(validated)
}

fn not_refused(refused: Option<&RefusedSeries>, series: &TimeSeries) -> Result<(), Refusal> {
    match refused {
        Some(refused) if refused.series.matches(series) => Err(refused.refusal.clone()),
        _ => Ok(()),
    }
}

fn check_series(
    options: &AmpOptions,
    now_ms: i64,
    series: &TimeSeries,
    exemplars: &[Exemplar],
    without_replica: bool,
) -> Result<ValidSeries, String> {
    let labels = prepare_labels(&series.labels, without_replica)?;
    check_labels(&labels)?;
    for sample in &series.samples {
        check_timestamp(options, now_ms, &labels, sample.timestamp)?;
    }
    for exemplar in exemplars {
        check_exemplar(&labels, exemplar)?;
    }
    let mut histograms = Vec::new();
    for histogram in &series.histograms {
        check_timestamp(options, now_ms, &labels, histogram.timestamp)?;
        histograms.push(histogram::check(&labels, histogram)?);
    }
    // Proto 3 omits a zero of either sign, so the sign is lost on the way from the distributor to the ingester.
    let unsigned =
        |sample: &Sample| Sample { value: if sample.value == 0.0 { 0.0 } else { sample.value }, ..*sample };
    Ok(ValidSeries { labels, samples: series.samples.iter().map(unsigned).collect(), histograms })
}

/// Labels with an empty value are removed once there is a name, and the rest is sorted.
fn prepare_labels(labels: &[Label], without_replica: bool) -> Result<Vec<Label>, String> {
    let mut labels = labels.to_vec();
    if without_replica
        && let Some(replica) = labels.iter().position(|label| label.name == ha_tracker::REPLICA_LABEL)
    {
        labels.remove(replica);
    }
    let name = metric_name(&labels).ok_or("sample missing metric name")?;
    if !text::is_metric_name(name) {
        return Err(format!("sample invalid metric name: {}", short(name)));
    }
    labels.retain(|label| !label.value.is_empty());
    labels.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(labels)
}

fn check_labels(labels: &[Label]) -> Result<(), String> {
    if labels.len() > MAX_LABELS {
        let (actual, series) = (labels.len(), metric_of_map(labels));
        return Err(format!(
            "series has too many labels (actual: {actual}, limit: {MAX_LABELS}) series: '{series}'"
        ));
    }
    let mut last = "";
    for label in labels {
        check_label(last, label, labels)?;
        last = &label.name;
    }
    let actual: usize =
        labels.iter().map(|label| encoded_bytes(&label.name) + encoded_bytes(&label.value)).sum();
    if actual > MAX_LABEL_SET_BYTES {
        let series = short(&metric(labels));
        return Err(format!(
            "labels size bytes exceeded for metric (actual: {actual}, limit: {MAX_LABEL_SET_BYTES}) metric: {series}"
        ));
    }
    Ok(())
}

fn check_label(last: &str, label: &Label, labels: &[Label]) -> Result<(), String> {
    let series = || short(&metric(labels));
    let (name, actual) = (short(&label.name), label.name.len());
    if !text::is_label_name(&label.name) {
        return Err(format!("sample invalid label: {name} metric {}", series()));
    }
    if actual > MAX_LABEL_NAME_BYTES {
        return Err(format!(
            "label name too long for metric (actual: {actual}, limit: {MAX_LABEL_NAME_BYTES}) metric: {} label name: {name}",
            series()
        ));
    }
    let (value, actual) = (short(&label.value), label.value.len());
    if actual > MAX_LABEL_VALUE_BYTES {
        return Err(format!(
            "label value too long for metric (actual: {actual}, limit: {MAX_LABEL_VALUE_BYTES}) metric: {} label name: \
             {name} label value: {value}",
            series()
        ));
    }
    if label.name == last {
        return Err(format!("duplicate label name: {name} metric {}", series()));
    }
    Ok(())
}

/// A string field of a protobuf message: tag, length, bytes.
fn encoded_bytes(text: &str) -> usize {
    1 + prost::length_delimiter_len(text.len()) + text.len()
}

/// AMP quotas: "Metric samples older than 1 hour are refused". Cortex, `-validation.create-grace-period`: 10 minutes.
fn check_timestamp(
    options: &AmpOptions,
    now_ms: i64,
    labels: &[Label],
    timestamp: i64,
) -> Result<(), String> {
    let is_old = |age| timestamp < now_ms.saturating_sub(whole_ms(age));
    let is_new = |ahead| timestamp > now_ms.saturating_add(whole_ms(ahead));
    let error = if options.max_sample_age.is_some_and(is_old) {
        "old"
    } else if options.max_ahead.is_some_and(is_new) {
        "new"
    } else {
        return Ok(());
    };
    let name = short(metric_name(labels).unwrap_or_default());
    Err(format!("timestamp too {error}: {timestamp} metric: {name}"))
}

fn check_exemplar(labels: &[Label], exemplar: &Exemplar) -> Result<(), String> {
    let texts = exemplar.labels.iter().flat_map(|label| [&label.name, &label.value]);
    let characters: usize = texts.map(|text| text.chars().count()).sum();
    let error = if exemplar.labels.is_empty() {
        "missing labels"
    } else if exemplar.timestamp == 0 {
        "missing timestamp"
    } else if characters > MAX_EXEMPLAR_CHARACTERS {
        "combined labelset exceeds 128 characters"
    } else {
        return Ok(());
    };
    let (series, labels) = (label_set(labels), label_set(&exemplar.labels));
    Err(format!("exemplar {error}, timestamp: {} series: {series} labels: {labels}", exemplar.timestamp))
}

fn check_metadata(metadata: &MetricMetadata) -> Result<(), String> {
    let name = &metadata.metric_family_name;
    if name.is_empty() {
        return Err("metadata missing metric name".to_owned());
    }
    let texts = [("METRIC_NAME", name), ("HELP", &metadata.help), ("UNIT", &metadata.unit)];
    match texts.iter().find(|(_, text)| text.len() > MAX_METADATA_BYTES) {
        None => Ok(()),
        Some((kind, text)) => {
            Err(format!("metadata '{kind}' value too long: {} metric {}", short(text), short(name)))
        }
    }
}

fn metric_name(labels: &[Label]) -> Option<&str> {
    labels.iter().find(|label| label.name == METRIC_NAME_LABEL).map(|label| label.value.as_str())
}
