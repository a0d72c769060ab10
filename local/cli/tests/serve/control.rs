//! The control API: breaking things, and counting them.

use serde_json::{Value, json};

use crate::support::{Serve, http};

async fn request(serve: &Serve, method: &str, path: &str, body: &str) -> (u16, Value) {
    let (status, text) = http(method, &format!("{}{path}", serve.endpoint("/control")), body).await;
    (status, serde_json::from_str(&text).expect("JSON"))
}

#[tokio::test]
async fn a_new_stack_has_no_counts_and_no_processes() {
    let serve = Serve::start(&["--prometheus", "none"]).await;
    assert_eq!(
        request(&serve, "GET", "/functions", "").await,
        (200, json!({ "push-gateway": { "processes": [], "invocations": 0, "errors": 0, "throttles": 0 } }))
    );
    let (status, figures) = request(&serve, "GET", "/figures", "").await;
    assert_eq!(status, 200);
    assert_eq!(figures["queue"], json!({ "visible": 0, "inFlight": 0 }));
    assert_eq!((&figures["deadLetters"], &figures["amp"]["samples"]), (&json!(0), &json!(0)));
    assert_eq!(figures["eventSource"]["received"], json!(0));
    let (status, answer) = request(&serve, "GET", "/", "").await;
    assert_eq!(status, 404);
    assert!(answer["error"].as_str().is_some_and(|error| error.contains("/figures")), "{answer}");
}

#[tokio::test]
async fn faults_are_set_line_by_line() {
    let serve = Serve::start(&["--prometheus", "none"]).await;
    assert_eq!(
        request(&serve, "PUT", "/faults", "503:2\nhang:1@device=d1\n").await,
        (200, json!({ "faults": 2 }))
    );
    assert_eq!(request(&serve, "PUT", "/faults", "").await, (200, json!({ "faults": 0 })));
    let (status, answer) = request(&serve, "PUT", "/faults", "explode").await;
    assert_eq!(status, 400);
    assert!(answer["error"].as_str().is_some_and(|error| error.contains("explode")), "{answer}");
}

#[tokio::test]
async fn the_workspace_can_go_down_and_come_back() {
    let serve = Serve::start(&["--prometheus", "none"]).await;
    let url = serve.endpoint("/amp/remoteWriteUrl").to_owned();
    let reach =
        async || reqwest::Client::new().post(&url).send().await.map(|answer| answer.status().as_u16());
    assert_eq!(request(&serve, "PUT", "/amp", "down").await.0, 200);
    assert!(reach().await.expect_err("nothing listens").is_connect());
    assert_eq!(request(&serve, "PUT", "/amp", "up").await.0, 200);
    assert_eq!(reach().await.expect("an answer"), 403, "an unsigned request");
    assert_eq!(request(&serve, "PUT", "/amp", "sideways").await.0, 400);
}
