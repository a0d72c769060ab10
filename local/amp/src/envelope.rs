//! What can be said about a request without opening its body: path, method, size, headers.
//!
//! In: the head of a request and the length of its body. Out: nothing, or the refusal.

use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, header};

use super::AmpOptions;
use super::answer::Refusal;

/// The path of a workspace's write API (AMP API reference, `RemoteWrite`).
pub(super) fn remote_write_path(workspace: &str) -> String {
    format!("/workspaces/{workspace}/api/v1/remote_write")
}

/// The rules of the front door, which come before the signature.
pub(super) fn check_route(options: &AmpOptions, head: &Parts, body_bytes: usize) -> Result<(), Refusal> {
    path_is_of_this_workspace(options, head.uri.path())?;
    method_is_post(&head.method)?;
    body_is_within_the_limit(options, body_bytes)
}

/// The headers that remote write 1.0 asks for.
pub(super) fn check_headers(headers: &HeaderMap) -> Result<(), Refusal> {
    body_is_declared_as_protobuf(headers)?;
    body_is_declared_as_snappy(headers)?;
    version_is_declared(headers)?;
    sender_says_who_it_is(headers)
}

/// Another path, or another workspace, is not found (AMP answers 404 on a wrong path).
fn path_is_of_this_workspace(options: &AmpOptions, path: &str) -> Result<(), Refusal> {
    if path == remote_write_path(&options.workspace) {
        return Ok(());
    }
    Err(Refusal::front_door(StatusCode::NOT_FOUND, "Not Found"))
}

/// Remote write 1.0, "Protocol": the sender "MUST send ... in the body of an HTTP POST request".
fn method_is_post(method: &Method) -> Result<(), Refusal> {
    if method == Method::POST {
        return Ok(());
    }
    Err(Refusal::front_door(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed"))
}

/// AMP quotas: "Request size" 1 MB, answered with 413 "Request Entity Too Large".
pub(super) fn body_is_within_the_limit(options: &AmpOptions, bytes: usize) -> Result<(), Refusal> {
    if bytes <= options.max_request_bytes {
        return Ok(());
    }
    Err(Refusal::text(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"))
}

/// Remote write 1.0, "Protocol": `Content-Type: application/x-protobuf`. Cortex answers 415 otherwise.
fn body_is_declared_as_protobuf(headers: &HeaderMap) -> Result<(), Refusal> {
    has(headers, "content-type", "application/x-protobuf", StatusCode::UNSUPPORTED_MEDIA_TYPE)
}

/// Remote write 1.0, "Protocol": `Content-Encoding: snappy`. Cortex answers 415 otherwise.
fn body_is_declared_as_snappy(headers: &HeaderMap) -> Result<(), Refusal> {
    has(headers, "content-encoding", "snappy", StatusCode::UNSUPPORTED_MEDIA_TYPE)
}

/// Remote write 1.0, "Protocol": `X-Prometheus-Remote-Write-Version: 0.1.0`.
fn version_is_declared(headers: &HeaderMap) -> Result<(), Refusal> {
    has(headers, "x-prometheus-remote-write-version", "0.1.0", StatusCode::BAD_REQUEST)
}

/// Remote write 1.0, "Protocol": a `User-Agent` header is among those that MUST be sent.
fn sender_says_who_it_is(headers: &HeaderMap) -> Result<(), Refusal> {
    match headers.get(header::USER_AGENT) {
        Some(agent) if !agent.is_empty() => Ok(()),
        _ => Err(Refusal::bad_request("missing header user-agent")),
    }
}

fn has(headers: &HeaderMap, name: &str, wanted: &str, otherwise: StatusCode) -> Result<(), Refusal> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) if value == wanted => Ok(()),
        (Some(value), None) => Err(Refusal::text(otherwise, format!("{name} is {value:?}, not {wanted:?}"))),
        (Some(_), Some(_)) => Err(Refusal::text(otherwise, format!("header {name} is there more than once"))),
        (None, _) => Err(Refusal::text(otherwise, format!("missing header {name}"))),
    }
}
