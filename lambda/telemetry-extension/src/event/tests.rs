//! Unknown and unusual fields, and invalid figures. The documented events are in the tests of [`crate::intake`].

use super::*;

/// Schema reference, `platform.restoreStart`: its table has `instanceMaxMemory` as a string, its example as a number.
#[test]
fn unused_fields_may_have_any_value() {
    for memory in ["256", "\"256\"", "null", "[{}]"] {
        let json = format!(
            r#"{{"time":"t","type":"platform.restoreStart","record":{{"instanceMaxMemory":{memory},"new":[1]}}}}"#
        );
        assert_eq!(parse(&json).unwrap().kind, "platform.restoreStart");
    }
}

#[test]
fn a_report_of_an_error_may_lack_figures() {
    for kind in ["platform.report", "platform.initReport", "platform.restoreReport"] {
        for record in
            [r#""status":"error""#, r#""status":"error","metrics":{"durationMs":null},"spans":null"#]
        {
            let json = format!(r#"{{"time":"t","type":"{kind}","record":{{"requestId":"r",{record}}}}}"#);
            let record = parse(&json).unwrap().record;
            assert_eq!(record.status.as_deref(), Some("error"));
            assert_eq!(record.metrics.unwrap_or_default().duration_ms, None);
        }
    }
}

/// Schema reference, `function` and `extension`: text, or an object with JSON logging.
#[test]
fn log_lines_are_not_parsed() {
    for record in [r#""[INFO] Hello""#, r#"{"level":"INFO","requestId":1}"#, "null", "17", r#""\ud800""#] {
        for kind in ["function", "extension"] {
            let json = format!(r#"{{"time":"t","type":"{kind}","record":{record}}}"#);
            assert_eq!(parse(&json).unwrap().kind, kind, "{json}");
        }
    }
    assert!(parse(r#"{"type":"function"}"#).is_ok());
    assert_eq!(parse(r#"{"time":"t","type":"platform.fault","record":"x"}"#).unwrap().kind, "other");
}

#[test]
fn escapes_in_types_and_ids_are_parsed() {
    let event = parse(r#"{"type":"platform.st\u0061rt","record":{"requestId":"a\"b"}}"#).unwrap();
    assert_eq!((event.kind, &*event.key), ("platform.start", "a\"b"));
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
        (report(r#"{"metrics":{"durationMs":1}}"#), "platform.report: expected requestId, got none"),
        (report(r#"{"requestId":"","metrics":{"durationMs":1}}"#), "expected requestId, got none"),
        (report(r#"{"requestId":7}"#), "invalid event: "),
        (report(r#"{"requestId":"r","metrics":{"durationMs":"1"}}"#), "invalid event: "),
        (report(r#"{"requestId":"r","metrics":{"durationMs":-1}}"#), "durationMs from 0 to 1e15, got -1"),
        (
            report(r#"{"requestId":"r","spans":[{"name":"runtimeOverhead","durationMs":1e16}]}"#),
            "platform.report: expected runtimeOverhead from 0 to 1e15, got 10000000000000000",
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
