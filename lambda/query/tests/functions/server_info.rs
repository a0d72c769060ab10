//! The operation `server_info`: workspaces that serve one path or neither. A Prometheus serves both.

use serde_json::json;

use crate::scripted::{Answer, ScriptedServer, empty, json_text};
use crate::support::{Function, data};

const RUNTIME_INFO: &str = "/api/v1/status/runtimeinfo";

/// The status for an unknown path differs between gateways; AMP's is not documented.
#[tokio::test]
async fn paths_that_are_not_served_are_reported() {
    for status in [400, 403, 404, 405] {
        let server = ScriptedServer::by(move |seen, _| match seen.path() {
            RUNTIME_INFO => json_text(status, "not here".to_owned()),
            _ => Answer::json(200, &json!({"status": "success", "data": {"version": "2.42.0"}})),
        })
        .await;
        let response = Function::of("server_info", &server).invoke(json!({})).await;
        let data = data(&response);
        assert_eq!(data["build_info"]["version"], "2.42.0");
        assert!(data["runtime_info"].is_null());
        assert_eq!(
            data["not_served"],
            json!([{"path": RUNTIME_INFO, "status": status, "error": "not here"}])
        );
    }
}

#[tokio::test]
async fn a_workspace_may_serve_queries_only() {
    let server = ScriptedServer::by(|seen, _| match seen.path() {
        "/api/v1/query" => empty(),
        _ => json_text(404, String::new()),
    })
    .await;
    let response = Function::of("server_info", &server).invoke(json!({})).await;
    assert_eq!(data(&response)["not_served"].as_array().unwrap().len(), 2);
    assert_eq!(data(&response)["answers_queries"], true);
}
