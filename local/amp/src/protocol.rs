//! The rules of [`super::AmpOptions::strict`]: those of remote write that Cortex does not enforce.
//!
//! Cortex repairs such a request or drops a part of it without an answer, so only a strict receiver shows a sender's mistake.

use std::collections::BTreeSet;

use http::{HeaderMap, StatusCode, header};
use prometheus_proto::{Label, TimeSeries};

use super::answer::Refusal;
use super::envelope::Version;
use super::series::{LabelSet, label_set};
use super::text::{metric, quoted};

/// "Protocol": the headers that a sender of this version must send, each once.
pub(super) fn check_headers(headers: &HeaderMap, version: Version) -> Result<(), Refusal> {
    let (content_type, version) = match version {
        Version::V1 => ("application/x-protobuf", "0.1.0"),
        Version::V2 => ("application/x-protobuf;proto=io.prometheus.write.v2.Request", "2.0.0"),
    };
    has(headers, "content-type", content_type, StatusCode::UNSUPPORTED_MEDIA_TYPE)?;
    has(headers, "content-encoding", "snappy", StatusCode::UNSUPPORTED_MEDIA_TYPE)?;
    has(headers, "x-prometheus-remote-write-version", version, StatusCode::BAD_REQUEST)?;
    match headers.get(header::USER_AGENT) {
        Some(agent) if !agent.is_empty() => Ok(()),
        _ => Err(Refusal::bad_request("missing header user-agent")),
    }
}

fn has(headers: &HeaderMap, name: &str, expected: &str, otherwise: StatusCode) -> Result<(), Refusal> {
    let mut values = headers.get_all(name).iter();
    let text = match (values.next(), values.next()) {
        (Some(value), None) if value == expected => return Ok(()),
        (Some(value), None) => format!("header {name}: expected {expected:?}, got {value:?}"),
        (Some(_), Some(_)) => format!("duplicate header {name}"),
        (None, _) => format!("missing header {name}"),
    };
    Err(Refusal::text(otherwise, text))
}

/// The series of a request so far. Several samples of a series in several places have no order ("Ordering").
#[derive(Debug, Default)]
pub(super) struct SeenSeries(BTreeSet<LabelSet>);

impl SeenSeries {
    /// Checks one more series.
    pub(super) fn check(&mut self, series: &TimeSeries) -> Result<(), String> {
        check_labels(&series.labels)?;
        check_samples(series)?;
        if self.0.insert(label_set(series)) {
            return Ok(());
        }
        Err(format!("series more than once in one request: {}", metric(&series.labels)))
    }
}

/// "Labels": sorted by name, without empty values.
fn check_labels(labels: &[Label]) -> Result<(), String> {
    if let Some(label) = labels.iter().find(|label| label.value.is_empty()) {
        return Err(format!("empty label value: {} metric {}", quoted(&label.name), metric(labels)));
    }
    match labels.windows(2).find(|pair| pair[0].name.as_bytes() > pair[1].name.as_bytes()) {
        None => Ok(()),
        Some(pair) => Err(format!("labels not sorted: {} metric {}", quoted(&pair[1].name), metric(labels))),
    }
}

/// "Ordering": the samples of a series are in the order of their timestamps. A series has at least one.
fn check_samples(series: &TimeSeries) -> Result<(), String> {
    let name = || metric(&series.labels);
    if series.samples.is_empty() && series.histograms.is_empty() {
        return Err(format!("series without samples: {}", name()));
    }
    let floats: Vec<i64> = series.samples.iter().map(|sample| sample.timestamp).collect();
    let histograms: Vec<i64> = series.histograms.iter().map(|histogram| histogram.timestamp).collect();
    let unsorted = floats.windows(2).chain(histograms.windows(2)).find(|pair| pair[0] >= pair[1]);
    match unsorted {
        None => Ok(()),
        Some(pair) => {
            Err(format!("samples not in timestamp order: {} after {}, series={}", pair[1], pair[0], name()))
        }
    }
}
