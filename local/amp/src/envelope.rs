//! The rules for path, method, size and headers of a write request, which need no look into its body.

use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, header};

use super::AmpOptions;
use super::answer::Refusal;

const PROTOBUF: &str = "application/x-protobuf";
const VERSION_1: &str = "prometheus.WriteRequest";
const VERSION_2: &str = "io.prometheus.write.v2.Request";

/// A version of remote write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    V1,
    V2,
}

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

/// The headers that decide in Cortex (`pkg/util/push`), which does without any of them. Returns the version of the message.
pub(super) fn check_headers(options: &AmpOptions, headers: &HeaderMap) -> Result<Version, Refusal> {
    let value = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let unsupported =
        |text: String| Err::<Version, _>(Refusal::text(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
    let content_type = value(header::CONTENT_TYPE);
    let mut parts = content_type.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    if !media_type.is_empty() && media_type != PROTOBUF {
        return unsupported(format!(
            "expected {PROTOBUF} as the first (media) part, got {content_type} content-type"
        ));
    }
    let version = match parts.find_map(|part| part.strip_prefix("proto=")) {
        None | Some(VERSION_1) => Version::V1,
        Some(VERSION_2) if options.remote_write_2 => Version::V2,
        Some(VERSION_2) => {
            return unsupported(format!(
                "{VERSION_2} protobuf message is not accepted by this server; only accepts {VERSION_1}"
            ));
        }
        Some(other) => {
            return unsupported(format!(
                "got {content_type} content type; unknown type for remote write protobuf message {other}, supported: \
                 {VERSION_1}, {VERSION_2}"
            ));
        }
    };
    match value(header::CONTENT_ENCODING) {
        "" | "snappy" => Ok(version),
        other => unsupported(format!(
            "{other} encoding (compression) is not accepted by this server; only snappy is acceptable"
        )),
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

/// AMP quotas: "Request size" 1 MB. AWS answers 413 to a longer body, Cortex by itself would answer 400.
pub(super) fn body_is_within_the_limit(options: &AmpOptions, bytes: usize) -> Result<(), Refusal> {
    if bytes <= options.max_request_bytes {
        return Ok(());
    }
    Err(Refusal::text(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"))
}
