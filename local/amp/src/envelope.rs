//! The rules for path, method, size and headers of a write request, which need no look into its body.

use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, header};

use super::AmpOptions;
use super::answer::Refusal;

/// The path of a workspace's write API (AMP API reference, `RemoteWrite`).
pub(super) fn remote_write_path(workspace: &str) -> String {
    format!("/workspaces/{workspace}/api/v1/remote_write")
}

/// The rules that AWS applies before the signature.
pub(super) fn check_route(options: &AmpOptions, head: &Parts, body_bytes: usize) -> Result<(), Refusal> {
    path_is_of_this_workspace(options, head.uri.path())?;
    method_is_post(&head.method)?;
    body_is_within_the_limit(options, body_bytes)
}

/// The headers that remote write 1.0 requires ("Protocol"). Cortex answers 415 for the first two.
pub(super) fn check_headers(headers: &HeaderMap) -> Result<(), Refusal> {
    has(headers, "content-type", "application/x-protobuf", StatusCode::UNSUPPORTED_MEDIA_TYPE)?;
    has(headers, "content-encoding", "snappy", StatusCode::UNSUPPORTED_MEDIA_TYPE)?;
    has(headers, "x-prometheus-remote-write-version", "0.1.0", StatusCode::BAD_REQUEST)?;
    match headers.get(header::USER_AGENT) {
        Some(agent) if !agent.is_empty() => Ok(()),
        _ => Err(Refusal::bad_request("missing header user-agent")),
    }
}

/// AMP answers 404 on a wrong path, or one of another workspace.
fn path_is_of_this_workspace(options: &AmpOptions, path: &str) -> Result<(), Refusal> {
    if path == remote_write_path(&options.workspace) {
        return Ok(());
    }
    Err(Refusal::json(StatusCode::NOT_FOUND, "Not Found"))
}

/// Remote write 1.0, "Protocol": the sender "MUST send ... in the body of an HTTP POST request".
fn method_is_post(method: &Method) -> Result<(), Refusal> {
    if method == Method::POST {
        return Ok(());
    }
    Err(Refusal::json(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed"))
}

/// AMP quotas: "Request size" 1 MB, answered with 413 "Request Entity Too Large".
pub(super) fn body_is_within_the_limit(options: &AmpOptions, bytes: usize) -> Result<(), Refusal> {
    if bytes <= options.max_request_bytes {
        return Ok(());
    }
    Err(Refusal::text(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"))
}

fn has(headers: &HeaderMap, name: &str, expected: &str, otherwise: StatusCode) -> Result<(), Refusal> {
    let mut values = headers.get_all(name).iter();
    let text = match (values.next(), values.next()) {
        (Some(value), None) if value == expected => return Ok(()),
        (Some(value), None) => format!("header {name}: expected {expected:?}, got {value:?}"),
        (Some(_), Some(_)) => format!("duplicate header {name}"),
        (None, _) => format!("missing header {name}"),
    };
    Err(Refusal::text(otherwise, text))
}
