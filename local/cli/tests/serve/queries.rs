//! The functions that read the workspace, as part of the stack.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::Instant;

use crate::support::{SOON, Serve, http, now_ms, query};

const NAMES: [&str; 5] = ["query", "range_query", "list_metrics", "server_info", "find_workspace"];

async fn start(prometheus: &str) -> Serve {
    Serve::start(&["--prometheus", prometheus, "--query", &query().display().to_string()]).await
}

/// Through queue, push gateway, stand-in and Prometheus, and back through the function, signature and all.
#[tokio::test]
async fn a_range_query_reads_events_from_the_queue() {
    let serve = start("auto").await;
    let now_ms = now_ms();
    serve.send("temperature", now_ms, "0.30000000000000004").await;
    let at = format!("{}.{:03}", now_ms / 1_000, now_ms % 1_000);
    let payload = json!({"query": "temperature{device=\"d1\"}", "start": at, "end": at, "step": "1s"});
    let deadline = Instant::now() + SOON;
    let values = loop {
        let answer = serve.invoke("range_query", &payload).await;
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

/// The control plane has the workspace that runs, with a URL that the other functions take.
#[tokio::test]
async fn a_fresh_stack_finds_its_own_workspace() {
    let serve = start("auto").await;
    assert_eq!(serve.endpoints["lambda"]["queryFunctionNames"], json!(NAMES));
    let amp = &serve.endpoints["amp"];
    let url = amp["endpoint"].as_str().expect("a URL").trim_end_matches('/');
    for (payload, place) in [
        (json!({"alias": amp["alias"]}), "/body/data/workspace"),
        (json!({"workspace_id": amp["workspaceId"]}), "/body/data/workspace"),
        (json!({"list_all": true}), "/body/data/workspaces/0"),
    ] {
        let answer = serve.invoke("find_workspace", &payload).await;
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
    let answer = serve.invoke("query", &json!({"workspace_url": url, "query": "1 + 1"})).await;
    assert_eq!(answer["statusCode"], 200, "{answer}");
}

#[tokio::test]
async fn without_the_query_program_there_are_no_functions() {
    let serve = Serve::start(&["--prometheus", "none"]).await;
    assert_eq!(serve.endpoints["lambda"]["queryFunctionNames"], json!([]));
    let answer = serve.invoke("query", &json!({"query": "up"})).await;
    assert!(answer["message"].as_str().is_some_and(|text| text.contains("Function not found")), "{answer}");
}

#[tokio::test]
async fn the_control_api_counts_query_functions() {
    let serve = start("none").await;
    let answer = serve.invoke("query", &json!({"query": "1 + 1"})).await;
    assert_eq!(answer["statusCode"], 501, "no Prometheus, no queries: {answer}");
    let (_, functions) = http("GET", &format!("{}/functions", serve.endpoint("/control")), "").await;
    let functions: Value = serde_json::from_str(&functions).expect("JSON");
    assert_eq!(functions["query"]["invocations"], 1, "{functions}");
    assert_eq!(functions["range_query"]["invocations"], 0, "{functions}");
    assert_eq!(functions.as_object().map(serde_json::Map::len), Some(7), "{functions}");
}

/// The command comes from the screen, as a user copies it.
#[tokio::test]
async fn the_printed_query_of_promtool_is_answered() {
    let mut serve = start("auto").await;
    let command = serve.line_with("promtool query instant").await.replace(" temperature", " '1 + 1'");
    let queried = Command::new("sh").args(["-c", &command]).output().await.expect("promtool runs");
    let answer = String::from_utf8_lossy(&queried.stdout);
    assert!(answer.starts_with("scalar: 2 @["), "{answer} {}", String::from_utf8_lossy(&queried.stderr));
    let (status, _) = http("GET", &format!("{}/api/v1/labels", serve.endpoint("/http/queryUrl")), "").await;
    assert_eq!(status, 401, "without the password");
}
