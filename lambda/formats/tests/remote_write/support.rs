//! Write requests, read into plain data.

use std::time::Duration;

use formats::{Body, Content, Format, Invalid, OtlpDelta, Refused, Rules};
use remote_write::{Histogram, Labels, NameEscaping};

/// The time of day.
pub(crate) const NOW_MS: i64 = 1_676_398_017_000;

/// What a request contains.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Read {
    /// `name{labels} value @timestamp` of the floats.
    pub(crate) samples: Vec<String>,
    /// The bits of the floats.
    pub(crate) bits: Vec<u64>,
    /// The native histograms, as [`shown`].
    pub(crate) histograms: Vec<String>,
    /// `type family help unit`, sorted.
    pub(crate) metadata: Vec<String>,
    pub(crate) exemplars: usize,
    /// Since when the samples count, of those that say so.
    pub(crate) starts: Vec<i64>,
    pub(crate) refused: Vec<(usize, String)>,
}

/// Reads `body`.
pub(crate) fn read(format: Format, body: &[u8]) -> Result<Read, String> {
    let rules = Rules {
        escaping: NameEscaping::Underscores,
        external_labels: &Labels::default(),
        max_sample_bytes: 100_000_000,
        grouping: &Vec::new(),
        received_ms: 0,
        now_ms: NOW_MS,
        max_future: Duration::from_mins(1),
        otlp_delta: OtlpDelta::Refuse,
    };
    let read = formats::read(format, &Body::Bytes(body), rules, |content| Ok::<_, Invalid>(plain(content)));
    read.map_err(|reason| reason.to_string())
}

/// A histogram as text, with the bits of its sum, which may be a NaN.
pub(crate) fn shown(histogram: &Histogram, timestamp_ms: i64) -> String {
    format!("{histogram:?} {:x} @{timestamp_ms}", histogram.sum.to_bits())
}

fn plain(content: Content<'_, '_>) -> Read {
    let mut read = Read {
        exemplars: content.exemplars,
        refused: content.refused.into_iter().map(|Refused { points, reason }| (points, reason)).collect(),
        ..Read::default()
    };
    for point in content.points {
        let labels: Vec<_> = point.labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
        let [(name, value)] = &*point.metrics else { panic!("{point:?}") };
        if let Some(float) = value.as_float() {
            let (name, labels) = (name.as_str(), labels.join(","));
            read.samples.push(format!("{name}{{{labels}}} {float} @{}", point.timestamp_ms));
            read.bits.push(float.to_bits());
        }
        read.starts.extend((point.start_ms != 0).then_some(point.start_ms));
        read.histograms.extend(value.as_histogram().map(|histogram| shown(histogram, point.timestamp_ms)));
    }
    read.metadata = (content.metadata.iter())
        .map(|one| format!("{:?} {} {:?} {:?}", one.metric_type(), one.family, one.help, one.unit))
        .collect();
    read.metadata.sort();
    read
}
