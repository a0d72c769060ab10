//! Queries to the read API.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::sender::{Answer, send};
use local_amp::AmpStandIn;

/// A query to `path` below `api/v1/` with parameters in the URL.
pub(crate) fn question(amp: &AmpStandIn, path: &str, parameters: &[(&str, &str)]) -> http::Request<Vec<u8>> {
    let url = format!("{}api/v1/{path}?{}", amp.endpoint(), encode(parameters));
    let host = url.split('/').nth(2).expect("an authority").to_owned();
    http::Request::get(url).header("host", host).body(Vec::new()).expect("a valid request")
}

/// The same with the parameters in a form body.
pub(crate) fn form(amp: &AmpStandIn, path: &str, parameters: &[(&str, &str)]) -> http::Request<Vec<u8>> {
    let mut request = question(amp, path, &[]);
    *request.method_mut() = http::Method::POST;
    let content_type = "application/x-www-form-urlencoded; charset=utf-8".parse().expect("a value");
    request.headers_mut().insert("content-type", content_type);
    *request.body_mut() = encode(parameters).into_bytes();
    request
}

pub(crate) async fn get(amp: &AmpStandIn, path: &str, parameters: &[(&str, &str)]) -> (u16, Value) {
    json(&send(question(amp, path, parameters)).await)
}

pub(crate) async fn post(amp: &AmpStandIn, path: &str, parameters: &[(&str, &str)]) -> (u16, Value) {
    json(&send(form(amp, path, parameters)).await)
}

/// The `data` of an answer that must be a success.
pub(crate) async fn data(amp: &AmpStandIn, path: &str, parameters: &[(&str, &str)]) -> Value {
    let (status, mut answer) = get(amp, path, parameters).await;
    assert_eq!(
        (status, &answer["status"]),
        (200, &Value::from("success")),
        "{path} {parameters:?}: {answer}"
    );
    answer["data"].take()
}

fn json(answer: &Answer) -> (u16, Value) {
    (answer.0, serde_json::from_str(&answer.1).unwrap_or_else(|error| panic!("{error}: {answer:?}")))
}

fn encode(parameters: &[(&str, &str)]) -> String {
    let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
    let pairs: Vec<String> =
        parameters.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
    pairs.join("&")
}

/// Sends a path and a query as they are.
pub(crate) async fn get_raw(amp: &AmpStandIn, path_and_query: &str) -> Answer {
    let mut request = question(amp, "", &[]);
    *request.uri_mut() = format!("{}api/v1/{path_and_query}", amp.endpoint()).parse().expect("a URI");
    send(request).await
}
