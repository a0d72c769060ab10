//! The HTTP side of the Extensions API (version 2020-01-01) and of the Telemetry API (version 2022-07-01).
//!
//! Source: Lambda Developer Guide, "Extensions API reference" and "Lambda Telemetry API reference". Error types that the
//! guide does not name are those of AWS's runtime interface emulator.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::super::api::{accepted, error_fields};
use super::super::telemetry::Telemetry;
use super::super::{HANDLER, VERSION};
use super::{ExtensionFault, Refusal, Registry};
use crate::bodies::{json_response, read};
use local_testing::http_server::{Reply, ResponseBody};
use local_testing::{ACCOUNT, truncate};

/// The version of the Extensions API.
pub(crate) const EXTENSIONS: &str = "2020-01-01";

/// The version of the Telemetry API.
pub(crate) const TELEMETRY: &str = "2022-07-01";

/// Requests of extensions are short; the guide does not give a limit.
const MAX_BODY_BYTES: usize = 256 * 1_024;

/// Characters of an error type or message that are kept.
const MAX_ERROR_CHARS: usize = 1_024;

const NAME: &str = "lambda-extension-name";
const IDENTIFIER: &str = "lambda-extension-identifier";
const EVENT_IDENTIFIER: &str = "lambda-extension-event-identifier";
const ACCEPT_FEATURE: &str = "lambda-extension-accept-feature";
const ERROR_TYPE: &str = "lambda-extension-function-error-type";

/// Event identifiers are unique within this process.
static EVENTS: AtomicU64 = AtomicU64::new(1);

/// Answers a request whose path has these steps.
pub(crate) async fn handle(
    registry: &Registry,
    telemetry: &Telemetry,
    head: &Parts,
    steps: &[&str],
    body: Incoming,
) -> Reply {
    let reply = match read(body, MAX_BODY_BYTES).await {
        Some(body) => answer(registry, telemetry, head, steps, &body).await,
        None => Err(malformed(format!("more than {MAX_BODY_BYTES} bytes"))),
    };
    reply.unwrap_or_else(|Refusal { status, error_type, message }| {
        Reply::Answer(json_response(status, &json!({ "errorType": error_type, "errorMessage": message })))
    })
}

async fn answer(
    registry: &Registry,
    telemetry: &Telemetry,
    head: &Parts,
    steps: &[&str],
    body: &Bytes,
) -> Result<Reply, Refusal> {
    let headers = &head.headers;
    let response = match (&head.method, steps) {
        (&Method::GET, [EXTENSIONS, "extension", "event", "next"]) => {
            return next(registry, telemetry, headers).await;
        }
        (&Method::POST, [EXTENSIONS, "extension", "register"]) => register(registry, headers, body)?,
        (&Method::POST, [EXTENSIONS, "extension", "init" | "exit", "error"]) => {
            report_error(registry, headers, body)?;
            accepted()
        }
        (&Method::PUT, [TELEMETRY, "telemetry"]) => {
            let name = registry.identify(identifier(headers)?)?;
            telemetry.subscribe(&name, body)?;
            Reply::full(StatusCode::OK, "\"OK\"")
        }
        _ => {
            let message = "no such path in the Extensions API".to_owned();
            return Err(Refusal { status: StatusCode::NOT_FOUND, error_type: "NotFound", message });
        }
    };
    Ok(Reply::Answer(response))
}

fn report_error(registry: &Registry, headers: &HeaderMap, body: &Bytes) -> Result<(), Refusal> {
    let identifier = identifier(headers)?;
    let Some(error_type) = header(headers, ERROR_TYPE) else {
        return Err(Refusal::bad_request("Extension.MissingHeader", format!("no header {ERROR_TYPE}")));
    };
    registry.fail(ExtensionFault {
        extension: registry.identify(identifier)?,
        error_type: truncate(error_type, MAX_ERROR_CHARS),
        message: truncate(&error_fields(body).1, MAX_ERROR_CHARS),
    });
    Ok(())
}

fn register(
    registry: &Registry,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<Response<ResponseBody>, Refusal> {
    let name = header(headers, NAME)
        .filter(|name| !name.is_empty())
        .ok_or_else(|| Refusal::forbidden("Extension.InvalidExtensionName", format!("no header {NAME}")))?;
    let json: Value =
        serde_json::from_slice(body).map_err(|_| malformed("the request is not JSON".to_owned()))?;
    let events: Option<Vec<&str>> = match &json["events"] {
        Value::Null if json.is_object() => Some(Vec::new()),
        Value::Array(events) => events.iter().map(Value::as_str).collect(),
        _ => None,
    };
    let events = events.ok_or_else(|| malformed("events should be an array of strings".to_owned()))?;
    let identifier = registry.register(name, &events)?;
    let mut answer = json!({
        "functionName": registry.options.name,
        "functionVersion": VERSION,
        "handler": HANDLER,
    });
    let features = header(headers, ACCEPT_FEATURE).unwrap_or_default();
    if features.split(',').any(|feature| feature.trim() == "accountId") {
        answer["accountId"] = ACCOUNT.into();
    }
    Ok(identified(IDENTIFIER, identifier, &answer))
}

/// Waits for an event without a limit.
async fn next(registry: &Registry, telemetry: &Telemetry, headers: &HeaderMap) -> Result<Reply, Refusal> {
    let (event, is_ready) = registry.next(identifier(headers)?)?;
    if let Some(record) = is_ready {
        telemetry.platform("extension", &record);
    }
    let Ok(event) = event.await else { return Ok(Reply::Close) };
    let number = EVENTS.fetch_add(1, Ordering::Relaxed);
    let identifier = format!("00000000-0000-4000-a000-{number:012x}");
    Ok(Reply::Answer(identified(EVENT_IDENTIFIER, identifier, &event)))
}

/// The identifier of the extension, which every request but the registration must have.
fn identifier(headers: &HeaderMap) -> Result<&str, Refusal> {
    header(headers, IDENTIFIER).ok_or_else(|| {
        Refusal::forbidden("Extension.MissingExtensionIdentifier", format!("no header {IDENTIFIER}"))
    })
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn malformed(message: String) -> Refusal {
    Refusal::bad_request("InvalidRequestFormat", message)
}

fn identified(name: &'static str, identifier: String, body: &Value) -> Response<ResponseBody> {
    let mut response = json_response(StatusCode::OK, body);
    let identifier = HeaderValue::try_from(identifier).expect("identifiers are ASCII");
    response.headers_mut().insert(name, identifier);
    response
}
