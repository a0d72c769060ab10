//! Records that are invalid for what other records or the clock say, and what of them is left: nothing.

use std::time::Duration;

use formats::{Format, OtlpDelta, Rules};
use push_gateway::delivery::Delivery;
use push_gateway::envelopes::Envelope;
use push_gateway::records::{MAX_SAMPLE_BYTES, Records};
use remote_write::{Labels, NameEscaping, Series};

const NOW_MS: i64 = 1_676_398_017_000;

fn read(payload: &str) -> (Records, Series) {
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
    Records::read(&Envelope::read(payload.as_bytes()).unwrap(), Format::Event, rules)
}

/// An event with one metric, whose value no float64 holds exactly.
fn event(metric: &str) -> String {
    format!(r#"{{"dimensions":{{}},"timestamp":1,"metrics":{{"{metric}":9007199254740993}}}}"#)
}

/// A batch of messages with these bodies.
fn batch(bodies: &[String]) -> String {
    let message = |body: &String| serde_json::json!({"messageId": "1", "eventSource": "aws:sqs", "eventSourceARN": "a", "body": body});
    serde_json::json!({"Records": bodies.iter().map(message).collect::<Vec<_>>()}).to_string()
}

#[test]
fn a_name_that_escaping_makes_an_earlier_one_is_invalid() {
    let array = |metrics: [&str; 3]| format!("[{}]", metrics.map(event).join(","));
    let bodies =
        [event("cpu.load"), event("cpu-load"), array(["a", "b.c", "cpu_load"]), event("b-c"), event("a")];
    let (records, series) = read(&batch(&bodies));
    let points: Vec<_> =
        records.records.iter().map(|record| record.points.clone().map_err(|e| e.to_string())).collect();
    let both = |second| format!("names \"cpu.load\" and \"{second}\" are both \"cpu_load\" after escaping");
    assert_eq!(
        points,
        [
            Ok(0..1),
            Err(both("cpu-load")),
            Err(format!("event 2: {}", both("cpu_load"))),
            // An invalid record takes no name from others.
            Ok(1..2),
            Ok(2..3)
        ]
    );
    assert_eq!(records.records[2].events(), 3);
    assert_eq!((series.count(), series.samples().len(), records.inexact_values), (3, 3, 3));
}

#[test]
fn two_names_of_an_event_that_escaping_makes_one_are_invalid() {
    let event = r#"{"dimensions":{},"timestamp":1,"metrics":{"m.1":1,"n":1,"m-1":2}}"#;
    let (records, series) = read(event);
    let reason = records.records[0].points.as_ref().unwrap_err().to_string();
    assert_eq!(reason, "names \"m.1\" and \"m-1\" are both \"m_1\" after escaping");
    assert_eq!((series.count(), series.samples().len()), (0, 0));
}

#[test]
fn of_otlp_a_data_point_that_collides_is_refused_alone() {
    let metric = |name| {
        format!(r#"{{"name":"{name}","gauge":{{"dataPoints":[{{"timeUnixNano":1000000,"asInt":1}}]}}}}"#)
    };
    let metrics = ["cpu_load", "other"].map(metric).join(",");
    let otlp = format!(r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{metrics}]}}]}}]}}"#);
    let mut batch: serde_json::Value = serde_json::from_str(&batch(&[event("cpu.load"), otlp])).unwrap();
    batch["Records"][1]["messageAttributes"] = serde_json::json!({"Path": {"stringValue": "/v1/metrics"}, "Content-Type": {"stringValue": "application/json"}});
    let (records, series) = read(&batch.to_string());
    let record = &records.records[1];
    let reason = "names \"cpu.load\" and \"cpu_load\" are both \"cpu_load\" after escaping";
    assert_eq!(record.refused.as_ref().map(ToString::to_string).as_deref(), Some(reason));
    assert_eq!((record.points.clone().ok(), record.data_points, record.refused()), (Some(1..2), 1, 1));
    assert_eq!(series.samples().len(), 2);
}

/// An event with a histogram of this number of buckets, and a dimension of this length.
fn wide(buckets: usize, dimension: usize) -> String {
    let buckets: Vec<_> = (1..buckets).map(|at| format!("\"{at}\":0")).collect();
    let (buckets, dimension) = (buckets.join(","), "x".repeat(dimension));
    format!(
        r#"{{"dimensions":{{"d":"{dimension}"}},"timestamp":1,"metrics":{{"h":{{"count":0,"sum":0,"buckets":{{{buckets}}}}}}}}}"#
    )
}

const FULL: &str =
    "expected at most 1000000 samples with 33554432 bytes of labels in an invocation, got more";

#[test]
fn a_record_without_room_beside_others_comes_again() {
    let many = |events| format!("[{}]", vec![wide(49_998, 0); events].join(","));
    for (first, large) in [(event("a"), wide(40_000, 1_000)), (many(10), many(11))] {
        let (records, series) = read(&batch(&[first.clone(), large, event("b")]));
        let delivery = Delivery::default();
        let outcomes = records.outcomes(&delivery);
        let reason = format!("there is no room for it beside the messages before it: {FULL}");
        assert!(outcomes[1].is_retry(), "{}", outcomes[1]);
        assert_eq!((outcomes[1].to_string(), records.invalid()), (reason, 0));
        let points: Vec<_> = records.records.iter().map(|record| record.points.clone().ok()).collect();
        let of_first = u32::try_from(records.records[0].events()).unwrap();
        assert_eq!(points, [Some(0..of_first), None, Some(of_first..of_first + 1)]);
        assert_eq!(series.samples().len(), read(&first).1.samples().len() + 1, "nothing of it is left");
    }
}

#[test]
fn nothing_is_sent_behind_a_record_of_its_group_without_room() {
    let bodies = [event("a"), wide(40_000, 1_000), event("b"), event("c")];
    let mut batch: serde_json::Value = serde_json::from_str(&batch(&bodies)).unwrap();
    for (at, group) in ["x", "y", "y", "x"].into_iter().enumerate() {
        batch["Records"][at]["eventSourceARN"] = "arn:aws:sqs:eu-west-1:1:q.fifo".into();
        batch["Records"][at]["attributes"] = serde_json::json!({"MessageGroupId": group});
    }
    let (records, series) = read(&batch.to_string());
    let sent: Vec<_> = records.records.iter().map(|record| record.points.clone().ok()).collect();
    assert_eq!(sent, [Some(0..1), None, None, Some(1..2)]);
    assert!(records.outcomes(&Delivery::default())[2].is_retry());
    assert_eq!(series.samples().len(), 2);
}

#[test]
fn a_record_with_too_much_alone_is_invalid() {
    let (records, series) = read(&batch(&[wide(40_000, 1_000), event("a")]));
    let reason = |records: &Records| records.outcomes(&Delivery::default())[0].clone();
    let invalid = reason(&records);
    assert!(invalid.is_invalid(), "{invalid}");
    assert_eq!((invalid.to_string(), series.samples().len()), (FULL.to_owned(), 1));
    let events = vec![wide(49_998, 0); 21].join(",");
    let invalid = reason(&read(&batch(&[format!("[{events}]")])).0);
    assert!(invalid.is_invalid(), "{invalid}");
    assert_eq!(invalid.to_string(), format!("event 20: {FULL}"));
}

#[test]
fn a_timestamp_too_far_ahead_of_the_clock_is_invalid() {
    let at = |timestamp_ms: i64| event("m").replace(":1,", &format!(":{timestamp_ms},"));
    let bodies = [at(NOW_MS + 60_000), at(NOW_MS + 60_001), at(NOW_MS + 539_000), at(i64::MAX), at(i64::MIN)];
    let (records, series) = read(&batch(&bodies));
    let reasons: Vec<_> =
        records.records.iter().map(|record| record.points.as_ref().err().map(ToString::to_string)).collect();
    let reason =
        |got: &str| Some(format!("timestamp: expected at most 60s ahead of the clock, got {got} ahead"));
    assert_eq!(
        reasons,
        [
            None,
            reason("1676398077001, which is 60.001s"),
            reason("1676398556000, which is 539s"),
            reason("9223372036854775807, which is 9223370360456758.807s"),
            None
        ]
    );
    let written: Vec<_> = series.samples().iter().map(|sample| sample.timestamp_ms).collect();
    assert_eq!(written, [i64::MIN, NOW_MS + 60_000]);
    let (records, _) = read(&batch(&[format!("[{},{}]", at(NOW_MS), at(NOW_MS + 61_000))]));
    let reason = records.records[0].points.as_ref().unwrap_err().to_string();
    assert!(reason.starts_with("event 1: timestamp: expected at most 60s ahead"), "{reason}");
}
