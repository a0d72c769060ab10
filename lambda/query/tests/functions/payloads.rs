//! Payloads of direct callers, HTTP events and agent gateways.

use serde_json::{Value, json};

use crate::scripted::{Request, ScriptedServer, empty, parameter};
use crate::support::{Function, data, error};

/// The request that a payload leads to.
async fn request(handler: &str, payload: Value) -> Request {
    let server = ScriptedServer::in_order(vec![empty()]).await;
    data(&Function::of(handler, &server).invoke(payload).await);
    server.requests().remove(0)
}

#[tokio::test]
async fn parameters_are_sent_in_the_notation_of_prometheus() {
    for (handler, payload, expected) in [
        ("query", json!({"query": "up"}), vec![("query", "up"), ("time", "1700000000")]),
        (
            "query",
            json!({"body": {"query": "up", "time": "2020-09-13T14:26:40.5+02:00"}}),
            vec![("query", "up"), ("time", "1600000000.5")],
        ),
        (
            "range_query",
            json!({"query": "up", "start": "-6h", "end": "now-5h", "step": "1m30s"}),
            vec![("query", "up"), ("start", "1699978400"), ("end", "1699982000"), ("step", "90")],
        ),
    ] {
        let seen = request(handler, payload).await;
        let path = if handler == "query" { "/api/v1/query" } else { "/api/v1/query_range" };
        assert_eq!((seen.method.as_str(), seen.path()), ("GET", path));
        for (name, value) in expected {
            assert_eq!(parameter(&seen, name).as_deref(), Some(value), "{name}");
        }
    }
}

#[tokio::test]
async fn invalid_parameters_are_400_and_nothing_is_sent() {
    let server = ScriptedServer::in_order(vec![empty()]).await;
    for (handler, payload, expected) in [
        ("query", json!(["up"]), "invalid payload: expected a JSON object"),
        ("range_query", json!({"query": "up", "step": "0s"}), "invalid parameter step: expected a"),
        ("list_metrics", json!({"start": 20, "end": 10}), "invalid parameter start: expected a time not"),
        ("list_metrics", json!({"regex": "a".repeat(501)}), "invalid parameter regex: expected a string"),
        ("server_info", json!({"workspace_id": "../x"}), "invalid parameter workspace_id: expected the id"),
        ("find_workspace", json!({}), "missing required parameter: alias (or workspace_id, or list_all"),
        ("find_workspace", json!({"alias": "a", "list_all": true}), "invalid parameter alias: expected only"),
        ("find_workspace", json!({"workspace_id": "a/b"}), "invalid parameter workspace_id: expected the id"),
        ("find_workspace", json!({"alias": "a", "region": "x.evil"}), "invalid parameter region: expected"),
        // A server that only the caller names.
        ("query", json!({"query": "up", "workspace_url": server.url()}), "invalid parameter workspace_url"),
    ] {
        let url = server.url();
        let variables = [("WORKSPACE_URL", "http://127.0.0.1:9"), ("AWS_ENDPOINT_URL_AMP", &*url)];
        let response = Function::new(handler, &variables).invoke(payload.clone()).await;
        let (status, error) = error(&response);
        assert_eq!((status, &response["body"]["operation"]), (400, &json!(handler)), "{payload}");
        assert!(error.starts_with(expected), "{error}");
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn an_unknown_tool_is_an_error_with_the_known_ones() {
    let response = Function::new("query", &[]).invoke_tool("target___delete_all", json!({})).await;
    let expected = "unknown tool \"target___delete_all\"; expected one of query, range_query, list_metrics, \
                    server_info, find_workspace";
    assert_eq!(error(&response), (400, expected));
    let response = Function::new("tools", &[]).invoke(json!({"query": "up"})).await;
    assert!(error(&response).1.starts_with("unknown tool (no name)"), "{response}");
}

#[tokio::test]
async fn http_responses_have_a_body_of_text() {
    let server = ScriptedServer::in_order(vec![empty()]).await;
    let function = Function::of("query", &server);
    for (parameters, status, expected) in [
        (json!({"query": "up"}), 200, ""),
        (json!({}), 400, "missing required parameter: query"),
        (json!({"query": "up", "limit": "no"}), 400, "invalid parameter limit"),
    ] {
        let event = json!({"requestContext": {}, "queryStringParameters": parameters});
        let response = function.invoke(event).await;
        assert_eq!(response["statusCode"], status, "{response}");
        let body: Value = serde_json::from_str(response["body"].as_str().expect("text")).expect("JSON");
        assert_eq!(body["success"], status == 200);
        let error = body["error"].as_str().unwrap_or_default();
        assert!(error.starts_with(expected), "{error}");
    }
    assert!(server.requests().iter().all(|seen| parameter(seen, "query").as_deref() == Some("up")));
}
