//! HTTP in front of the push gateway.

use serde_json::Value;
use tokio::process::Command;

use crate::support::{Serve, http, query};

#[tokio::test]
async fn every_http_endpoint_invokes_the_gateway() {
    let serve = Serve::start(&["--prometheus", "none"]).await;
    let functions = format!("{}/functions", serve.endpoint("/control"));
    for (at, name) in ["functionUrl", "httpApiUrl", "albUrl"].into_iter().enumerate() {
        let url = format!("{}/-/healthy", serve.endpoint(&format!("/http/{name}")));
        http("GET", &url, "").await;
        let (_, functions) = http("GET", &functions, "").await;
        let functions: Value = serde_json::from_str(&functions).expect("JSON");
        assert_eq!(functions["push-gateway"]["invocations"], at + 1, "{name}: {functions}");
    }
}

/// The command comes from the screen, as a user copies it.
#[tokio::test]
async fn the_printed_push_is_stored() {
    let query = query().display().to_string();
    let mut serve = Serve::start(&["--prometheus", "auto", "--query", &query]).await;
    let command = serve.line_with("/metrics/job/backup").await;
    let pushed = Command::new("sh").args(["-c", &command]).output().await.expect("curl runs");
    let answer = String::from_utf8_lossy(&pushed.stdout);
    assert!(answer.starts_with("HTTP/1.1 202 Accepted\r\n"), "{answer}");
    let query = serde_json::json!({ "query": "backup_duration_seconds" });
    let answer = serve.invoke("query", &query).await;
    let series = &answer["body"]["data"]["result"][0];
    assert_eq!(
        (&series["metric"]["job"], &series["value"][1]),
        (&"backup".into(), &"42.5".into()),
        "{answer}"
    );
}
