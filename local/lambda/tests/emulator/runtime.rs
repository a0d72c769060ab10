//! The runtime emulator with a function that uses a real runtime. Outcomes that callers see are tested in `invoke.rs`.

use std::time::Duration;

use local_lambda::runtime::{Function, FunctionOptions, InitError, MAX_PAYLOAD_BYTES, Outcome};
use serde_json::json;

use crate::support::{eventually, invoke, obedient, started};

/// Lambda, "execution environment": the init phase ends when the runtime requests the first invocation.
#[tokio::test]
async fn only_the_first_invocation_of_a_process_is_a_cold_start() {
    let mut function = started(obedient()).await;
    let first = invoke(&mut function, json!({})).await;
    let second = invoke(&mut function, json!({})).await;
    assert!(first.init.is_some() && second.init.is_none());
    let init = first.init.expect("a cold start has an init phase");
    assert!(init > Duration::ZERO && init < Duration::from_mins(1), "{init:?}");
    assert!(first.billed_ms() >= (init + first.duration).as_millis());
}

#[tokio::test]
async fn a_panic_is_a_function_error_and_the_process_runs_on() {
    let mut function = started(obedient()).await;
    let pid = function.pid();
    assert!(invoke(&mut function, json!({ "do": "panic" })).await.function_error().is_some());
    assert!(invoke(&mut function, json!({})).await.response().is_some());
    assert_eq!(function.pid(), pid);
}

#[tokio::test]
async fn the_function_gets_its_real_deadline() {
    let mut options = obedient();
    options.timeout = Duration::from_secs(5);
    let clock = local_testing::clock::Clock::system();
    let mut function = started(options).await;
    let before = clock.now_ms();
    let answer = invoke(&mut function, json!({})).await.json().expect("JSON");
    let deadline = answer["deadline"].as_i64().expect("milliseconds");
    assert!((before + 5_000..=clock.now_ms() + 5_000).contains(&deadline), "{deadline} at {before}");
}

#[tokio::test]
async fn log_lines_belong_to_their_invocation() {
    let mut function = started(obedient()).await;
    let first = invoke(&mut function, json!({})).await;
    assert!(first.logs.iter().any(|line| line == "ready"), "{:?}", first.logs);
    let second = invoke(&mut function, json!({ "do": "log" })).await;
    assert!(second.logs.iter().any(|line| line == "to stdout"), "{:?}", second.logs);
    assert!(second.logs.iter().any(|line| line == "to stderr"), "{:?}", second.logs);
    assert!(invoke(&mut function, json!({})).await.logs.is_empty());
}

#[tokio::test]
async fn cpu_time_is_that_of_the_invocation_alone() {
    let mut function = started(obedient()).await;
    let busy = invoke(&mut function, json!({ "do": "burn", "ms": 200 })).await;
    let idle = invoke(&mut function, json!({ "do": "sleep", "ms": 200 })).await;
    let (busy, idle) = (busy.cpu.expect("alive"), idle.cpu.expect("alive"));
    assert!(busy >= Duration::from_millis(200) && busy < Duration::from_millis(400), "{busy:?}");
    assert!(idle < Duration::from_millis(50) && idle > Duration::ZERO, "{idle:?}");
}

#[tokio::test]
async fn peak_memory_grows_with_the_function() {
    let mut function = started(obedient()).await;
    let small = invoke(&mut function, json!({})).await.max_rss_kb.expect("alive");
    let large = invoke(&mut function, json!({ "do": "size", "bytes": 5_000_000 })).await.max_rss_kb;
    assert!(large.expect("alive") > small + 4_000, "{small} kB, then {large:?} kB");
}

/// Lambda Developer Guide, "Defined runtime environment variables".
#[tokio::test]
async fn the_environment_is_lambdas_and_nothing_else() {
    let options = obedient().env("REMOTE_WRITE_URL", "http://127.0.0.1:1/");
    let mut function = started(options).await;
    let environment = invoke(&mut function, json!({ "do": "environment" })).await.json().expect("JSON");
    for (name, value) in [
        ("AWS_LAMBDA_FUNCTION_NAME", "push-gateway"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "AKIDLOCAL"),
        ("AWS_SECRET_ACCESS_KEY", "local-secret"),
        ("AWS_SESSION_TOKEN", "local-token"),
        ("_HANDLER", "bootstrap"),
        ("TZ", ":UTC"),
        ("REMOTE_WRITE_URL", "http://127.0.0.1:1/"),
    ] {
        assert_eq!(environment[name], value, "{name}");
    }
    assert!(environment["LAMBDA_TASK_ROOT"].as_str().is_some_and(|root| root.ends_with("examples")));
    for name in ["HOME", "USER", "CARGO_MANIFEST_DIR"] {
        assert_eq!(environment.get(name), None, "{name}");
    }
}

/// Lambda quotas: 6 MB for the payload of a synchronous invocation.
#[tokio::test]
async fn a_payload_over_six_megabytes_is_not_passed_on() {
    let mut function = started(obedient()).await;
    let fits = format!("{{\"ignored\":\"{}\"}}", "x".repeat(MAX_PAYLOAD_BYTES - 14));
    assert_eq!(fits.len(), MAX_PAYLOAD_BYTES);
    let refused = function.invoke(format!("{fits} ")).await;
    assert!(matches!(refused.outcome, Outcome::PayloadTooLarge { bytes } if bytes == MAX_PAYLOAD_BYTES + 1));
}

/// Lambda quotas: 6 MB for the answer to a synchronous invocation.
#[tokio::test]
async fn an_answer_over_six_megabytes_is_a_function_error() {
    let mut function = started(obedient()).await;
    let large = invoke(&mut function, json!({ "do": "size", "bytes": MAX_PAYLOAD_BYTES + 200 })).await;
    let (error_type, _) = large.function_error().expect("a function error");
    assert_eq!(error_type, "Function.ResponseSizeTooLarge");
    let fits = invoke(&mut function, json!({ "do": "size", "bytes": MAX_PAYLOAD_BYTES - 2 })).await;
    assert_eq!(fits.response().map(bytes::Bytes::len), Some(MAX_PAYLOAD_BYTES));
}

/// A function whose init phases do these things, one after the other; and the number of times it started.
fn with_inits(orders: &str) -> (FunctionOptions, impl Fn() -> usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("attempts");
    let options = obedient().env("INIT", orders).env("ATTEMPTS", file.display().to_string());
    (options, move || std::fs::read(folder.path().join("attempts")).map_or(0, |bytes| bytes.len()))
}

/// lambda-runtime-environment, "Init phase": "Lambda retries the `Init` phase at the time of the first function
/// invocation".
#[tokio::test]
async fn an_init_crash_is_repeated_within_the_invocation() {
    let (options, attempts) = with_inits("exit,ready");
    let invocation = invoke(&mut Function::cold(options), json!({ "a": 1 })).await;
    assert_eq!(invocation.json().expect("an answer")["echo"], json!({ "a": 1 }), "{invocation:?}");
    assert_eq!((attempts(), &invocation.logs[..]), (2, &["cannot go on".to_owned(), "ready".to_owned()][..]));
}

#[tokio::test]
async fn a_second_init_crash_fails_the_invocation() {
    let (options, attempts) = with_inits("exit,exit,ready");
    let mut function = Function::cold(options);
    let failed = invoke(&mut function, json!({})).await;
    let Outcome::InitFailed(InitError::Exited { status, .. }) = &failed.outcome else { panic!("{failed:?}") };
    assert_eq!((status.code(), attempts(), failed.logs.len()), (Some(3), 2, 2), "{failed:?}");
    assert!(invoke(&mut function, json!({})).await.response().is_some());
    assert_eq!(attempts(), 3);
}

/// "... with the configured function timeout", and not with the ten seconds of an init phase of its own.
#[tokio::test]
async fn the_repeated_init_has_the_function_timeout() {
    let (mut options, attempts) = with_inits("exit,hang");
    options.timeout = Duration::from_millis(300);
    let invocation = invoke(&mut Function::cold(options), json!({})).await;
    assert!(matches!(invocation.outcome, Outcome::TimedOut { .. }), "{invocation:?}");
    assert!(invocation.duration >= Duration::from_millis(300), "{invocation:?}");
    assert!(invocation.duration < Duration::from_secs(8), "{invocation:?}");
    assert_eq!(attempts(), 2);
}

#[tokio::test]
async fn the_repeated_init_takes_time_from_the_invocation() {
    let (mut options, _attempts) = with_inits("exit,slow");
    options.timeout = Duration::from_secs(20);
    let answer = invoke(&mut Function::cold(options), json!({})).await.json().expect("an answer");
    let deadline = answer["deadline"].as_i64().expect("milliseconds");
    let now = local_testing::clock::Clock::system().now_ms();
    assert!(deadline <= now + 20_000 - 500, "{deadline} at {now}");
}

#[tokio::test]
async fn a_dropped_function_leaves_no_process() {
    let function = started(obedient()).await;
    let status = format!("/proc/{}/status", function.pid().expect("it runs"));
    drop(function);
    eventually("it is gone", || {
        std::fs::read_to_string(&status).map_or(true, |status| status.contains("Z (zombie)"))
    })
    .await;
}
