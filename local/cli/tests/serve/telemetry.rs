//! The telemetry extension beside the function of the stack.

use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{SOON, Serve, descendants, event, http, now_ms, telemetry_extension};

async fn start(prometheus: &str, further: &[&str]) -> Serve {
    let extension = telemetry_extension().display().to_string();
    let arguments = ["--prometheus", prometheus, "--telemetry-extension", &extension];
    Serve::start(&[&arguments, further].concat()).await
}

/// Invokes the function with an event.
async fn invoke(serve: &Serve) {
    let answer = serve.invoke("push-gateway", &event("level", now_ms(), "0.5")).await;
    assert_eq!(answer["samples"], 1, "{answer}");
}

/// The result of a PromQL query.
async fn evaluate(serve: &Serve, query: &str) -> Value {
    let query = query.replace(' ', "%20");
    let url = format!("{}/api/v1/query?query={query}", serve.endpoint("/prometheus/url"));
    let (_, answer) = http("GET", &url, "").await;
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    assert_eq!(answer["status"], "success", "{answer}");
    answer["data"]["result"].clone()
}

/// Extension, emulator, signature, stand-in and Prometheus: the line that `serve` prints to copy finds what happened.
#[tokio::test]
async fn the_functions_own_invocations_can_be_queried() {
    let serve = start("auto", &[]).await;
    assert_eq!(serve.endpoints["lambda"]["hasTelemetry"], true);
    for _ in 0..3 {
        invoke(&serve).await;
    }
    let query = "sum by (function, status) (last_over_time(aws_lambda_invocations_total[1h]))";
    let succeeded = |found: &Value| {
        let mut series = found.as_array().into_iter().flatten();
        let expected = json!({"function": "push-gateway", "status": "success"});
        series.find(|one| one["metric"] == expected).map(|one| one["value"][1].clone())
    };
    let deadline = Instant::now() + SOON;
    // The last one is reported when the environment is shut down.
    loop {
        let found = evaluate(&serve, query).await;
        if succeeded(&found) == Some(json!("3")) {
            break;
        }
        assert!(Instant::now() < deadline, "not within {SOON:?}: {found}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let cold_starts = evaluate(&serve, "sum(last_over_time(aws_lambda_cold_starts_total[1h]))").await;
    assert!(cold_starts[0]["value"][1] != "0" && !cold_starts[0].is_null(), "{cold_starts}");
    // The series end with a stale marker when their environment ends.
    let now = evaluate(&serve, "aws_lambda_invocations_total").await;
    let url = serve.endpoint("/prometheus/url").to_owned();
    assert_eq!(now, json!([]));

    serve.signal(Signal::SIGINT);
    let (status, printed) = serve.end().await;
    assert!(status.success(), "{status}: {printed}");
    let line = format!("curl -s {url}/api/v1/query --data-urlencode 'query={query}'");
    assert!(printed.contains(&line), "{printed}");
    assert!(printed.contains("&g1.expr="), "a panel for telemetry: {printed}");
}

/// "Shutdown phase": extensions send their last data when the stack ends.
#[tokio::test]
async fn stopping_waits_for_the_last_telemetry() {
    // Nothing is sent before the end.
    let settings = ["--env", "DISPATCH_MIN_BATCH_SIZE=1000000", "--env", "DISPATCH_MAX_AGE_SECONDS=86400"];
    let serve = start("none", &settings).await;
    invoke(&serve).await;
    serve.signal(Signal::SIGINT);
    let (status, printed) = serve.end().await;
    assert!(status.success(), "{status}: {printed}");
    let (_, sums) = printed.split_once("Totals").expect("the totals");
    let (before, _) = sums.split_once(" samples in ").expect("the workspace's");
    let samples: u32 =
        before.rsplit(' ').next().and_then(|text| text.replace(',', "").parse().ok()).expect("a number");
    assert!(samples > 1, "the one that was sent, and the extension's: {printed}");
}

#[tokio::test]
async fn without_the_extension_the_function_runs_alone() {
    let serve = Serve::start(&["--prometheus", "none"]).await;
    assert_eq!(serve.endpoints["lambda"]["hasTelemetry"], false);
    invoke(&serve).await;
    let names: Vec<String> = descendants(serve.pid()).into_values().collect();
    assert!(names.iter().any(|name| name == "push-gateway"), "{names:?}");
    assert!(!names.iter().any(|name| name.starts_with("telemetry")), "{names:?}");
}
