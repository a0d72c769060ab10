//! The documented events (schema reference, "Telemetry API Event object types"), unknown types and fields, and invalid
//! figures.

use super::*;

fn facts(json: &str) -> Facts {
    parse(json).expect("an event").facts
}

/// Schema reference, `platform.initStart` and `InitType`.
#[test]
fn an_init_start_names_type_phase_and_instance() {
    let json = r#"{"time":"2022-10-12T00:00:15.064Z","type":"platform.initStart","record":{"initializationType":"on-demand",
        "phase":"init","runtimeVersion":"nodejs-14.v3","runtimeVersionArn":"arn","functionName":"myFunction",
        "functionVersion":"$LATEST","instanceId":"82561ce0-53dd-47d1-90e0-c8f5e063e62e","instanceMaxMemory":256}}"#;
    let event = parse(json).unwrap();
    assert_eq!((event.kind, &*event.key), (EventType::InitStart, "2022-10-12T00:00:15.064Z"));
    assert_eq!(event.facts.initialization_type, Some(InitializationType::OnDemand));
    assert_eq!(event.facts.phase, Some(Phase::Init));
    assert_eq!(event.facts.instance_id.as_deref(), Some("82561ce0-53dd-47d1-90e0-c8f5e063e62e"));
}

/// Schema reference, `platform.restoreStart`: its table has `instanceMaxMemory` as a string, its example as a number.
#[test]
fn unused_fields_may_have_any_value() {
    for memory in ["256", "\"256\"", "null", "[{}]"] {
        let json = format!(
            r#"{{"time":"t","type":"platform.restoreStart","record":{{"instanceMaxMemory":{memory},"new":[1]}}}}"#
        );
        assert_eq!(parse(&json).unwrap().kind, EventType::RestoreStart);
    }
}

/// Schema reference, `platform.initReport`, `platform.restoreReport`.
#[test]
fn reports_of_inits_and_restores_have_durations() {
    let init = r#"{"time":"t","type":"platform.initReport","record":{"initializationType":"on-demand","status":"success",
        "phase":"init","metrics":{"durationMs":125.33},"spans":[{"name":"someTimeSpan","start":"2022-06-02T12:02:33.913Z","durationMs":90.1}]}}"#;
    assert_eq!(facts(init).figures.duration_ms, Some(125.33));
    let restore = r#"{"time":"t","type":"platform.restoreReport","record":{"status":"success","metrics":{"durationMs":15.19}}}"#;
    assert_eq!(facts(restore).figures.duration_ms, Some(15.19));
    let without = r#"{"time":"t","type":"platform.restoreReport","record":{"status":"error","errorType":"Runtime.ExitError"}}"#;
    assert_eq!((facts(without).status, facts(without).figures), (Some(Status::Error), Figures::default()));
}

/// Schema reference, `platform.runtimeDone` and `Span`.
#[test]
fn a_runtime_done_has_bytes_and_spans() {
    let json = r#"{"time":"t","type":"platform.runtimeDone","record":{"requestId":"6d68ca91","status":"success",
        "tracing":{"spanId":"54565fb41ac79632","type":"X-Amzn-Trace-Id","value":"Root=1-62e900b2"},
        "spans":[{"name":"responseLatency","start":"2022-08-02T12:01:23.521Z","durationMs":23.02},
                 {"name":"runtimeOverhead","start":"x","durationMs":1},{"name":"someTimeSpan","start":"x","durationMs":80.0}],
        "metrics":{"durationMs":140.0,"producedBytes":16}}}"#;
    let event = parse(json).unwrap();
    assert_eq!((event.kind, &*event.key), (EventType::RuntimeDone, "6d68ca91"));
    assert_eq!(event.facts.figures.produced_bytes, Some(16.0));
    let spans = Spans { response_latency: Some(23.02), runtime_overhead: Some(1.0), ..Spans::default() };
    assert_eq!(event.facts.spans, spans);
}

/// Schema reference, `platform.report`: the example, which has no status, and that of Managed Instances, which has no
/// figure but the duration.
#[test]
fn figures_of_a_report_are_optional() {
    let example = r#"{"time":"t","type":"platform.report","record":{"metrics":{"billedDurationMs":694,"durationMs":693.92,
        "initDurationMs":397.68,"maxMemoryUsedMB":84,"memorySizeMB":128},"requestId":"6d68ca91"}}"#;
    let expected = Figures {
        duration_ms: Some(693.92),
        billed_duration_ms: Some(694.0),
        init_duration_ms: Some(397.68),
        max_memory_used_mb: Some(84.0),
        memory_size_mb: Some(128.0),
        produced_bytes: None,
    };
    assert_eq!((facts(example).figures, facts(example).status), (expected, None));
    let managed = r#"{"type":"platform.report","record":{"requestId":"r","status":"failure","metrics":{"durationMs":1}}}"#;
    assert_eq!(facts(managed).status, Some(Status::Failure));
}

#[test]
fn a_report_of_an_error_may_lack_figures() {
    for kind in ["platform.report", "platform.initReport"] {
        for record in [r#""status":"error""#, r#""status":"error","metrics":{"durationMs":null}"#] {
            let json = format!(r#"{{"time":"t","type":"{kind}","record":{{"requestId":"r",{record}}}}}"#);
            assert_eq!(
                (facts(&json).status, facts(&json).figures),
                (Some(Status::Error), Figures::default())
            );
        }
    }
}

/// Schema reference, `platform.logsDropped`.
#[test]
fn dropped_logs_are_counted_in_records_and_bytes() {
    let json = r#"{"time":"t","type":"platform.logsDropped","record":{"droppedBytes":12345,"droppedRecords":123,
        "reason":"Some logs were dropped because the downstream consumer is slower than the logs production rate"}}"#;
    assert_eq!(facts(json).dropped, Some(Dropped { records: 123, bytes: 12_345 }));
}

/// Schema reference, `function` and `extension`: text, or an object with JSON logging.
#[test]
fn log_lines_are_not_parsed() {
    for record in [r#""[INFO] Hello""#, r#"{"level":"INFO","requestId":1}"#, "null", "17", r#""\ud800""#] {
        for (kind, expected) in [("function", EventType::Function), ("extension", EventType::Extension)] {
            let json = format!(r#"{{"time":"t","type":"{kind}","record":{record}}}"#);
            assert_eq!(parse(&json).unwrap().kind, expected, "{json}");
        }
    }
    assert!(parse(r#"{"type":"function"}"#).is_ok());
}

#[test]
fn unknown_types_and_words_are_other() {
    assert_eq!(parse(r#"{"time":"t","type":"platform.fault","record":"x"}"#).unwrap().kind, EventType::Other);
    let json = r#"{"type":"platform.report","record":{"requestId":"r","status":"crashed","metrics":{"durationMs":1}}}"#;
    assert_eq!(facts(json).status, Some(Status::Other));
}

#[test]
fn escapes_in_types_and_ids_are_parsed() {
    let json = r#"{"type":"platform.st\u0061rt","record":{"requestId":"a\"b"}}"#;
    let event = parse(json).unwrap();
    assert_eq!((event.kind, &*event.key), (EventType::Start, "a\"b"));
}

#[test]
fn missing_and_invalid_figures_are_errors() {
    let report = |record: &str| format!(r#"{{"type":"platform.report","record":{record}}}"#);
    for (json, expected) in [
        ("17".to_owned(), "expected a JSON object"),
        ("{}".to_owned(), "missing field `type`"),
        (r#"{"type":"platform.report"}"#.to_owned(), "platform.report: expected record, got none"),
        (report("[]"), "expected a JSON object"),
        (r#"["t","platform.start",{"requestId":"r"}]"#.to_owned(), "expected a JSON object"),
        (report("{}"), "platform.report: expected requestId, got none"),
        (report(r#"{"metrics":{"durationMs":1}}"#), "platform.report: expected requestId, got none"),
        (report(r#"{"requestId":"","metrics":{"durationMs":1}}"#), "expected requestId, got none"),
        (report(r#"{"requestId":7,"metrics":{"durationMs":1}}"#), "invalid event: "),
        (report(r#"{"requestId":"r","metrics":{"durationMs":"1"}}"#), "invalid event: "),
        (
            report(r#"{"requestId":"r","metrics":{"durationMs":-1}}"#),
            "expected durationMs from 0 to 1e15, got -1",
        ),
        (
            report(r#"{"requestId":"r","metrics":{"durationMs":1e16}}"#),
            "expected durationMs from 0 to 1e15, got 10000000000000000",
        ),
        (report(r#"{"requestId":"r","metrics":{"durationMs":1e999}}"#), "invalid event: "),
        (
            r#"{"type":"platform.logsDropped","record":{"droppedBytes":1}}"#.to_owned(),
            "platform.logsDropped: expected droppedRecords, got none",
        ),
        (
            r#"{"type":"platform.start","record":{}}"#.to_owned(),
            "platform.start: expected requestId, got none",
        ),
    ] {
        let message = parse(&json).expect_err(&json).to_string();
        assert!(message.contains(expected), "{json}: {message}");
    }
}
