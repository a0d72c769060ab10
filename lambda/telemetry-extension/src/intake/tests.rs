//! Deliveries: arrays of events, and other bodies.

#![expect(clippy::float_cmp, reason = "counts are exact")]

use super::*;
use crate::metrics::Point;

fn intake() -> Intake {
    Intake::new(Metrics::new(None, false))
}

/// The value of a series without labels or with one of this value.
fn value(intake: &Intake, name: &str, label: &str) -> f64 {
    let snapshot = intake.metrics.snapshot();
    let is_found = |p: &&Point| p.name == name && p.labels().all(|(_, value)| value == label);
    snapshot.points().find(is_found).map_or(0.0, |point| point.value)
}

fn invalid(intake: &Intake) -> f64 {
    value(intake, "aws_lambda_telemetry_invalid_events_total", "")
}

fn lines(intake: &Intake) -> f64 {
    value(intake, "aws_lambda_telemetry_events_total", "function")
}

/// Schema reference, "Telemetry API Event object types": the example of every type, and a type that is not in it.
const DOCUMENTED: [&str; 16] = [
    r#"{"time":"t","type":"platform.initStart","record":{"initializationType":"on-demand","phase":"init","runtimeVersion":"nodejs-14.v3","runtimeVersionArn":"arn","functionName":"myFunction","functionVersion":"$LATEST","instanceId":"82561ce0-53dd","instanceMaxMemory":256}}"#,
    r#"{"time":"t","type":"platform.initRuntimeDone","record":{"initializationType":"on-demand","status":"success","spans":[{"name":"someTimeSpan","start":"2022-06-02T12:02:33.913Z","durationMs":70.5}]}}"#,
    r#"{"time":"t","type":"platform.initReport","record":{"initializationType":"on-demand","status":"success","phase":"init","metrics":{"durationMs":125.33}}}"#,
    r#"{"time":"t","type":"platform.start","record":{"requestId":"6d68ca91","version":"$LATEST","tracing":{"spanId":"54565fb41ac79632","type":"X-Amzn-Trace-Id","value":"Root=1-62e900b2"}}}"#,
    r#"{"time":"t","type":"platform.runtimeDone","record":{"requestId":"6d68ca91","status":"success","spans":[{"name":"responseLatency","start":"2022-08-02T12:01:23.521Z","durationMs":23.02},{"name":"someTimeSpan","start":"x","durationMs":80}],"metrics":{"durationMs":140.0,"producedBytes":16}}}"#,
    r#"{"time":"t","type":"platform.report","record":{"metrics":{"billedDurationMs":694,"durationMs":693.92,"initDurationMs":397.68,"maxMemoryUsedMB":84,"memorySizeMB":128},"requestId":"6d68ca91","status":"success"}}"#,
    r#"{"time":"t","type":"platform.restoreStart","record":{"runtimeVersion":"nodejs-14.v3","functionName":"myFunction","functionVersion":"$LATEST","instanceMaxMemory":"256"}}"#,
    r#"{"time":"t","type":"platform.restoreRuntimeDone","record":{"status":"success"}}"#,
    r#"{"time":"t","type":"platform.restoreReport","record":{"status":"success","metrics":{"durationMs":15.19}}}"#,
    r#"{"time":"t","type":"platform.extension","record":{"events":["INVOKE","SHUTDOWN"],"name":"my-telemetry-extension","state":"Ready"}}"#,
    r#"{"time":"t","type":"platform.telemetrySubscription","record":{"name":"my-telemetry-extension","state":"Subscribed","types":["platform","function"]}}"#,
    r#"{"time":"t","type":"platform.logsDropped","record":{"droppedBytes":12345,"droppedRecords":123,"reason":"Some logs were dropped because the downstream consumer is slower than the logs production rate"}}"#,
    r#"{"time":"t","type":"function","record":"[INFO] Hello world, I am a function!"}"#,
    r#"{"time":"t","type":"function","record":{"timestamp":"2022-10-12T00:03:50.000Z","level":"INFO","requestId":"79b4f56e","message":"Hello world"}}"#,
    r#"{"time":"t","type":"extension","record":"[INFO] Hello world, I am an extension!"}"#,
    r#"{"time":"t","type":"platform.unheardOf","record":{"requestId":"6d68ca91"}}"#,
];

/// Lambda repeats a delivery whose response was lost, and events in other deliveries.
#[test]
fn documented_events_count_once_in_any_order() {
    for reversed in [false, true] {
        let mut events = DOCUMENTED;
        if reversed {
            events.reverse();
        }
        let mut intake = intake();
        let all = format!("[{}]", events.join(","));
        intake.deliver(all.as_bytes());
        intake.deliver(all.as_bytes());
        let platform: Vec<_> = events.into_iter().filter(|event| event.contains("\"platform.")).collect();
        intake.deliver(format!("[{}]", platform.join(",")).as_bytes());
        for (name, label, expected) in [
            ("invocations_total", "success", 1.0),
            ("duration_seconds_count", "", 1.0),
            ("billed_duration_seconds_sum", "", 0.694),
            ("cold_starts_total", "on-demand", 1.0),
            ("cold_starts_total", "snap-start", 1.0),
            ("init_duration_seconds_sum", "", 0.125_33),
            ("restore_duration_seconds_sum", "", 15.19 / 1e3),
            ("response_latency_seconds_sum", "", 0.023_02),
            ("response_size_bytes_sum", "", 16.0),
            ("max_memory_used_bytes", "", 84.0 * 1_048_576.0),
            ("logs_dropped_records_total", "", 123.0),
            ("logs_dropped_bytes_total", "", 12_345.0),
            ("telemetry_events_total", "function", 2.0),
            ("telemetry_events_total", "extension", 1.0),
            ("telemetry_events_total", "platform.report", 2.0),
            ("telemetry_events_total", "other", 2.0),
            ("telemetry_duplicate_events_total", "", 16.0 + 12.0),
            ("telemetry_invalid_events_total", "", 0.0),
        ] {
            assert_eq!(value(&intake, &format!("aws_lambda_{name}"), label), expected, "{name} {label}");
        }
        assert_eq!(intake.metrics.instance_id(), Some("82561ce0-53dd"));
    }
}

#[test]
fn an_invalid_event_affects_no_other() {
    let mut intake = intake();
    intake.deliver(br#"[{"type":"function","record":"a"},17,{"type":"platform.report"},{"type":"function","record":{}}]"#);
    assert_eq!((lines(&intake), invalid(&intake)), (2.0, 2.0));
    assert_eq!(intake.metrics.received(), 4);
}

#[test]
fn events_of_an_incomplete_array_count() {
    let mut intake = intake();
    intake.deliver(br#"[{"type":"function","record":"a"},{"type":"func"#);
    assert_eq!((lines(&intake), invalid(&intake)), (1.0, 1.0));
    for body in [&b""[..], b"{}", b"null", b"[] x", b"\xff\xfe"] {
        let before = invalid(&intake);
        intake.deliver(body);
        assert_eq!(invalid(&intake), before + 1.0, "{body:?}");
    }
    intake.deliver(b" [ ] ");
    assert_eq!(invalid(&intake), 6.0);
}

#[test]
fn an_invalid_utf8_byte_affects_no_other_event() {
    let mut intake = intake();
    let report = br#"{"type":"platform.report","record":{"requestId":"r","status":"success","metrics":{"durationMs":1}}}"#;
    intake.deliver(&[b"[{\"type\":\"function\",\"record\":\"caf\xe9\"},".as_slice(), report, b"]"].concat());
    assert_eq!((lines(&intake), invalid(&intake)), (1.0, 0.0));
    assert_eq!(value(&intake, "aws_lambda_invocations_total", "success"), 1.0);
}

/// Telemetry API, "Creating a telemetry listener": Lambda retries if a POST request encounters an error.
#[test]
fn a_repeated_delivery_counts_once() {
    let mut intake = intake();
    let body = br#"[{"time":"2022-10-12T00:03:50.000Z","type":"function","record":"a"},{"time":"2022-10-12T00:03:50.000Z","type":"function","record":"a"}]"#;
    intake.deliver(body);
    intake.deliver(body);
    assert_eq!(lines(&intake), 2.0);
    assert_eq!(value(&intake, "aws_lambda_telemetry_duplicate_events_total", ""), 2.0);
}

#[test]
fn deep_nesting_is_an_invalid_event() {
    let mut intake = intake();
    let body = format!("[{}]", "[".repeat(100_000));
    intake.deliver(body.as_bytes());
    assert_eq!(invalid(&intake), 1.0);
}
