//! The answer for a function's response.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use local_testing::http_server::{Reply, ResponseBody};
use serde_json::{Map, Value};

use super::{Endpoint, Kind};

/// The answer for the response `payload`; `None` if the endpoint cannot interpret it.
pub(super) fn of(endpoint: &Endpoint, payload: &Bytes) -> Option<Response<ResponseBody>> {
    let kind = endpoint.kind;
    if kind.is_alb() && payload.len() > kind.max_body_bytes() {
        return None;
    }
    let response: Value = serde_json::from_slice(payload).ok()?;
    let response = match (response, kind) {
        (Value::Object(response), _) if response.contains_key("statusCode") => response,
        // "If your function returns valid JSON and doesn't return a `statusCode`", all of it is the body.
        (_, Kind::FunctionUrl | Kind::HttpApi) => {
            let mut answer = Reply::full(StatusCode::OK, payload.clone());
            set_content_type(endpoint, answer.headers_mut());
            return Some(answer);
        }
        _ => return None,
    };
    let mut answer = Reply::full(status(&response["statusCode"])?, body(endpoint, &response)?);
    *answer.headers_mut() = headers(endpoint, &response)?;
    Some(answer)
}

/// A number, or its digits.
pub(super) fn status(value: &Value) -> Option<StatusCode> {
    let number = match value {
        Value::String(digits) => digits.parse().ok()?,
        other => u16::try_from(other.as_u64()?).ok()?,
    };
    StatusCode::from_u16(number).ok().filter(|_| (100..600).contains(&number))
}

fn body(endpoint: &Endpoint, response: &Map<String, Value>) -> Option<Bytes> {
    let body = match response.get("body") {
        None | Some(Value::Null) => return Some(Bytes::new()),
        Some(body) => body.as_str()?,
    };
    let is_base64 = response.get("isBase64Encoded").and_then(Value::as_bool).unwrap_or_default();
    // Without binary media types a REST API passes on the text.
    let is_decoded = is_base64 && (endpoint.kind != Kind::RestApi || endpoint.takes_binary);
    if is_decoded { STANDARD.decode(body).ok().map(Bytes::from) } else { Some(body.to_owned().into()) }
}

pub(super) fn headers(endpoint: &Endpoint, response: &Map<String, Value>) -> Option<HeaderMap> {
    let kind = endpoint.kind;
    let mut headers = HeaderMap::new();
    if kind != Kind::AlbMultiValue {
        for (name, value) in object(response, "headers")? {
            headers.insert(name_of(kind, name)?, value_of(value)?);
        }
    }
    if matches!(kind, Kind::RestApi | Kind::AlbMultiValue) {
        for (name, values) in object(response, "multiValueHeaders")? {
            let name = name_of(kind, name)?;
            headers.remove(&name);
            for value in values.as_array()? {
                headers.append(name.clone(), value_of(value)?);
            }
        }
    }
    if matches!(kind, Kind::FunctionUrl | Kind::HttpApi) {
        for cookie in response.get("cookies").and_then(Value::as_array).into_iter().flatten() {
            headers.append(header::SET_COOKIE, value_of(cookie)?);
        }
    }
    // The connection and the length are the server's.
    for name in [header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING] {
        headers.remove(name);
    }
    set_content_type(endpoint, &mut headers);
    Some(headers)
}

/// The pairs of an optional object; `None` if it is something else.
fn object<'a>(
    response: &'a Map<String, Value>,
    key: &str,
) -> Option<impl Iterator<Item = (&'a String, &'a Value)>> {
    match response.get(key) {
        None | Some(Value::Null) => Some(None.into_iter().flatten()),
        Some(Value::Object(pairs)) => Some(Some(pairs).into_iter().flatten()),
        Some(_) => None,
    }
}

fn name_of(kind: Kind, name: &str) -> Option<HeaderName> {
    let name = HeaderName::try_from(name).ok()?;
    let is_renamed = name == header::WWW_AUTHENTICATE && matches!(kind, Kind::FunctionUrl | Kind::RestApi);
    Some(if is_renamed { HeaderName::from_static("x-amzn-remapped-www-authenticate") } else { name })
}

/// A text, number or truth value as a header.
fn value_of(value: &Value) -> Option<HeaderValue> {
    match value {
        Value::String(text) => HeaderValue::try_from(text).ok(),
        Value::Number(_) | Value::Bool(_) => HeaderValue::try_from(value.to_string()).ok(),
        _ => None,
    }
}

fn set_content_type(endpoint: &Endpoint, headers: &mut HeaderMap) {
    let default = if endpoint.kind.is_alb() { "application/octet-stream" } else { "application/json" };
    headers.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static(default));
}
