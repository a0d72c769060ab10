//! Decodes the body of a write request: a snappy block that holds protobuf.

use prometheus_proto::WriteRequest;
use prost::Message as _;

use super::AmpOptions;
use super::answer::Refusal;
use super::envelope::body_is_within_the_limit;

/// The message in a body, and its length in bytes.
pub(super) fn decode(options: &AmpOptions, body: &[u8]) -> Result<(WriteRequest, usize), Refusal> {
    let message = decompress(options, body)?;
    // Remote write 1.0, "Protocol": the message is a `prometheus.WriteRequest`.
    let request = WriteRequest::decode(&*message).map_err(|error| Refusal::bad_request(error.to_string()))?;
    Ok((request, message.len()))
}

/// Remote write 1.0, "Protocol": snappy's block format, not the framed one. The limit of AMP's "Request size" holds
/// for the decoded length too (Cortex, `ParseProtoReader`); the block states it before anything is decoded.
fn decompress(options: &AmpOptions, body: &[u8]) -> Result<Vec<u8>, Refusal> {
    let refused = |error: &snap::Error| Refusal::bad_request(error.to_string());
    let decoded_bytes = snap::raw::decompress_len(body).map_err(|error| refused(&error))?;
    body_is_within_the_limit(options, decoded_bytes)?;
    snap::raw::Decoder::new().decompress_vec(body).map_err(|error| refused(&error))
}
