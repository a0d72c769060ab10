//! Each client pushes, adds and deletes a counter, a gauge and a histogram.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::program::Client;
use crate::stage::Stage;

type Labels = BTreeMap<String, String>;

const CITY: (&str, &str) = ("city", "Zürich 1+1");
/// Go and Java send a space as `+`, which the path of a URL does not mean by it; a Pushgateway takes it as it is, too.
const CITY_OF_A_FORM: (&str, &str) = ("city", "Zürich+1+1");
const PATH: (&str, &str) = ("path", "a/b");

/// The histograms that a client has.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Histograms {
    Classic,
    None,
}

/// Runs a client and reads back what it pushed, in its job and in the group with these labels.
async fn check(client: Client, group: &[(&str, &str)], histograms: Histograms) {
    let stage = Stage::start().await;
    if !client.run(&stage).await {
        return;
    }
    let job = client.name;
    let found: BTreeMap<Labels, f64> = stage
        .query(&format!("{{job=\"{job}\"}}"))
        .await
        .iter()
        .filter_map(|series| Some((labels(&series["metric"])?, value(series))))
        .collect();
    let expected = [&[], group].into_iter().flat_map(|group| expected(job, group, histograms)).collect();
    assert_eq!(found, expected);
    // A successful push has its time, in each of both groups.
    let times = stage.query(&format!("push_time_seconds{{job=\"{job}\"}} > time() - 60")).await;
    assert_eq!(times.len(), 2, "{times:?}");
    assert_eq!(stage.query("push_failure_time_seconds").await, [] as [Value; 0]);

    let metadata = stage.get("metadata").await;
    let mut families = vec![("jobs_total", "counter", "Jobs."), ("queue_size", "gauge", "Size.")];
    if histograms == Histograms::Classic {
        families.push(("duration_seconds", "histogram", "Took."));
    }
    for (family, of_type, help) in families {
        let stored = &metadata[format!("{job}_{family}")][0];
        assert_eq!(
            (&stored["type"], &stored["help"]),
            (&json!(of_type), &json!(help)),
            "{job}_{family}: {metadata}"
        );
    }
}

/// The series of a group.
fn expected(job: &str, group: &[(&str, &str)], histograms: Histograms) -> Vec<(Labels, f64)> {
    let series = |name: &str, own: &[(&str, &str)], value: f64| {
        let name = format!("{job}_{name}");
        let labels = [("__name__", &*name), ("job", job)].into_iter().chain(group.iter().chain(own).copied());
        (labels.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(), value)
    };
    let mut all = vec![series("jobs_total", &[("kind", "größe")], 3.0), series("queue_size", &[], 42.5)];
    if histograms == Histograms::Classic {
        let buckets = [("0.1", 1.0), ("1", 2.0), ("10", 3.0), ("+Inf", 4.0)];
        all.extend(buckets.map(|(le, count)| series("duration_seconds_bucket", &[("le", le)], count)));
        all.push(series("duration_seconds_sum", &[], 55.55));
        all.push(series("duration_seconds_count", &[], 4.0));
    }
    all
}

/// The labels of a series that the program itself made, with `le` as most clients write it.
fn labels(metric: &Value) -> Option<Labels> {
    let mut labels: Labels = serde_json::from_value(metric.clone()).expect("labels are texts");
    let name = &labels["__name__"];
    // Python adds the time of creation as a gauge.
    if name.starts_with("push_") || name.ends_with("_created") {
        return None;
    }
    if let Some(le) = labels.get_mut("le")
        && let Some(whole) = le.strip_suffix(".0")
    {
        *le = whole.to_owned();
    }
    Some(labels)
}

fn value(series: &Value) -> f64 {
    series["value"][1].as_str().and_then(|value| value.parse().ok()).expect("a number")
}

#[tokio::test]
async fn go_client_golang() {
    check(Client::compiled("go"), &[PATH, CITY_OF_A_FORM], Histograms::Classic).await;
}

#[tokio::test]
async fn java_prometheus_metrics() {
    check(Client::java("java", "ClientJava.java"), &[PATH, CITY_OF_A_FORM], Histograms::Classic).await;
}

#[tokio::test]
async fn java_simpleclient() {
    check(Client::java("simpleclient", "Simpleclient.java"), &[PATH, CITY_OF_A_FORM], Histograms::Classic)
        .await;
}

#[tokio::test]
async fn python_plain() {
    check(Client::python("python", None), &[PATH, CITY], Histograms::Classic).await;
}

#[tokio::test]
async fn python_gzip() {
    check(Client::python("python_gzip", Some("gzip")), &[PATH, CITY], Histograms::Classic).await;
}

#[tokio::test]
async fn python_snappy() {
    check(Client::python("python_snappy", Some("snappy")), &[PATH, CITY], Histograms::Classic).await;
}

#[tokio::test]
async fn node_prom_client() {
    check(Client::node(), &[PATH, CITY], Histograms::Classic).await;
}

#[tokio::test]
async fn rust_prometheus() {
    check(Client::compiled("rust"), &[CITY], Histograms::Classic).await;
}

#[tokio::test]
async fn ruby_prometheus_client_mmap() {
    check(Client::ruby(), &[("instance", "Zürich 1+1")], Histograms::None).await;
}

#[tokio::test]
async fn cpp_prometheus_cpp() {
    check(Client::compiled("cpp"), &[("city", "Zürich")], Histograms::Classic).await;
}

#[tokio::test]
async fn curl() {
    check(Client::shell("curl"), &[PATH, CITY], Histograms::Classic).await;
}

#[tokio::test]
async fn wget() {
    check(Client::shell("wget"), &[PATH, CITY], Histograms::Classic).await;
}
