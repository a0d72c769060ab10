//! The real binary under the Lambda runtime emulator.

use local_lambda::runtime::{
    Function, FunctionOptions, InvocationRequest, MAX_PAYLOAD_BYTES, RoleCredentials,
};
use serde_json::{Value, json};

use crate::scripted::{Answer, ScriptedServer, empty, json_text, parameter};
use crate::support::{binary, data};

/// The memory budget of a function for a response of 5 MB, in kB.
const MEMORY_BUDGET_KB: u64 = 48 * 1_024;

fn options(handler: &str, server: &ScriptedServer) -> FunctionOptions {
    FunctionOptions::new(binary())
        .env("_HANDLER", handler)
        .env("WORKSPACE_URL", server.url())
        .env("AWS_ENDPOINT_URL_AMP", server.url())
}

async fn all_endpoints() -> ScriptedServer {
    ScriptedServer::by(|seen, _| match seen.path() {
        "/api/v1/query" => empty(),
        "/api/v1/query_range" => {
            Answer::json(200, &json!({"status": "success", "data": {"resultType": "matrix", "result": []}}))
        }
        "/workspaces" => Answer::json(200, &json!({"workspaces": []})),
        "/api/v1/label/__name__/values" => Answer::json(200, &json!({"status": "success", "data": []})),
        _ => Answer::json(200, &json!({"status": "success", "data": {}})),
    })
    .await
}

const OPERATIONS: [(&str, &str); 5] = [
    ("query", r#"{"query":"up"}"#),
    ("range_query", r#"{"query":"up"}"#),
    ("list_metrics", "{}"),
    ("server_info", "{}"),
    ("find_workspace", r#"{"list_all":true}"#),
];

/// gateway-add-target-lambda, "Lambda function input format"; gateway-headers. The tool name wins over the handler name, and
/// the headers of agents choose nothing.
#[tokio::test]
async fn handler_or_tool_name_choose_the_operation() {
    let server = all_endpoints().await;
    for (operation, payload) in OPERATIONS {
        let context = json!({"custom": {
            "bedrockAgentCoreMessageVersion": "1.0",
            "bedrockAgentCorePropagatedHeaders": {"workspace_url": "https://example.com", "traceparent": ["00-1-2-01"]},
            "bedrockAgentCoreToolName": format!("prometheus___{operation}"),
        }});
        let other = if operation == "list_metrics" { "query" } else { "tools" };
        for (handler, client_context) in [(operation, None), (other, Some(context.to_string()))] {
            let mut function = Function::spawn(options(handler, &server)).await.expect("a start");
            let request = InvocationRequest {
                request_id: "11111111-1111-4111-8111-111111111111".to_owned(),
                payload: payload.into(),
                client_context,
                headers: Vec::new(),
                stream: None,
            };
            let response = function.invoke_as(request).await.json().expect("JSON");
            assert_eq!(response["body"]["operation"], operation, "{response}");
            data(&response);
        }
    }
}

#[tokio::test]
async fn a_response_of_5_mb_fits_into_the_memory_budget() {
    let series: Vec<_> = (0..21_000)
        .map(|n| json!({"metric": {"n": format!("{n:0200}")}, "value": [1_700_000_000, "1.5"]}))
        .collect();
    let body = json!({"status": "success", "data": {"resultType": "vector", "result": series}}).to_string();
    assert!(body.len() > 5_000_000, "{}", body.len());
    let server = ScriptedServer::in_order(vec![json_text(200, body)]).await;
    let mut function = Function::spawn(options("query", &server)).await.expect("a start");
    for _ in 0..3 {
        let invocation = function.invoke(r#"{"query":"a"}"#).await;
        let response = invocation.json().expect("JSON");
        assert_eq!(response["body"]["data"]["result"].as_array().map(Vec::len), Some(21_000));
        let peak = invocation.max_rss_kb.expect("a process");
        assert!(peak <= MEMORY_BUDGET_KB, "{peak} kB");
    }
}

/// As a tree of values each of these would take hundreds of megabytes.
#[tokio::test]
async fn large_invalid_payloads_need_little_memory() {
    let server = all_endpoints().await;
    let list = format!("[{}0]", "{\"\":0},".repeat(MAX_PAYLOAD_BYTES / 7 - 20));
    let members: Vec<_> = (0..520_000).map(|at| format!("\"{at:x}\":0")).collect();
    let members = format!("{{{}}}", members.join(","));
    for (payload, expected) in [
        (format!("{{\"query\":{list}}}"), "invalid parameter query: expected a string of at most"),
        (
            format!("{{\"body\":{{\"query\":{list}}}}}"),
            "invalid parameter query: expected a string of at most",
        ),
        (format!("{{\"headers\":{list},\"requestContext\":{{}}}}"), "missing required parameter: query"),
        (format!("{{\"body\":{list}}}"), "invalid payload: expected a JSON object"),
        (members.clone(), "invalid payload: expected a JSON object"),
        (json!({"body": members}).to_string(), "invalid payload: expected a JSON object"),
    ] {
        assert!((5_000_000..MAX_PAYLOAD_BYTES).contains(&payload.len()), "{}", payload.len());
        let mut function = Function::spawn(options("query", &server)).await.expect("a start");
        let invocation = function.invoke(payload).await;
        let response = invocation.json().expect("a response");
        assert_eq!(response["statusCode"], 400, "{response}");
        assert!(response.to_string().contains(expected), "{response}");
        let peak = invocation.max_rss_kb.expect("a process");
        println!("{peak} kB: {expected}");
        assert!(peak <= MEMORY_BUDGET_KB, "{peak} kB");
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn an_invocation_is_one_log_line_without_secrets() {
    let server = ScriptedServer::by(|seen, _| match parameter(seen, "query").as_deref() {
        Some("up") => empty(),
        _ => json_text(400, r#"{"error":"parse error: unexpected end"}"#.to_owned()),
    })
    .await;
    let options = options("query", &server).env("AWS_LAMBDA_LOG_LEVEL", "INFO");
    let mut function = Function::spawn(options).await.expect("a start");
    for (payload, status, error) in [
        (r#"{"query":"up"}"#, 200, None),
        (r#"{"query":"up","time":"soon"}"#, 400, Some("invalid parameter time: expected an RFC 3339 time")),
        (r#"{"query":"up("}"#, 400, Some("parse error: unexpected end")),
    ] {
        let invocation = function.invoke(payload).await;
        assert_eq!(invocation.logs.len(), 1, "{:?}", invocation.logs);
        let line: Value = serde_json::from_str(&invocation.logs[0]).expect("JSON");
        assert_eq!((&line["level"], &line["operation"]), (&json!("INFO"), &json!("query")));
        assert_eq!(line["status"], status);
        let expected = error.unwrap_or_default();
        assert!(line["error"].as_str().unwrap_or_default().starts_with(expected), "{line}");
        assert!(!invocation.logs[0].contains("local-token"));
    }
}

#[tokio::test]
async fn debug_lines_show_query_path_and_status() {
    let server = ScriptedServer::by(|seen, _| match parameter(seen, "query").as_deref() {
        Some("up") => empty(),
        _ => json_text(422, r#"{"error":"too many samples"}"#.to_owned()),
    })
    .await;
    let options = options("query", &server).env("AWS_LAMBDA_LOG_LEVEL", "DEBUG");
    let mut function = Function::spawn(options).await.expect("a start");
    for (query, status) in [("up", 200), ("sum(a)", 422)] {
        let invocation = function.invoke(json!({"query": query, "time": 1}).to_string()).await;
        let lines = invocation.logs.iter().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let lines: Vec<_> = lines.filter(|line| line["target"] == "query::api").collect();
        assert_eq!(lines.len(), 1, "{:?}", invocation.logs);
        assert_eq!((&lines[0]["level"], &lines[0]["status"]), (&json!("DEBUG"), &json!(status)));
        assert_eq!(lines[0]["path"], "/api/v1/query");
        assert_eq!(lines[0]["parameters"], format!("query={query} time=1"));
        for secret in ["local-token", "local-secret", "Signature="] {
            assert!(!invocation.logs.concat().contains(secret), "{secret}");
        }
    }
}

/// SDKs and Tools Reference Guide, "Container credential provider": functions with `SnapStart` get credentials this way.
#[tokio::test]
async fn a_credentials_endpoint_that_hangs_is_named() {
    let server = all_endpoints().await;
    let endpoint = ScriptedServer::in_order(vec![Answer::hang()]).await;
    let mut options = options("query", &server);
    options.timeout = std::time::Duration::from_millis(1_500);
    let (url, authorization_token) = (endpoint.url(), "token".to_owned());
    options.credentials = RoleCredentials::Endpoint { url, authorization_token };
    let mut function = Function::spawn(options).await.expect("a start");
    let response = function.invoke(r#"{"query":"up"}"#).await.json().expect("a response before the timeout");
    assert_eq!(response["statusCode"], 500, "{response}");
    let error = response["body"]["error"].as_str().expect("a string");
    let expected =
        format!("no AWS credentials: no answer from {} (", endpoint.url().trim_start_matches("http://"));
    assert!(error.contains(&expected), "{error}");
    assert!(server.requests().is_empty());
}
