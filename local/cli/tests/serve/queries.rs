//! The functions that read the workspace, as part of the stack.

use std::time::Duration;

use aws_credential_types::Credentials;
use local_lambda::sqs::Sqs;
use local_testing::clock::Clock;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{Serve, query};

const NAMES: [&str; 5] = ["query", "range_query", "list_metrics", "server_info", "find_workspace"];

/// How long a sample may take from the queue to the workspace.
const SOON: Duration = Duration::from_secs(20);

async fn start(prometheus: &str) -> Serve {
    let query = query();
    assert!(query.exists(), "{} is missing: cargo build --release -p query", query.display());
    Serve::start(&["--prometheus", prometheus, "--query", &query.display().to_string()]).await
}

/// Invokes a function as the AWS CLI does.
async fn invoke(serve: &Serve, name: &str, payload: &Value) -> Value {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let lambda = serve.endpoints["lambda"]["endpoint"].as_str().expect("an endpoint");
    let url = format!("{lambda}/2015-03-31/functions/{name}/invocations");
    let response =
        reqwest::Client::new().post(url).body(payload.to_string()).send().await.expect("an answer");
    serde_json::from_str(&response.text().await.expect("text")).expect("JSON")
}

async fn send_temperature(serve: &Serve, now_ms: i64) {
    let sqs = serve.endpoints["sqs"]["endpoint"].as_str().expect("an endpoint");
    let sqs = Sqs::new(sqs, "eu-west-1", Credentials::from_keys("any", "any", None));
    let event = json!({
        "dimensions": {"pond": "north"}, "timestamp": now_ms, "metrics": {"temperature": "0.30000000000000004"},
    });
    let queue_url = serve.endpoints["sqs"]["queueUrl"].as_str().expect("a URL");
    let sent = sqs.client().send_message().queue_url(queue_url).message_body(event.to_string()).send().await;
    sent.expect("the queue takes it");
}

/// Through queue, push gateway, stand-in and Prometheus, and back through the function, signature and all.
#[tokio::test]
async fn a_range_query_reads_events_from_the_queue() {
    let serve = start("auto").await;
    let now_ms = Clock::system().now_ms();
    send_temperature(&serve, now_ms).await;
    let at = format!("{}.{:03}", now_ms / 1_000, now_ms % 1_000);
    let payload = json!({"query": "temperature{pond=\"north\"}", "start": at, "end": at, "step": "1s"});
    let deadline = Instant::now() + SOON;
    let values = loop {
        let answer = invoke(&serve, "range_query", &payload).await;
        assert_eq!(answer["statusCode"], 200, "{answer}");
        let values = &answer["body"]["data"]["result"][0]["values"];
        if !values.is_null() {
            break values.clone();
        }
        assert!(Instant::now() < deadline, "not within {SOON:?}: {answer}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(values[0][1], "0.30000000000000004", "{values}");
    assert_eq!(values.as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn each_operation_is_a_function() {
    let serve = start("auto").await;
    assert_eq!(serve.endpoints["lambda"]["queryFunctionNames"], json!(NAMES));
    let payloads = [
        ("query", json!({"query": "1 + 1"})),
        ("range_query", json!({"query": "1 + 1"})),
        ("list_metrics", json!({})),
        ("server_info", json!({})),
        ("find_workspace", json!({"list_all": true})),
    ];
    for (name, payload) in payloads {
        let answer = invoke(&serve, name, &payload).await;
        assert_eq!(
            (&answer["statusCode"], &answer["body"]["operation"]),
            (&json!(200), &json!(name)),
            "{answer}"
        );
    }
}

/// The control plane has the workspace that runs, with a URL that the other functions take.
#[tokio::test]
async fn a_fresh_stack_finds_its_own_workspace() {
    let serve = start("auto").await;
    let amp = &serve.endpoints["amp"];
    let url = amp["endpoint"].as_str().expect("a URL").trim_end_matches('/');
    for (payload, place) in [
        (json!({"alias": amp["alias"]}), "/body/data/workspace"),
        (json!({"workspace_id": amp["workspaceId"]}), "/body/data/workspace"),
        (json!({"list_all": true}), "/body/data/workspaces/0"),
    ] {
        let answer = invoke(&serve, "find_workspace", &payload).await;
        let found = answer.pointer(place).unwrap_or_else(|| panic!("{answer}"));
        assert_eq!(
            (&found["prometheusEndpoint"], &found["workspaceId"], &found["alias"], &found["arn"]),
            (
                &json!(url),
                &json!("ws-local"),
                &json!("local"),
                &json!("arn:aws:aps:eu-west-1:123456789012:workspace/ws-local")
            ),
            "{answer}"
        );
    }
    let answer = invoke(&serve, "query", &json!({"workspace_url": url, "query": "1 + 1"})).await;
    assert_eq!(answer["statusCode"], 200, "{answer}");
}

#[tokio::test]
async fn without_the_query_program_there_are_no_functions() {
    let serve = Serve::start(&["--prometheus", "none"]).await;
    assert_eq!(serve.endpoints["lambda"]["queryFunctionNames"], json!([]));
    let answer = invoke(&serve, "query", &json!({"query": "up"})).await;
    assert!(answer["message"].as_str().is_some_and(|text| text.contains("Function not found")), "{answer}");
}

#[tokio::test]
async fn the_control_api_counts_query_functions() {
    let serve = start("none").await;
    let answer = invoke(&serve, "query", &json!({"query": "1 + 1"})).await;
    assert_eq!(answer["statusCode"], 501, "no Prometheus, no queries: {answer}");
    let control = serve.endpoints["control"].as_str().expect("an endpoint");
    let functions = reqwest::get(format!("{control}/functions")).await.expect("an answer");
    let functions: Value = serde_json::from_str(&functions.text().await.expect("text")).expect("JSON");
    assert_eq!(functions["query"]["invocations"], 1, "{functions}");
    assert_eq!(functions["range_query"]["invocations"], 0, "{functions}");
    assert_eq!(functions.as_object().map(serde_json::Map::len), Some(6), "{functions}");
}
