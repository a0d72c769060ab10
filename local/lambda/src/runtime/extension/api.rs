//! The HTTP side of the Extensions API (version 2020-01-01) and of the Telemetry API (version 2022-07-01).
//!
//! Source: Lambda Developer Guide, "Extensions API reference" and "Lambda Telemetry API reference". Error types that the
//! guide does not name are those of AWS's runtime interface emulator.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::super::telemetry::Telemetry;
use super::super::{HANDLER, VERSION};
use super::registry::{Refusal, Registry, refusal};
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

/// The routes of the Extensions API, below its version.
pub(crate) async fn handle(
    registry: &Registry,
    telemetry: &Telemetry,
    head: &Parts,
    path: &[&str],
    body: Incoming,
) -> Reply {
    let headers = &head.headers;
    let answer = match (&head.method, path) {
        (&Method::GET, ["event", "next"]) => return next(registry, telemetry, headers).await,
        (&Method::POST, ["register"]) => read(body).await.and_then(|body| register(registry, headers, &body)),
        (&Method::POST, ["init" | "exit", "error"]) => {
            read(body).await.and_then(|body| report_error(registry, headers, &body))
        }
        _ => Ok(error(StatusCode::NOT_FOUND, "NotFound", "no such path in the Extensions API")),
    };
    Reply::Answer(answer.unwrap_or_else(|refusal| refuse(&refusal)))
}

/// `PUT` of the Telemetry API.
pub(crate) async fn subscribe(
    registry: &Registry,
    telemetry: &Telemetry,
    headers: &HeaderMap,
    body: Incoming,
) -> Reply {
    let name = identifier(headers).and_then(|identifier| registry.identify(identifier));
    let refused_versions = &registry.options.extensions.refused_schema_versions;
    let answer = match (name, read(body).await) {
        (Ok(name), Ok(body)) => match telemetry.subscribe(&name, &body, refused_versions) {
            Ok(()) => Reply::full(StatusCode::OK, "\"OK\""),
            Err((error_type, message)) => error(StatusCode::BAD_REQUEST, error_type, &message),
        },
        (Err(refusal), _) | (_, Err(refusal)) => refuse(&refusal),
    };
    Reply::Answer(answer)
}

fn report_error(
    registry: &Registry,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<Response<ResponseBody>, Refusal> {
    let identifier = identifier(headers)?;
    let error_type = header(headers, ERROR_TYPE).ok_or_else(|| missing(ERROR_TYPE))?;
    let [error_type, message] =
        [error_type, &error_message(body)].map(|text| truncate(text, MAX_ERROR_CHARS));
    registry.fail(identifier, &error_type, &message)?;
    Ok(Reply::full(StatusCode::ACCEPTED, "{\"status\":\"OK\"}\n"))
}

fn register(
    registry: &Registry,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<Response<ResponseBody>, Refusal> {
    let name = header(headers, NAME).filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| refusal("Extension.InvalidExtensionName", format!("no header {NAME}")))?;
    let malformed = |why: &str| refusal(MALFORMED, why.to_owned());
    let json: Value = serde_json::from_slice(body).map_err(|_| malformed("the request is not JSON"))?;
    let events = match &json["events"] {
        Value::Null if json.is_object() => Vec::new(),
        Value::Array(events) => {
            let names: Option<Vec<&str>> = events.iter().map(Value::as_str).collect();
            names.ok_or_else(|| malformed("events should be strings"))?
        }
        _ => return Err(malformed("events should be an array of strings")),
    };
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
    let mut response = json_response(StatusCode::OK, &answer);
    response.headers_mut().insert(IDENTIFIER, ascii(identifier));
    Ok(response)
}

/// Waits for an event without a limit.
async fn next(registry: &Registry, telemetry: &Telemetry, headers: &HeaderMap) -> Reply {
    let requested = identifier(headers).and_then(|id| Ok((registry.identify(id)?, registry.next(id)?)));
    let (event, name, is_first) = match requested {
        Ok((name, (event, is_first))) => (event, name, is_first),
        Err(refusal) => return Reply::Answer(refuse(&refusal)),
    };
    if is_first {
        let events = registry.events_of(&name);
        telemetry.platform("extension", json!({ "name": name, "state": "Ready", "events": events }));
    }
    let Ok(event) = event.await else { return Reply::Close };
    let mut response = json_response(StatusCode::OK, &event);
    let number = EVENTS.fetch_add(1, Ordering::Relaxed);
    response.headers_mut().insert(EVENT_IDENTIFIER, ascii(format!("00000000-0000-4000-a000-{number:012x}")));
    Reply::Answer(response)
}

/// The error type of a request that cannot be read.
const MALFORMED: &str = "InvalidRequestFormat";

fn refuse(refusal: &Refusal) -> Response<ResponseBody> {
    let status = if refusal.error_type == MALFORMED || refusal.error_type == MISSING_HEADER {
        StatusCode::BAD_REQUEST
    } else {
        StatusCode::FORBIDDEN
    };
    error(status, refusal.error_type, &refusal.message)
}

/// The error type of a request without a required header.
const MISSING_HEADER: &str = "Extension.MissingHeader";

fn missing(name: &str) -> Refusal {
    refusal(MISSING_HEADER, format!("no header {name}"))
}

/// The identifier of the extension, which every request but the registration must have.
fn identifier(headers: &HeaderMap) -> Result<&str, Refusal> {
    let unknown = || refusal("Extension.MissingExtensionIdentifier", format!("no header {IDENTIFIER}"));
    header(headers, IDENTIFIER).ok_or_else(unknown)
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// `errorMessage` of an `ErrorRequest`, which is optional.
fn error_message(body: &Bytes) -> String {
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    let message = json.get("errorMessage").and_then(Value::as_str).map(str::to_owned);
    message.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned())
}

async fn read(body: Incoming) -> Result<Bytes, Refusal> {
    let body = Limited::new(body, MAX_BODY_BYTES).collect().await;
    body.map(http_body_util::Collected::to_bytes)
        .map_err(|_| refusal(MALFORMED, format!("more than {MAX_BODY_BYTES} bytes")))
}

fn error(status: StatusCode, error_type: &str, message: &str) -> Response<ResponseBody> {
    json_response(status, &json!({ "errorType": error_type, "errorMessage": message }))
}

fn json_response(status: StatusCode, body: &Value) -> Response<ResponseBody> {
    let mut response = Reply::full(status, body.to_string());
    response.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn ascii(identifier: String) -> HeaderValue {
    HeaderValue::try_from(identifier).expect("identifiers are ASCII")
}
