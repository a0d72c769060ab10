//! One telemetry event, as JSON in the schema of a subscriber. Source: Lambda Developer Guide, "Lambda Telemetry API `Event`
//! schema reference".

use serde_json::{Value, json};

use super::subscription::{SchemaVersion, Stream};

/// The event as an element of a delivery, and the bytes that count for the buffer: those of the record, because the guide
/// adds metadata to `maxBytes` of telemetry.
type Item = (String, usize);

/// An event for any subscriber.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) stream: Stream,
    item: Item,
    /// For subscribers with a schema older than 2022-12-13, if that differs.
    older: Option<Item>,
}

impl Event {
    /// An event of the platform; `kind` without `platform.`.
    pub(super) fn platform(time: &str, kind: &str, record: &Value) -> Self {
        let item = item(time, &format!("platform.{kind}"), record);
        Self { stream: Stream::Platform, item, older: None }
    }

    /// A log line.
    pub(super) fn line(time: &str, stream: Stream, text: &str, logs_json: bool) -> Self {
        let line = item(time, stream.name(), &json!(text));
        let object: Option<Value> = serde_json::from_str(text).ok().filter(|_| logs_json);
        match object.filter(Value::is_object) {
            // "If the schema version you're using is older than the `2022-12-13` version, then the "record" is always rendered
            // as a string even when your function's logging format is configured as JSON."
            Some(object) => Self { stream, item: item(time, stream.name(), &object), older: Some(line) },
            None => Self { stream, item: line, older: None },
        }
    }

    /// An event that is delivered unchanged; its type selects the subscribers.
    pub(super) fn injected(event: &Value) -> Self {
        let stream = event["type"].as_str().and_then(Stream::from_name).unwrap_or(Stream::Platform);
        let text = event.to_string();
        let bytes = event.get("record").map_or(text.len(), |record| record.to_string().len());
        Self { stream, item: (text, bytes), older: None }
    }

    pub(super) fn render(&self, schema: SchemaVersion) -> &Item {
        self.older.as_ref().filter(|_| schema < SchemaVersion::V20221213).unwrap_or(&self.item)
    }
}

fn item(time: &str, kind: &str, record: &Value) -> Item {
    let record = record.to_string();
    (format!(r#"{{"time":"{time}","type":"{kind}","record":{record}}}"#), record.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(text: &str, logs_json: bool, schema: SchemaVersion) -> Value {
        let event = Event::line("2022-10-12T00:03:50.000Z", Stream::Function, text, logs_json);
        let event: Value = serde_json::from_str(&event.render(schema).0).expect("JSON");
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
