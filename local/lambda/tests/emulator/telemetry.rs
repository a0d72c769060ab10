//! Telemetry events, their order and their delivery.

use std::time::Duration;

use local_lambda::runtime::{Function, FunctionOptions};
use serde_json::{Value, json};

use crate::listener::{Listener, find, subscribe, types};
use crate::support::{NAME, invoke, started, with_extension};

fn subscribed(listener: &Listener) -> FunctionOptions {
    with_extension(&json!({ "after": [subscribe(&listener.subscription())] }))
}

/// The latest event of a type.
fn last(events: &[Value], kind: &str) -> Value {
    events.iter().rev().find(|event| event["type"] == kind).cloned().expect(kind)
}

fn millis(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

/// Shuts the function down, so that everything is delivered that is still there.
async fn to_the_end(mut function: Function, listener: &Listener, reports: usize) -> Vec<Value> {
    function.shutdown().await.expect("it ran");
    let all = |events: &[Value]| {
        events.iter().filter(|event| event["type"] == "platform.report").count() == reports
    };
    listener.until(all).await
}

/// Telemetry schema reference, all events of a function that starts, is invoked and is invoked again.
#[tokio::test]
async fn the_lifecycle_is_reported_in_order() {
    let listener = Listener::start().await;
    // The runtime and the extension start at the same time, so the runtime waits for the subscription.
    let mut function = started(subscribed(&listener).env("INIT", "slow")).await;
    let first = invoke(&mut function, json!({ "do": "log" })).await;
    invoke(&mut function, json!({})).await;
    let events = to_the_end(function, &listener, 2).await;
    let mut kinds = types(&events);
    let ready = kinds.iter().position(|kind| kind == "extension").expect("it is reported");
    kinds.remove(ready);
    assert_eq!(
        kinds,
        [
            "initStart",
            "telemetrySubscription",
            "initRuntimeDone",
            "initReport",
            "start",
            "runtimeDone",
            "report",
            "start",
            "runtimeDone",
            "report"
        ]
    );
    let record = |kind: &str| find(&events, kind).expect(kind)["record"].take();
    let init = record("platform.initStart");
    assert_eq!(
        (&init["functionName"], &init["functionVersion"], &init["initializationType"], &init["phase"]),
        (&json!("push-gateway"), &json!("$LATEST"), &json!("on-demand"), &json!("init"))
    );
    let extension = json!({ "name": NAME, "state": "Ready", "events": ["INVOKE", "SHUTDOWN"] });
    assert_eq!(record("platform.extension"), extension);
    let types = ["platform", "function", "extension"];
    let subscription = json!({ "name": NAME, "state": "Subscribed", "types": types });
    assert_eq!(record("platform.telemetrySubscription"), subscription);
    assert_eq!(record("platform.initReport")["status"], "success");
    let start = record("platform.start");
    assert_eq!((&start["requestId"], &start["version"]), (&json!(first.request_id), &json!("$LATEST")));
    for text in ["to stdout", "to stderr"] {
        assert!(events.iter().any(|event| event["type"] == "function" && event["record"] == text), "{text}");
    }
    assert!(events.iter().any(|event| {
        event["type"] == "extension"
            && event["record"].as_str().is_some_and(|line| line.starts_with("event "))
    }));
    for event in &events {
        let time = event["time"].as_str().expect("a time");
        assert!(time.len() == 24 && time.ends_with('Z'), "{time}");
    }
}

/// Telemetry schema reference, `ReportMetrics`, `RuntimeDoneMetrics`, `Span`: the figures are those that were measured.
#[tokio::test]
async fn the_figures_are_those_of_the_invocation() {
    let listener = Listener::start().await;
    let orders = json!({ "after": [subscribe(&listener.subscription())], "ms": 500 });
    let mut function = started(with_extension(&orders)).await;
    let first = invoke(&mut function, json!({ "do": "sleep", "ms": 30 })).await;
    let events = to_the_end(function, &listener, 1).await;
    let done = last(&events, "platform.runtimeDone")["record"].take();
    assert_eq!(done["metrics"]["producedBytes"], first.response().expect("it answered").len());
    let spans = done["spans"].as_array().expect("spans");
    let names: Vec<&Value> = spans.iter().map(|span| &span["name"]).collect();
    assert_eq!(names, ["responseLatency", "responseDuration", "runtimeOverhead"]);
    let sum: f64 = spans.iter().map(|span| millis(&span["durationMs"])).sum();
    let duration = millis(&done["metrics"]["durationMs"]);
    assert!((sum - duration).abs() < 0.01, "{done:#}");
    assert!(duration >= 30.0, "{done:#}");

    let report = last(&events, "platform.report")["record"].take();
    let metrics = &report["metrics"];
    let open = millis(&metrics["durationMs"]);
    let overhead = first.extension_overhead.as_secs_f64() * 1_000.0;
    assert!((open - duration - overhead).abs() < 0.01, "{report:#} {first:?}");
    assert!(open >= 500.0 && overhead > 0.0, "{report:#}");
    let init = millis(&metrics["initDurationMs"]);
    assert!((init - first.init.expect("it was cold").as_secs_f64() * 1_000.0).abs() < 0.01, "{report:#}");
    let billed = metrics["billedDurationMs"].as_u64().expect("an integer");
    assert!(
        (f64::from(u32::try_from(billed).expect("small")) - (open + init).ceil()).abs() < 0.5,
        "{report:#}"
    );
    assert_eq!(metrics["memorySizeMB"], 128);
    assert!(
        metrics["maxMemoryUsedMB"].as_u64().expect("an integer") > first.max_rss_kb.expect("alive") / 1_024
    );
    assert_eq!(
        (&report["status"], &report["spans"][0]["name"]),
        (&json!("success"), &json!("extensionOverhead"))
    );
}

/// Telemetry schema reference, `Status`: "If the status is either `failure` or `error`, then the `Status` object also
/// contains an `errorType` field".
#[tokio::test]
async fn every_way_to_end_has_its_status() {
    for (order, status, error_type) in [
        (json!({}), "success", None),
        (json!({ "do": "fail" }), "error", Some("")),
        (json!({ "do": "exit" }), "failure", Some("Runtime.ExitError")),
        (json!({ "do": "sleep", "ms": 60_000 }), "timeout", None),
    ] {
        let listener = Listener::start().await;
        let mut options = subscribed(&listener);
        if status == "timeout" {
            options.timeout = Duration::from_secs(2);
        }
        let mut function = started(options).await;
        invoke(&mut function, order.clone()).await;
        // A reset delivers everything.
        function.shutdown().await;
        for kind in ["platform.runtimeDone", "platform.report"] {
            let record = listener.until_type(kind).await["record"].take();
            assert_eq!(record["status"], status, "{order} {kind}");
            match error_type {
                None => assert_eq!(record.get("errorType"), None, "{order} {kind}"),
                Some(name) => {
                    let error_type = record["errorType"].as_str().expect("a type");
                    assert!(
                        !error_type.is_empty() && error_type.contains(name),
                        "{order} {kind}: {error_type}"
                    );
                }
            }
        }
    }
}

/// Telemetry schema reference, `InitPhase`: "Lambda may re-run the function initialization code during the `invoke`
/// phase."
#[tokio::test]
async fn after_a_reset_the_init_phase_is_part_of_the_invocation() {
    let listener = Listener::start().await;
    let mut function = started(subscribed(&listener)).await;
    invoke(&mut function, json!({ "do": "exit" })).await;
    invoke(&mut function, json!({})).await;
    let events = to_the_end(function, &listener, 2).await;
    assert_eq!(last(&events, "platform.initStart")["record"]["phase"], "invoke");
    assert_eq!(last(&events, "platform.report")["record"]["metrics"].get("initDurationMs"), None);
}

/// Extensions API, the lifecycle: an invocation ends when all have requested the next event; its last events are delivered
/// when the environment runs again.
#[tokio::test]
async fn the_report_of_an_invocation_comes_with_the_next_one() {
    let listener = Listener::start().await;
    let mut function = started(subscribed(&listener)).await;
    invoke(&mut function, json!({})).await;
    // Four times what the subscription allows an event to wait; a delivery that was on its way may still arrive.
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(find(&listener.events(), "platform.report"), None, "nothing moves in a frozen environment");
    invoke(&mut function, json!({ "do": "sleep", "ms": 300 })).await;
    listener.until_type("platform.report").await;
}

/// Telemetry API, "Subscribing": only the subscribed streams. Telemetry schema reference, `function`, log format JSON.
#[tokio::test]
async fn only_subscribed_streams_are_delivered() {
    let listener = Listener::start().await;
    let mut body = listener.subscription();
    body["types"] = json!(["function"]);
    let options = with_extension(&json!({ "after": [subscribe(&body)] }));
    let mut function = started(options.env("AWS_LAMBDA_LOG_FORMAT", "JSON")).await;
    let line = json!({ "level": "INFO", "message": "Hello world, I am a function!" });
    invoke(&mut function, json!({ "do": "write", "lines": 2, "text": line.to_string() })).await;
    function.shutdown().await.expect("it ran");
    let events = listener.until(|events| events.len() >= 3).await;
    assert!(events.iter().all(|event| event["type"] == "function"), "{events:#?}");
    assert_eq!(events.iter().filter(|event| event["record"] == line).count(), 2, "{events:#?}");
}

/// Telemetry API, "Inbound Telemetry API messages": sequences of any kind can be played, also those that never happen
/// here (those of `SnapStart`), in batches of the subscribed size.
#[tokio::test]
async fn a_test_can_inject_any_event() {
    let listener = Listener::start().await;
    let mut body = listener.subscription();
    body["buffering"] = json!({ "maxItems": 1000, "maxBytes": 1_048_576, "timeoutMs": 30_000 });
    let mut function = Function::cold(with_extension(&json!({ "after": [subscribe(&body)] })));
    let time = "2022-10-12T00:00:15.064Z";
    let restore = json!({ "time": time, "type": "platform.restoreStart", "record": { "x": 1 } });
    function.telemetry().inject(&restore);
    invoke(&mut function, json!({})).await;
    let odd = json!(["not", "an", "event"]);
    for number in 0..1_500 {
        function.telemetry().inject(&json!({ "time": time, "type": "function", "record": number }));
    }
    function.telemetry().inject(&odd);
    let events = to_the_end(function, &listener, 1).await;
    assert_eq!(events[0], restore);
    assert!(events.contains(&odd));
    let numbers: Vec<u64> = events.iter().filter_map(|event| event["record"].as_u64()).collect();
    assert_eq!(numbers, (0..1_500).collect::<Vec<_>>());
    assert!(listener.batches().iter().all(|batch| batch.len() <= 1_000));
    assert_eq!(listener.batches()[0].len(), 1_000);
}

/// Telemetry API: "Lambda retries to send telemetry (with backoff) in the absence of a listener, or if the POST request
/// encounters an error."
#[tokio::test]
async fn a_refused_delivery_is_tried_again() {
    let listener = Listener::start().await;
    listener.answers_with(500);
    let mut options = subscribed(&listener);
    options.freezes = false;
    let mut function = started(options).await;
    invoke(&mut function, json!({})).await;
    listener.answers_with(200);
    let events = listener.until(|events| find(events, "platform.report").is_some()).await;
    assert_eq!(types(&events).iter().filter(|kind| *kind == "initStart").count(), 1);
    assert_eq!(types(&events)[0], "initStart", "nothing is lost and nothing comes twice");
}

/// Telemetry API: "If the subscriber cannot process incoming telemetry fast enough, [...] Lambda might drop records to
/// keep memory utilization bounded. When this occurs, Lambda sends a `platform.logsDropped` event." And the function
/// does not wait for a subscriber.
#[tokio::test]
async fn a_failing_subscriber_gets_a_report_of_lost_events() {
    let listener = Listener::start().await;
    listener.answers_with(503);
    let mut options = subscribed(&listener);
    options.freezes = false;
    let mut function = started(options).await;
    let lines = json!({ "do": "write", "lines": 6_000, "text": "x" });
    let invocation = invoke(&mut function, lines).await;
    assert!(invocation.response().is_some(), "{invocation:?}");
    listener.answers_with(200);
    let dropped = listener.until_type("platform.logsDropped").await["record"].take();
    assert!(dropped["droppedRecords"].as_u64().is_some_and(|records| records > 0), "{dropped}");
    assert!(dropped["droppedBytes"].as_u64().is_some_and(|bytes| bytes > 0), "{dropped}");
    assert!(dropped["reason"].is_string(), "{dropped}");
}

/// Telemetry API: "Each subscriber can customize their buffering configuration"; one that hangs is its own loss.
#[tokio::test]
async fn a_hanging_subscriber_delays_nothing_else() {
    let (hanging, other) = (Listener::start().await, Listener::start().await);
    hanging.answers_with(0);
    let folder = tempfile::tempdir().expect("a folder");
    let second = folder.path().join("second");
    std::os::unix::fs::symlink(crate::support::example(NAME), &second).expect("a link");
    let orders = json!({
        NAME: { "after": [subscribe(&hanging.subscription())] },
        "second": { "after": [subscribe(&other.subscription())] },
    });
    let mut options = with_extension(&orders).extension(second);
    options.freezes = false;
    let mut function = started(options).await;
    let invocation = invoke(&mut function, json!({})).await;
    assert!(invocation.response().is_some(), "{invocation:?}");
    other.until_type("platform.report").await;
    assert!(hanging.events().is_empty());
}
