//! The body of a write request: snappy block around protobuf.
//!
//! In: the bytes of the body. Out: the message and its decoded length, or the refusal. What the message says is
//! for the later rules.

use prometheus_proto::WriteRequest;
use prost::Message as _;

use super::AmpOptions;
use super::answer::Refusal;
use super::envelope::body_is_within_the_limit;

/// A body that could be read.
#[derive(Debug)]
pub(super) struct Decoded {
    pub(super) request: WriteRequest,
    pub(super) bytes: usize,
}

/// Opens a body.
pub(super) fn decode(options: &AmpOptions, body: &[u8]) -> Result<Decoded, Refusal> {
    let message = open_snappy(options, body)?;
    let request = parse_protobuf(&message)?;
    Ok(Decoded { request, bytes: message.len() })
}

/// Remote write 1.0, "Protocol": snappy's block format, not the framed one. The limit of AMP's "Request size"
/// holds for the decoded length too (Cortex, `ParseProtoReader`); the block states it before anything is decoded.
fn open_snappy(options: &AmpOptions, body: &[u8]) -> Result<Vec<u8>, Refusal> {
    let refused = |error: &snap::Error| Refusal::bad_request(error.to_string());
    let decoded_bytes = snap::raw::decompress_len(body).map_err(|error| refused(&error))?;
    body_is_within_the_limit(options, decoded_bytes)?;
    snap::raw::Decoder::new().decompress_vec(body).map_err(|error| refused(&error))
}

/// Remote write 1.0, "Protocol": the message is a `prometheus.WriteRequest`.
fn parse_protobuf(message: &[u8]) -> Result<WriteRequest, Refusal> {
    WriteRequest::decode(message).map_err(|error| Refusal::bad_request(error.to_string()))
}
