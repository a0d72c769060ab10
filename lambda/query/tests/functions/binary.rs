//! The real binary under the Lambda runtime emulator: handler names, the client context of a gateway, memory, start.

use push_gateway_local::runtime::{Function, FunctionOptions, InitError, InvocationRequest};
use serde_json::{Value, json};

use crate::scripted::{Reply, Server};
use crate::support::binary;

/// What a function of the read side may need at most for an answer of 5 MB, in kB.
const MEMORY_BUDGET_KB: u64 = 48 * 1_024;

fn options(handler: &str, server: &Server) -> FunctionOptions {
    FunctionOptions::new(binary())
        .env("_HANDLER", handler)
        .env("WORKSPACE_URL", server.url())
        .env("AWS_ENDPOINT_URL_AMP", server.url())
}

async fn all_endpoints() -> Server {
    Server::by(|seen, _| match seen.path() {
        "/api/v1/query" => Reply::nothing(),
        "/api/v1/query_range" => {
            Reply::json(200, &json!({"status": "success", "data": {"resultType": "matrix", "result": []}}))
        }
        "/workspaces" => Reply::json(200, &json!({"workspaces": []})),
        "/api/v1/label/__name__/values" => Reply::json(200, &json!({"status": "success", "data": []})),
        _ => Reply::json(200, &json!({"status": "success", "data": {}})),
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

#[tokio::test]
async fn the_handler_name_chooses_the_operation() {
    let server = all_endpoints().await;
    for (handler, payload) in OPERATIONS {
        let mut function = Function::spawn(options(handler, &server)).await.expect("a start");
        let answer = function.invoke(payload).await.json().expect("JSON");
        assert_eq!(answer["body"]["operation"], handler, "{answer}");
        assert_eq!(
            (&answer["statusCode"], &answer["body"]["success"]),
            (&json!(200), &json!(true)),
            "{answer}"
        );
    }
}

/// gateway-add-target-lambda, "Lambda function input format": the tool's name is in the custom client context.
#[tokio::test]
async fn the_client_context_of_a_gateway_chooses_the_tool() {
    let server = all_endpoints().await;
    let mut function = Function::spawn(options("tools", &server)).await.expect("a start");
    for (tool, payload) in OPERATIONS {
        let context = json!({"custom": {
            "bedrockAgentCoreMessageVersion": "1.0",
            "bedrockAgentCoreToolName": format!("prometheus___{tool}"),
        }});
        let request = InvocationRequest {
            request_id: "11111111-1111-4111-8111-111111111111".to_owned(),
            payload: payload.into(),
            client_context: Some(context.to_string()),
            headers: Vec::new(),
        };
        let answer = function.invoke_as(request).await.json().expect("JSON");
        assert_eq!(answer["body"]["operation"], tool, "{answer}");
        assert_eq!(answer["statusCode"], 200, "{answer}");
    }
}

#[tokio::test]
async fn an_unknown_handler_fails_the_init_and_says_which_there_are() {
    let server = all_endpoints().await;
    match Function::spawn(options("lambda_query.handler", &server)).await {
        Err(InitError::Reported { error_type, message, .. }) => {
            assert_eq!(error_type, "InvalidConfig");
            assert!(
                message.contains("query, range_query, list_metrics, server_info, find_workspace"),
                "{message}"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_answer_of_5_mb_fits_into_the_memory_budget() {
    let series: Vec<_> = (0..21_000)
        .map(|n| json!({"metric": {"n": format!("{n:0200}")}, "value": [1_700_000_000, "1.5"]}))
        .collect();
    let body = json!({"status": "success", "data": {"resultType": "vector", "result": series}}).to_string();
    assert!(body.len() > 5_000_000, "{}", body.len());
    let server = Server::in_order(vec![Reply::Say(200, body)]).await;
    let mut function = Function::spawn(options("query", &server)).await.expect("a start");
    for _ in 0..3 {
        let invocation = function.invoke(r#"{"query":"a"}"#).await;
        let answer = invocation.json().expect("JSON");
        assert_eq!(answer["body"]["data"]["result"].as_array().map(Vec::len), Some(21_000));
        let peak = invocation.max_rss_kb.expect("a process");
        assert!(peak <= MEMORY_BUDGET_KB, "{peak} kB");
    }
}

#[tokio::test]
async fn an_invocation_is_one_log_line_without_secrets() {
    let server = all_endpoints().await;
    let options = options("query", &server).env("AWS_LAMBDA_LOG_LEVEL", "INFO");
    let mut function = Function::spawn(options).await.expect("a start");
    let invocation = function.invoke(r#"{"query":"up"}"#).await;
    let lines: Vec<Value> =
        invocation.logs.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!((&lines[0]["operation"], &lines[0]["status"]), (&json!("query"), &json!(200)));
    assert!(!invocation.logs.concat().contains("local-token"));
}

#[tokio::test]
async fn the_deadline_of_the_function_is_kept() {
    let server = Server::in_order(vec![Reply::Hang]).await;
    let mut options = options("query", &server);
    options.timeout = std::time::Duration::from_millis(1_500);
    let mut function = Function::spawn(options).await.expect("a start");
    let answer = function.invoke(r#"{"query":"up"}"#).await.json().expect("an answer before the time-out");
    assert_eq!(answer["statusCode"], 504, "{answer}");
}
