//! The body of a request in the event: plain text or base64.

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::MultiGzDecoder;

use super::{Endpoint, Kind, Request};
use crate::runtime::MAX_PAYLOAD_BYTES;

/// `body` and `isBase64Encoded`.
pub(super) fn encode(endpoint: &Endpoint, request: &Request) -> (String, bool) {
    let inflated = (endpoint.kind == Kind::RestApi).then(|| inflate(request)).flatten();
    let bytes = inflated.as_deref().unwrap_or(&request.body);
    if bytes.is_empty() || is_plain(endpoint, request) {
        (String::from_utf8_lossy(bytes).into_owned(), false)
    } else {
        (STANDARD.encode(bytes), true)
    }
}

fn is_plain(endpoint: &Endpoint, request: &Request) -> bool {
    match endpoint.kind {
        Kind::FunctionUrl | Kind::HttpApi => has_text(request),
        Kind::RestApi => !endpoint.takes_binary,
        Kind::Alb | Kind::AlbMultiValue => {
            request.value_of("content-encoding").is_none() && has_text(request)
        }
    }
}

/// Whether the content type is one of those that are passed on plain.
fn has_text(request: &Request) -> bool {
    let content_type = request.value_of("content-type").unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media_type.starts_with("text/")
        || ["application/json", "application/javascript", "application/xml"].contains(&&*media_type)
}

/// A gzip body decompressed; `None` if it is another or exceeds the limit of an event.
fn inflate(request: &Request) -> Option<Vec<u8>> {
    if !request.value_of("content-encoding")?.eq_ignore_ascii_case("gzip") {
        return None;
    }
    let mut inflated = Vec::new();
    let limit = MAX_PAYLOAD_BYTES as u64 + 1;
    MultiGzDecoder::new(&*request.body).take(limit).read_to_end(&mut inflated).ok()?;
    (inflated.len() <= MAX_PAYLOAD_BYTES).then_some(inflated)
}
