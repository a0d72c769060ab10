//! The samples of a Prometheus, bit for bit.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderValue, Method, header};
use local_testing::prometheus::client::PrometheusClient;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value as Json;

pub(crate) type Labels = BTreeMap<String, String>;

/// Samples by label set and timestamp (milliseconds since the epoch). A series without samples has stale markers only.
pub(crate) type Stored = BTreeMap<Labels, BTreeMap<i64, Value>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Float(u64);

impl From<f64> for Float {
    /// A query returns all kinds of NaN alike.
    fn from(value: f64) -> Self {
        Self(if value.is_nan() { f64::NAN } else { value }.to_bits())
    }
}

impl Float {
    pub(crate) fn get(self) -> f64 {
        f64::from_bits(self.0)
    }
}

/// A value. Numbers are bits, so that NaN equals itself, and 0 does not equal -0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Float(Float),
    Histogram(Histogram),
}

/// A native histogram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Histogram {
    pub(crate) count: Float,
    pub(crate) sum: Float,
    /// Lower bound, upper bound and count of each bucket that is not empty.
    pub(crate) buckets: Vec<[Float; 3]>,
}

/// The samples of `selector` of the two hours before `end_s`, in seconds since the epoch.
pub(crate) async fn samples(client: &PrometheusClient, selector: &str, end_s: i64) -> Stored {
    let query = utf8_percent_encode(&format!("{selector}[2h]"), NON_ALPHANUMERIC).to_string();
    let data = ask(client, "/api/v1/query", format!("query={query}&time={end_s}")).await;
    let mut stored = Stored::new();
    for series in data["result"].as_array().expect("a matrix") {
        let floats = list(&series["values"]).map(|sample| (time(sample), Value::Float(number(&sample[1]))));
        let histograms = list(&series["histograms"]).map(|sample| (time(sample), histogram(&sample[1])));
        stored.insert(labels(&series["metric"]), floats.chain(histograms).collect());
    }
    stored
}

/// The label sets of `selector`, those with stale markers only among them.
pub(crate) async fn series(client: &PrometheusClient, selector: &str, end_s: i64) -> Vec<Labels> {
    let selector = utf8_percent_encode(selector, NON_ALPHANUMERIC);
    let (start, end) = (end_s - 7_200, end_s);
    let data = ask(client, "/api/v1/series", format!("match[]={selector}&start={start}&end={end}")).await;
    list(&data).map(labels).collect()
}

async fn ask(client: &PrometheusClient, path: &str, form: String) -> Json {
    let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
    let headers = [(header::CONTENT_TYPE, form_type)];
    let answer = client.send(&Method::POST, path, &headers, Bytes::from(form)).await.expect("an answer");
    let mut json: Json = serde_json::from_slice(&answer.body).expect("JSON");
    assert_eq!(json["status"], "success", "{path}: {json}");
    json["data"].take()
}

fn list(json: &Json) -> impl Iterator<Item = &Json> {
    json.as_array().into_iter().flatten()
}

fn labels(json: &Json) -> Labels {
    let labels = json.as_object().expect("labels").iter();
    labels.map(|(name, value)| (name.clone(), value.as_str().expect("text").to_owned())).collect()
}

fn time(sample: &Json) -> i64 {
    let milliseconds = (sample[0].as_f64().expect("a time") * 1_000.0).round();
    #[expect(clippy::cast_possible_truncation, reason = "a time in milliseconds is far below 2^53")]
    let milliseconds = milliseconds as i64;
    milliseconds
}

fn number(text: &Json) -> Float {
    text.as_str().and_then(|text| text.parse::<f64>().ok()).expect("a number").into()
}

fn histogram(json: &Json) -> Value {
    let bucket = |bucket: &Json| [1, 2, 3].map(|at| number(&bucket[at]));
    Value::Histogram(Histogram {
        count: number(&json["count"]),
        sum: number(&json["sum"]),
        buckets: list(&json["buckets"]).map(bucket).collect(),
    })
}

/// The label sets that an instant query for `selector` returns now.
pub(crate) async fn current(client: &PrometheusClient, selector: &str) -> Vec<Labels> {
    let query = utf8_percent_encode(selector, NON_ALPHANUMERIC);
    let data = ask(client, "/api/v1/query", format!("query={query}")).await;
    list(&data["result"]).map(|series| labels(&series["metric"])).collect()
}
