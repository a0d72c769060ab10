//! Requests of the invoke API: function name, type of invocation, payload and client context, or the exception of Lambda's
//! API (Lambda API reference, `Invoke`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};

use crate::runtime::MAX_PAYLOAD_BYTES;

/// Lambda quotas: "Invocation payload", 1 MB asynchronous.
const MAX_ASYNC_BYTES: usize = 1_024 * 1_024;

/// Lambda API, `Invoke`: "Up to 3,583 bytes of base64-encoded data about the invoking client".
const MAX_CLIENT_CONTEXT_BYTES: usize = 3_583;

/// `X-Amz-Invocation-Type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InvocationType {
    RequestResponse,
    Event,
    DryRun,
}

/// A valid request.
#[derive(Debug)]
pub(super) struct Invoke {
    pub(super) kind: InvocationType,
    pub(super) payload: Bytes,
    pub(super) client_context: Option<String>,
    pub(super) includes_log_tail: bool,
}

/// An error of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Exception {
    pub(super) status: StatusCode,
    pub(super) name: &'static str,
    pub(super) message: String,
}

impl Exception {
    pub(super) fn new(status: StatusCode, name: &'static str, message: impl Into<String>) -> Self {
        Self { status, name, message: message.into() }
    }

    fn content(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidRequestContentException", message)
    }

    pub(super) fn too_large(limit: usize) -> Self {
        let message = format!("Request must be smaller than {limit} bytes for the InvokeFunction operation");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLargeException", message)
    }
}

/// The function in a path of the invoke API; `None` for another path or method.
///
/// A name may be a plain name, `name:qualifier`, a partial or a full ARN.
pub(super) fn function_name(method: &Method, path: &str) -> Option<String> {
    let name = path.strip_prefix("/2015-03-31/functions/")?.strip_suffix("/invocations")?;
    if method != Method::POST || name.contains('/') {
        return None;
    }
    let name = name.replace("%3A", ":").replace("%3a", ":").replace("%24", "$");
    let parts: Vec<&str> = name.split(':').collect();
    let name = match parts.iter().position(|part| *part == "function") {
        Some(at) => parts.get(at + 1).copied()?,
        None => parts.first().copied()?,
    };
    Some(name.to_owned())
}

impl Invoke {
    /// Reads a request whose body is complete.
    pub(super) fn parse(headers: &HeaderMap, body: Bytes) -> Result<Self, Exception> {
        let kind = invocation_type(headers)?;
        let limit = if kind == InvocationType::Event { MAX_ASYNC_BYTES } else { MAX_PAYLOAD_BYTES };
        if body.len() > limit {
            return Err(Exception::too_large(limit));
        }
        Ok(Self {
            kind,
            payload: payload(body)?,
            client_context: client_context(headers)?,
            includes_log_tail: headers.get("x-amz-log-type").is_some_and(|value| value == "Tail"),
        })
    }
}

fn invocation_type(headers: &HeaderMap) -> Result<InvocationType, Exception> {
    match headers.get("x-amz-invocation-type").map(http::HeaderValue::as_bytes) {
        None | Some(b"" | b"RequestResponse") => Ok(InvocationType::RequestResponse),
        Some(b"Event") => Ok(InvocationType::Event),
        Some(b"DryRun") => Ok(InvocationType::DryRun),
        Some(other) => {
            let other = String::from_utf8_lossy(other);
            let message = format!("expected invocation type RequestResponse, Event or DryRun, got {other:?}");
            Err(Exception::new(StatusCode::BAD_REQUEST, "InvalidParameterValueException", message))
        }
    }
}

/// A function always gets JSON; without a body it gets an empty object.
fn payload(body: Bytes) -> Result<Bytes, Exception> {
    if body.is_empty() {
        return Ok(Bytes::from_static(b"{}"));
    }
    match serde_json::from_slice::<&serde_json::value::RawValue>(&body) {
        Ok(_) => Ok(body),
        Err(error) => Err(Exception::content(format!("Could not parse request body into json: {error}"))),
    }
}

/// Base64 of a JSON object, passed on as one line.
fn client_context(headers: &HeaderMap) -> Result<Option<String>, Exception> {
    let Some(encoded) = headers.get("x-amz-client-context") else { return Ok(None) };
    if encoded.len() > MAX_CLIENT_CONTEXT_BYTES {
        return Err(Exception::content(format!(
            "Client context must be no more than {MAX_CLIENT_CONTEXT_BYTES} bytes when Base64-encoded"
        )));
    }
    let decoded = STANDARD.decode(encoded.as_bytes()).ok();
    let object = decoded.and_then(|json| serde_json::from_slice::<serde_json::Value>(&json).ok());
    match object.filter(serde_json::Value::is_object) {
        Some(object) => Ok(Some(object.to_string())),
        None => Err(Exception::content("Client context must be a valid Base64-encoded JSON object.")),
    }
}
