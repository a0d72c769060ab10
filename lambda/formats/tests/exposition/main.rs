//! Expositions of Prometheus, read into plain data.

mod open_metrics;
mod protobuf;
mod text;

use std::time::Duration;

use formats::{Body, Content, Format, Invalid, OtlpDelta, Rules};
use remote_write::{LabelName, Labels, NameEscaping};

/// When bodies arrive.
const RECEIVED_MS: i64 = 1_676_398_017_000;

/// What a body contains.
#[derive(Debug, Default)]
pub(crate) struct Read {
    /// `name{labels} value`, with the labels in order; a native histogram is `{…}`.
    pub(crate) samples: Vec<String>,
    /// The timestamps, in milliseconds.
    pub(crate) timestamps: Vec<i64>,
    /// Since when they count.
    pub(crate) starts: Vec<i64>,
    /// `type family help unit`.
    pub(crate) metadata: Vec<String>,
    pub(crate) exemplars: usize,
    pub(crate) inexact_values: usize,
    pub(crate) points: usize,
}

/// Reads `body` with these labels of a path.
pub(crate) fn read(
    format: Format,
    body: &[u8],
    escaping: NameEscaping,
    grouping: &[(&'static str, &str)],
) -> Result<Read, String> {
    let label = |&(name, value): &(&'static str, &str)| {
        (LabelName::new(name, NameEscaping::Reject).unwrap(), value.to_owned())
    };
    let rules = Rules {
        escaping,
        external_labels: &Labels::default(),
        max_sample_bytes: 100_000,
        grouping: &grouping.iter().map(label).collect(),
        received_ms: RECEIVED_MS,
        now_ms: RECEIVED_MS,
        max_future: Duration::from_mins(1),
        otlp_delta: OtlpDelta::Refuse,
    };
    let read = formats::read(format, &Body::Bytes(body), rules, |content| Ok::<_, Invalid>(plain(&content)));
    read.map_err(|reason| reason.to_string())
}

fn plain(content: &Content<'_, '_>) -> Read {
    let mut read = Read {
        exemplars: content.exemplars,
        inexact_values: content.inexact_values,
        points: content.points.len(),
        ..Read::default()
    };
    for point in content.points {
        let label = |(name, value): (&str, &str)| {
            let value = value.replace('\\', r"\\").replace('\n', r"\n").replace('"', "\\\"");
            format!("{name}=\"{value}\"")
        };
        for (name, value) in &point.metrics {
            let mut labels: Vec<_> = point.labels.iter().chain(value.bound()).collect();
            labels.sort_unstable();
            let labels: Vec<_> = labels.into_iter().map(label).collect();
            let value = value.as_float().map_or_else(|| format!("{value:?}"), |value| value.to_string());
            read.samples.push(format!("{}{{{}}} {value}", name.as_str(), labels.join(",")));
            read.timestamps.push(point.timestamp_ms);
            read.starts.push(point.start_ms);
        }
    }
    let metadata = content.metadata.iter();
    read.metadata = metadata
        .map(|family| {
            format!("{:?} {} {:?} {:?}", family.metric_type(), family.family, family.help, family.unit)
        })
        .collect();
    read
}
