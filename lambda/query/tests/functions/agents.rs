//! Tools of an agent gateway: the name in the client context, and answers that a model can read.

use serde_json::{Value, json};

use crate::scripted::{Reply, Server};
use crate::support::{Function, data, error};

fn matrix(series: usize, points: usize) -> Reply {
    let values: Vec<_> = (0..points).map(|n| json!([1_700_000_000 + n, format!("{n}.5")])).collect();
    let series: Vec<_> =
        (0..series).map(|n| json!({"metric": {"n": n.to_string()}, "values": values})).collect();
    Reply::json(200, &json!({"status": "success", "data": {"resultType": "matrix", "result": series}}))
}

/// gateway-add-target-lambda, "Lambda function input format": the event has the properties, the context the tool.
#[tokio::test]
async fn one_function_serves_every_tool_by_its_name() {
    let server = Server::by(|seen, _| match seen.path() {
        "/api/v1/query_range" => matrix(1, 1),
        "/api/v1/label/__name__/values" => Reply::json(200, &json!({"status": "success", "data": ["a"]})),
        "/workspaces" => Reply::json(200, &json!({"workspaces": []})),
        "/api/v1/query" => Reply::nothing(),
        _ => Reply::json(200, &json!({"status": "success", "data": {"version": "2"}})),
    })
    .await;
    for handler in ["tools", "query"] {
        let variables = [("WORKSPACE_URL", server.url()), ("AWS_ENDPOINT_URL_AMP", server.url())];
        let function = Function::new(handler, &variables);
        for (tool, payload) in [
            ("query", json!({"query": "up"})),
            ("range_query", json!({"query": "up"})),
            ("list_metrics", json!({})),
            ("server_info", json!({})),
            ("find_workspace", json!({"list_all": true})),
        ] {
            let answer = function.ask_tool(&format!("my-target___{tool}"), payload).await;
            data(&answer);
            assert_eq!(answer["body"]["operation"], tool);
        }
    }
}

#[tokio::test]
async fn a_tool_that_there_is_not_is_refused_with_those_that_there_are() {
    let function = Function::new("query", &[]);
    let answer = function.ask_tool("target___delete_all", json!({})).await;
    assert_eq!(
        error(&answer),
        (
            400,
            "unknown tool \"target___delete_all\"; there are query, range_query, list_metrics, server_info, \
             find_workspace"
        )
    );
    let answer = Function::new("tools", &[]).ask(json!({"query": "up"})).await;
    assert_eq!(error(&answer).0, 400);
}

#[tokio::test]
async fn an_agent_gets_numbers_and_a_program_what_prometheus_wrote() {
    let server = Server::in_order(vec![matrix(1, 2)]).await;
    let function = Function::of("range_query", &server);
    let payload = json!({"query": "a"});
    let values = |answer: &Value| data(answer)["result"][0]["values"].clone();
    let agent = function.ask_tool("t___range_query", payload.clone()).await;
    assert_eq!(values(&agent), json!([[1_700_000_000, 0.5], [1_700_000_001, 1.5]]));
    let program = function.ask(payload).await;
    assert_eq!(values(&program), json!([[1_700_000_000, "0.5"], [1_700_000_001, "1.5"]]));
}

#[tokio::test]
async fn an_agent_gets_few_series_and_is_told_how_many_are_left_out() {
    let server = Server::in_order(vec![matrix(300, 2)]).await;
    let function = Function::of("range_query", &server);
    let answer = function.ask_tool("t___range_query", json!({"query": "a"})).await;
    assert_eq!(data(&answer)["result"].as_array().unwrap().len(), 50);
    assert_eq!(data(&answer)["left_out"], 250);
    let answer = function.ask_tool("t___range_query", json!({"query": "a", "limit": 60})).await;
    assert_eq!(data(&answer)["left_out"], 240);
}

/// 251 points of 50 series are more than a model can read; every n-th of them is not.
#[tokio::test]
async fn an_agent_gets_all_series_with_fewer_points() {
    let server = Server::in_order(vec![matrix(50, 251)]).await;
    let answer =
        Function::of("range_query", &server).ask_tool("t___range_query", json!({"query": "a"})).await;
    assert!(answer.to_string().len() < 70_000, "{}", answer.to_string().len());
    let data = data(&answer);
    assert_eq!((&data["truncated"], &data["left_out"]), (&json!(true), &json!(0)));
    assert_eq!(data["returned"], 50);
    assert!(data["narrow"].as_str().unwrap().contains("a larger step"));
    let nth = data["every_nth_point"].as_u64().unwrap();
    for series in data["result"].as_array().unwrap() {
        let values = series["values"].as_array().unwrap();
        assert_eq!(values.len() as u64, 251_u64.div_ceil(nth));
        assert_eq!(values[values.len() - 1], json!([1_700_000_250, 250.5]), "the last point is there");
    }
}

/// The most points that Prometheus gives of one series, which alone are more than a model can read.
#[tokio::test]
async fn an_agent_always_gets_something_of_a_long_series() {
    for series in [1, 3] {
        let server = Server::in_order(vec![matrix(series, 11_000)]).await;
        let answer =
            Function::of("range_query", &server).ask_tool("t___range_query", json!({"query": "a"})).await;
        assert!(answer.to_string().len() < 70_000, "{}", answer.to_string().len());
        let data = data(&answer);
        assert_eq!((&data["returned"], &data["left_out"]), (&json!(series), &json!(0)));
        assert!(data["result"][0]["values"].as_array().unwrap().len() > 500, "{}", data["every_nth_point"]);
    }
}

#[tokio::test]
async fn a_program_gets_every_point() {
    let server = Server::in_order(vec![matrix(3, 11_000)]).await;
    let answer = Function::of("range_query", &server).ask(json!({"query": "a"})).await;
    assert_eq!(data(&answer).get("every_nth_point"), None);
    assert_eq!(data(&answer)["result"][2]["values"].as_array().unwrap().len(), 11_000);
}
