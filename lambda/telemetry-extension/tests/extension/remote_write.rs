//! Remote write to the strict receiver: signatures, zeros, values, stale markers.

use std::collections::BTreeMap;
use std::time::Duration;

use local_amp::{AmpOptions, AmpStandIn};

use crate::host::{Host, Setup, credentials};

/// Remote write 1.0, "Stale Markers".
const STALE: u64 = 0x7ff0_0000_0000_0002;

/// A receiver without an out-of-order window, because samples in order need none.
pub(crate) async fn amp() -> AmpStandIn {
    let (credentials, out_of_order_window) = (Some(credentials()), Duration::ZERO);
    let options = AmpOptions { credentials, out_of_order_window, ..AmpOptions::default() };
    AmpStandIn::start(options).await.expect("a free port")
}

pub(crate) fn writes_to(amp: &AmpStandIn) -> Setup {
    Setup::new().env("TELEMETRY_REMOTE_WRITE_URL", amp.remote_write_url())
}

pub(crate) async fn host(amp: &AmpStandIn) -> Host {
    writes_to(amp).start().await.ready().await
}

/// The values, without stale markers, of the one series with this name and this value of a label; `""` for no such label.
pub(crate) fn values(amp: &AmpStandIn, name: &str, label: &str) -> Vec<f64> {
    let name = format!("aws_lambda_{name}");
    let mut found = amp.series().into_iter().filter(|(labels, _)| {
        labels["__name__"] == name && (label.is_empty() || labels.values().any(|value| value == label))
    });
    let samples = found.next().map(|(_, samples)| samples).unwrap_or_default();
    assert!(found.next().is_none(), "several series of {name}");
    samples.into_values().filter(|value| value.to_bits() != STALE).collect()
}

/// The last of the [`values`].
pub(crate) fn last(amp: &AmpStandIn, name: &str, label: &str) -> Option<f64> {
    values(amp, name, label).last().copied()
}

pub(crate) fn assert_valid(amp: &AmpStandIn) {
    for request in amp.requests() {
        assert_eq!(request.violation, None);
    }
    assert_eq!(amp.overlaps(), []);
}

#[tokio::test]
async fn counters_go_from_zero_to_a_stale_marker() {
    let amp = amp().await;
    let mut host = host(&amp).await;
    for status in ["success", "success", "error"] {
        host.invoke_and_report(status).await;
    }
    assert!(host.shut_down().await.success());
    assert_valid(&amp);
    assert_eq!(values(&amp, "invocations_total", "success").first(), Some(&0.0));
    assert_eq!(last(&amp, "invocations_total", "success"), Some(2.0));
    assert_eq!(last(&amp, "invocations_total", "error"), Some(1.0));
    assert_eq!(last(&amp, "duration_seconds_count", ""), Some(3.0));
    // Every series has one marker, at its end.
    let series = amp.series();
    assert!(series.len() > 50, "{}", series.len());
    for (labels, samples) in series {
        let markers: Vec<_> = samples.iter().filter(|(_, value)| value.to_bits() == STALE).collect();
        assert_eq!(markers.len(), 1, "{labels:?}");
        assert_eq!(samples.keys().last(), Some(markers[0].0), "{labels:?}");
        let values = samples.values().filter(|value| value.to_bits() != STALE);
        assert!(values.is_sorted(), "{labels:?}: {samples:?}");
    }
}

/// Every environment has series of its own, so `sum without (instance)` is the total.
#[tokio::test]
async fn labels_name_function_and_instance_but_no_request() {
    let amp = amp().await;
    let mut hosts = Vec::new();
    for _ in 0..3 {
        let labels = r#"{"env":"prod"}"#;
        let mut host = writes_to(&amp).env("TELEMETRY_EXTERNAL_LABELS", labels).start().await.ready().await;
        host.invoke_and_report("success").await;
        hosts.push(host);
    }
    for host in hosts {
        assert!(host.shut_down().await.success());
    }
    assert_valid(&amp);
    let mut instances = BTreeMap::new();
    for labels in amp.series().into_keys() {
        let instance = labels["instance"].clone();
        assert!(instance.len() == 8 && instance.bytes().all(|b| b.is_ascii_hexdigit()), "{instance}");
        *instances.entry(instance).or_insert(0) += 1;
        let expected = [("env", "prod"), ("function", "shop"), ("memory_mb", "128"), ("version", "$LATEST")];
        assert!(expected.iter().all(|(name, value)| labels[*name] == *value), "{labels:?}");
        assert!(["x86_64", "arm64"].contains(&labels["architecture"].as_str()), "{labels:?}");
        assert!(labels.values().all(|value| !value.contains("request-")), "{labels:?}");
    }
    assert_eq!(instances.len(), 3);
    let series: Vec<_> = instances.into_values().collect();
    assert!(series.windows(2).all(|pair| pair[0] == pair[1]), "{series:?}");
}

#[tokio::test]
async fn only_selected_metrics_are_sent() {
    let amp = amp().await;
    let setup = writes_to(&amp)
        .env("TELEMETRY_METRICS", " aws_lambda_invocations_total,duration_seconds,init_duration_seconds,")
        .env("TELEMETRY_HISTOGRAMS", "duration_seconds");
    let mut host = setup.start().await.ready().await;
    host.invoke_and_report("success").await;
    let init = serde_json::json!({ "time": "t", "type": "platform.initReport",
        "record": { "phase": "init", "status": "success", "metrics": { "durationMs": 1 } } });
    host.deliver(&[init]).await;
    assert!(host.shut_down().await.success());
    assert_valid(&amp);
    let mut series = BTreeMap::new();
    for labels in amp.series().into_keys() {
        *series.entry(labels["__name__"].trim_start_matches("aws_lambda_").to_owned()).or_insert(0) += 1;
    }
    let expected = [
        ("duration_seconds_bucket", 16),
        ("duration_seconds_count", 1),
        ("duration_seconds_sum", 1),
        ("init_duration_seconds_count", 1),
        ("init_duration_seconds_sum", 1),
        ("invocations_total", 4),
    ];
    assert_eq!(series, expected.map(|(name, count)| (name.to_owned(), count)).into());
}

#[tokio::test]
async fn without_a_due_dispatch_nothing_is_sent() {
    let amp = amp().await;
    let mut host = writes_to(&amp).env("DISPATCH_MIN_BATCH_SIZE", "9").start().await.ready().await;
    host.invoke_and_report("success").await;
    host.invoke_and_report("success").await;
    host.invoke().await;
    assert_eq!(amp.counts().requests, 0, "six events");
    host.invoke_and_report("success").await;
    host.invoke().await;
    assert_eq!(amp.counts().requests, 2, "nine events: zeros, then values");
    assert!(host.shut_down().await.success());
    assert_valid(&amp);
}

#[tokio::test]
async fn an_old_event_makes_a_dispatch_due() {
    let amp = amp().await;
    let setup =
        writes_to(&amp).env("DISPATCH_MIN_BATCH_SIZE", "1000000").env("DISPATCH_MAX_AGE_SECONDS", "1");
    let mut host = setup.start().await.ready().await;
    host.invoke_and_report("success").await;
    while amp.counts().samples == 0 {
        host.invoke().await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(last(&amp, "invocations_total", "success"), Some(1.0));
}

/// During an invocation nothing is frozen, and the extension has requested the next event.
#[tokio::test]
async fn metrics_are_sent_during_a_long_invocation() {
    let amp = amp().await;
    let mut host = host(&amp).await;
    host.invoke_and_report("success").await;
    while last(&amp, "invocations_total", "success") != Some(1.0) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(host.shut_down().await.success());
    assert_valid(&amp);
}

/// An initialized environment may become a snapshot, so its identity is drawn at its first invocation.
#[tokio::test]
async fn nothing_is_sent_before_the_first_invocation() {
    let amp = amp().await;
    let mut host = writes_to(&amp).env("DISPATCH_MAX_AGE_SECONDS", "1").start().await.ready().await;
    let line = serde_json::json!({ "time": "t", "type": "function", "record": "initialised" });
    host.deliver(std::slice::from_ref(&line)).await;
    // Another extension, which does not wait for invocations, dispatches in the meantime.
    let managed_amp = crate::remote_write::amp().await;
    let managed = writes_to(&managed_amp).without_invoke().start().await.ready().await;
    managed.deliver(std::slice::from_ref(&line)).await;
    while managed_amp.counts().requests == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(amp.counts().requests, 0);
    host.invoke().await;
    assert!(amp.counts().requests > 0);
    assert!(host.shut_down().await.success());
}

/// Everything is in one request, zeros first.
#[tokio::test]
async fn a_short_environment_sends_everything_at_its_end() {
    let amp = amp().await;
    let mut host = writes_to(&amp).env("DISPATCH_MIN_BATCH_SIZE", "1000").start().await.ready().await;
    let id = host.invoke().await;
    // Lambda delivers the report of the last invocation only after the shutdown has begun.
    host.send(serde_json::json!({ "eventType": "SHUTDOWN", "deadlineMs": crate::host::now_ms() + 2_000 }));
    host.deliver(&crate::host::invocation(&id, "timeout")).await;
    assert!(host.ended().await.success());
    assert_valid(&amp);
    assert_eq!(amp.counts().requests, 1);
    let timeouts = values(&amp, "invocations_total", "timeout");
    let expected = [[0.0; 11].as_slice(), &[1.0]].concat();
    assert_eq!(timeouts, expected, "a zero, and ten more right before the value");
}

/// Schema reference, `platform.initStart`: `instanceId`.
#[tokio::test]
async fn the_instance_label_may_have_the_id_of_lambda() {
    let amp = amp().await;
    let mut host = writes_to(&amp).env("TELEMETRY_INSTANCE_LABEL", "full").start().await.ready().await;
    let init = serde_json::json!({ "time": "t", "type": "platform.initStart",
        "record": { "initializationType": "on-demand", "phase": "init", "instanceId": "82561ce0-53dd" } });
    host.deliver(&[init]).await;
    host.invoke().await;
    assert!(host.shut_down().await.success());
    assert!(!amp.series().is_empty());
    for labels in amp.series().into_keys() {
        let random = labels["instance"].strip_prefix("82561ce0-53dd-").expect("the id of Lambda");
        assert!(random.len() == 8 && random.bytes().all(|b| b.is_ascii_hexdigit()), "{random}");
    }
}
