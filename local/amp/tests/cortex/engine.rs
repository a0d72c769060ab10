//! A real Cortex, with a tenant for each case.

use std::collections::BTreeMap;

use local_amp::LabelSet;
use local_testing::cortex::{Cortex, CortexLimits, CortexOptions};
use serde_json::Value as Json;

use crate::case::{Case, Found, Tenant, Value, render};
use crate::request::Request;

/// The running Cortex.
pub(crate) struct Engine(Cortex);

impl Engine {
    pub(crate) async fn start(tenants: Vec<(String, Tenant)>) -> Self {
        let program = Cortex::find().expect("CORTEX: a built Cortex");
        let tenants = tenants.into_iter().map(|(name, limits)| (name, changes(limits))).collect();
        let options = CortexOptions { tenants, ..CortexOptions::default() };
        Self(Cortex::start(&program, &options).await.expect("it starts"))
    }

    /// Sends the requests of a case to its tenant.
    pub(crate) async fn run(&self, case: &Case, now_ms: i64) -> Found {
        let (mut statuses, mut text) = (Vec::new(), String::new());
        for request in &case.requests {
            let answer = request.send(&self.0.remote_write_url(), Some(&case.tenant())).await;
            statuses.push(answer.0);
            text = answer.1;
        }
        Found { statuses, text, stored: self.stored(&case.tenant(), now_ms).await }
    }

    /// Everything that the tenant has, from hours ago to ten minutes ahead.
    async fn stored(&self, tenant: &str, now_ms: i64) -> String {
        let query = "query=%7B__name__%3D~%22.%2B%22%7D%5B4h%5D";
        let url = format!("{}/api/v1/query?{query}&time={}", self.0.query_url(), now_ms / 1_000 + 700);
        let question = Request { method: http::Method::GET, headers: Vec::new(), body: Vec::new() };
        let (status, answer) = question.send(&url, Some(tenant)).await;
        assert_eq!(status, 200, "{tenant}: {answer}");
        let answer: Json = serde_json::from_str(&answer).expect("JSON");
        let series = answer["data"]["result"].as_array().expect("a matrix").iter();
        render(now_ms, &series.map(|series| (labels(series), values(series))).collect())
    }
}

fn changes(limits: Tenant) -> CortexLimits {
    let changes: &[(&str, &str)] = match limits {
        Tenant::Default => &[],
        Tenant::NoWindow => &[("out_of_order_time_window", "0s")],
        Tenant::Rate10 => &[("ingestion_rate", "10"), ("ingestion_burst_size", "10")],
        Tenant::OneSeries => &[("max_series_per_user", "1")],
        Tenant::HaTracker => &[("accept_ha_samples", "true")],
    };
    changes.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
}

fn labels(series: &Json) -> LabelSet {
    let labels = series["metric"].as_object().expect("labels").iter();
    labels.map(|(name, value)| (name.clone(), value.as_str().expect("a text").to_owned())).collect()
}

fn values(series: &Json) -> BTreeMap<i64, Value> {
    let list = |key| series[key].as_array().into_iter().flatten();
    let at = |sample: &Json| {
        let milliseconds = (sample[0].as_f64().expect("a time") * 1_000.0).round();
        #[expect(clippy::cast_possible_truncation, reason = "a time in milliseconds is far below 2^53")]
        let milliseconds = milliseconds as i64;
        milliseconds
    };
    let number = |text: &Json| text.as_str().and_then(|text| text.parse().ok()).expect("a number");
    let floats = list("values").map(|sample| (at(sample), Value::Float(number(&sample[1]))));
    let histograms = list("histograms").map(|sample| {
        let buckets = sample[1]["buckets"].as_array().map_or(0, Vec::len);
        (at(sample), Value::Histogram(number(&sample[1]["count"]), buckets))
    });
    floats.chain(histograms).collect()
}
