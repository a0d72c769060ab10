//! A subscription request of the Telemetry API, validated.
//!
//! Source: Lambda Developer Guide, "Lambda Telemetry API reference" (Subscribe) and "Configuring memory usage and buffering".
//! Destinations with the protocol `TCP`, which that page advises against, are rejected.

use std::ops::RangeInclusive;
use std::time::Duration;

use http::Uri;
use local_testing::truncate;
use serde_json::Value;

/// The host name of an extension on the platform.
const SANDBOX: &str = "sandbox.localdomain";

/// Characters of a value that an error message repeats.
const MAX_QUOTED: usize = 100;

/// "Lambda reserves port 9001."
const RESERVED_PORT: u16 = 9_001;

/// A version of the event schema, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SchemaVersion {
    /// Log lines are strings.
    V20220701,
    /// Log lines of functions that log JSON are objects.
    V20221213,
    /// Also for Lambda Managed Instances.
    V20250129,
}

/// One of the three telemetry streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Events of the platform.
    Platform,
    /// Lines of the function.
    Function,
    /// Lines of extensions.
    Extension,
}

impl Stream {
    /// Its name in subscriptions, and the type of its log lines.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::Function => "function",
            Self::Extension => "extension",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        [Self::Platform, Self::Function, Self::Extension].into_iter().find(|stream| stream.name() == name)
    }
}

/// When events are delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Buffering {
    /// Events in a batch.
    pub(super) max_items: usize,
    /// Bytes of their records.
    pub(super) max_bytes: usize,
    /// Age of the oldest event.
    pub(super) timeout: Duration,
}

/// What an extension subscribed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SubscriptionRequest {
    pub(super) schema_version: SchemaVersion,
    /// Without repetitions.
    pub(super) streams: Vec<Stream>,
    pub(super) buffering: Buffering,
    /// The port of the listener.
    pub(super) port: u16,
    /// Path and query of the listener's address.
    pub(super) path: String,
}

impl SubscriptionRequest {
    /// Parses a request.
    ///
    /// # Errors
    /// The problems, separated by semicolons.
    pub(super) fn parse(body: &[u8]) -> Result<Self, String> {
        let json: Value =
            serde_json::from_slice(body).map_err(|error| format!("the request is not JSON: {error}"))?;
        let parts = (
            schema_version(&json["schemaVersion"]),
            destination(&json["destination"]),
            streams(&json["types"]),
            buffering(&json["buffering"]),
        );
        match parts {
            (Ok(schema_version), Ok((port, path)), Ok(streams), Ok(buffering)) => {
                Ok(Self { schema_version, streams, buffering, port, path })
            }
            (first, second, third, fourth) => {
                Err(all([first.err(), second.err(), third.err(), fourth.err()]))
            }
        }
    }
}

fn all<const N: usize>(problems: [Option<String>; N]) -> String {
    problems.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn schema_version(value: &Value) -> Result<SchemaVersion, String> {
    let name = value.as_str().ok_or("schemaVersion is not provided")?;
    match name {
        "2022-07-01" => Ok(SchemaVersion::V20220701),
        "2022-12-13" => Ok(SchemaVersion::V20221213),
        "2025-01-29" => Ok(SchemaVersion::V20250129),
        _ => Err(format!("schemaVersion {} is not supported", truncate(name, MAX_QUOTED))),
    }
}

fn streams(value: &Value) -> Result<Vec<Stream>, String> {
    let types = value.as_array().ok_or("types is not provided")?;
    if types.is_empty() {
        return Err("types should not be empty".to_owned());
    }
    let mut streams = Vec::new();
    for name in types {
        let stream = name.as_str().and_then(Stream::from_name);
        let stream = stream
            .ok_or_else(|| format!("type {} is not supported", truncate(&name.to_string(), MAX_QUOTED)))?;
        if !streams.contains(&stream) {
            streams.push(stream);
        }
    }
    Ok(streams)
}

/// Port, and path with query.
fn destination(value: &Value) -> Result<(u16, String), String> {
    match value["protocol"].as_str() {
        Some("HTTP") => {}
        Some(other) => return Err(format!("protocol {} is not supported", truncate(other, MAX_QUOTED))),
        None => return Err("destination protocol is not provided".to_owned()),
    }
    let uri = value["URI"].as_str().ok_or("destination URI is not provided")?;
    let uri: Uri = uri.parse().map_err(|_| format!("URI {} is not valid", truncate(uri, MAX_QUOTED)))?;
    if uri.scheme() != Some(&http::uri::Scheme::HTTP) {
        return Err("URI scheme should be http".to_owned());
    }
    if uri.host() != Some(SANDBOX) {
        return Err(format!("URI host should be {SANDBOX}"));
    }
    let port = uri.port_u16().ok_or("URI port is not provided")?;
    if port == RESERVED_PORT || port == 0 {
        return Err(format!("URI port {port} is reserved"));
    }
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    Ok((port, path.to_owned()))
}

fn buffering(value: &Value) -> Result<Buffering, String> {
    if !(value.is_null() || value.is_object()) {
        return Err("buffering should be an object".to_owned());
    }
    // The guide gives 10,000 on one page and 1,000 on the other; the stricter limit finds callers that rely on the other.
    let max_items = number(value, "maxItems", 1_000..=10_000, 1_000);
    let max_bytes = number(value, "maxBytes", 262_144..=1_048_576, 262_144);
    match (max_items, max_bytes, number(value, "timeoutMs", 25..=30_000, 1_000)) {
        (Ok(max_items), Ok(max_bytes), Ok(timeout_ms)) => {
            Ok(Buffering { max_items, max_bytes, timeout: Duration::from_millis(timeout_ms as u64) })
        }
        (first, second, third) => Err(all([first.err(), second.err(), third.err()])),
    }
}

fn number(
    buffering: &Value,
    name: &str,
    range: RangeInclusive<usize>,
    default: usize,
) -> Result<usize, String> {
    let value = &buffering[name];
    if value.is_null() {
        return Ok(default);
    }
    let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
    number.filter(|number| range.contains(number)).ok_or_else(|| {
        let (min, max, value) = (range.start(), range.end(), truncate(&value.to_string(), MAX_QUOTED));
        format!("{name} should be an integer from {min} to {max}, not {value}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn request(pointer: &str, value: Value) -> Result<SubscriptionRequest, String> {
        let mut json = json!({
            "schemaVersion": "2025-01-29",
            "types": ["platform", "function", "extension"],
            "buffering": { "maxItems": 1000, "maxBytes": 262_144, "timeoutMs": 100 },
            "destination": { "protocol": "HTTP", "URI": "http://sandbox.localdomain:8080" }
        });
        if let Some(place) = json.pointer_mut(pointer) {
            *place = value;
        }
        SubscriptionRequest::parse(json.to_string().as_bytes())
    }

    /// Telemetry API reference, "Example Subscribe API request".
    #[test]
    fn the_example_of_the_guide_is_a_subscription() {
        let expected = SubscriptionRequest {
            schema_version: SchemaVersion::V20250129,
            streams: vec![Stream::Platform, Stream::Function, Stream::Extension],
            buffering: Buffering {
                max_items: 1_000,
                max_bytes: 262_144,
                timeout: Duration::from_millis(100),
            },
            port: 8_080,
            path: "/".to_owned(),
        };
        assert_eq!(
            request("", Value::Null),
            Err("schemaVersion is not provided; destination protocol is not provided; types is not provided"
                .to_owned())
        );
        assert_eq!(request("/none", Value::Null), Ok(expected));
    }

    /// Telemetry API, "Configuring memory usage and buffering": "Defaults and limits".
    #[test]
    fn buffering_has_defaults() {
        let buffering = request("/buffering", Value::Null).expect("it is optional").buffering;
        assert_eq!((buffering.max_bytes, buffering.timeout), (262_144, Duration::from_secs(1)));
    }

    /// Telemetry API reference: valid values, minima and maxima; telemetry-api: "Lambda reserves port 9001", "Lambda
    /// supports only HTTP, not HTTPS", "only to destinations that are inside the execution environment".
    #[test]
    fn invalid_subscriptions_are_rejected() {
        for (pointer, value, problem) in [
            ("/schemaVersion", json!("2030-01-01"), "schemaVersion 2030-01-01 is not supported"),
            ("/types", json!([]), "types should not be empty"),
            ("/types", json!(["platform", "audit"]), "type \"audit\" is not supported"),
            ("/buffering", json!(7), "buffering should be an object"),
            ("/buffering/maxItems", json!(999), "maxItems should be an integer from 1000 to 10000, not 999"),
            ("/buffering/maxItems", json!(10_001), "maxItems should be"),
            ("/buffering/maxBytes", json!(262_143), "maxBytes should be an integer from 262144 to 1048576"),
            ("/buffering/maxBytes", json!(1_048_577), "maxBytes should be"),
            ("/buffering/timeoutMs", json!(24), "timeoutMs should be an integer from 25 to 30000, not 24"),
            ("/buffering/timeoutMs", json!(30_001), "timeoutMs should be"),
            ("/buffering/timeoutMs", json!("100"), "timeoutMs should be"),
            ("/destination/protocol", json!("UDP"), "protocol UDP is not supported"),
            ("/destination/URI", json!("https://sandbox.localdomain:8080"), "URI scheme should be http"),
            ("/destination/URI", json!("http://127.0.0.1:8080"), "URI host should be sandbox.localdomain"),
            ("/destination/URI", json!("http://sandbox.localdomain"), "URI port is not provided"),
            ("/destination/URI", json!("http://sandbox.localdomain:9001/x"), "URI port 9001 is reserved"),
        ] {
            let refusal = request(pointer, value.clone()).expect_err(pointer);
            assert!(refusal.starts_with(problem), "{pointer} {value}: {refusal}");
        }
    }
}
