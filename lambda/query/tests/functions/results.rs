//! The size of results: for Lambda, for models, and as requested.

use serde_json::{Value, json};

use crate::scripted::{Answer, ScriptedServer, json_text};
use crate::support::{Function, data};

/// Lambda's quota for the response of a synchronous invocation.
const MAX_RESPONSE_BYTES: usize = 6 * 1_024 * 1_024;

/// The JSON of `count` series of about `bytes` bytes each.
fn vector(count: usize, bytes: usize) -> Answer {
    let padding = "x".repeat(bytes.saturating_sub(70));
    let series: Vec<_> = (0..count)
        .map(|n| {
            format!(
                r#"{{"metric":{{"__name__":"a","n":"{n:07}","pad":"{padding}"}},"value":[1700000000,"1"]}}"#
            )
        })
        .collect();
    let series = series.join(",");
    json_text(200, format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{series}]}}}}"#))
}

fn matrix(series: usize, points: usize) -> Answer {
    let values: Vec<_> = (0..points).map(|n| json!([1_700_000_000 + n, format!("{n}.5")])).collect();
    let series: Vec<_> =
        (0..series).map(|n| json!({"metric": {"n": n.to_string()}, "values": values})).collect();
    Answer::json(200, &json!({"status": "success", "data": {"resultType": "matrix", "result": series}}))
}

async fn query(reply: Answer, payload: Value) -> Value {
    let server = ScriptedServer::in_order(vec![reply]).await;
    Function::of("query", &server).invoke(payload).await
}

async fn agent_query(reply: Answer, payload: Value) -> Value {
    let server = ScriptedServer::in_order(vec![reply]).await;
    Function::of("range_query", &server).invoke_tool("t___range_query", payload).await
}

#[tokio::test]
async fn a_result_over_the_quota_is_truncated_and_counted() {
    let response = query(vector(40_000, 250), json!({"query": "a"})).await;
    let bytes = response.to_string().len();
    assert!((5_000_000..MAX_RESPONSE_BYTES).contains(&bytes), "{bytes}");
    let data = data(&response);
    let returned = data["result"].as_array().unwrap().len();
    assert_eq!((&data["truncated"], &data["returned"]), (&json!(true), &json!(returned)));
    assert_eq!(data["left_out"], 40_000 - returned);
    assert!(data["narrow"].as_str().unwrap().contains("label matchers"), "{}", data["narrow"]);
}

/// Lambda counts the bytes of the response, in which a string has a backslash before every quote.
#[tokio::test]
async fn a_result_in_a_string_has_room_for_escapes() {
    let event = json!({"requestContext": {}, "queryStringParameters": {"query": "a"}});
    let response = query(vector(40_000, 250), event).await;
    let bytes = response.to_string().len();
    assert!((5_900_000..MAX_RESPONSE_BYTES).contains(&bytes), "{bytes}");
    let body: Value = serde_json::from_str(response["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["data"]["truncated"], true);
}

#[tokio::test]
async fn a_result_over_16_mb_has_an_unknown_rest() {
    let response = query(vector(80_000, 250), json!({"query": "a"})).await;
    assert!(response.to_string().len() < MAX_RESPONSE_BYTES);
    let data = data(&response);
    assert_eq!((&data["truncated"], &data["left_out"]), (&json!(true), &Value::Null));
    assert_eq!(data["result"][0]["metric"]["n"], "0000000");
}

#[tokio::test]
async fn the_caller_can_limit_the_series() {
    let response = query(vector(8, 100), json!({"query": "a", "limit": 7})).await;
    assert_eq!(data(&response)["result"].as_array().unwrap().len(), 7);
    assert_eq!(data(&response)["left_out"], 1);
    let response = query(vector(7, 100), json!({"query": "a", "limit": 7})).await;
    assert_eq!(data(&response).get("truncated"), None);
}

#[tokio::test]
async fn warnings_and_infos_are_passed_on() {
    for (handler, payload, result) in [
        ("query", json!({"query": "a"}), json!({"resultType": "vector", "result": []})),
        ("list_metrics", json!({}), json!([])),
    ] {
        let reply =
            json!({"status": "success", "data": result, "warnings": ["partial response"], "infos": ["slow"]});
        let server = ScriptedServer::in_order(vec![Answer::json(200, &reply)]).await;
        let response = Function::of(handler, &server).invoke(payload).await;
        assert_eq!(data(&response)["warnings"], json!(["partial response"]));
        assert_eq!(data(&response)["infos"], json!(["slow"]));
    }
}

#[tokio::test]
async fn an_agent_gets_50_series_of_a_query_by_default() {
    let query = async |payload: Value| {
        let server = ScriptedServer::in_order(vec![vector(300, 100)]).await;
        let response = Function::of("query", &server).invoke_tool("t___query", payload).await;
        data(&response).clone()
    };
    let data = query(json!({"query": "a"})).await;
    assert_eq!((data["result"].as_array().unwrap().len(), &data["left_out"]), (50, &json!(250)));
    assert_eq!(query(json!({"query": "a", "limit": 60})).await["left_out"], 240);
}

#[tokio::test]
async fn an_agent_gets_a_point_of_each_series_of_a_range() {
    let response = agent_query(matrix(900, 251), json!({"query": "a"})).await;
    assert!(response.to_string().len() < 70_000, "{}", response.to_string().len());
    let series = data(&response)["result"].as_array().unwrap();
    assert_eq!((series.len(), &data(&response)["left_out"]), (900, &json!(0)));
    assert!(series.iter().all(|series| !series["values"].as_array().unwrap().is_empty()));
    let response = agent_query(matrix(300, 2), json!({"query": "a", "limit": 60})).await;
    assert_eq!(data(&response)["left_out"], 240);
}

/// 251 points of 50 series are more than a model can read; every n-th of them is not.
#[tokio::test]
async fn an_agent_gets_all_series_with_fewer_points() {
    let response = agent_query(matrix(50, 251), json!({"query": "a"})).await;
    assert!(response.to_string().len() < 70_000, "{}", response.to_string().len());
    let data = data(&response);
    assert_eq!((&data["truncated"], &data["left_out"]), (&json!(true), &json!(0)));
    assert_eq!(data["returned"], 50);
    assert!(data["narrow"].as_str().unwrap().contains("a larger step"));
    let nth = data["every_nth_point"].as_u64().unwrap();
    for series in data["result"].as_array().unwrap() {
        let values = series["values"].as_array().unwrap();
        assert_eq!(values.len() as u64, 251_u64.div_ceil(nth));
        assert_eq!(values[values.len() - 1], json!([1_700_000_250, 250.5]), "the last point");
    }
    let response = query(matrix(50, 251), json!({"query": "a"})).await;
    assert_eq!(crate::support::data(&response).get("every_nth_point"), None, "other callers get every point");
}
