//! Every documented event, in any order, repeated, beside unknown and invalid ones.

use serde_json::{Value, json};

use crate::remote_write::{amp, assert_valid, host, samples, values};

/// Schema reference, "Telemetry API Event object types": the example of every type.
fn documented() -> Vec<Value> {
    let event = |kind: &str, record: Value| json!({ "time": "2022-10-12T00:01:15.000Z", "type": kind, "record": record });
    let spans = json!([{ "name": "someTimeSpan", "start": "2022-06-02T12:02:33.913Z", "durationMs": 70.5 }]);
    let tracing =
        json!({ "spanId": "54565fb41ac79632", "type": "X-Amzn-Trace-Id", "value": "Root=1-62e900b2" });
    let id = "6d68ca91-49c9-448d-89b8-7ca3e6dc66aa";
    vec![
        event(
            "platform.initStart",
            json!({ "initializationType": "on-demand", "phase": "init", "runtimeVersion": "nodejs-14.v3", "runtimeVersionArn": "arn", "functionName": "myFunction", "functionVersion": "$LATEST", "instanceId": "82561ce0-53dd-47d1-90e0-c8f5e063e62e", "instanceMaxMemory": 256 }),
        ),
        event(
            "platform.initRuntimeDone",
            json!({ "initializationType": "on-demand", "status": "success", "spans": spans }),
        ),
        event(
            "platform.initReport",
            json!({ "initializationType": "on-demand", "status": "success", "phase": "init", "metrics": { "durationMs": 125.33 }, "spans": spans }),
        ),
        event("platform.start", json!({ "requestId": id, "version": "$LATEST", "tracing": tracing })),
        event(
            "platform.runtimeDone",
            json!({ "requestId": id, "status": "success", "tracing": tracing, "spans": [{ "name": "responseLatency", "start": "2022-08-02T12:01:23.521Z", "durationMs": 23.02 }], "metrics": { "durationMs": 140.0, "producedBytes": 16 } }),
        ),
        event(
            "platform.report",
            json!({ "metrics": { "billedDurationMs": 694, "durationMs": 693.92, "initDurationMs": 397.68, "maxMemoryUsedMB": 84, "memorySizeMB": 128 }, "requestId": id, "status": "success" }),
        ),
        event(
            "platform.restoreStart",
            json!({ "runtimeVersion": "nodejs-14.v3", "functionName": "myFunction", "functionVersion": "$LATEST", "instanceMaxMemory": "256" }),
        ),
        event("platform.restoreRuntimeDone", json!({ "status": "success", "spans": spans })),
        event(
            "platform.restoreReport",
            json!({ "status": "success", "metrics": { "durationMs": 15.19 }, "spans": spans }),
        ),
        event(
            "platform.extension",
            json!({ "events": ["INVOKE", "SHUTDOWN"], "name": "my-telemetry-extension", "state": "Ready" }),
        ),
        event(
            "platform.telemetrySubscription",
            json!({ "name": "my-telemetry-extension", "state": "Subscribed", "types": ["platform", "function"] }),
        ),
        event(
            "platform.logsDropped",
            json!({ "droppedBytes": 12_345, "droppedRecords": 123, "reason": "Some logs were dropped" }),
        ),
        event("function", json!("[INFO] Hello world, I am a function!")),
        event(
            "function",
            json!({ "timestamp": "2022-10-12T00:03:50.000Z", "level": "INFO", "requestId": "79b4f56e", "message": "Hello world" }),
        ),
        event("extension", json!("[INFO] Hello world, I am an extension!")),
        event("platform.unheardOf", json!({ "requestId": id })),
    ]
}

#[tokio::test]
async fn documented_events_count_once_in_any_order() {
    for reversed in [false, true] {
        let amp = amp().await;
        let mut host = host(&amp).await;
        host.invoke().await;
        let mut events = documented();
        if reversed {
            events.reverse();
        }
        host.deliver(&events).await;
        // Lambda repeats a delivery whose response was lost, and events in other deliveries.
        host.deliver(&events).await;
        let platform: Vec<_> = events
            .iter()
            .filter(|event| event["type"].as_str().unwrap().starts_with("platform."))
            .cloned()
            .collect();
        host.deliver(&platform).await;
        assert_eq!(
            host.deliver_body("[{\"type\":\"platform.report\"},17,{\"type\":\"platform.re".to_owned()).await,
            200
        );
        assert!(host.shut_down().await.success());
        assert_valid(&amp);
        let last = |name, label| *values(&samples(&amp, name, label)).last().unwrap_or(&f64::NAN);
        for (name, label, expected) in [
            ("invocations_total", Some(("status", "success")), 1.0),
            ("duration_seconds_count", None, 1.0),
            ("billed_duration_seconds_sum", None, 0.694),
            ("cold_starts_total", Some(("initialization_type", "on-demand")), 1.0),
            ("cold_starts_total", Some(("initialization_type", "snap-start")), 1.0),
            ("inits_total", Some(("phase", "init")), 1.0),
            ("init_duration_seconds_count", None, 1.0),
            ("restore_duration_seconds_count", None, 1.0),
            ("response_latency_seconds_count", None, 1.0),
            ("response_size_bytes_sum", None, 16.0),
            ("max_memory_used_bytes", None, 84.0 * 1_048_576.0),
            ("logs_dropped_records_total", None, 123.0),
            ("logs_dropped_bytes_total", None, 12_345.0),
            ("telemetry_events_total", Some(("type", "function")), 2.0),
            ("telemetry_events_total", Some(("type", "extension")), 1.0),
            ("telemetry_events_total", Some(("type", "platform.report")), 2.0),
            ("telemetry_events_total", Some(("type", "other")), 2.0),
            ("telemetry_duplicate_events_total", None, 16.0 + 12.0),
            ("telemetry_invalid_events_total", None, 3.0_f64),
        ] {
            assert_eq!(
                last(name, label).to_bits(),
                expected.to_bits(),
                "{name} {label:?}: {}",
                last(name, label)
            );
        }
    }
}
