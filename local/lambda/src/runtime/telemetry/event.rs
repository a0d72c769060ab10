//! One telemetry event, as JSON in the schema of a subscriber. Source: Lambda Developer Guide, "Lambda Telemetry API `Event`
//! schema reference".

use serde_json::{Value, json};

use super::subscription::{SchemaVersion, Stream};

/// An event for any subscriber.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) stream: Stream,
    content: Content,
}

#[derive(Debug, Clone)]
enum Content {
    Platform {
        time: String,
        kind: String,
        record: Value,
    },
    Line {
        time: String,
        text: String,
        /// Set if the function logs JSON and this is an object.
        json: Option<Value>,
    },
    Injected(Value),
}

impl Event {
    pub(super) fn platform(time: String, kind: &str, record: Value) -> Self {
        let kind = format!("platform.{kind}");
        Self { stream: Stream::Platform, content: Content::Platform { time, kind, record } }
    }

    pub(super) fn line(time: String, stream: Stream, text: &str, logs_json: bool) -> Self {
        let json = logs_json.then(|| serde_json::from_str(text).ok()).flatten().filter(Value::is_object);
        Self { stream, content: Content::Line { time, text: text.to_owned(), json } }
    }

    /// An event that is delivered unchanged; its type selects the subscribers.
    pub(super) fn injected(event: Value) -> Self {
        let stream = match event["type"].as_str() {
            Some("function") => Stream::Function,
            Some("extension") => Stream::Extension,
            _ => Stream::Platform,
        };
        Self { stream, content: Content::Injected(event) }
    }

    /// The event as an element of a delivery, and the bytes that count for the buffer: those of the record, because the guide
    /// adds metadata to `maxBytes` of telemetry.
    pub(super) fn render(&self, schema: SchemaVersion) -> (String, usize) {
        let (time, kind, record) = match &self.content {
            Content::Injected(event) => {
                let text = event.to_string();
                let bytes = event.get("record").map_or(text.len(), |record| record.to_string().len());
                return (text, bytes);
            }
            Content::Platform { time, kind, record } => (time, kind.as_str(), record.to_string()),
            Content::Line { time, text, json } => {
                // "If the schema version you're using is older than the `2022-12-13` version, then the "record" is
                // always rendered as a string even when your function's logging format is configured as JSON."
                let record = match json {
                    Some(json) if schema >= SchemaVersion::V20221213 => json.to_string(),
                    _ => json!(text).to_string(),
                };
                (time, self.stream.name(), record)
            }
        };
        (format!(r#"{{"time":"{time}","type":"{kind}","record":{record}}}"#), record.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(text: &str, logs_json: bool, schema: SchemaVersion) -> Value {
        let (event, _) =
            Event::line("2022-10-12T00:03:50.000Z".into(), Stream::Function, text, logs_json).render(schema);
        let event: Value = serde_json::from_str(&event).expect("JSON");
        assert_eq!(event["type"], "function");
        event["record"].clone()
    }

    /// Telemetry schema reference, `function`, with its note on older schema versions.
    #[test]
    fn json_log_lines_are_objects_in_newer_schemas() {
        let line = r#"{"level":"INFO","message":"Hello \"world\""}"#;
        let object: Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(record(line, true, SchemaVersion::V20250129), object);
        assert_eq!(record(line, true, SchemaVersion::V20221213), object);
        assert_eq!(record(line, true, SchemaVersion::V20220701), json!(line));
        assert_eq!(record(line, false, SchemaVersion::V20250129), json!(line));
        assert_eq!(record("plain", true, SchemaVersion::V20250129), json!("plain"));
    }
}
