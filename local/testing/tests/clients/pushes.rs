//! Each client pushes, adds and deletes a counter, a gauge and a histogram.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::metrics::{Labels, check_metadata, labels, value};
use crate::program::Client;
use crate::stage::{PASSWORD, Stage, USERNAME};

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
    let Some(mut command) = client.command() else { return };
    let stage = Stage::start().await;
    let job = client.name;
    // Python's name has the compression.
    let compression = job.strip_prefix("python_");
    command.arg(stage.url.url()).args([USERNAME, PASSWORD]).args(compression);
    assert_eq!(client.finish(command).await, "");
    let found: BTreeMap<Labels, f64> = stage
        .query(&format!("{{job=\"{job}\"}}"))
        .await
        .iter()
        .filter(|series| !is_added(series))
        .map(|series| (labels(series), value(series)))
        .collect();
    let expected = [&[], group].into_iter().flat_map(|group| expected(job, group, histograms)).collect();
    assert_eq!(found, expected);
    // A successful push has its time, in each of both groups.
    let times = stage.query(&format!("push_time_seconds{{job=\"{job}\"}} > time() - 60")).await;
    assert_eq!(times.len(), 2, "{times:?}");
    assert_eq!(stage.query("push_failure_time_seconds").await, [] as [Value; 0]);

    let of_job = |(family, of_type, help)| (format!("{job}_{family}"), of_type, help);
    let mut families = vec![("jobs_total", "counter", "Jobs."), ("queue_size", "gauge", "Size.")];
    if histograms == Histograms::Classic {
        families.push(("duration_seconds", "histogram", "Took."));
    }
    check_metadata(&stage, families.into_iter().map(of_job)).await;
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

/// Whether the program did not make the series: a time of the gateway, or one of creation, which Python adds as a gauge.
fn is_added(series: &Value) -> bool {
    let name = series["metric"]["__name__"].as_str().expect("a name");
    name.starts_with("push_") || name.ends_with("_created")
}

#[tokio::test]
#[ignore = "npm run conformance builds the client"]
async fn go_client_golang() {
    check(Client::compiled("go", "go/push"), &[PATH, CITY_OF_A_FORM], Histograms::Classic).await;
}

#[tokio::test]
#[ignore = "npm run conformance builds the client"]
async fn java_prometheus_metrics() {
    check(Client::java("java", "Push.java"), &[PATH, CITY_OF_A_FORM], Histograms::Classic).await;
}

#[tokio::test]
#[ignore = "npm run conformance builds the client"]
async fn java_simpleclient() {
    check(Client::java("simpleclient", "Simpleclient.java"), &[PATH, CITY_OF_A_FORM], Histograms::Classic)
        .await;
}

#[tokio::test]
async fn python_plain() {
    check(Client::python("python", "push.py"), &[PATH, CITY], Histograms::Classic).await;
}

#[tokio::test]
async fn python_gzip() {
    check(Client::python("python_gzip", "push.py"), &[PATH, CITY], Histograms::Classic).await;
}

#[tokio::test]
async fn python_snappy() {
    check(Client::python("python_snappy", "push.py"), &[PATH, CITY], Histograms::Classic).await;
}

#[tokio::test]
async fn node_prom_client() {
    check(Client::node("node", "push.mjs"), &[PATH, CITY], Histograms::Classic).await;
}

#[tokio::test]
#[ignore = "npm run conformance builds the client"]
async fn rust_prometheus() {
    check(Client::compiled("rust", "rust/push"), &[CITY], Histograms::Classic).await;
}

#[tokio::test]
async fn ruby_prometheus_client_mmap() {
    check(Client::ruby(), &[("instance", "Zürich 1+1")], Histograms::None).await;
}

#[tokio::test]
#[ignore = "npm run conformance builds the client"]
async fn cpp_prometheus_cpp() {
    check(Client::compiled("cpp", "cpp/push"), &[("city", "Zürich")], Histograms::Classic).await;
}

#[tokio::test]
async fn curl() {
    check(Client::shell("curl"), &[PATH, CITY], Histograms::Classic).await;
}

#[tokio::test]
async fn wget() {
    check(Client::shell("wget"), &[PATH, CITY], Histograms::Classic).await;
}
