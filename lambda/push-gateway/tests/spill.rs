//! A push that goes through the spill queue: nothing of it changes on the way.

use aws::sqs::{Entry, MAX_BYTES};
use formats::Format;
use proptest::prelude::*;
use push_gateway::envelopes::Envelope;
use push_gateway::spill::{Push, TooLarge, entries};
use serde_json::{Value, json};

const PATH: &str = "/metrics/job/backup";

fn push(format: Format, body: &[u8]) -> Push<'_> {
    Push { path: PATH, format, received_ms: 1_676_398_017_123, body }
}

/// The messages as Lambda passes them on.
fn event(entries: &[Entry]) -> String {
    let record = |entry: &Entry| {
        let entry = serde_json::to_value(entry).unwrap();
        let attributes = entry["MessageAttributes"].as_object().unwrap().iter().map(|(name, value)| {
            let value = json!({"stringValue": value["StringValue"], "dataType": value["DataType"], "stringListValues": []});
            (name.clone(), value)
        });
        json!({
            "messageId": entry["Id"], "body": entry["MessageBody"], "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:eu-west-1:1:q", "attributes": {"SentTimestamp": "1"},
            "messageAttributes": Value::Object(attributes.collect()),
        })
    };
    json!({"Records": entries.iter().map(record).collect::<Vec<_>>()}).to_string()
}

/// Format, labels and time of the path, and body of each record.
type Read = (Format, Vec<(String, String)>, Option<i64>, Vec<u8>);

fn read(entries: &[Entry]) -> Vec<Read> {
    let payload = event(entries);
    let envelope = Envelope::read(payload.as_bytes()).unwrap();
    let records = envelope.records(Format::Event).map(|record| {
        let labels = record.grouping.iter().map(|(name, value)| (name.as_str().to_owned(), value.clone()));
        let body = match record.body.unwrap() {
            push_gateway::envelopes::Payload::Owned(bytes) => bytes,
            push_gateway::envelopes::Payload::Borrowed(body) => panic!("not decoded: {body:?}"),
        };
        (record.format, labels.collect(), record.received_ms, body)
    });
    records.collect()
}

fn bodies(entries: &[Entry]) -> Vec<Vec<u8>> {
    read(entries).into_iter().map(|(_, _, _, body)| body).collect()
}

/// Digits that no encoding makes much smaller.
fn noise(bytes: usize) -> String {
    let mut state = 1_u64;
    let mut digits = String::with_capacity(bytes);
    while digits.len() < bytes {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        digits.push_str(&state.to_string());
    }
    digits
}

#[test]
fn a_text_over_the_limit_is_divided_between_families() {
    let family = |name: &str| format!("# TYPE {name} gauge\n{name}{{x=\"{}\"}} 1\n", noise(400_000));
    let body: String = ["a", "b", "c", "d", "e", "f"].map(family).concat();
    let entries = entries(push(Format::Text, body.as_bytes()), None).unwrap();
    assert!(entries.len() > 1 && entries.iter().all(|entry| entry.size() <= MAX_BYTES));
    let bodies = bodies(&entries);
    assert!(bodies.iter().all(|body| body.starts_with(b"# TYPE ")));
    assert_eq!(String::from_utf8(bodies.concat()).unwrap(), body);
}

#[test]
fn a_family_over_the_limit_is_refused() {
    let body = format!("a 1\nb{{x=\"{}\"}} 1\n", noise(3_000_000));
    assert_eq!(entries(push(Format::Text, body.as_bytes()), None), Err(TooLarge));
}

#[test]
fn events_over_the_limit_are_divided() {
    let event = |_| format!("{{\"x\":\"{}\"}}", noise(300_000));
    let events: Vec<_> = (0..9).map(event).collect();
    let body = format!("[{}]", events.join(","));
    let push = Push { path: "/api/v1/events", ..push(Format::Event, body.as_bytes()) };
    let bodies = bodies(&entries(push, None).unwrap());
    let read: Vec<String> = bodies
        .iter()
        .flat_map(|body| serde_json::from_slice::<Vec<Box<serde_json::value::RawValue>>>(body).unwrap())
        .map(|event| event.get().to_owned())
        .collect();
    assert!(bodies.len() > 1);
    assert_eq!(read, events);
}

#[test]
fn a_fifo_queue_has_the_path_as_group() {
    let group = |path: &str| {
        let push = Push { path, ..push(Format::Text, b"") };
        let entry = entries(push, Some("request")).unwrap().remove(0);
        assert_eq!(entry.deduplication_id.as_deref(), Some("request-0"));
        entry.group_id.unwrap()
    };
    assert_eq!(group(PATH), PATH);
    let long = format!("{PATH}/x/{}", "y".repeat(128));
    assert_eq!((group(&long).len(), group(&long) == group("/metrics/job/é")), (16, false));
}

proptest! {
    #[test]
    fn a_push_is_read_from_the_queue_unchanged(
        body in prop::collection::vec(any::<u8>(), 0..3_000),
        format in prop::sample::select(vec![Format::Text, Format::OpenMetrics, Format::Protobuf]),
        job in "[a-zA-Z0-9%+=é\u{1}\u{fffe} -]{1,9}".prop_filter("decodes", |job| !job.contains('%')),
        length in 0..2_000_usize,
        received_ms in 0..i64::MAX,
    ) {
        let long = "x".repeat(length);
        let path = format!("/metrics/job/{job}/long/{long}");
        let entries = entries(Push { path: &path, format, received_ms, body: &body }, None).unwrap();
        let labels = vec![("job".to_owned(), job), ("long".to_owned(), long)];
        prop_assert_eq!(read(&entries), vec![(format, labels, Some(received_ms), body)]);
    }
}
