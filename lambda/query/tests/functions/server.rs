//! `server_info`: what the workspace serves, what it does not, and when that is an error.

use serde_json::json;

use crate::scripted::{Reply, Server};
use crate::support::{Function, data, error};

const BUILD_INFO: &str = "/api/v1/status/buildinfo";
const RUNTIME_INFO: &str = "/api/v1/status/runtimeinfo";

fn served() -> Reply {
    Reply::json(200, &json!({"status": "success", "data": {"version": "2.42.0"}}))
}

#[tokio::test]
async fn what_is_served_is_shown_as_prometheus_says_it() {
    let server = Server::by(|_, _| served()).await;
    let answer = Function::of("server_info", &server).ask(json!({})).await;
    assert_eq!(
        data(&answer),
        &json!({
            "workspace_url": server.url(),
            "region": "eu-west-1",
            "build_info": {"version": "2.42.0"},
            "runtime_info": {"version": "2.42.0"},
            "not_served": []
        })
    );
}

/// The status with which a gateway answers for paths that it does not know differs; AMP's is not documented.
#[tokio::test]
async fn what_is_not_served_is_said() {
    for status in [400, 403, 404, 405] {
        let server = Server::by(move |seen, _| match seen.path() {
            RUNTIME_INFO => Reply::Say(status, "not here".to_owned()),
            _ => served(),
        })
        .await;
        let answer = Function::of("server_info", &server).ask(json!({})).await;
        let data = data(&answer);
        assert_eq!(data["build_info"]["version"], "2.42.0");
        assert!(data["runtime_info"].is_null());
        assert_eq!(
            data["not_served"],
            json!([{"path": RUNTIME_INFO, "status": status, "error": "not here"}])
        );
    }
}

#[tokio::test]
async fn a_workspace_that_serves_neither_but_answers_queries_is_no_error() {
    let server = Server::by(|seen, _| match seen.path() {
        "/api/v1/query" => Reply::nothing(),
        _ => Reply::Say(404, String::new()),
    })
    .await;
    let answer = Function::of("server_info", &server).ask(json!({})).await;
    assert_eq!(data(&answer)["not_served"].as_array().unwrap().len(), 2);
    assert_eq!(data(&answer)["answers_queries"], true);
}

#[tokio::test]
async fn a_workspace_that_refuses_everything_is_an_error() {
    let server = Server::by(|_, _| Reply::Say(403, r#"{"message":"Access denied"}"#.to_owned())).await;
    let answer = Function::of("server_info", &server).ask(json!({})).await;
    assert_eq!(error(&answer), (403, "Access denied"));
    assert!(server.seen().iter().any(|seen| seen.path() == BUILD_INFO));
}
