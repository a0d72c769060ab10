//! The operation `list_metrics`: filters, pages and metadata.

use serde_json::{Value, json};

use crate::scripted::{Answer, ScriptedServer, json_text, parameter};
use crate::support::{Function, data};

const NAMES: &str = "/api/v1/label/__name__/values";

async fn server(names: Vec<String>) -> ScriptedServer {
    ScriptedServer::by(move |seen, _| match seen.path() {
        NAMES => Answer::json(200, &json!({"status": "success", "data": names})),
        "/api/v1/metadata" => Answer::json(
            200,
            &json!({"status": "success", "data": {
                "latency": [{"type": "histogram", "help": "How long.", "unit": "seconds"}],
                "up": [{"type": "gauge", "help": "", "unit": ""}]}}),
        ),
        _ => json_text(404, String::new()),
    })
    .await
}

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("metric_{n:04}")).collect()
}

#[tokio::test]
async fn filters_are_sent_to_the_server() {
    let server = server(vec![]).await;
    let function = Function::of("list_metrics", &server);
    data(&function.invoke(json!({})).await);
    let filters = json!({"prefix": "http_", "regex": ".*_total", "start": 10, "end": "1970-01-01T00:00:20Z"});
    data(&function.invoke(filters).await);
    let seen = server.requests();
    assert_eq!(seen[0].target, NAMES, "no filters");
    let parameter = |name| parameter(&seen[1], name).unwrap();
    assert_eq!(parameter("match[]"), r#"{__name__!="",__name__=~"http_.*",__name__=~".*_total"}"#);
    assert_eq!((parameter("start"), parameter("end")), ("10".to_owned(), "20".to_owned()));
}

#[tokio::test]
async fn pages_contain_every_name_once() {
    let server = server(numbered(25)).await;
    let function = Function::of("list_metrics", &server);
    let (mut names, mut token) = (Vec::new(), Value::Null);
    for page in 0..3 {
        let response = function.invoke(json!({"limit": 10, "next_token": token})).await;
        let data = data(&response);
        assert_eq!(data["total"], 25);
        names
            .extend(data["metrics"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()));
        token = data.get("next_token").cloned().unwrap_or_default();
        assert_eq!(token.is_null(), page == 2, "{data}");
        assert_eq!(data.get("truncated").is_none(), page == 2, "{data}");
    }
    assert_eq!(names, numbered(25));
}

#[tokio::test]
async fn an_agent_gets_200_names_by_default() {
    let server = server(numbered(500)).await;
    let function = Function::of("list_metrics", &server);
    let direct = function.invoke(json!({})).await;
    assert_eq!(data(&direct), &json!({"metrics": numbered(500), "total": 500}));
    let agent = function.invoke_tool("t___list_metrics", json!({})).await;
    assert_eq!(data(&agent)["metrics"].as_array().unwrap().len(), 200);
    assert_eq!(
        (&data(&agent)["left_out"], &data(&agent)["next_token"]),
        (&json!(300), &json!("metric_0199"))
    );
}

#[tokio::test]
async fn a_list_over_the_quota_continues_with_next_token() {
    let names: Vec<_> = (0..60_000).map(|n| format!("{}_{n:06}", "x".repeat(130))).collect();
    let server = server(names.clone()).await;
    let function = Function::of("list_metrics", &server);
    let first = function.invoke(json!({})).await;
    let returned = data(&first)["returned"].as_u64().unwrap();
    let second = function.invoke(json!({"next_token": data(&first)["next_token"]})).await;
    let rest = data(&second)["metrics"].as_array().unwrap();
    assert_eq!(returned + rest.len() as u64, 60_000);
    assert_eq!(rest.last().unwrap(), names.last().unwrap());
}

#[tokio::test]
async fn metadata_is_added_on_request() {
    let server = server(["latency_bucket", "up", "own"].map(str::to_owned).to_vec()).await;
    let function = Function::of("list_metrics", &server);
    let response = function.invoke(json!({"metadata": true})).await;
    assert_eq!(
        data(&response)["metrics"],
        json!([
            {"name": "latency_bucket", "type": "histogram", "help": "How long.", "unit": "seconds"},
            {"name": "own"},
            {"name": "up", "type": "gauge", "help": "", "unit": ""}
        ])
    );
    function.invoke(json!({})).await;
    let requests = server.requests().iter().filter(|seen| seen.path() == "/api/v1/metadata").count();
    assert_eq!(requests, 1, "only on request");
}
