//! Bodies of JSON events: as text, in base64, in the wrappers of AWS.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use formats::{Body, Format, Invalid, OtlpDelta, Rules};
use remote_write::{Labels, NameEscaping};
use serde_json::json;

const EVENT: &str = r#"{"dimensions":{"d":"1"},"timestamp":1,"metrics":{"m":1}}"#;

/// A fixture by its name.
macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("event/", $name))
    };
}

/// The number of points in a body, or the reason why it is invalid.
fn read(body: Body<'_>) -> Result<usize, String> {
    let external_labels = &Labels::default();
    let rules = Rules {
        escaping: NameEscaping::Underscores,
        external_labels,
        max_sample_bytes: 200,
        grouping: &Vec::new(),
        received_ms: 0,
        now_ms: 1_676_398_017_000,
        max_future: Duration::from_mins(1),
        otlp_delta: OtlpDelta::Refuse,
    };
    let points = formats::read(Format::Event, &body, rules, |content| Ok::<_, Invalid>(content.points.len()));
    points.map_err(|reason| reason.to_string())
}

/// Reads a text as the body of a message.
fn message(text: &str) -> Result<usize, String> {
    read(Body::Quoted(Some(&serde_json::to_string(text).unwrap())))
}

#[test]
fn every_fixture_is_read() {
    for (text, points) in [
        (fixture!("event.json"), 1),
        (fixture!("array.json"), 2),
        (fixture!("base64-with-line-breaks.txt"), 1),
        (fixture!("byte-order-mark.json"), 1),
        (fixture!("fractional-timestamp.json"), 1),
        (fixture!("lambda-destination.json"), 2),
        (fixture!("iot-error-action.json"), 1),
    ] {
        assert_eq!(message(text), Ok(points), "{text}");
    }
    let windows = STANDARD.encode(format!("\u{feff}[{EVENT},{EVENT}]")).replace("eyJ", "\r\neyJ");
    assert!(windows.contains('\r'), "{windows}");
    assert_eq!(message(&windows), Ok(2));
    assert_eq!(message("[]"), Ok(0));
}

#[test]
fn bodies_may_be_base64_with_or_without_padding() {
    for text in [format!("{EVENT} "), format!("{EVENT}  "), format!("[{EVENT}]")] {
        for encoded in [STANDARD.encode(&text), STANDARD_NO_PAD.encode(&text)] {
            assert_eq!(message(&encoded), Ok(1));
            assert_eq!(message(&format!("{encoded}\n")), Ok(1));
        }
    }
}

#[test]
fn a_wrapper_without_a_valid_event_is_named() {
    let iot = |payload: &str| {
        json!({"ruleName": "Telemetry", "base64OriginalPayload": payload, "failures": []}).to_string()
    };
    let lambda = |payload: &str| {
        format!(
            r#"{{"timestamp":"2019-11-14T18:16:05.568Z","requestContext":{{}},"requestPayload":{payload}}}"#
        )
    };
    let from_iot = "no valid event in the error action message of the IoT rule \"Telemetry\": ";
    let from_lambda = "no valid event in the invocation record of a Lambda destination: ";
    for (body, by, reason) in [
        (iot(&STANDARD.encode(r#"{"temperature":14.3}"#)), from_iot, "`dimensions` is missing"),
        (iot("hello"), from_iot, "body: expected an event"),
        (iot(&STANDARD.encode([0xff])), from_iot, "body: expected an event"),
        (lambda("12"), from_lambda, "expected an event, which is an object, got 12"),
        (lambda("{}"), from_lambda, "`dimensions` is missing"),
        (lambda(&lambda(EVENT)), from_lambda, "expected a number of milliseconds"),
        (lambda(&format!("[{EVENT},{{}}]")), from_lambda, "event 1: `dimensions` is missing"),
    ] {
        for found in [message(&body).unwrap_err(), read(Body::Json(&body)).unwrap_err()] {
            assert!(found.starts_with(by) && found.contains(reason), "{found}");
        }
    }
}

#[test]
fn an_element_of_an_array_is_one_event() {
    assert_eq!(read(Body::Element(EVENT)), Ok(1));
    let wrapper = format!(r#"{{"requestContext":{{}},"requestPayload":{EVENT}}}"#);
    assert_eq!(read(Body::Json(&wrapper)), Ok(1));
    for other in [&*wrapper, "[]", &*format!("[{EVENT}]")] {
        assert!(read(Body::Element(other)).is_err(), "{other}");
    }
    assert!(read(Body::Json(&format!("[{EVENT}]"))).is_err(), "the envelope divides arrays");
}

#[test]
fn a_sample_that_is_too_large_is_named_with_its_place() {
    let large = EVENT.replace("\"1\"", &format!("\"{}\"", "x".repeat(200)));
    let reason = message(&format!("[{EVENT},{large}]")).unwrap_err();
    let expected = "event 1: metrics.m: expected at most 200 bytes for a sample with its labels, got ";
    assert!(reason.starts_with(expected), "{reason}");
    let wrapped = format!(r#"{{"requestContext":{{}},"requestPayload":{large}}}"#);
    let reason = message(&wrapped).unwrap_err();
    assert!(reason.starts_with("no valid event in the invocation record"), "{reason}");
}

#[test]
fn an_object_that_resembles_a_wrapper_is_an_event() {
    for body in [
        format!(r#"{{"requestPayload":{EVENT}}}"#),
        format!(r#"{{"base64OriginalPayload":"{}"}}"#, STANDARD.encode(EVENT)),
        format!(r#"[{{"requestContext":{{}},"requestPayload":{EVENT}}}]"#),
    ] {
        let reason = message(&body).unwrap_err();
        assert!(!reason.contains("no valid event in"), "{reason}");
    }
    let event = EVENT.replacen('{', r#"{"requestContext":{},"requestPayload":[],"#, 1);
    assert_eq!(message(&event), Ok(1), "an event with keys of a wrapper");
}

#[test]
fn a_body_that_is_not_text_is_described() {
    for (raw, reason) in [
        (None, "`body` is missing"),
        (Some("null"), "body: expected a string, got null"),
        (Some("12"), "body: expected a string, got 12"),
        (Some(r#"{"a":1}"#), "body: expected a string, got {\"a\":1}"),
        (Some(r#""\ud800""#), "invalid JSON: "),
        (Some(r#""hello""#), "body: expected an event, an array of events, or base64 of either, got hello"),
    ] {
        let found = read(Body::Quoted(raw)).unwrap_err();
        assert!(found.starts_with(reason), "{found}");
    }
}

#[test]
fn a_body_of_several_events_is_atomic() {
    let invalid = EVENT.replace("\"m\":1", "\"m\":\"x\"");
    let reason = message(&format!("[{EVENT},{invalid},{EVENT}]"));
    assert_eq!(reason, Err("event 1: metrics.m: expected a number, got \"x\"".to_owned()));
    assert_eq!(message(&format!("[{invalid}]")), Err("metrics.m: expected a number, got \"x\"".to_owned()));
}
