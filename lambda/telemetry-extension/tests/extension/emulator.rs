//! The push gateway with the extension, in the emulator, which freezes both between invocations.

use std::path::Path;
use std::time::Duration;

use local_amp::{Action, AmpStandIn, Fault, Matcher};
use local_lambda::runtime::{Function, FunctionOptions, Outcome, RoleCredentials};

use crate::host::{binary, credentials, now_ms, program};
use crate::remote_write::{amp, assert_valid, last};

/// The gateway, which writes to one receiver and has its telemetry in another.
fn gateway(data: &AmpStandIn, telemetry: &AmpStandIn) -> FunctionOptions {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/release/push-gateway");
    let build = "build it with `cargo build --release -p push-gateway`";
    let function = program("PUSH_GATEWAY_BINARY", &workspace.display().to_string(), build);
    let mut options = FunctionOptions::new(function)
        .extension(binary())
        .env("REMOTE_WRITE_URL", data.remote_write_url())
        .env("TELEMETRY_REMOTE_WRITE_URL", telemetry.remote_write_url())
        .env("DISPATCH_MIN_BATCH_SIZE", "1");
    options.credentials = RoleCredentials::Environment(credentials());
    options.timeout = Duration::from_secs(5);
    options
}

fn event(value: usize) -> String {
    format!(r#"{{"dimensions":{{"device":"d"}},"timestamp":{},"metrics":{{"ph":{value}}}}}"#, now_ms())
}

#[tokio::test(flavor = "multi_thread")]
async fn telemetry_of_a_frozen_gateway_is_complete() {
    let (data, telemetry) = (amp().await, amp().await);
    let mut function = Function::spawn(gateway(&data, &telemetry)).await.expect("it comes up");
    for value in 0..5 {
        let invocation = function.invoke(event(value)).await;
        assert!(matches!(invocation.outcome, Outcome::Response(_)), "{:?}", invocation.outcome);
    }
    for _ in 0..2 {
        let invocation = function.invoke("{}").await;
        assert!(invocation.function_error().is_some(), "{:?}", invocation.outcome);
    }
    let figures = function.extensions();
    let shutdown = function.shutdown().await.expect("it ran");
    println!("{figures:?}");
    let (series, samples) = (telemetry.series().len(), telemetry.counts().samples);
    println!(
        "an environment of {series} series, {samples} samples in {} requests",
        telemetry.requests().len()
    );
    assert_valid(&telemetry);
    for (name, label, expected) in [
        ("invocations_total", "success", 5.0),
        ("invocations_total", "error", 2.0),
        ("duration_seconds_count", "", 7.0),
        ("cold_starts_total", "on-demand", 1.0),
        ("init_duration_seconds_count", "", 1.0),
        ("response_latency_seconds_count", "", 7.0),
        ("telemetry_invalid_events_total", "", 0.0),
        ("memory_size_bytes", "", 134_217_728.0),
    ] {
        assert_eq!(last(&telemetry, name, label), Some(expected), "{name} {label:?}: {shutdown:?}");
    }
    assert!(last(&telemetry, "max_memory_used_bytes", "").is_some_and(|bytes| bytes > 1e6));
}

/// Extensions API, "Invoke failures": Lambda initializes the environment again, with another process of the extension, which
/// has other series.
#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_is_counted_and_starts_another_instance() {
    let (data, telemetry) = (amp().await, amp().await);
    let mut options = gateway(&data, &telemetry);
    options.timeout = Duration::from_secs(1);
    let mut function = Function::spawn(options).await.expect("it comes up");
    function.invoke(event(1)).await;
    // The gateway responds before its deadline, except while its process is stopped.
    data.set_faults(vec![Fault::times(1, Matcher::Any, Action::Hang)]);
    let pid = function.pid().expect("it runs");
    let before = data.requests().len();
    let at_work = async {
        while data.requests().len() == before {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stop(pid).await;
    };
    let (invocation, ()) = tokio::join!(function.invoke(event(2)), at_work);
    assert!(matches!(invocation.outcome, Outcome::TimedOut { .. }), "{:?}", invocation.outcome);
    function.invoke(event(3)).await;
    function.shutdown().await.expect("it ran");
    assert_valid(&telemetry);
    let mut instances = Vec::new();
    let mut timeouts = 0.0;
    for (labels, samples) in telemetry.series() {
        if labels["__name__"] == "aws_lambda_invocations_total" && labels["status"] == "timeout" {
            instances.push(labels["instance"].clone());
            timeouts += samples.values().rev().find(|value| !value.is_nan()).copied().unwrap_or_default();
        }
    }
    assert_eq!((instances.len(), timeouts.to_bits()), (2, 1f64.to_bits()), "{instances:?}");
    assert_ne!(instances[0], instances[1]);
}

/// The documented wait is the only effect on the function, and not at every invocation.
#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_hangs_does_not_stop_the_function() {
    let (data, telemetry) = (amp().await, amp().await);
    telemetry.set_faults(vec![Fault::always(Matcher::Any, Action::Hang)]);
    // Slow enough for deliveries of telemetry, which wait while everything is frozen.
    data.set_faults(vec![Fault::always(Matcher::Any, Action::Delay(Duration::from_millis(150)))]);
    let mut function = Function::spawn(gateway(&data, &telemetry)).await.expect("it comes up");
    let mut overheads = Vec::new();
    for value in 0..10 {
        let invocation = function.invoke(event(value)).await;
        assert!(matches!(invocation.outcome, Outcome::Response(_)), "{:?}", invocation.outcome);
        overheads.push(invocation.extension_overhead);
    }
    println!("added to invocations: {overheads:?}");
    // On a slow machine another one may follow after the time limit of the first.
    assert!((1..=2).contains(&telemetry.requests().len()), "one dispatch at a time");
    telemetry.set_faults(Vec::new());
    function.shutdown().await.expect("it ran");
    assert_eq!(last(&telemetry, "invocations_total", "success"), Some(10.0));
}

/// Pauses a process.
async fn stop(pid: u32) {
    let status = tokio::process::Command::new("kill").args(["-STOP", &pid.to_string()]).status().await;
    assert!(status.expect("kill is there").success());
}
