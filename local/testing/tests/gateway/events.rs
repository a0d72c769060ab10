//! Events and bodies end to end. The crates test every rule by table; here a few rows of each show that the rules reach
//! labels, values and `batchItemFailures`.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use local_amp::proto::TimeSeries;
use local_lambda::sqs::sqs_event;
use local_testing::clock::Clock;
use serde_json::{Value, json};

use crate::hostile::{error_kind, survives};
use crate::support::{NOW_MS, QUEUE, Setup, Stage, event, given_back, messages};
use crate::telemetry::lines_with;

fn body(dimensions: &Value, metrics: &Value) -> String {
    json!({"dimensions": dimensions, "timestamp": NOW_MS, "metrics": metrics}).to_string()
}

/// The labels that arrive for these dimensions, in their order, without the metric name.
async fn labels(stage: &mut Stage, dimensions: &Value) -> Vec<String> {
    stage.amp.reset();
    stage.summary(body(dimensions, &json!({"m": 1}))).await;
    let requests = stage.amp.requests();
    let series = &requests[0].request.as_ref().expect("it could be decoded").timeseries[0];
    let shown = series.labels.iter().filter(|label| label.name != "__name__");
    shown.map(|label| format!("{}={}", label.name, label.value)).collect()
}

#[tokio::test]
async fn each_bad_message_is_given_back_and_no_other() {
    let (good, bad, one) = (event("good", NOW_MS, 1), event("bad", NOW_MS, 1), json!({"m": 1}));
    let metrics = |metrics| body(&json!({"device": "bad"}), &metrics);
    let bodies = [
        good,
        String::new(),
        "hello".to_owned(),
        "null".to_owned(),
        "{".to_owned(),
        "[{},{},{}]".to_owned(),
        format!("{bad} x"),
        format!("{bad},{bad}"),
        format!("[{bad},{{}}]"),
        format!("[{bad},]"),
        STANDARD.encode("hello"),
        STANDARD.encode([0xff, 0xfe]),
        STANDARD.encode(STANDARD.encode(&bad)),
        format!("{}*", STANDARD.encode(&bad)),
        event("bad", NOW_MS, "true"),
        event("bad", NOW_MS, "\"12hello\""),
        metrics(json!({"ok": 1, "odd": "nan"})),
        metrics(json!({})),
        metrics(json!({"m.x": 1, "m-x": 1})),
        bad.replace("1676398017000", "\"1676398017000\""),
        bad.replace("1676398017000", "1676398017.123"),
        body(&json!({"a": null}), &one),
        body(&json!({"a": ["x"]}), &one),
        body(&json!({"__name__": "x"}), &one),
        body(&json!({"a.b": "1", "a-b": "1"}), &one),
    ];
    let mut stage = Stage::start().await;
    assert_eq!(stage.bodies(&bodies).await, (1..bodies.len()).collect::<Vec<_>>());
    assert_eq!(stage.stored_devices(), ["good"]);
}

#[tokio::test]
async fn a_body_is_json_or_base64_of_it() {
    let lines = STANDARD.encode(event("lines", NOW_MS, 1));
    let lines: Vec<_> = lines.as_bytes().chunks(76).map(String::from_utf8_lossy).collect();
    let bodies = [
        format!("\u{feff}{}", event("mark", NOW_MS, 1)),
        STANDARD.encode(event("padded", NOW_MS, 1)),
        STANDARD_NO_PAD.encode(event("bare", NOW_MS, 1)),
        lines.join("\r\n") + "\r\n",
        STANDARD.encode(format!("\u{feff}[{},{}]", event("ü", NOW_MS, 1), event("😀", NOW_MS, 2))),
        "[]".to_owned(),
    ];
    let mut stage = Stage::start().await;
    assert_eq!(stage.bodies(&bodies).await, [0; 0]);
    assert_eq!(stage.stored_devices(), ["bare", "lines", "mark", "padded", "ü", "😀"]);
}

/// A NaN is not the stale marker, with which a series ends (remote write 1.0, "Stale Markers"). The request is compared,
/// because AMP stores a zero without its sign.
#[tokio::test]
async fn values_arrive_bit_by_bit() {
    let table = [
        (json!(12), 0x4028_0000_0000_0000),
        (json!("-007.50"), 0xC01E_0000_0000_0000),
        (json!("14.3"), 0x402C_9999_9999_999A),
        (json!(-0.0), 1 << 63),
        (json!("-0"), 1 << 63),
        (json!(5e-324), 1),
        (json!("1e400"), 0x7FF0_0000_0000_0000),
        (json!("-Inf"), 0xFFF0_0000_0000_0000),
        (json!("NaN"), 0x7FF8_0000_0000_0001),
    ];
    let metrics: serde_json::Map<_, _> =
        table.iter().enumerate().map(|(at, (value, _))| (format!("m{at}"), value.clone())).collect();
    let mut stage = Stage::start().await;
    stage.summary(body(&json!({"device": "d"}), &metrics.into())).await;
    let request = stage.amp.requests().remove(0).request.expect("it is decoded");
    for (at, (value, bits)) in table.iter().enumerate() {
        let is_named = |series: &&TimeSeries| series.labels[0].value == format!("m{at}");
        let series = request.timeseries.iter().find(is_named).expect("a series");
        assert_eq!(series.samples[0].value.to_bits(), *bits, "{value}");
    }
}

#[tokio::test]
async fn inexact_values_are_written_and_logged_in_one_line() {
    let mut stage = Stage::start().await;
    let values = ["9007199254740993", "\"18446744073709551615\"", "12", "0.1"];
    let bodies: Vec<_> = (NOW_MS..).zip(values).map(|(at, value)| event("a", at, value)).collect();
    let messages = messages(&bodies);
    let invocation = stage.invoke(sqs_event(QUEUE, &messages)).await;
    assert_eq!(given_back(&invocation, &messages), [0; 0]);
    let lines = lines_with(&invocation, "values");
    assert_eq!(lines.len(), 1, "{:?}", invocation.logs);
    assert_eq!((lines[0]["values"].as_u64(), lines[0]["level"].as_str()), (Some(2), Some("WARN")));
    assert_eq!(stage.amp.sample_count(), 4);
}

#[tokio::test]
async fn dimensions_become_labels_in_byte_order() {
    let mut stage = Stage::start().await;
    let dimensions = json!({"b": "1", "Z": "2", "_": "3", "x.y": "4", "2xx": "5", "é1": "", "m": ""});
    assert_eq!(labels(&mut stage, &dimensions).await, ["Z=2", "_=3", "_2xx=5", "b=1", "x_y=4"]);
    assert_eq!(labels(&mut stage, &json!({})).await, [""; 0]);
}

#[tokio::test]
async fn reject_refuses_names_that_would_be_escaped() {
    let mut stage = Setup::new().env("NAME_ESCAPING", "reject").start().await;
    let one = json!({"m": 1});
    let bodies = [
        body(&json!({"a.b": "1"}), &one),
        body(&json!({"a:b": "1"}), &one),
        body(&json!({}), &json!({"é": 1})),
    ];
    assert_eq!(stage.bodies(&bodies).await, [0, 1, 2]);
    assert_eq!(stage.summary(body(&json!({"a_b": "1"}), &json!({"job:rate": 1}))).await, [1, 1, 1, 1]);
}

#[tokio::test]
async fn external_labels_are_on_every_series_unless_it_has_them() {
    let mut stage = Setup::new().env("EXTERNAL_LABELS", r#"{"env":"prod","zz":"9"}"#).start().await;
    assert_eq!(labels(&mut stage, &json!({})).await, ["env=prod", "zz=9"]);
    assert_eq!(labels(&mut stage, &json!({"env": "test", "m": "1"})).await, ["env=test", "m=1", "zz=9"]);
    let (own, external) = (event("a", NOW_MS, 1), event("a", NOW_MS + 1, 1));
    let own = own.replace(r#""device":"a""#, r#""device":"a","env":"prod""#);
    assert_eq!(stage.summary(format!("[{own},{external}]")).await, [2, 2, 1, 1], "one series");
}

#[tokio::test]
async fn old_samples_are_for_the_receiver_to_judge() {
    let max_age = Some(std::time::Duration::from_hours(1));
    let mut stage = Setup::new().amp(|amp| amp.max_sample_age = max_age).start().await;
    let (kind, message) = stage.error(event("a", NOW_MS, 1)).await;
    assert_eq!(kind, "WriteRejected");
    assert!(message.contains("400") && message.contains("timestamp too old"), "{message}");
}

#[tokio::test]
async fn an_event_too_far_ahead_is_refused() {
    let mut stage = Setup::new().env("MAX_FUTURE", "600").start().await;
    let now_ms = Clock::system().now_ms();
    let (kind, message) = stage.error(event("a", now_ms + 660_000, 1)).await;
    assert_eq!(kind, "InvalidEvent");
    assert!(message.contains("expected at most 600s ahead of the clock"), "{message}");
    assert_eq!(stage.summary(event("a", now_ms + 500_000, 1)).await, [1, 1, 1, 1]);
}

#[tokio::test]
async fn lone_surrogates_harm_only_their_message() {
    let record = |id: &str, body: &str, more: &str| {
        format!(
            r#"{{"messageId":"{id}","body":{body},"eventSource":"aws:sqs","eventSourceARN":"{QUEUE}"{more}}}"#
        )
    };
    let quoted = |text: &str| json!(text).to_string();
    let records = [
        record("0", r#""\ud800""#, ""),
        record("1", &quoted(r#"{"dimensions":{"\ud800":"x"},"timestamp":1,"metrics":{"m":1}}"#), ""),
        record("2", &quoted(r#"{"dimensions":{"x":"\udc00"},"timestamp":1,"metrics":{"m":1}}"#), ""),
        record("3", &quoted(r#"{"\ud800":1,"dimensions":{},"timestamp":1,"metrics":{"\ud83dx":1}}"#), ""),
        record(
            "4",
            &quoted(&event("a", NOW_MS, 1)),
            r#","messageAttributes":{"\ud800":{"stringValue":"\ud800"}}"#,
        ),
        record("5", &quoted(&event("b", NOW_MS, 1)), r#","attributes":{"SentTimestamp":"\ud800"}"#),
        record("6", &quoted(&event("c", NOW_MS, 1)), r#","md5OfBody":"\ud800""#),
    ];
    let mut stage = Stage::start().await;
    let invocation = survives(&mut stage, format!(r#"{{"Records":[{}]}}"#, records.join(","))).await;
    assert_eq!(invocation.batch_item_failures().expect("an answer to a batch"), ["0", "1", "2", "3"]);
    assert_eq!(stage.stored_devices(), ["a", "after", "b", "c"]);
    let odd = r#"{"dimensions":{"\ud800":"x"},"timestamp":1,"metrics":{"m":1}}"#;
    let invocation = survives(&mut stage, format!("[{odd},{}]", event("d", NOW_MS, 1))).await;
    assert_eq!(error_kind(&invocation), "InvalidEvent");
    assert_eq!(stage.stored("ph", "d").len(), 1);
}

#[tokio::test]
async fn bytes_that_are_not_utf_8_are_an_unknown_payload() {
    let mut stage = Stage::start().await;
    let mut broken = event("a", NOW_MS, 1).into_bytes();
    broken[20] = 0xff;
    for payload in [vec![0xff], vec![0xed, 0xa0, 0x80], broken, vec![0; 1_000_000]] {
        assert_eq!(error_kind(&survives(&mut stage, payload).await), "UnknownPayload");
    }
}
