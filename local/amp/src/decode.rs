//! Decodes the body of a write request: a snappy block that holds protobuf.

use std::sync::Arc;

use prometheus_proto::{Label, WriteRequest};
use prost::Message;

use super::AmpOptions;
use super::answer::Refusal;

/// A decoded request.
#[derive(Debug, Clone)]
pub(super) struct Decoded {
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
pub(super) fn decode(options: &AmpOptions, body: &[u8]) -> Result<Decoded, Refusal> {
    let message = decompress(options, body)?;
    // Remote write 1.0, "Protocol": the message is a `prometheus.WriteRequest`.
    let request = WriteRequest::decode(&*message).map_err(|error| malformed(&error))?;
    let exemplars = Exemplars::decode(&*message).map_err(|error| malformed(&error))?;
    Ok(Decoded { request: Arc::new(request), bytes: message.len(), exemplars: Arc::new(exemplars) })
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
