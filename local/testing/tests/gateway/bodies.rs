//! Bodies of SQS messages: plain or base64, one event or an array that stands or falls as a whole.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::json;

use crate::support::{NOW_MS, QUEUE, Stage, event};

#[tokio::test]
async fn base64_is_read_with_and_without_padding() {
    let mut stage = Stage::start().await;
    // Three lengths, so that each amount of padding is among them.
    let events: Vec<_> = ["a", "bb", "ccc"].iter().map(|device| event(device, NOW_MS, 1)).collect();
    let padded = events.iter().map(|event| STANDARD.encode(event));
    assert!(padded.clone().any(|body| body.ends_with("==")));
    let bodies: Vec<_> = padded.chain(events.iter().map(|event| STANDARD_NO_PAD.encode(event))).collect();
    assert_eq!(stage.bodies(&bodies).await, [0; 0]);
    assert_eq!(stage.stored_devices(), ["a", "bb", "ccc"]);
}

#[tokio::test]
async fn line_breaks_in_base64_and_byte_order_marks_are_ignored() {
    let mut stage = Stage::start().await;
    let encoded = STANDARD.encode(event("a", NOW_MS, 1));
    let lines: Vec<_> = encoded.as_bytes().chunks(76).map(String::from_utf8_lossy).collect();
    let marked = |device: &str| format!("\u{feff}{}", event(device, NOW_MS, 1));
    let bodies = [
        lines.join("\n"),
        lines.join("\r\n") + "\r\n",
        marked("b"),
        STANDARD.encode(marked("c")),
        format!("\u{feff}{encoded}"),
    ];
    assert_eq!(stage.bodies(&bodies).await, [0; 0]);
    assert_eq!(stage.stored_devices(), ["a", "b", "c"]);
    assert_eq!(stage.summary(marked("d")).await, [1, 1, 1, 1]);
}

#[tokio::test]
async fn base64_may_hold_an_array_and_text_of_every_kind() {
    let mut stage = Stage::start().await;
    let array = format!("[{},{}]", event("ü", NOW_MS, 1), event("😀", NOW_MS, 2));
    let bodies = [STANDARD.encode(&array), format!("\n{}\n", STANDARD.encode(event("x", NOW_MS, 3)))];
    assert_eq!(stage.bodies(&bodies).await, [0; 0]);
    assert_eq!(stage.stored_devices(), ["x", "ü", "😀"]);
}

#[tokio::test]
async fn a_body_that_is_neither_json_nor_base64_of_it_harms_only_itself() {
    let bodies = [
        String::new(),
        " ".to_owned(),
        "hello".to_owned(),
        "12".to_owned(),
        "\"text\"".to_owned(),
        "null".to_owned(),
        "{".to_owned(),
        "[".to_owned(),
        format!("{} x", event("bad", NOW_MS, 1)),
        format!("{},{}", event("bad", NOW_MS, 1), event("bad", NOW_MS, 2)),
        STANDARD.encode("hello"),
        STANDARD.encode("12"),
        STANDARD.encode([0xff, 0xfe]),
        STANDARD.encode([b"{".as_slice(), &[0xff], b"}"].concat()),
        STANDARD.encode(STANDARD.encode(event("bad", NOW_MS, 1))),
        format!("{}*", STANDARD.encode(event("bad", NOW_MS, 1))),
        event("good", NOW_MS, 1),
    ];
    let mut stage = Stage::start().await;
    assert_eq!(stage.bodies(&bodies).await, (0..bodies.len() - 1).collect::<Vec<_>>());
    assert_eq!(stage.stored_devices(), ["good"]);
}

#[tokio::test]
async fn a_message_without_a_body_or_with_one_that_is_no_text_harms_only_itself() {
    let mut stage = Stage::start().await;
    let record = |id: &str| json!({"messageId": id, "eventSource": "aws:sqs", "eventSourceARN": QUEUE});
    let mut records = vec![record("none")];
    for (id, body) in [
        ("null", json!(null)),
        ("number", json!(12)),
        ("object", json!({"dimensions": {}, "timestamp": 1, "metrics": {"m": 1}})),
        ("good", json!(event("good", NOW_MS, 1))),
    ] {
        let mut record = record(id);
        record["body"] = body;
        records.push(record);
    }
    let invocation = stage.invoke(json!({"Records": records}).to_string()).await;
    let ids = invocation.batch_item_failures().expect("an answer to a batch");
    assert_eq!(ids, ["none", "null", "number", "object"]);
    assert_eq!(stage.stored_devices(), ["good"]);
}

#[tokio::test]
async fn a_message_with_an_array_stands_or_falls_as_a_whole() {
    let array = |devices: &[&str], more: &str| {
        let events: Vec<_> = devices.iter().map(|device| event(device, NOW_MS, 1)).collect();
        format!("[{}{more}]", events.join(","))
    };
    let bodies = [
        array(&["a", "b"], ""),
        array(&["x", "y"], ",{}"),
        array(&["x", "y"], &format!(",{}", event("z", NOW_MS, "\"12hello\""))),
        array(&["x"], ",12"),
        array(&["x"], ","),
        array(&["c"], ""),
    ];
    let mut stage = Stage::start().await;
    assert_eq!(stage.bodies(&bodies).await, [1, 2, 3, 4]);
    assert_eq!(stage.stored_devices(), ["a", "b", "c"]);
}

#[tokio::test]
async fn a_message_with_an_array_is_given_back_once_however_many_of_its_events_are_bad() {
    let mut stage = Stage::start().await;
    assert_eq!(stage.bodies(&["[{},{},{}]"]).await, [0]);
}

/// It has nothing in it that could be lost.
#[tokio::test]
async fn a_message_with_an_empty_array_is_done() {
    let mut stage = Stage::start().await;
    assert_eq!(stage.bodies(&["[]"]).await, [0; 0]);
    assert_eq!(stage.amp.requests().len(), 0);
}
