//! Requests of both versions as one type.

use local_amp::proto::{self, v2};
use prost::Message as _;

use super::recorder::Recorded;

/// A decoded request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Message {
    pub(crate) series: Vec<Series>,
    /// Of 2.0.
    pub(crate) v2: Option<v2::Request>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Series {
    pub(crate) labels: Vec<(String, String)>,
    /// Timestamp and the bits of the value.
    pub(crate) samples: Vec<(i64, u64)>,
    /// Timestamp and the bits of the sum.
    pub(crate) histograms: Vec<(i64, u64)>,
    /// Type, help and unit, of 2.0.
    pub(crate) metadata: Option<(i32, String, String)>,
}

impl Series {
    pub(crate) fn name(&self) -> &str {
        self.labels.iter().find(|(name, _)| name == "__name__").map_or("", |(_, value)| value)
    }

    /// All timestamps.
    pub(crate) fn times(&self) -> impl Iterator<Item = i64> {
        self.samples.iter().chain(&self.histograms).map(|(time, _)| *time)
    }
}

/// The content types of both messages.
pub(crate) const TYPE_1: &str = "application/x-protobuf";
pub(crate) const TYPE_2: &str = "application/x-protobuf;proto=io.prometheus.write.v2.Request";

/// Decodes the body by its `Content-Type`.
pub(crate) fn decode(recorded: &Recorded) -> Result<Message, String> {
    let bytes = snap::raw::Decoder::new().decompress_vec(&recorded.request.body);
    let bytes = bytes.map_err(|error| format!("expected a block of snappy: {error}"))?;
    match recorded.request.header("content-type") {
        TYPE_1 => version_1(&bytes),
        TYPE_2 => version_2(&bytes),
        other => Err(format!("content type {other:?}")),
    }
}

fn version_1(bytes: &[u8]) -> Result<Message, String> {
    let request = proto::WriteRequest::decode(bytes).map_err(|error| error.to_string())?;
    let series = request.timeseries.into_iter().map(|series| Series {
        labels: series.labels.into_iter().map(|label| (label.name, label.value)).collect(),
        samples: series.samples.iter().map(|sample| (sample.timestamp, sample.value.to_bits())).collect(),
        histograms: series
            .histograms
            .iter()
            .map(|histogram| (histogram.timestamp, histogram.sum.to_bits()))
            .collect(),
        metadata: None,
    });
    Ok(Message { series: series.collect(), v2: None })
}

fn version_2(bytes: &[u8]) -> Result<Message, String> {
    let request = v2::Request::decode(bytes).map_err(|error| error.to_string())?;
    let symbol = |reference: u32| {
        let symbol = request.symbols.get(reference as usize).cloned();
        symbol.ok_or_else(|| format!("reference {reference} of {} symbols", request.symbols.len()))
    };
    let mut all = Vec::new();
    for series in &request.timeseries {
        let (pairs, rest) = series.labels_refs.as_chunks::<2>();
        if !rest.is_empty() {
            return Err("an odd number of references".to_owned());
        }
        let labels: Result<_, String> =
            pairs.iter().map(|[name, value]| Ok((symbol(*name)?, symbol(*value)?))).collect();
        let metadata = match &series.metadata {
            Some(metadata) => Some((metadata.r#type, symbol(metadata.help_ref)?, symbol(metadata.unit_ref)?)),
            None => None,
        };
        let histograms = series.histograms.iter();
        all.push(Series {
            labels: labels?,
            samples: series.samples.iter().map(|sample| (sample.timestamp, sample.value.to_bits())).collect(),
            histograms: histograms.map(|histogram| (histogram.timestamp, histogram.sum.to_bits())).collect(),
            metadata,
        });
    }
    Ok(Message { series: all, v2: Some(request.clone()) })
}
