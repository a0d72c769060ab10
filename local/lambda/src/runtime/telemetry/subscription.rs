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
pub enum SchemaVersion {
    /// `2022-07-01`: log lines are strings.
    V20220701,
    /// `2022-12-13`: log lines of functions that log JSON are objects.
    V20221213,
    /// `2025-01-29`: also for Lambda Managed Instances.
    V20250129,
}

impl SchemaVersion {
    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "2022-07-01" => Self::V20220701,
            "2022-12-13" => Self::V20221213,
            "2025-01-29" => Self::V20250129,
            _ => return None,
        })
    }
}

/// One of the three telemetry streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Events of the platform.
    Platform,
    /// Lines of the function.
    Function,
    /// Lines of extensions.
    Extension,
}

impl Stream {
    /// Its name in subscriptions, and the type of its log lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::Function => "function",
            Self::Extension => "extension",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Platform, Self::Function, Self::Extension].into_iter().find(|stream| stream.name() == name)
    }
}

/// When events are delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Buffering {
    /// Events in a batch.
    pub max_items: usize,
    /// Bytes of their records.
    pub max_bytes: usize,
    /// Age of the oldest event.
    pub timeout: Duration,
}

/// What an extension subscribed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionRequest {
    /// The schema of the events.
    pub schema_version: SchemaVersion,
    /// The streams, without repetitions.
    pub streams: Vec<Stream>,
    /// When they are delivered.
    pub buffering: Buffering,
    /// The port of the listener.
    pub port: u16,
    /// Path and query of the listener's address.
    pub path: String,
}

impl SubscriptionRequest {
    /// Parses a request; the versions in `refused` are rejected.
    ///
    /// # Errors
    /// The problems, separated by semicolons.
    pub(super) fn parse(body: &[u8], refused: &[String]) -> Result<Self, String> {
        let json: Value =
            serde_json::from_slice(body).map_err(|error| format!("the request is not JSON: {error}"))?;
        let mut problems = Problems::default();
        let schema_version = problems.note(schema_version(&json["schemaVersion"], refused));
        let destination = problems.note(destination(&json["destination"]));
        let streams = problems.note(streams(&json["types"]));
        let buffering = &json["buffering"];
        if !(buffering.is_null() || buffering.is_object()) {
            problems.0.push("buffering should be an object".to_owned());
        }
        // The guide gives 10,000 on one page and 1,000 on the other; the stricter limit finds callers that rely on the other.
        let max_items = problems.note(number(buffering, "maxItems", 1_000..=10_000, 1_000));
        let max_bytes = problems.note(number(buffering, "maxBytes", 262_144..=1_048_576, 262_144));
        let timeout_ms = problems.note(number(buffering, "timeoutMs", 25..=30_000, 1_000));
        match (schema_version, destination, streams, max_items.zip(max_bytes).zip(timeout_ms)) {
            (Some(schema_version), Some((port, path)), Some(streams), Some(((items, bytes), timeout_ms)))
                if problems.0.is_empty() =>
            {
                let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
                let buffering = Buffering {
                    max_items: size(items),
                    max_bytes: size(bytes),
                    timeout: Duration::from_millis(timeout_ms),
                };
                Ok(Self { schema_version, streams, buffering, port, path })
            }
            _ => Err(problems.0.join("; ")),
        }
    }
}

/// All problems, for one answer.
#[derive(Default)]
struct Problems(Vec<String>);

impl Problems {
    fn note<T>(&mut self, result: Result<T, String>) -> Option<T> {
        result.map_err(|problem| self.0.push(problem)).ok()
    }
}

fn schema_version(value: &Value, refused: &[String]) -> Result<SchemaVersion, String> {
    let name = value.as_str().ok_or("schemaVersion is not provided")?;
    let known = SchemaVersion::from_name(name).filter(|_| !refused.iter().any(|refused| refused == name));
    known.ok_or_else(|| format!("schemaVersion {} is not supported", truncate(name, MAX_QUOTED)))
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

fn number(buffering: &Value, name: &str, range: RangeInclusive<u64>, default: u64) -> Result<u64, String> {
    let value = &buffering[name];
    if value.is_null() {
        return Ok(default);
    }
    let (min, max) = (range.start(), range.end());
    let number = value.as_u64().filter(|number| range.contains(number));
    number.ok_or_else(|| {
        format!(
            "{name} should be an integer from {min} to {max}, not {}",
            truncate(&value.to_string(), MAX_QUOTED)
        )
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
        SubscriptionRequest::parse(json.to_string().as_bytes(), &["2022-07-01".to_owned()])
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
            ("/schemaVersion", json!("2022-07-01"), "schemaVersion 2022-07-01 is not supported"),
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

    /// Telemetry API reference, the example of a failed request: "URI port is not provided; types should not be empty".
    #[test]
    fn all_problems_are_reported_at_once() {
        let body = json!({
            "schemaVersion": "2025-01-29",
            "types": [],
            "destination": { "protocol": "HTTP", "URI": "http://sandbox.localdomain/" }
        });
        let refusal = SubscriptionRequest::parse(body.to_string().as_bytes(), &[]).expect_err("two problems");
        assert_eq!(refusal, "URI port is not provided; types should not be empty");
    }
}
