//! The life of an environment with extensions: init, invoke, freeze, shutdown.

use std::collections::BTreeMap;
use std::time::Duration;

use local_lambda::runtime::{Outcome, ShutdownReason};
use local_testing::clock::Clock;
use serde_json::{Value, json};

use crate::support::{NAME, events, example, invoke, obedient, started, with_extension};

/// Extensions API, "Invoke phase", the example payload.
#[tokio::test]
async fn an_extension_gets_every_invoke_event_and_shutdown() {
    let mut function = started(with_extension(&json!({}))).await;
    let before = Clock::system().now_ms();
    let first = invoke(&mut function, json!({ "do": "log" })).await;
    let second = invoke(&mut function, json!({})).await;
    let shutdown = function.shutdown().await.expect("it ran");
    let mut received = events(&shutdown.logs);
    assert_eq!(received.len(), 3, "{received:#?}");
    for (event, id) in received.iter().zip([&first.request_id, &second.request_id]) {
        assert_eq!(event["eventType"], "INVOKE");
        assert_eq!(&event["requestId"], id);
        assert_eq!(
            event["invokedFunctionArn"],
            "arn:aws:lambda:eu-west-1:123456789012:function:push-gateway"
        );
        assert_eq!(event["tracing"]["type"], "X-Amzn-Trace-Id");
        assert!(event["tracing"]["value"].as_str().is_some_and(|value| value.starts_with("Root=1-")));
        assert!(event["deadlineMs"].as_i64().is_some_and(|deadline| deadline >= before + 10_000), "{event}");
    }
    let end = received[2].take();
    assert_eq!((&end["eventType"], &end["shutdownReason"]), (&json!("SHUTDOWN"), &json!("SPINDOWN")));
    assert!(end["deadlineMs"].as_i64().is_some_and(|at| at <= Clock::system().now_ms() + 2_000), "{end}");
    assert_eq!((shutdown.reason, shutdown.killed), (ShutdownReason::Spindown, Vec::new()));
}

/// Extensions API, Register: only events that were registered for are sent; an extension without any is a part of the
/// init phase alone.
#[tokio::test]
async fn an_extension_gets_only_events_it_registered_for() {
    for (registered, received) in [(json!(["SHUTDOWN"]), vec!["SHUTDOWN"]), (json!([]), vec![])] {
        let mut function = started(with_extension(&json!({ "events": registered }))).await;
        assert!(invoke(&mut function, json!({})).await.response().is_some());
        let shutdown = function.shutdown().await.expect("it ran");
        let types: Vec<Value> =
            events(&shutdown.logs).into_iter().map(|mut event| event["eventType"].take()).collect();
        assert_eq!(types, received);
        assert!(shutdown.killed.is_empty(), "without SHUTDOWN it is ended at once");
    }
}

/// Extensions API, "Invoke phase": "ends after the runtime and all extensions signal that they are done by sending a
/// `Next` API request"; `PostRuntimeExtensionsDuration` is the time between.
#[tokio::test]
async fn an_invocation_lasts_until_the_extension_is_done() {
    let mut function = started(with_extension(&json!({ "ms": 500 }))).await;
    let invocation = invoke(&mut function, json!({})).await;
    assert!(invocation.response().is_some());
    assert!(invocation.extension_overhead > Duration::ZERO, "{invocation:?}");
    let figures = &function.extensions()[0];
    assert_eq!((&*figures.name, figures.kept_open), (NAME, invocation.extension_overhead));
    assert!(figures.pid.is_some() && figures.pid != function.pid());
    assert!(figures.registered.is_some_and(|time| time > Duration::ZERO), "{figures:?}");
    assert!(figures.ready >= figures.registered, "{figures:?}");
    assert!(figures.cpu.is_some_and(|cpu| cpu > Duration::ZERO), "{figures:?}");
    assert!(figures.max_rss_kb.is_some_and(|kb| kb > 100), "{figures:?}");
    assert!(invocation.billed_ms() >= invocation.extension_overhead.as_millis(), "{invocation:?}");
}

/// Extensions API: "Lambda freezes the execution environment when each process has completed and there are no pending
/// events."
#[tokio::test]
async fn all_processes_stand_still_between_invocations() {
    let mut function = started(with_extension(&json!({}))).await;
    for _ in 0..2 {
        for pid in [function.pid(), function.extensions()[0].pid] {
            until_stopped(pid).await;
        }
        assert!(invoke(&mut function, json!({})).await.response().is_some());
    }
    let mut not_frozen = with_extension(&json!({}));
    not_frozen.freezes = false;
    for options in [not_frozen, obedient()] {
        let mut function = started(options).await;
        assert!(invoke(&mut function, json!({})).await.response().is_some());
        assert_ne!(state(function.pid()), "T (stopped)");
    }
}

/// A signal is sent at once and acted upon when the process has its next turn.
async fn until_stopped(pid: Option<u32>) {
    for _ in 0..500 {
        if state(pid) == "T (stopped)" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{pid:?} is {}", state(pid));
}

fn state(pid: Option<u32>) -> String {
    let status = std::fs::read_to_string(format!("/proc/{}/status", pid.expect("it runs"))).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("State:"));
    line.expect("a state").trim().to_owned()
}

/// Extensions API, "Duration limit" of the shutdown phase: 2,000 ms with an external extension, then SIGKILL.
#[tokio::test]
async fn an_extension_is_killed_two_seconds_after_shutdown() {
    let mut function = started(with_extension(&json!({ "shutdown": "hang" }))).await;
    let shutdown = function.shutdown().await.expect("it ran");
    assert_eq!(shutdown.killed, [NAME]);
    assert!(shutdown.duration >= Duration::from_secs(2), "{shutdown:?}");
    assert_eq!(function.pid(), None);
    assert!(function.shutdown().await.is_none());
}

/// Extensions API, "Permissions and configuration": "Extensions can access the function's environment variables, except
/// for the following variables that are specific to the runtime process".
#[tokio::test]
async fn an_extension_has_the_functions_variables() {
    let out = tempfile::tempdir().expect("a folder");
    let script = out.path().join("environment");
    let file = out.path().join("variables");
    let text = format!("#!/bin/sh\nenv > {}\nexit 5\n", file.display());
    std::fs::write(&script, text).expect("it can be written");
    make_executable(&script);
    let options = obedient().extension(&script).env("MINE", "1");
    local_lambda::runtime::Function::spawn(options).await.expect_err("it ends");
    let text = std::fs::read_to_string(file).expect("it was written");
    let variables: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.split_once('=')).collect();
    for (name, value) in [
        ("MINE", "1"),
        ("AWS_LAMBDA_FUNCTION_NAME", "push-gateway"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_ACCESS_KEY_ID", "AKIDLOCAL"),
        ("AWS_SAM_LOCAL", "true"),
    ] {
        assert_eq!(variables.get(name), Some(&value), "{name}");
    }
    assert!(variables.contains_key("AWS_LAMBDA_RUNTIME_API"));
    for name in ["_HANDLER", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "AWS_LAMBDA_LOG_GROUP_NAME", "HOME"] {
        assert_eq!(variables.get(name), None, "{name}");
    }
}

fn make_executable(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
}

/// Extensions API, "Init phase": several extensions, each with its own name, all of which take part.
#[tokio::test]
async fn several_extensions_take_part() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut options = with_extension(&json!({ NAME: {}, "second": { "ms": 500 } }));
    let second = folder.path().join("second");
    std::os::unix::fs::symlink(example(NAME), &second).expect("a link");
    options = options.extension(second);
    let mut function = started(options).await;
    let invocation = invoke(&mut function, json!({})).await;
    assert!(matches!(invocation.outcome, Outcome::Response(_)));
    let [first, second] = &function.extensions()[..] else { panic!("two extensions") };
    assert_eq!(second.name, "second");
    assert!(second.kept_open > first.kept_open, "{first:?} {second:?}");
    let logs = function.shutdown().await.expect("it ran").logs;
    assert!(
        logs.iter().any(|line| line.starts_with("second: event ") && line.contains("SPINDOWN")),
        "{logs:?}"
    );
}
