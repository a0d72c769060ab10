//! Finds the parameters in the bytes of an invocation.
//!
//! They are the payload itself, or its `body` as an object or a string. API Gateway and function URLs send their own
//! event, with a query string and a body that may be base64.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads>,
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html>

use std::collections::BTreeMap;
use std::fmt;

use aws_smithy_types::base64;
use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;

use crate::error::{Error, excerpt, json_excerpt};

/// The most members of an object. HTTP events and operations have about ten; the hundreds of thousands that fit into a
/// payload would take ten times its memory.
const MAX_MEMBERS: usize = 100;

/// The keys of an HTTP event: all have the first, those of REST APIs have both.
const HTTP_KEYS: [&str; 2] = ["requestContext", "httpMethod"];

/// The payload of one invocation.
#[derive(Debug)]
pub(crate) struct Payload {
    /// Whether API Gateway or a function URL sent it.
    pub(crate) is_http: bool,
    pub(crate) parameters: Result<Parameters, Error>,
}

/// Parameters by name, as JSON text: a tree of values could take 90 times the memory.
pub(crate) type Parameters = BTreeMap<String, Box<RawValue>>;

/// The members of an object, within its text.
type Members<'a> = BTreeMap<String, &'a RawValue>;

impl Payload {
    /// Reads `bytes`, which need not be JSON.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        match object(bytes) {
            Ok(payload) => {
                let is_http = HTTP_KEYS.iter().any(|key| payload.contains_key(*key));
                Self { is_http, parameters: parameters(payload, is_http) }
            }
            Err(error) => Self { is_http: false, parameters: Err(error) },
        }
    }
}

/// A parameter in the body wins over one in the query string, as in the API of Prometheus.
fn parameters(mut payload: Members<'_>, is_http: bool) -> Result<Parameters, Error> {
    let is_base64 = payload.get("isBase64Encoded").is_some_and(|value| value.get() == "true");
    let body = match payload.remove("body").map(RawValue::get) {
        None | Some("null") if !is_http => return Ok(owned(payload)),
        None | Some("null") => Parameters::new(),
        Some(json) if json.starts_with('"') => {
            let text: String = serde_json::from_str(json).map_err(|error| invalid_json(&error))?;
            if is_base64 {
                let invalid = |_| Error::InvalidPayload("invalid base64 in `body`".to_owned());
                body_text(&base64::decode(text.trim()).map_err(invalid)?)?
            } else {
                body_text(text.as_bytes())?
            }
        }
        Some(json) if json.starts_with('{') => owned(object(json.as_bytes())?),
        Some(json) => return Err(Error::InvalidPayload(json_excerpt(json))),
    };
    let mut parameters = match payload.remove("queryStringParameters").map(RawValue::get) {
        Some(json) if is_http && json.starts_with('{') => owned(object(json.as_bytes())?),
        _ => Parameters::new(),
    };
    parameters.extend(body);
    Ok(parameters)
}

/// The parameters in the text of a body; none if it is empty.
fn body_text(text: &[u8]) -> Result<Parameters, Error> {
    if text.trim_ascii().is_empty() { Ok(Parameters::new()) } else { object(text).map(owned) }
}

fn owned(members: Members<'_>) -> Parameters {
    members.into_iter().map(|(name, json)| (name, json.to_owned())).collect()
}

pub(crate) fn invalid_json(error: &serde_json::Error) -> Error {
    Error::InvalidPayload(format!("invalid JSON: {error}"))
}

/// Reads an object. Anything else is rejected at its first byte, however long it is.
fn object(bytes: &[u8]) -> Result<Members<'_>, Error> {
    if bytes.is_empty() {
        return Err(Error::InvalidPayload("nothing".to_owned()));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let read = deserializer.deserialize_map(Object);
    let members =
        read.and_then(|members| deserializer.end().map(|()| members)).map_err(|error| {
            match error.classify() {
                Category::Data => {
                    Error::InvalidPayload(excerpt(&String::from_utf8_lossy(&bytes[..bytes.len().min(1_000)])))
                }
                _ => invalid_json(&error),
            }
        })?;
    if members.len() > MAX_MEMBERS {
        return Err(Error::InvalidPayload(format!("more than {MAX_MEMBERS} members")));
    }
    Ok(members)
}

/// Reads [`Members`] and keeps one more than allowed.
struct Object;

impl<'a> Visitor<'a> for Object {
    type Value = Members<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Members::new();
        while let Some((name, json)) = map.next_entry()? {
            if members.len() <= MAX_MEMBERS {
                members.insert(name, json);
            }
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn parse(payload: &Value) -> Payload {
        Payload::parse(payload.to_string().as_bytes())
    }

    fn error(bytes: &[u8]) -> String {
        Payload::parse(bytes).parameters.unwrap_err().to_string()
    }

    #[test]
    fn parameters_are_found_flat_and_in_a_body() {
        for payload in [
            json!({"query": "up"}),
            json!({"query": "up", "body": null}),
            json!({"body": {"query": "up"}}),
            json!({"body": "{\"query\":\"up\"}"}),
            json!({"body": "eyJxdWVyeSI6InVwIn0=", "isBase64Encoded": true}),
        ] {
            let Payload { is_http, parameters } = parse(&payload);
            assert_eq!(parameters.unwrap()["query"].get(), "\"up\"", "{payload}");
            assert!(!is_http, "{payload}");
        }
    }

    /// The events of function URLs and HTTP APIs (format 2.0) and of REST APIs (format 1.0).
    #[test]
    fn http_events_have_parameters_in_query_string_and_body() {
        let format_2 = json!({
            "version": "2.0", "rawPath": "/", "headers": {"accept": "*/*"}, "isBase64Encoded": false,
            "requestContext": {"http": {"method": "GET"}},
        });
        let format_1 = json!({
            "resource": "/", "path": "/", "httpMethod": "GET", "headers": null, "body": null,
            "isBase64Encoded": false, "requestContext": {"stage": "prod"}, "queryStringParameters": null,
        });
        for event in [format_2, format_1] {
            for (given, expected) in [
                (json!({}), json!({})),
                (json!({"body": ""}), json!({})),
                (json!({"body": " \n"}), json!({})),
                (json!({"queryStringParameters": {"query": "up"}}), json!({"query": "up"})),
                (json!({"queryStringParameters": {"query": "up"}, "body": ""}), json!({"query": "up"})),
                (json!({"body": "{\"query\":\"up\"}"}), json!({"query": "up"})),
                (json!({"body": "eyJxdWVyeSI6InVwIn0=", "isBase64Encoded": true}), json!({"query": "up"})),
                (json!({"body": "", "isBase64Encoded": true}), json!({})),
                (
                    json!({"queryStringParameters": {"query": "a", "limit": "5"}, "body": "{\"query\":\"b\"}"}),
                    json!({"query": "b", "limit": "5"}),
                ),
            ] {
                let mut event = event.clone();
                event.as_object_mut().unwrap().extend(given.as_object().unwrap().clone());
                let Payload { is_http, parameters } = parse(&event);
                assert!(is_http, "{event}");
                assert_eq!(serde_json::to_value(parameters.unwrap()).unwrap(), expected, "{event}");
            }
        }
    }

    #[test]
    fn only_http_events_have_a_query_string() {
        let payload = json!({"queryStringParameters": {"query": "up"}});
        assert!(parse(&payload).parameters.unwrap().contains_key("queryStringParameters"));
    }

    #[test]
    fn payloads_without_parameters_are_rejected() {
        for (payload, expected) in [
            (json!([1, 2]), "got [1,2]"),
            (json!("up"), "got \"up\""),
            (json!(null), "got null"),
            (json!({"body": []}), "got []"),
            (json!({"body": "[1]"}), "got [1]"),
            (json!({"body": "not json"}), "got invalid JSON: expected ident at line 1 column 2"),
            (json!({"body": "%", "isBase64Encoded": true}), "got invalid base64 in `body`"),
            (json!({"body": "W10=", "isBase64Encoded": true}), "got []"),
        ] {
            let error = error(payload.to_string().as_bytes());
            assert!(error.starts_with("invalid payload: expected a JSON object of parameters"), "{error}");
            assert!(error.ends_with(expected), "{payload}: {error}");
        }
    }

    #[test]
    fn bytes_that_are_not_json_are_rejected() {
        for (bytes, expected) in [
            (&b""[..], "got nothing"),
            (b"{\"body\":\"\\ud83d\"}", "got invalid JSON: unexpected end of hex escape"),
            (b"{\"query\":\"\xff\"}", "got invalid JSON: invalid unicode code point"),
            (b"\xff", "got invalid JSON: expected value"),
            (b"{\"query\":\"up\"", "got invalid JSON: EOF"),
            (b"{\"query\":\"up\"}x", "got invalid JSON: trailing characters"),
        ] {
            let error = error(bytes);
            assert!(error.contains(expected), "{error}");
        }
        let long = error(format!("[{}0]", "0,".repeat(1_000_000)).as_bytes());
        assert!(long.len() < 300, "{long}");
    }

    #[test]
    fn an_object_has_at_most_100_members() {
        let of = |count: usize| {
            let members: Vec<_> = (0..count).map(|at| format!("\"{at}\":1")).collect();
            format!("{{{}}}", members.join(","))
        };
        let parameters = |json: &str| Payload::parse(json.as_bytes()).parameters;
        assert_eq!(parameters(&of(100)).unwrap().len(), 100);
        assert_eq!(parameters(&format!("{{{}\"a\":2}}", "\"a\":1,".repeat(500))).unwrap()["a"].get(), "2");
        for json in [of(101), format!("{{\"body\":{}}}", of(101))] {
            let error = error(json.as_bytes());
            assert!(error.ends_with("got more than 100 members"), "{error}");
        }
    }
}
