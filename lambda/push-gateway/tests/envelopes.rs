//! Envelopes: which payload is which, and the errors of malformed ones.

use std::time::Duration;

use formats::{Format, OtlpDelta, Rules};
use proptest::prelude::*;
use push_gateway::envelopes::sqs::Message;
use push_gateway::envelopes::{Envelope, Record, UnknownPayload};
use push_gateway::records::{MAX_SAMPLE_BYTES, ReadRecord, Records};
use remote_write::{Labels, NameEscaping};
use serde_json::json;

const NOW_MS: i64 = 1_676_398_017_000;
const EVENT: &str = r#"{"dimensions":{"d":"1"},"timestamp":1,"metrics":{"m":1}}"#;

/// Payloads as AWS's documentation has them.
macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("envelopes/", $name))
    };
}

/// Each record: the number of its events, or the reason why it is invalid.
fn read(payload: &str) -> Result<Vec<Result<usize, String>>, UnknownPayload> {
    let record = |record: &ReadRecord| match &record.points {
        Ok(origins) => Ok(origins.len()),
        Err(reason) => Err(reason.to_string()),
    };
    Ok(records(payload)?.records.iter().map(record).collect())
}

fn records(payload: &str) -> Result<Records, UnknownPayload> {
    let rules = Rules {
        escaping: NameEscaping::Underscores,
        external_labels: &Labels::default(),
        max_sample_bytes: MAX_SAMPLE_BYTES,
        grouping: &Vec::new(),
        received_ms: 0,
        now_ms: NOW_MS,
        max_future: Duration::from_mins(1),
        otlp_delta: OtlpDelta::Refuse,
    };
    Ok(Records::read(&Envelope::read(payload.as_bytes())?, Format::Event, rules).0)
}

fn batch(bodies: &[&str]) -> String {
    let records: Vec<_> = bodies
        .iter()
        .enumerate()
        .map(|(at, body)| {
            json!({"messageId": format!("id-{at}"), "body": body, "eventSource": "aws:sqs",
                   "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:metrics", "attributes": {"SentTimestamp": "7"}})
        })
        .collect();
    json!({"Records": records}).to_string()
}

/// The group of each record.
fn groups(payload: &str) -> Vec<Option<String>> {
    Envelope::read(payload.as_bytes()).unwrap().records(Format::Event).map(|record| record.group).collect()
}

#[test]
fn every_envelope_is_recognized() {
    for (payload, messages, records) in [
        (fixture!("direct-event.json"), 0, "[Ok(1)]"),
        (fixture!("direct-array.json"), 0, "[Ok(1), Ok(1)]"),
        (fixture!("sqs.json"), 2, "[Ok(1), Err"),
        (fixture!("sqs-fifo.json"), 1, "[Ok(1)]"),
        (fixture!("pipes-sqs.json"), 2, "[Ok(1), Err"),
        (fixture!("pipes-sqs-fifo.json"), 1, "[Ok(1)]"),
    ] {
        let envelope = Envelope::read(payload.as_bytes()).unwrap();
        assert_eq!(envelope.messages().len(), messages, "{payload}");
        let read = format!("{:?}", read(payload).unwrap());
        assert!(read.starts_with(records), "{payload}: {read}");
    }
    assert_eq!(groups(fixture!("sqs-fifo.json")), [Some("customer1".to_owned())]);
    assert_eq!(groups(fixture!("pipes-sqs-fifo.json")), [Some("1".to_owned())]);
    assert_eq!(groups(fixture!("sqs.json")), [None, None]);
}

#[test]
fn an_event_an_array_and_a_batch_are_distinguished() {
    assert_eq!(read(EVENT), Ok(vec![Ok(1)]));
    assert_eq!(read(&format!(" [{EVENT}, {EVENT}]")), Ok(vec![Ok(1), Ok(1)]));
    assert_eq!(read("[]"), Ok(vec![]));
    assert_eq!(read(&batch(&[EVENT, &format!("[{EVENT},{EVENT}]"), "[]"])), Ok(vec![Ok(1), Ok(2), Ok(0)]));
    assert_eq!(read(r#"{"Records":[]}"#), Ok(vec![]));
}

#[test]
fn an_array_of_sqs_messages_is_a_batch() {
    let of_pipes = fixture!("pipes-sqs.json");
    let payload = Envelope::read(of_pipes.as_bytes()).unwrap();
    let ids: Vec<_> = payload.messages().iter().map(|message| &*message.id).collect();
    assert_eq!(ids, ["059f36b4-87a3-44ab-83d2-661975830a7d", "2e1424d4-f796-459a-8184-9c92662be6da"]);
    let rejected = read(fixture!("pipes-kinesis.json")).unwrap_err().to_string();
    assert!(rejected.contains(r#"from "aws:sqs", got record 0 from "aws:kinesis""#), "{rejected}");
    let no_id = r#"[{"eventSource":"aws:sqs","body":"{}"}]"#;
    assert_eq!(read(no_id), Err(UnknownPayload::NoMessageId { at: 0 }));
    let no_record = r#"[{"eventSource":"aws:sqs","messageId":"1"},12]"#;
    assert!(matches!(read(no_record), Err(UnknownPayload::Records(_))));
    let event = EVENT.replacen('{', r#"{"eventSource":"aws:sqs","messageId":"1","#, 1);
    assert_eq!(read(&format!("[{event}]")), Ok(vec![Ok(1)]), "an event with keys of a record");
}

#[test]
fn an_invalid_body_does_not_affect_other_messages() {
    let bodies = ["", "null", "12", "hello", "{", "[", "[1]", "/w==", "aGVsbG8=", EVENT];
    let read = read(&batch(&bodies)).unwrap();
    assert_eq!(read.iter().filter(|record| record.is_err()).count(), 9, "{read:?}");
    assert_eq!(read[9], Ok(1));
    assert_eq!(
        read[3],
        Err("body: expected an event, an array of events, or base64 of either, got hello".to_owned())
    );
}

#[test]
fn an_unknown_payload_is_described() {
    let error = |payload: &str| read(payload).expect_err(payload).to_string();
    assert!(
        error("null")
            .contains("expected an event, an array of events, an SQS batch, or an HTTP request, got null")
    );
    assert!(error("\"text\"").ends_with("got \"text\""));
    assert!(error("12").ends_with("got 12"));
    assert!(error("").contains("not valid JSON"));
    assert!(error("{\"a\":").contains("not valid JSON"));
    assert!(error("[1,").contains("not valid JSON"));
    assert!(error(&format!("{EVENT}{EVENT}")).contains("not valid JSON"));
    assert!(
        error(r#"{"Records":[{"eventSource":"aws:kinesis"}]}"#).contains("got record 0 from \"aws:kinesis\"")
    );
    assert!(
        error(r#"{"Records":[{"eventSource":"aws:sqs","body":"{}"}]}"#)
            .contains("record 0 of the SQS batch has no `messageId`")
    );
    assert!(
        error(r#"{"Records":[{"eventSource":"aws:sqs","messageId":"","body":"{}"}]}"#)
            .contains("no `messageId`")
    );
    let not_utf8 = Envelope::read(b"{\"a\":\"\xff\"}").unwrap_err();
    assert_eq!(not_utf8, UnknownPayload::NotUtf8(6));
}

#[test]
fn an_event_may_have_the_key_records() {
    let with = |records: &str| EVENT.replacen('{', &format!(r#"{{"Records":{records},"#), 1);
    for records in ["1", "null", "\"x\"", "{}", "[1]", r#"[{"eventSource":"aws:sqs"}]"#] {
        assert_eq!(read(&with(records)), Ok(vec![Ok(1)]), "{records}");
    }
}

#[test]
fn a_series_that_no_request_can_carry_is_invalid() {
    let event = EVENT.replace("\"1\"", &format!("\"{}\"", "x".repeat(1_000_000)));
    let read = read(&event).unwrap();
    let reason = read[0].as_ref().unwrap_err();
    assert!(reason.starts_with("metrics.m: expected at most 999000 bytes"), "{reason}");
    assert!(reason.contains("got 10000"), "{reason}");
}

#[test]
fn nesting_is_read_without_recursion() {
    let deep = "[".repeat(3_000_000);
    assert!(read(&deep).is_err());
    assert!(read(&batch(&[&deep, EVENT])).unwrap()[0].is_err());
    let unknown_key = format!("{}{}", "[".repeat(500_000), "]".repeat(500_000));
    let event = EVENT.replacen('{', &format!(r#"{{"x":{unknown_key},"#), 1);
    assert_eq!(read(&event), Ok(vec![Ok(1)]));
}

#[test]
fn of_millions_of_invalid_records_the_first_are_kept() {
    let read = records(&format!("[{}{EVENT}]", "0,".repeat(1_000_000))).unwrap();
    assert_eq!((read.records.len(), read.left_out), (10_001, 990_000));
    let last = read.records.last().unwrap();
    assert!(last.points.is_ok(), "a valid event after them is still read");
    assert_eq!(last.index, 1_000_000);

    let read = records(&format!("[{}0]", format!("{EVENT},").repeat(10_001))).unwrap();
    assert_eq!((read.records.len(), read.left_out), (10_002, 0), "valid ones do not count");
}

#[test]
fn every_reason_is_bounded() {
    let long = "x".repeat(2_000_000);
    for payload in [
        format!(r#"{{"dimensions":{{"{long}.":"1","{long}-":"2"}},"timestamp":1,"metrics":{{"m":1}}}}"#),
        format!(r#"{{"dimensions":{{"{long}":1}},"timestamp":1,"metrics":{{"m":1}}}}"#),
        format!(r#"{{"dimensions":{{"{long}":"1","{long}":"2"}},"timestamp":1,"metrics":{{"m":1}}}}"#),
        format!(r#"{{"dimensions":{{}},"timestamp":"{long}","metrics":{{"m":1}}}}"#),
        format!(r#"{{"dimensions":{{}},"timestamp":1,"metrics":{{"{long}":"{long}"}}}}"#),
        format!(r#"{{"dimensions":{{}},"timestamp":1,"metrics":{{"{long}.":1,"{long}-":1}}}}"#),
        format!(r#"{{"dimensions":"{long}","timestamp":1,"metrics":{{"m":1}}}}"#),
        format!(r#"["{long}"]"#),
        format!(r#"{{"Records":["{long}"]}}"#),
        format!(r#"{{"Records":[{{"eventSource":"{long}"}}]}}"#),
        format!(r#""{long}""#),
        batch(&[&long]),
    ] {
        let reason = match read(&payload) {
            Ok(records) => records[0].clone().expect_err("invalid"),
            Err(unknown) => unknown.to_string(),
        };
        assert!(reason.len() < 500, "{} bytes: {}", reason.len(), &reason[..500]);
    }
}

/// The records of a message with these attributes, which arrived at 7 ms and is read at `NOW_MS`.
fn said(attributes: &serde_json::Value, body: &str, default_format: Format) -> Vec<String> {
    let attributes: serde_json::Map<_, _> = attributes.as_object().unwrap().iter().map(|(name, value)| {
        (name.clone(), json!({"stringValue": value, "stringListValues": [], "binaryListValues": [], "dataType": "String"}))
    }).collect();
    let mut batch: serde_json::Value = serde_json::from_str(&batch(&[body, EVENT])).unwrap();
    batch["Records"][0]["messageAttributes"] = attributes.into();
    let batch = batch.to_string();
    let envelope = Envelope::read(batch.as_bytes()).unwrap();
    let described = |record: Record<'_>| {
        let grouping: Vec<_> =
            record.grouping.iter().map(|(name, value)| format!("{}={value}", name.as_str())).collect();
        let body = match &record.body {
            Ok(payload) => payload.body().text().map_or_else(|error| error.to_string(), String::from),
            Err(reason) => return reason.to_string(),
        };
        format!("{:?} {} {:?} {body}", record.format, grouping.join(","), record.received_ms)
    };
    let records: Vec<_> = envelope.records(default_format).map(described).collect();
    assert!(records[1].ends_with(EVENT), "the other message is unaffected");
    records
}

#[test]
fn attributes_say_what_a_message_is() {
    let gzipped = "H4sIAAAAAAACA8tUMOQCANnPr3kEAAAA";
    // A block of snappy.
    let block = "BAxtIDEK";
    let version_2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request";
    for (attributes, body, expected) in [
        (json!({}), EVENT, &*format!("Event  None {EVENT}")),
        (json!({"Other": "x"}), EVENT, &*format!("Event  None {EVENT}")),
        (json!({"Content-Type": "application/json", "Path": "/api/v1/events"}), "[]", "Event  None []"),
        (json!({"Content-Type": "text/plain"}), "m 1", "Text  Some(7) m 1"),
        (
            json!({"Content-Type": "text/plain", "Path": "/metrics/job/a%2Fb/x@base64/eQ", "ReceivedTime": "9"}),
            "m 1",
            "Text job=a/b,x=y Some(9) m 1",
        ),
        (json!({"Content-Type": "application/openmetrics-text"}), "# EOF", "OpenMetrics  Some(7) # EOF"),
        (json!({"Content-Type": "text/plain", "Content-Encoding": "gzip"}), gzipped, "Text  Some(7) i 1\n"),
        (json!({"Content-Type": "application/x-protobuf"}), block, "RemoteWrite1  Some(7) m 1\n"),
        (
            json!({"Content-Type": "application/x-protobuf", "Path": "/api/v1/remote_write"}),
            block,
            "RemoteWrite1  Some(7) m 1\n",
        ),
        (
            json!({"Content-Type": version_2, "Content-Encoding": "snappy", "Path": "/api/v1/write"}),
            block,
            "RemoteWrite2  Some(7) m 1\n",
        ),
        (
            json!({"Content-Type": "application/x-protobuf", "Path": "/metrics/job/a"}),
            block,
            "Path: expected /api/v1/write for remote write, got \"/metrics/job/a\"",
        ),
        (
            json!({"Content-Type": "text/html"}),
            "m 1",
            "Content-Type: expected application/json, text/plain, application/openmetrics-text, \
             application/vnd.google.protobuf or application/x-protobuf, got \"text/html\"",
        ),
        (json!({"Content-Type": null}), "m 1", "Content-Type: expected an attribute of type String"),
        (
            json!({"Path": "/metrics/job/a"}),
            EVENT,
            "Path: expected /api/v1/events for JSON events, got \"/metrics/job/a\"",
        ),
        (
            json!({"Content-Type": "text/plain", "ReceivedTime": "soon"}),
            "m 1",
            "ReceivedTime: expected milliseconds since the epoch, got \"soon\"",
        ),
        (json!({"Content-Encoding": "br"}), "m 1", "Content-Encoding: expected gzip or snappy, got \"br\""),
        (
            json!({"Content-Encoding": "gzip"}),
            "m 1",
            "Content-Encoding: expected base64 as the body, got m 1",
        ),
    ] {
        assert_eq!(said(&attributes, body, Format::Event)[0], expected, "{attributes}");
    }
    for (attributes, start) in [
        (json!({"Content-Type": "text/plain", "Path": "/metrics/job/a/b"}), "Path: "),
        (json!({"Content-Encoding": "snappy"}), "Content-Encoding: "),
    ] {
        let reason = &said(&attributes, "AAAA", Format::Event)[0];
        assert!(reason.starts_with(start), "{reason}");
    }
}

#[test]
fn a_message_without_a_content_type_has_the_default_format() {
    let text = &said(&json!({}), "m 1", Format::Text)[0];
    assert_eq!(text, "Text  Some(7) m 1");
    let event = &said(&json!({"Content-Type": "application/json"}), EVENT, Format::Text)[0];
    assert_eq!(event, &format!("Event  None {EVENT}"));
}

/// Records in which any part is usual, missing or odd.
fn record_like() -> impl Strategy<Value = String> {
    let value = |usual: &'static str| {
        prop_oneof![
            12 => Just(Some(usual.to_owned())),
            1 => Just(None),
            1 => prop::sample::select(vec!["null", "1", "{}", "\"\"", "\"\\ud800\"", "\"\\u0061\"", "[1"])
                .prop_map(|odd| Some(odd.to_owned())),
        ]
    };
    (
        value("\"id\""),
        value(r#""{\"dimensions\":{},\"timestamp\":1,\"metrics\":{\"m\":1}}""#),
        value("\"aws:sqs\""),
        value("\"arn:aws:sqs:eu-west-1:1:q\""),
        value("{\"SentTimestamp\":\"7\"}"),
        value("\"handle\""),
        value(r#"{"Path":{"stringValue":"/metrics/job/j"}}"#),
    )
        .prop_map(|(id, body, source, arn, attributes, handle, said)| {
            let keys = [
                "messageId",
                "body",
                "eventSource",
                "eventSourceARN",
                "attributes",
                "receiptHandle",
                "messageAttributes",
            ];
            let members: Vec<_> = keys
                .iter()
                .zip([id, body, source, arn, attributes, handle, said])
                .filter_map(|(key, value)| Some(format!("\"{key}\":{}", value?)))
                .collect();
            format!("{{{}}}", members.join(","))
        })
}

/// Batches of such records.
fn batch_like() -> impl Strategy<Value = String> {
    let more =
        prop_oneof![8 => Just(""), 1 => Just(",\"metrics\":{}"), 1 => Just(",\"x\":1"), 1 => Just("}")];
    (prop::collection::vec(record_like(), 0..3), more)
        .prop_map(|(records, more)| format!("{{\"Records\":[{}]{more}}}", records.join(",")))
}

/// The messages of a batch with all their parts.
fn messages(payload: &Envelope<'_>) -> Vec<String> {
    let message = |m: &Message<'_>| {
        let said = m.message_attributes();
        format!("{} {} {:?} {:?} {said:?}", m.id, m.queue_arn, m.body().text(), m.attributes())
    };
    payload.messages().iter().map(message).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    #[test]
    fn the_fast_path_agrees_with_the_careful_reader(payload in batch_like()) {
        let fast = Envelope::read(payload.as_bytes()).map(|parsed| messages(&parsed));
        let careful = Envelope::read_carefully(&payload).map(|parsed| messages(&parsed));
        prop_assert_eq!(fast, careful, "{}", payload);
    }

    #[test]
    fn an_array_of_records_is_read_like_a_batch(
        records in prop::collection::vec(record_like(), 1..4),
    ) {
        let array = format!("[{}]", records.join(","));
        let batch = format!("{{\"Records\":{array}}}");
        match (Envelope::read(array.as_bytes()), Envelope::read(batch.as_bytes())) {
            // The first element decides, and without an `eventSource` it is an event, if an invalid one.
            (Ok(Envelope::Direct(_)), _) => {
                prop_assert!(!records[0].contains("eventSource\":\"") || records[0].contains("[1"), "{}", array);
            }
            // Where the text is not JSON differs, and so does the place of an error in it.
            (Err(UnknownPayload::NotJson(_) | UnknownPayload::Records(_)), batch) => prop_assert!(batch.is_err()),
            (array, batch) => {
                prop_assert_eq!(array.map(|read| messages(&read)), batch.map(|read| messages(&read)));
            }
        }
    }

    /// RFC 8259, section 7: the body ends at the first quote that is not escaped, whatever escapes come before it.
    #[test]
    fn bodies_end_where_the_careful_reader_ends_them(
        parts in prop::collection::vec(
            prop_oneof![
                4 => Just("\\\"".to_owned()),
                1 => prop::sample::select(vec!["\\\\", "\\n", "\\u00e9", "\\/", "\\ud800"]).prop_map(str::to_owned),
                1 => prop::sample::select(vec!["\\", "\"", "\\x", "\\u12", "\n", "\",\""]).prop_map(str::to_owned),
                6 => "[a-z{}:,é]{0,9}",
                1 => "[a-z]{30,99}",
            ],
            0..12,
        ),
        key in prop::sample::select(vec!["body", "receiptHandle"]),
    ) {
        let value = parts.concat();
        let record = format!(
            r#"{{"messageId":"1","{key}":"{value}","eventSource":"aws:sqs","eventSourceARN":"a","attributes":{{}}}}"#
        );
        let payload = format!(r#"{{"Records":[{record}]}}"#);
        let bodies = |parsed: Result<Envelope<'_>, UnknownPayload>| {
            parsed.map(|p| p.messages().iter().map(|m| m.body().text().map(String::from)).collect::<Vec<_>>())
        };
        let fast = bodies(Envelope::read(payload.as_bytes()));
        prop_assert_eq!(fast, bodies(Envelope::read_carefully(&payload)), "{}", payload);
    }
}
