//! Reads expositions and checks the rules of every point.

use std::time::Duration;

use formats::{Body, Content, Format, Invalid, OtlpDelta, Rules};
use remote_write::{Labels, NameEscaping};

use crate::names::{is_label_name, is_metric_name};

/// A sample: its series as text, its timestamp, and its value, if it is a number.
pub type Sample = (String, i64, Option<f64>);

/// Reads `body`. The samples of an accepted one have valid, unique labels.
///
/// # Errors
/// The reason why it is invalid, which is one line.
pub fn read(format: Format, body: &[u8], escaping: NameEscaping) -> Result<Vec<Sample>, String> {
    read_content(format, body, escaping, samples)
}

/// Reads `body` and calls `take` with its content.
///
/// # Errors
/// The reason why it is invalid, which is one line.
pub fn read_content<T>(
    format: Format,
    body: &[u8],
    escaping: NameEscaping,
    take: impl FnOnce(&Content<'_, '_>) -> T,
) -> Result<T, String> {
    let rules = Rules {
        escaping,
        external_labels: &Labels::default(),
        max_sample_bytes: usize::MAX,
        grouping: &Vec::new(),
        received_ms: 0,
        now_ms: 0,
        max_future: Duration::MAX,
        otlp_delta: OtlpDelta::Refuse,
    };
    let read = formats::read(format, &Body::Bytes(body), rules, |content| Ok::<_, Invalid>(take(&content)));
    read.map_err(|reason| {
        let message = reason.to_string();
        assert!(message.len() < 100_000 && !message.contains('\n'), "{message}");
        message
    })
}

/// The samples of `content`, which have valid, unique labels.
pub fn samples(content: &Content<'_, '_>) -> Vec<Sample> {
    let mut samples = Vec::new();
    for point in content.points {
        let labels: Vec<_> = point.labels.iter().collect();
        assert!(labels.windows(2).all(|pair| pair[0].0 < pair[1].0), "not sorted and unique: {labels:?}");
        assert!(labels.iter().all(|(name, value)| is_label_name(name) && !value.is_empty()), "{labels:?}");
        let label = |(name, value): (&str, &str)| {
            let value = value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
            format!("{name}=\"{value}\"")
        };
        assert!(!point.metrics.is_empty(), "no metric");
        for (name, value) in &point.metrics {
            assert!(is_metric_name(name.as_str()), "{name:?}");
            let mut labels: Vec<_> = point.labels.iter().chain(value.bound()).collect();
            labels.sort_unstable();
            assert!(labels.windows(2).all(|pair| pair[0].0 < pair[1].0), "not unique: {labels:?}");
            let labels: Vec<_> = labels.into_iter().map(label).collect();
            let series = format!("{}{{{}}}", name.as_str(), labels.join(","));
            samples.push((series, point.timestamp_ms, value.as_float()));
        }
    }
    samples
}
