//! A real Prometheus, which receives remote write.

use std::collections::BTreeMap;
use std::time::Duration;

use local_testing::prometheus::Prometheus;
use serde_json::Value;

use crate::http_client;

pub(crate) async fn prometheus() -> Prometheus {
    let program = Prometheus::find().expect("a program `prometheus` in PATH, or its path in PROMETHEUS");
    Prometheus::start(&program, 0).await.expect("prometheus")
}

/// The URL of remote write.
pub(crate) fn remote_write_url(prometheus: &Prometheus) -> String {
    format!("{}/api/v1/write", prometheus.url())
}

/// The result of a query: a vector or a matrix. `path` may have further parameters.
pub(crate) async fn api(prometheus: &Prometheus, path: &str, query: &str) -> Vec<Value> {
    let encoded = query.bytes().fold(String::new(), |url, byte| format!("{url}%{byte:02X}"));
    let answer = http_client::get(&format!("{}/api/v1/{path}query={encoded}", prometheus.url())).await;
    let mut answer: Value = serde_json::from_str(&answer).expect("JSON");
    serde_json::from_value(answer["data"]["result"].take()).expect("a vector or a matrix")
}

/// The number in a pair of a time and a value.
pub(crate) fn number(pair: &Value) -> f64 {
    pair[1].as_str().expect("a text").parse().expect("a number")
}

/// Repeats an instant query until the result has these values by the label `status`.
pub(crate) async fn until(prometheus: &Prometheus, query: &str, expected: &[(&str, f64)]) {
    let expected: BTreeMap<_, _> =
        expected.iter().map(|(status, value)| ((*status).to_owned(), *value)).collect();
    let mut last = BTreeMap::new();
    for _ in 0..600 {
        let result = api(prometheus, "query?", query).await;
        let status = |entry: &Value| entry["metric"]["status"].as_str().unwrap_or_default().to_owned();
        last = result.iter().map(|entry| (status(entry), number(&entry["value"]))).collect();
        if last == expected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{query} is {last:?} and not {expected:?}");
}
