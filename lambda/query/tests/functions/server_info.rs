//! The operation `server_info`: workspaces that serve both paths, one, or neither.

use serde_json::json;

use crate::scripted::{Reply, Server};
use crate::support::{Function, data, error};

const RUNTIME_INFO: &str = "/api/v1/status/runtimeinfo";

fn served() -> Reply {
    Reply::json(200, &json!({"status": "success", "data": {"version": "2.42.0"}}))
}

#[tokio::test]
async fn served_information_is_passed_on() {
    let server = Server::by(|_, _| served()).await;
    let response = Function::of("server_info", &server).invoke(json!({})).await;
    assert_eq!(
        data(&response),
        &json!({
            "workspace_url": server.url(),
            "region": "eu-west-1",
            "build_info": {"version": "2.42.0"},
            "runtime_info": {"version": "2.42.0"},
            "not_served": []
        })
    );
}

/// The status for an unknown path differs between gateways; AMP's is not documented.
#[tokio::test]
async fn paths_that_are_not_served_are_reported() {
    for status in [400, 403, 404, 405] {
        let server = Server::by(move |seen, _| match seen.path() {
            RUNTIME_INFO => Reply::Body(status, "not here".to_owned()),
            _ => served(),
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
    let server = Server::by(|seen, _| match seen.path() {
        "/api/v1/query" => Reply::empty(),
        _ => Reply::Body(404, String::new()),
    })
    .await;
    let response = Function::of("server_info", &server).invoke(json!({})).await;
    assert_eq!(data(&response)["not_served"].as_array().unwrap().len(), 2);
    assert_eq!(data(&response)["answers_queries"], true);
}

#[tokio::test]
async fn a_workspace_that_rejects_everything_is_an_error() {
    let server = Server::by(|_, _| Reply::Body(403, r#"{"message":"Access denied"}"#.to_owned())).await;
    let response = Function::of("server_info", &server).invoke(json!({})).await;
    assert_eq!(error(&response), (403, "Access denied"));
}
