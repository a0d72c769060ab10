//! AWS's own crate for extensions, as an independent client.

use lambda_extension::{LambdaTelemetry, LambdaTelemetryRecord};
use serde_json::{Value, json};

use crate::listener::{Listener, subscribe, types};
use crate::support::{example, invoke, obedient, started, with_extension};

/// Extensions API, as the crate `lambda-extension` speaks it: register, Next, SHUTDOWN.
#[tokio::test]
async fn an_extension_made_with_the_crate_takes_part() {
    let options = obedient().extension(example("crate_extension"));
    let mut function = started(options).await;
    let first = invoke(&mut function, json!({})).await;
    let second = invoke(&mut function, json!({})).await;
    let shutdown = function.shutdown().await.expect("it ran");
    let expected = [
        format!("crate_extension: invoke {}", first.request_id),
        format!("crate_extension: invoke {}", second.request_id),
        "crate_extension: shutdown SPINDOWN".to_owned(),
    ];
    assert_eq!(shutdown.logs, expected);
    assert!(shutdown.killed.is_empty());
}

/// The crate `lambda-extension` parses every event of the telemetry schema reference, for every outcome.
#[tokio::test]
async fn the_crate_reads_every_event() {
    let listener = Listener::start().await;
    let orders = json!({ "after": [subscribe(&listener.subscription())] });
    let mut function = started(with_extension(&orders)).await;
    for order in [json!({ "do": "log" }), json!({ "do": "fail" }), json!({ "do": "exit" }), json!({})] {
        invoke(&mut function, order).await;
    }
    function.shutdown().await.expect("it ran");
    let is_whole = |events: &[Value]| types(events).iter().filter(|kind| *kind == "report").count() == 4;
    let events = listener.until(is_whole).await;
    let mut reports = 0;
    for event in events {
        let read: Result<LambdaTelemetry<Value>, _> = serde_json::from_value(event.clone());
        let read = read.unwrap_or_else(|error| panic!("{error}: {event:#}"));
        if let LambdaTelemetryRecord::PlatformReport { metrics, .. } = read.record {
            assert_eq!(metrics.memory_size_mb, 128);
            reports += 1;
        }
    }
    assert_eq!(reports, 4);
}
