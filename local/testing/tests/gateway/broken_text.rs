//! Text that is no Unicode: it harms the message or event that it is in, and no other.

use crate::hostile::{error_kind, survives};
use crate::support::{NOW_MS, QUEUE, Stage, event};

#[tokio::test]
async fn lone_surrogates_harm_only_their_message() {
    let mut stage = Stage::start().await;
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    let good = event("good", NOW_MS, 1);
    let record = |id: &str, body: &str, more: &str| {
        format!(
            r#"{{"messageId":"{id}","body":"{body}","eventSource":"aws:sqs","eventSourceARN":"{QUEUE}"{more}}}"#
        )
    };
    let in_key = r#"{"dimensions":{"\ud800":"x"},"timestamp":1,"metrics":{"m":1}}"#;
    let in_value = r#"{"dimensions":{"x":"\udc00"},"timestamp":1,"metrics":{"m":1}}"#;
    let in_metric = r#"{"dimensions":{},"timestamp":1,"metrics":{"\ud83d":1}}"#;
    let in_event_key = r#"{"\ud800":1,"dimensions":{},"timestamp":1,"metrics":{"\ud83dx":1}}"#;
    let records = [
        record("0", "\\ud800", ""),
        record("1", &quoted(in_key), ""),
        record("2", &quoted(in_value), ""),
        record("3", &quoted(in_metric), ""),
        record("4", &quoted(in_event_key), ""),
        record(
            "5",
            &quoted(&good.replace("good", "a")),
            r#","messageAttributes":{"\ud800":{"stringValue":"\ud800"}}"#,
        ),
        record(
            "6",
            &quoted(&good.replace("good", "b")),
            r#","attributes":{"SentTimestamp":"\ud800","\ud800":"x"}"#,
        ),
        record("7", &quoted(&good.replace("good", "c")), r#","md5OfBody":"\ud800""#),
        record("8", &quoted(&good), ""),
    ];
    let invocation = survives(&mut stage, format!(r#"{{"Records":[{}]}}"#, records.join(","))).await;
    let ids = invocation.batch_item_failures().expect("an answer to a batch");
    assert_eq!(ids, ["0", "1", "2", "3", "4"]);
    assert_eq!(stage.stored_devices(), ["a", "after", "b", "c", "good"]);
}

#[tokio::test]
async fn lone_surrogates_of_a_direct_event_are_an_error() {
    let mut stage = Stage::start().await;
    let good = event("a", NOW_MS, 1);
    for odd in [
        r#"{"\ud800":1,"dimensions":{},"timestamp":1,"metrics":{"m":1}}"#,
        r#"{"dimensions":{"\ud800":"x"},"timestamp":1,"metrics":{"m":1}}"#,
        r#"{"dimensions":{"x":"\ud800"},"timestamp":1,"metrics":{"m":1}}"#,
    ] {
        let invocation = survives(&mut stage, format!("[{odd},{good}]")).await;
        assert_eq!(error_kind(&invocation), "InvalidEvent", "{odd}");
        assert_eq!(stage.stored("ph", "a").len(), 1);
        assert!(survives(&mut stage, odd).await.function_error().is_some(), "{odd}");
    }
}

#[tokio::test]
async fn bytes_that_are_no_utf_8_are_an_error() {
    let mut stage = Stage::start().await;
    let mut broken = event("a", NOW_MS, 1).into_bytes();
    broken[20] = 0xff;
    for payload in [vec![0xff], vec![0xed, 0xa0, 0x80], broken, vec![0; 1_000_000], vec![0xc0, 0x80]] {
        assert_eq!(error_kind(&survives(&mut stage, payload).await), "UnknownPayload");
    }
}
