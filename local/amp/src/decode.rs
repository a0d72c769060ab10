//! Decodes the body of a write request: a snappy block that holds protobuf.

use std::sync::Arc;

use prometheus_proto::{Histogram, Label, MetricMetadata, Sample, TimeSeries, WriteRequest, v2};
use prost::Message;

use super::AmpOptions;
use super::answer::Refusal;
use super::envelope::Version;
use super::text::METRIC_NAME_LABEL;

/// A decoded request.
#[derive(Debug, Clone)]
pub(super) struct Decoded {
    pub(super) version: Version,
    /// The message; one of 2.0 in the form of 1.0.
    pub(super) request: Arc<WriteRequest>,
    /// The length of the message in bytes.
    pub(super) bytes: usize,
    exemplars: Arc<Exemplars>,
}

impl Decoded {
    /// The exemplars of a series, by its position.
    pub(super) fn exemplars(&self, position: usize) -> &[Exemplar] {
        self.exemplars.timeseries.get(position).map_or(&[], |series| &series.exemplars)
    }
}

/// A write request of which only the exemplars are decoded. The gateway sends none, so the crate of messages has none.
#[derive(Clone, PartialEq, Message)]
struct Exemplars {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<ExemplarSeries>,
}

#[derive(Clone, PartialEq, Message)]
struct ExemplarSeries {
    #[prost(message, repeated, tag = "3")]
    exemplars: Vec<Exemplar>,
}

/// An exemplar. Its value decides nothing.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Exemplar {
    #[prost(message, repeated, tag = "1")]
    pub(super) labels: Vec<Label>,
    #[prost(int64, tag = "3")]
    pub(super) timestamp: i64,
}

/// The message in a body.
pub(super) fn decode(options: &AmpOptions, version: Version, body: &[u8]) -> Result<Decoded, Refusal> {
    let message = decompress(options, body)?;
    let (request, exemplars) = match version {
        Version::V1 => {
            let request = WriteRequest::decode(&*message).map_err(|error| malformed(&error))?;
            (request, Exemplars::decode(&*message).map_err(|error| malformed(&error))?)
        }
        Version::V2 => {
            let request = v2::Request::decode(&*message).map_err(|error| malformed(&error))?;
            if options.strict && request.symbols.first().is_none_or(|first| !first.is_empty()) {
                return Err(Refusal::bad_request("symbols do not begin with an empty one"));
            }
            as_1(&request).map_err(Refusal::bad_request)?
        }
    };
    let (request, exemplars) = (Arc::new(request), Arc::new(exemplars));
    Ok(Decoded { version, request, bytes: message.len(), exemplars })
}

/// The request in the form of 1.0, as Cortex converts it: the metadata of a series is that of its metric name. Floats and
/// histograms of one series that follow each other are one series again.
fn as_1(request: &v2::Request) -> Result<(WriteRequest, Exemplars), String> {
    let text = |symbol: u32| {
        let text = usize::try_from(symbol).ok().and_then(|at| request.symbols.get(at));
        let size = request.symbols.len();
        text.cloned().ok_or_else(|| format!("symbol {symbol} is outside of the symbols table (size {size})"))
    };
    let labels = |symbols: &[u32]| {
        let (pairs, rest) = symbols.as_chunks();
        if !rest.is_empty() {
            return Err(format!("invalid labelRefs length {}", symbols.len()));
        }
        let label = |&[name, value]: &[u32; 2]| Ok(Label { name: text(name)?, value: text(value)? });
        pairs.iter().map(label).collect::<Result<Vec<_>, String>>()
    };
    let (mut converted, mut exemplars) = (WriteRequest::default(), Exemplars::default());
    for series in &request.timeseries {
        let own = labels(&series.labels_refs)?;
        if let Some(metadata) = &series.metadata
            && *metadata != v2::Metadata::default()
        {
            let name = own.iter().find(|label| label.name == METRIC_NAME_LABEL);
            converted.metadata.push(MetricMetadata {
                r#type: metadata.r#type,
                metric_family_name: name.map(|label| label.value.clone()).unwrap_or_default(),
                help: text(metadata.help_ref)?,
                unit: text(metadata.unit_ref)?,
            });
        }
        let exemplar = |exemplar: &v2::Exemplar| {
            Ok(Exemplar { labels: labels(&exemplar.labels_refs)?, timestamp: exemplar.timestamp })
        };
        let own_exemplars = series.exemplars.iter().map(exemplar).collect::<Result<Vec<_>, String>>()?;
        let samples = series.samples.iter().map(|s| Sample { value: s.value, timestamp: s.timestamp });
        let histograms = series.histograms.iter().map(|histogram| {
            // The fields have the same numbers in both versions, but for those of 2.0 alone.
            Histogram::decode(&*histogram.encode_to_vec()).map_err(|error| error.to_string())
        });
        let histograms = histograms.collect::<Result<Vec<_>, String>>()?;
        match (converted.timeseries.last_mut(), exemplars.timeseries.last_mut()) {
            (Some(last), Some(of_last))
                if last.labels == own && (last.samples.is_empty() || series.samples.is_empty()) =>
            {
                last.samples.extend(samples);
                last.histograms.extend(histograms);
                of_last.exemplars.extend(own_exemplars);
            }
            _ => {
                converted.timeseries.push(TimeSeries { labels: own, samples: samples.collect(), histograms });
                exemplars.timeseries.push(ExemplarSeries { exemplars: own_exemplars });
            }
        }
    }
    Ok((converted, exemplars))
}

/// Cortex's text for a message that ends early. Its other texts name details of its decoder.
fn malformed(error: &prost::DecodeError) -> Refusal {
    let text = error.to_string();
    let is_cut = ["buffer underflow", "delimited length exceeded", "invalid varint"];
    if is_cut.iter().any(|cause| text.contains(cause)) {
        return Refusal::bad_request("unexpected EOF");
    }
    Refusal::bad_request(format!("proto: {text}"))
}

/// Remote write 1.0, "Protocol": snappy's block format, not the framed one. Cortex (`ParseProtoReader`) limits the decoded
/// length, which the block states before anything is decoded.
fn decompress(options: &AmpOptions, body: &[u8]) -> Result<Vec<u8>, Refusal> {
    let corrupt = |_| Refusal::bad_request("snappy: corrupt input");
    let (bytes, limit) = (snap::raw::decompress_len(body).map_err(corrupt)?, options.max_request_bytes);
    if bytes > limit {
        return Err(Refusal::bad_request(format!("received message larger than max ({bytes} vs {limit})")));
    }
    snap::raw::Decoder::new().decompress_vec(body).map_err(corrupt)
}
