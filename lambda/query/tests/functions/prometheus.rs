//! Reads back what the gateway wrote, from a real Prometheus behind the AMP stand-in.

use std::time::{SystemTime, UNIX_EPOCH};

use local_lambda::runtime::{Function, FunctionOptions, RoleCredentials};
use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::support::{NOW_S, binary, credentials, data, error, fixed_now};

/// Doubles that are hard to print or to parse.
const HARD_VALUES: [f64; 16] = [
    0.1,
    0.1 + 0.2,
    1.0 / 3.0,
    -1.5,
    0.0,
    -0.0,
    5e-324,
    f64::MIN_POSITIVE,
    f64::MAX,
    f64::MIN,
    1e-7,
    1e21,
    123_456_789.123_456_78,
    9_007_199_254_740_993.0,
    f64::INFINITY,
    f64::NEG_INFINITY,
];

fn text(value: f64) -> String {
    match value {
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        value => format!("{value:e}"),
    }
}

#[expect(clippy::disallowed_methods, reason = "the I/O boundary of the test")]
fn system_now() -> SystemTime {
    SystemTime::now()
}

/// Each value as a series of its own.
fn events(now_ms: u128) -> Value {
    let event = |(n, value): (usize, &f64)| json!({"dimensions": {"n": n.to_string()}, "timestamp": now_ms, "metrics": {"hard": text(*value)}});
    HARD_VALUES.iter().enumerate().map(event).collect()
}

/// The values of `result` by the label `n`.
fn bits(result: &Value, value_of: impl Fn(&Value) -> &Value) -> Vec<u64> {
    let mut values = vec![0; HARD_VALUES.len()];
    for series in result.as_array().expect("series") {
        let n: usize = series["metric"]["n"].as_str().expect("a label").parse().expect("a number");
        let value = value_of(series).as_str().expect("a text");
        values[n] = value.parse::<f64>().expect("a double").to_bits();
    }
    values
}

#[tokio::test]
async fn written_values_are_read_back_to_the_last_bit() {
    let now = system_now();
    let cloud = Cloud::at(now).await;
    let now_ms = now.duration_since(UNIX_EPOCH).unwrap().as_millis();
    cloud.write(&events(now_ms)).await;
    let expected: Vec<_> = HARD_VALUES.iter().map(|value| value.to_bits()).collect();
    let time = (now_ms / 1_000 + 1).to_string();
    for (handler, payload) in [
        ("query", json!({"query": "hard", "time": time})),
        ("range_query", json!({"query": "hard", "start": time, "end": time, "step": 1})),
    ] {
        let mut options =
            FunctionOptions::new(binary()).env("_HANDLER", handler).env("WORKSPACE_URL", cloud.url());
        options.credentials = RoleCredentials::Environment(credentials());
        let mut function = Function::spawn(options).await.expect("a start");
        let response = function.invoke(payload.to_string()).await.json().expect("JSON");
        let found = bits(&data(&response)["result"], |series| {
            if handler == "query" { &series["value"][1] } else { &series["values"][0][1] }
        });
        assert_eq!(found, expected, "{handler}");
    }
}

#[tokio::test]
async fn promql_errors_are_passed_on() {
    let cloud = Cloud::at(fixed_now()).await;
    for handler in ["query", "range_query"] {
        for (query, message) in [
            ("sum(up", "parse error: unclosed left parenthesis"),
            ("up{", "parse error"),
            ("rate(up)", "expected type range vector in call to function \"rate\", got instant vector"),
            ("no_such_function(up)", "unknown function with name \"no_such_function\""),
        ] {
            let response = cloud.function(handler).invoke(json!({"query": query})).await;
            let (status, error) = error(&response);
            assert_eq!((status, &response["body"]["errorType"]), (400, &json!("bad_data")), "{error}");
            assert!(error.contains(message), "{error}");
        }
    }
}

/// An error while a query is evaluated has status 422 (Prometheus, "HTTP API", "Format overview").
#[tokio::test]
async fn an_evaluation_error_is_422() {
    let cloud = Cloud::at(fixed_now()).await;
    cloud.write(&events(u128::from(NOW_S) * 1_000)).await;
    let response = cloud.function("query").invoke(json!({"query": "hard * on(a) hard"})).await;
    let (status, error) = error(&response);
    assert_eq!((status, &response["body"]["errorType"]), (422, &json!("execution")), "{error}");
    assert!(error.contains("many-to-many matching not allowed"), "{error}");
}

#[tokio::test]
async fn scalars_and_strings_are_results() {
    let cloud = Cloud::at(fixed_now()).await;
    let function = cloud.function("query");
    let result =
        async |query: &str| data(&function.invoke(json!({"query": query, "limit": 1})).await).clone();
    assert_eq!(result("1 / 4").await, json!({"resultType": "scalar", "result": [NOW_S, "0.25"]}));
    assert_eq!(result("\"a\\\"b\"").await, json!({"resultType": "string", "result": [NOW_S, "a\"b"]}));
    let agent = cloud.function("tools").invoke_tool("t___query", json!({"query": "1 / 4"})).await;
    assert_eq!(data(&agent), &json!({"resultType": "scalar", "result": [NOW_S, 0.25]}));
}

#[tokio::test]
async fn prometheus_accepts_as_many_steps_as_the_function() {
    let cloud = Cloud::at(fixed_now()).await;
    let function = cloud.function("range_query");
    let payload = |range_s| json!({"query": "vector(1)", "start": NOW_S - range_s, "step": "1s"});
    let response = function.invoke(payload(11_000)).await;
    assert_eq!(data(&response)["result"][0]["values"].as_array().map(Vec::len), Some(11_001));
    let response = function.invoke(payload(11_001)).await;
    let (status, error) = error(&response);
    assert_eq!(status, 400);
    assert!(error.starts_with("invalid parameter step: expected at least 2s"), "{error}");
}

#[tokio::test]
async fn metrics_are_listed_and_filtered_by_the_server() {
    let cloud = Cloud::at(fixed_now()).await;
    let event = |name: &str, seconds_ago: u64| json!({"dimensions": {}, "timestamp": (NOW_S - seconds_ago) * 1_000, "metrics": {name: 1}});
    cloud
        .write(&json!([
            event("old_total", 1_200),
            event("http_requests_total", 5),
            event("http_errors_total", 5),
            event("xhttp_total", 5),
        ]))
        .await;
    let function = cloud.function("list_metrics");
    let names = async |payload: Value| data(&function.invoke(payload).await)["metrics"].clone();
    let all = json!(["http_errors_total", "http_requests_total", "old_total", "xhttp_total"]);
    assert_eq!(names(json!({})).await, all);
    assert_eq!(names(json!({"regex": ".*"})).await, all);
    assert_eq!(names(json!({"prefix": "http_"})).await, json!(["http_errors_total", "http_requests_total"]));
    assert_eq!(names(json!({"prefix": "http."})).await, json!([]), "a prefix is not a regular expression");
    assert_eq!(
        names(json!({"regex": "x?http_(requests_)?total"})).await,
        json!(["http_requests_total", "xhttp_total"])
    );
    assert_eq!(names(json!({"prefix": "http_", "regex": ".*errors.*"})).await, json!(["http_errors_total"]));
    assert_eq!(names(json!({"prefix": "h\"}) or vector(1) #"})).await, json!([]));
    assert_eq!(names(json!({"regex": "x\\w+\nl|xhttp_\\w+"})).await, json!(["xhttp_total"]));
    assert_eq!(names(json!({"metadata": true, "limit": 1})).await, json!([{"name": "http_errors_total"}]));
    let response = function.invoke(json!({"regex": "("})).await;
    let (status, error) = error(&response);
    assert_eq!(status, 400, "{error}");
    assert!(error.contains("missing closing )"), "{error}");
}

#[tokio::test]
async fn server_info_depends_on_what_the_workspace_serves() {
    let cloud = Cloud::at(fixed_now()).await;
    let response = cloud.function("server_info").invoke(json!({})).await;
    let of_workspace = data(&response);
    assert_eq!(
        (&of_workspace["workspace_url"], &of_workspace["region"]),
        (&json!(cloud.url()), &json!("eu-west-1"))
    );
    assert!(of_workspace["build_info"]["version"].is_string(), "{of_workspace}");
    assert_eq!(of_workspace["not_served"][0]["path"], "/api/v1/status/runtimeinfo", "{of_workspace}");
    let variables = [("WORKSPACE_URL", cloud.prometheus.url()), ("WORKSPACE_AUTH", "none")];
    let response = crate::support::Function::new("server_info", &variables).invoke(json!({})).await;
    let of_prometheus = data(&response);
    assert_eq!(of_prometheus["build_info"], of_workspace["build_info"]);
    assert!(of_prometheus["runtime_info"]["startTime"].is_string(), "{of_prometheus}");
    assert_eq!(of_prometheus["not_served"], json!([]));
}

/// The stand-in rejects an unknown workspace id as AMP does.
#[tokio::test]
async fn an_unknown_workspace_is_an_error() {
    let cloud = Cloud::at(fixed_now()).await;
    let url = format!("{}-other", cloud.url());
    for handler in ["query", "server_info", "list_metrics"] {
        let payload = if handler == "query" { json!({"query": "up"}) } else { json!({}) };
        let response =
            crate::support::Function::new(handler, &[("WORKSPACE_URL", &url)]).invoke(payload).await;
        let (status, error) = error(&response);
        assert!((403..=404).contains(&status), "{handler}: {status} {error}");
    }
}
