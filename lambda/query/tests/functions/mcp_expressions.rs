//! What a model reads of over 200 expressions is what Prometheus answers: the same series, times and doubles.

use std::path::Path;

use bytes::Bytes;
use http::Method;
use local_testing::prometheus::Prometheus;
use local_testing::prometheus::client::PrometheusClient;
use local_testing::promql::{self, END_S};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::mcp::call;
use crate::support::{Function, fixed_now};

/// The answer of Prometheus itself.
async fn answer(client: &PrometheusClient, expression: &str) -> (u16, Value) {
    let query = utf8_percent_encode(expression, NON_ALPHANUMERIC);
    let path = format!("/api/v1/query?query={query}&time={END_S}");
    let answer = client.send(&Method::GET, &path, &[], Bytes::new()).await.expect("an answer");
    (answer.status.as_u16(), with_texts(str::from_utf8(&answer.body).expect("UTF-8")))
}

/// The JSON with its numbers as strings, because `serde_json` rounds them by its own rule.
fn with_texts(json: &str) -> Value {
    let (mut text, mut is_string, mut is_escaped, mut is_number) = (String::new(), false, false, false);
    for c in json.chars() {
        let is_part = !is_string && (c.is_ascii_digit() || (is_number && "+-.eE".contains(c)) || c == '-');
        if is_part != is_number {
            text.push('"');
            is_number = is_part;
        }
        is_string ^= c == '"' && !is_escaped;
        is_escaped = is_string && c == '\\' && !is_escaped;
        text.push(c);
    }
    serde_json::from_str(&text).expect("JSON")
}

fn bits(value: &Value) -> Option<u64> {
    let double: f64 = value.as_str()?.parse().ok()?;
    Some(if double.is_nan() { f64::NAN } else { double }.to_bits())
}

/// The elements of a result by their labels, since Prometheus returns those of some expressions in a random order.
fn by_labels(result: &Value) -> Value {
    let mut elements = result.as_array().expect("a list").clone();
    if elements.iter().all(Value::is_object) {
        elements.sort_by_key(|element| element["metric"].to_string());
    }
    elements.into()
}

/// Whether two elements are the same but for the notation of values. A native histogram has the same count and sum.
fn is_same(prometheus: &Value, tool: &Value) -> bool {
    match (prometheus, tool) {
        (Value::Object(a), Value::Object(b)) if a.contains_key("buckets") => {
            ["count", "sum"].iter().all(|name| is_same(&a[*name], &b[*name])) && b.contains_key("p99")
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| is_same(a, b)))
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b))
        }
        (a, b) => a == b || (bits(a).is_some() && bits(a) == bits(b)),
    }
}

#[tokio::test]
async fn expressions_have_the_answers_of_prometheus() {
    let cloud = Cloud::at(fixed_now()).await;
    promql::write(cloud.prometheus.url()).await.expect("its receiver");
    let client = PrometheusClient::new(cloud.prometheus.url()).expect("a base URL");
    let function = Function::new("api", &[("WORKSPACE_URL", &cloud.url()), ("HTTP_AUTH", "none")]);
    let mut wrong = Vec::new();
    let (mut equal, mut refused) = (0, 0);
    for expression in promql::expressions() {
        let (status, body) = answer(&client, expression).await;
        let arguments = json!({"query": expression, "time": END_S, "limit": 100_000});
        let (texts, is_error) = call(&function, "query", arguments).await;
        let is_equal = if status == 200 {
            let data = with_texts(&texts[0]);
            equal += 1;
            !is_error
                && data.get("truncated").is_none()
                && data["resultType"] == body["data"]["resultType"]
                && is_same(&by_labels(&body["data"]["result"]), &by_labels(&data["result"]))
        } else {
            refused += 1;
            is_error && texts[0] == body["error"].as_str().expect("a message")
        };
        if !is_equal {
            wrong.push(format!("{expression}: {texts:?} is not {body}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(equal >= 200 && refused >= 20, "{equal} {refused}");
}

/// Prometheus estimates exponentially since 3.0.
#[tokio::test]
#[ignore = "npm run conformance has Prometheus 3"]
async fn quantiles_are_those_of_prometheus() {
    let program = std::env::var_os("PROMETHEUS3").expect("the path of Prometheus 3");
    let prometheus = Prometheus::start(Path::new(&program), 0).await.expect("prometheus");
    promql::write(prometheus.url()).await.expect("its receiver");
    let client = PrometheusClient::new(prometheus.url()).expect("a base URL");
    let function = Function::new(
        "api",
        &[("WORKSPACE_URL", prometheus.url()), ("WORKSPACE_AUTH", "none"), ("HTTP_AUTH", "none")],
    );
    let mut compared = 0;
    for histogram in [
        "latency_seconds",
        "latency_seconds / 3",
        "sum(latency_seconds)",
        "rate(latency_seconds[2m])",
        "sum by (job) (increase(latency_seconds[90s]))",
    ] {
        let arguments = json!({"query": histogram, "time": END_S, "limit": 100_000});
        let (texts, is_error) = call(&function, "query", arguments).await;
        assert!(!is_error, "{histogram}: {texts:?}");
        let ours: Value = serde_json::from_str(&texts[0]).expect("JSON");
        for (name, q) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)] {
            let (_, body) = answer(&client, &format!("histogram_quantile({q}, {histogram})")).await;
            let theirs = body["data"]["result"].as_array().expect("a list");
            for element in ours["result"].as_array().expect("a list") {
                let mut labels = element["metric"].clone();
                labels.as_object_mut().expect("labels").remove("__name__");
                let same = theirs.iter().find(|other| other["metric"] == labels).expect("its quantile");
                let expected: f64 = same["value"][1].as_str().expect("text").parse().expect("a number");
                let quantile = element["histogram"][1][name].as_f64().expect("a number");
                // It has four digits.
                let is_equal = (quantile - expected).abs() <= expected.abs() * 5e-4;
                assert!(is_equal, "{name} of {histogram}: {quantile} is not {expected}");
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 24);
}
