//! Requests to the Extensions and Telemetry APIs, their order, and their errors.

use serde_json::{Value, json};

use local_testing::scripted::{Answer, Request};

use crate::host::{Host, Setup, refusal};

const NOWHERE: &str = "http://127.0.0.1:9/write";
const TELEMETRY: &str = "/2022-07-01/telemetry";
const NEXT: &str = "/2020-01-01/extension/event/next";
const SCHEMAS: [&str; 3] = ["2025-01-29", "2022-12-13", "2022-07-01"];

/// Rejects subscriptions with one of the newest schemas.
fn rejects_schemas(request: &Request, newest: usize) -> Option<Answer> {
    let is_rejected = request.path() == TELEMETRY
        && SCHEMAS[..newest].iter().any(|schema| request.json()["schemaVersion"] == *schema);
    is_rejected.then(|| refusal(400, "ValidationError"))
}

fn setup() -> Setup {
    Setup::new().env("TELEMETRY_REMOTE_WRITE_URL", NOWHERE).env("TELEMETRY_REMOTE_WRITE_AUTH", "none")
}

fn assert_registered(host: &Host, expected: &[Value]) {
    let log = host.log();
    let registered: Vec<_> =
        log.registrations.iter().map(|(name, events)| (name.as_str(), events.clone())).collect();
    let expected: Vec<_> =
        expected.iter().map(|events| ("telemetry-extension", json!({ "events": events }))).collect();
    assert_eq!(registered, expected);
}

/// Extensions API, "Init phase": the header is the full file name. Telemetry API, "Sending a subscription request":
/// subscription occurs during the init phase, which ends with the first `Next`.
#[tokio::test]
async fn it_registers_subscribes_and_requests_events() {
    let host = setup().start().await.ready().await;
    assert_registered(&host, &[json!(["INVOKE", "SHUTDOWN"])]);
    let paths = [
        "POST /2020-01-01/extension/register",
        "PUT /2022-07-01/telemetry",
        "GET /2020-01-01/extension/event/next",
    ];
    assert_eq!(host.log().paths, paths);
    let subscription = host.log().subscriptions[0].clone();
    assert_eq!(subscription["schemaVersion"], "2025-01-29");
    assert_eq!(subscription["types"], json!(["platform", "function", "extension"]));
    assert_eq!(subscription["destination"]["protocol"], "HTTP");
    // "Configuring memory usage and buffering": the limits.
    let buffering = &subscription["buffering"];
    assert!((1_000..=10_000).contains(&buffering["maxItems"].as_u64().unwrap()));
    assert!((262_144..=1_048_576).contains(&buffering["maxBytes"].as_u64().unwrap()));
    assert!((25..=30_000).contains(&buffering["timeoutMs"].as_u64().unwrap()));
}

#[tokio::test]
async fn older_schemas_are_requested_where_newer_ones_fail() {
    let host = setup().except(|request, _| rejects_schemas(request, 2)).start().await.ready().await;
    let log = host.log();
    let versions: Vec<_> = log.subscriptions.iter().map(|s| s["schemaVersion"].as_str().unwrap()).collect();
    assert_eq!(versions, SCHEMAS);
}

#[tokio::test]
async fn without_a_sandbox_it_listens_on_the_loopback() {
    let host = setup().env("AWS_SAM_LOCAL", "false").start().await.ready().await;
    assert_eq!(host.log().subscriptions.len(), 1);
    assert_eq!(host.deliver_body("[]".to_owned()).await, 200);
}

/// Extensions API, "Failure handling": an extension that fails restarts the environment. Metrics are not worth that.
#[tokio::test]
async fn without_telemetry_the_function_continues() {
    for status in [202, 403, 500] {
        let mut host = setup()
            .except(move |request, _| (request.path() == TELEMETRY).then(|| Answer::new(status, "")))
            .start()
            .await
            .ready()
            .await;
        host.invoke().await;
        host.invoke().await;
        assert_eq!(host.log().errors, [], "{status}");
        assert!(host.shut_down().await.success(), "{status}");
    }
    let mut host = setup().except(|request, _| rejects_schemas(request, 3)).start().await.ready().await;
    host.invoke().await;
    assert!(host.shut_down().await.success());
}

/// Extensions API, `/extension/init/error`: no other request is allowed afterwards.
#[tokio::test]
async fn an_invalid_configuration_is_an_init_error() {
    for (setup, variable) in [
        (Setup::new(), "TELEMETRY_REMOTE_WRITE_URL"),
        (setup().env("GATEWAY", "http://gateway:9091"), "GATEWAY"),
        (setup().env("DISPATCH_MIN_BATCH_SIZE", "many"), "DISPATCH_MIN_BATCH_SIZE"),
        (setup().env("TELEMETRY_FAIL_OPEN", "yes"), "TELEMETRY_FAIL_OPEN"),
    ] {
        let mut host = setup.start().await;
        assert!(!host.ended().await.success());
        let log = host.log();
        let [(path, error_type, body)] = log.errors.as_slice() else { panic!("no error: {log:?}") };
        assert_eq!(
            (path.as_str(), error_type.as_str()),
            ("/2020-01-01/extension/init/error", "Extension.InvalidConfig")
        );
        assert_eq!(body["errorType"], "Extension.InvalidConfig");
        let message = body["errorMessage"].as_str().unwrap();
        assert!(message.contains(variable) && message.lines().count() == 1, "{message}");
        assert_eq!(log.paths.len(), 2, "{:?}", log.paths);
    }
}

#[tokio::test]
async fn failing_open_does_not_affect_the_function() {
    let broken = || Setup::new().env("GATEWAY", "ftp://gateway").env("TELEMETRY_FAIL_OPEN", "true");
    for setup in [broken(), broken().without_invoke()] {
        let host = setup.start().await.ready().await;
        assert_eq!(host.log().errors, []);
        assert_eq!(host.log().subscriptions, [Value::Null; 0]);
        assert!(host.shut_down().await.success());
    }
    let mut host = broken().start().await.ready().await;
    host.invoke().await;
    host.invoke().await;
    assert!(host.shut_down().await.success());
}

/// Extensions API, "Invoke phase": on Managed Instances extensions can only register for the shutdown.
#[tokio::test]
async fn it_registers_for_the_shutdown_where_invoke_is_rejected() {
    let host = setup().without_invoke().start().await.ready().await;
    assert_registered(&host, &[json!(["INVOKE", "SHUTDOWN"]), json!(["SHUTDOWN"])]);
    let known = setup().without_invoke().env("AWS_LAMBDA_INITIALIZATION_TYPE", "lambda-managed-instances");
    let host = known.start().await.ready().await;
    assert_registered(&host, &[json!(["SHUTDOWN"])]);
}

/// Extensions API, "Failure handling": Lambda ends the environment if an extension ends.
#[tokio::test]
async fn a_broken_connection_does_not_end_the_extension() {
    let setup = setup()
        .except(|request, earlier| (request.path() == NEXT && (2..5).contains(&earlier)).then(Answer::close));
    let mut host = setup.start().await.ready().await;
    host.invoke().await;
    assert_eq!(host.log().errors, []);
    assert!(host.shut_down().await.success());
}

/// Extensions API, `/extension/exit/error`.
#[tokio::test]
async fn without_events_it_reports_an_exit_error() {
    let mut host = setup()
        .except(|request, _| (request.path() == NEXT).then(|| refusal(500, "Extension.UnknownError")))
        .start()
        .await;
    assert!(!host.ended().await.success());
    let log = host.log();
    let [(path, error_type, body)] = log.errors.as_slice() else { panic!("no error: {log:?}") };
    assert_eq!(
        (path.as_str(), error_type.as_str()),
        ("/2020-01-01/extension/exit/error", "Extension.NoEvents")
    );
    assert!(body["errorMessage"].as_str().is_some_and(|message| message.contains("500")), "{body}");
}
