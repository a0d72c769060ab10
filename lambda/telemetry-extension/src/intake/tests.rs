//! Deliveries: arrays of events, and other bodies.

#![expect(clippy::float_cmp, reason = "counts are exact")]

use super::*;

fn intake() -> Intake {
    Intake::new(Metrics::new(None, false))
}

/// The value of a series without labels or with one of this value.
fn value(intake: &Intake, name: &str, label: &str) -> f64 {
    let snapshot = intake.metrics.snapshot();
    let mut points = snapshot.points();
    points
        .find(|p| p.name == name && p.labels().all(|(_, value)| value == label))
        .map_or(0.0, |point| point.value)
}

fn invalid(intake: &Intake) -> f64 {
    value(intake, "aws_lambda_telemetry_invalid_events_total", "")
}

fn lines(intake: &Intake) -> f64 {
    value(intake, "aws_lambda_telemetry_events_total", "function")
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
