//! What happens when the runtime or an extension fails.

use std::time::Duration;

use local_lambda::runtime::{Function, FunctionOptions, InitError, Outcome, ShutdownReason};
use serde_json::json;

use crate::listener::{Listener, subscribe};
use crate::support::{events, invoke, started, with_extension};

/// Extensions API reference, Init error; "Failure handling": "If an extension fails, Lambda restarts the execution
/// environment".
#[tokio::test]
async fn an_extension_that_fails_or_ends_fails_the_init_phase() {
    for (order, error_type, message) in
        [("error", "Extension.ConfigInvalid", "as ordered"), ("exit", "Extension.Crash", "exit status: 9")]
    {
        let options = with_extension(&json!({ "init": order }));
        let error = Function::spawn(options).await.expect_err("no function");
        let InitError::Extension { fault, .. } = error else { panic!("{error:?}") };
        assert_eq!((&*fault.error_type, &*fault.message), (error_type, message));
    }
}

#[tokio::test]
async fn an_extension_that_is_not_there_fails_the_init_phase() {
    let options = with_extension(&json!({})).extension("/nowhere/extension");
    let error = Function::spawn(options).await.expect_err("no function");
    assert_eq!(error.to_string(), "cannot start /nowhere/extension");
}

/// Extensions API reference, Exit error; "Failure handling": the environment is restarted.
#[tokio::test]
async fn an_exit_error_of_an_extension_ends_the_environment() {
    let mut function = started(with_extension(&json!({ "invoke": "error" }))).await;
    let pid = function.pid();
    let invocation = invoke(&mut function, json!({ "do": "sleep", "ms": 60_000 })).await;
    let Outcome::ExtensionFailed(fault) = &invocation.outcome else { panic!("{invocation:?}") };
    assert_eq!((&*fault.error_type, &*fault.message), ("Extension.ConfigInvalid", "as ordered"));
    assert_eq!(function.pid(), None);
    assert_eq!(function.last_shutdown().map(|shutdown| shutdown.reason), Some(ShutdownReason::Failure));
    let next = invoke(&mut function, json!({ "do": "sleep", "ms": 60_000 })).await;
    assert!(next.init.is_some() && function.pid() != pid, "{next:?}");
}

/// Extensions API, "Invoke phase": the response is returned "even if extensions are still running", so a failure after it
/// cannot take it back.
#[tokio::test]
async fn an_extension_that_fails_later_keeps_the_response() {
    let mut function = started(with_extension(&json!({ "invoke": "exit", "ms": 500 }))).await;
    let invocation = invoke(&mut function, json!({})).await;
    assert!(invocation.response().is_some(), "{invocation:?}");
    assert_eq!(function.last_shutdown().map(|shutdown| shutdown.reason), Some(ShutdownReason::Failure));
    assert_eq!(function.pid(), None);
}

/// Extensions API, "Invoke failures": "Lambda shuts down the runtime, then it sends a `Shutdown` event to each registered
/// external extension. The event includes the reason for the shutdown."
#[tokio::test]
async fn a_runtime_that_fails_shuts_extensions_down() {
    for (order, reason) in
        [(json!({ "do": "sleep", "ms": 60_000 }), "TIMEOUT"), (json!({ "do": "exit" }), "FAILURE")]
    {
        let options = FunctionOptions { timeout: Duration::from_secs(2), ..with_extension(&json!({})) };
        let mut function = started(options).await;
        let outcome = invoke(&mut function, order).await.outcome;
        assert!(matches!(outcome, Outcome::TimedOut { .. } | Outcome::Exited { .. }), "{outcome:?}");
        let shutdown = function.last_shutdown().expect("it was reset");
        assert_eq!(events(&shutdown.logs).pop().expect("a SHUTDOWN event")["shutdownReason"], reason);
        assert!(shutdown.killed.is_empty());
        assert!(invoke(&mut function, json!({})).await.init.is_some());
    }
}

/// Extensions API, "Duration limit": "The function's timeout setting limits the duration of the entire `Invoke` phase."
#[tokio::test]
async fn a_slow_extension_is_a_timeout_after_the_response() {
    let mut options = with_extension(&json!({ "invoke": "hang" }));
    options.timeout = Duration::from_secs(2);
    let mut function = started(options).await;
    let invocation = invoke(&mut function, json!({})).await;
    assert!(invocation.response().is_some(), "{invocation:?}");
    let shutdown = function.last_shutdown().expect("it was reset");
    assert_eq!(shutdown.reason, ShutdownReason::Timeout);
    assert_eq!(shutdown.killed, [crate::support::NAME], "it is busy, so it does not get the event");
}

/// Extensions API reference: "After Lambda receives the error, no further API calls succeed."
#[tokio::test]
async fn no_call_succeeds_after_an_error() {
    let report = json!({
        "method": "POST",
        "path": "/2020-01-01/extension/init/error",
        "headers": {
            "Lambda-Extension-Identifier": "$ID",
            "Lambda-Extension-Function-Error-Type": "Extension.UnknownReason",
        },
    });
    let error = Function::spawn(with_extension(&json!({ "after": [report, report] }))).await;
    let error = error.expect_err("no function");
    assert!(error.to_string().contains("Extension.UnknownReason"), "{error}");
}

/// Extensions API, "Failure handling": "When the runtime fails, all extensions and the runtime itself participate in the
/// `Shutdown` phase." Telemetry schema reference, `platform.initReport`: status and `errorType`.
#[tokio::test]
async fn a_failed_init_phase_shuts_extensions_down() {
    let listener = Listener::start().await;
    let orders = json!({ "after": [subscribe(&listener.subscription())] });
    let error =
        Function::spawn(with_extension(&orders).env("INIT", "report")).await.expect_err("no function");
    assert!(matches!(&error, InitError::Reported { .. }), "{error:?}");
    assert_eq!(events(error.logs()).pop().expect("a SHUTDOWN event")["shutdownReason"], "FAILURE");
    for kind in ["platform.initRuntimeDone", "platform.initReport"] {
        let record = listener.until_type(kind).await["record"].take();
        assert_eq!(
            (&record["status"], &record["errorType"]),
            (&json!("error"), &json!("BadConfig")),
            "{kind}"
        );
    }
}
