//! A real Prometheus, which receives remote write or scrapes a Pushgateway.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::host::{Setup, program};
use crate::http_client;

/// A running Prometheus.
#[derive(Debug)]
pub(crate) struct Prometheus {
    url: String,
    _child: Child,
    _directory: TempDir,
}

impl Prometheus {
    pub(crate) async fn receiving() -> Self {
        Self::start("global: {}\n".to_owned()).await
    }

    /// Scrapes a Pushgateway with `honor_labels`, as its documentation requires.
    pub(crate) async fn scraping(gateway: &str, (user, password): (&str, &str)) -> Self {
        let target = gateway.trim_start_matches("http://");
        let config = format!(
            "global: {{scrape_interval: 100ms}}\nscrape_configs:\n- job_name: gateway\n  honor_labels: true\n  \
             basic_auth: {{username: {user}, password: {password}}}\n  static_configs: [{{targets: ['{target}']}}]\n"
        );
        Self::start(config).await
    }

    async fn start(config: String) -> Self {
        let remedy = "install it (Debian and Ubuntu: apt-get install prometheus)";
        let program = program("PROMETHEUS", "/usr/bin/prometheus", remedy);
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("prometheus.yml");
        std::fs::write(&file, config).expect("a file");
        let command = |port| {
            let mut command = Command::new(&program);
            command
                .arg(format!("--config.file={}", file.display()))
                .arg(format!("--storage.tsdb.path={}", directory.path().join("data").display()))
                .arg(format!("--web.listen-address=127.0.0.1:{port}"))
                .arg("--web.enable-remote-write-receiver")
                .arg("--log.level=error");
            command
        };
        let (url, child) = serving(command, |status| status == 200).await;
        Self { url, _child: child, _directory: directory }
    }

    /// The URL of remote write.
    pub(crate) fn remote_write_url(&self) -> String {
        format!("{}/api/v1/write", self.url)
    }

    /// The result of a query.
    async fn api(&self, path: &str, query: &str, more: &str) -> Vec<Value> {
        let encoded = query.bytes().fold(String::new(), |url, byte| format!("{url}%{byte:02X}"));
        let answer = http_client::get(&format!("{}/api/v1/{path}?query={encoded}{more}", self.url)).await;
        let mut answer: Value = serde_json::from_str(&answer).expect("JSON");
        serde_json::from_value(answer["data"]["result"].take()).expect("a vector or a matrix")
    }

    /// The values of the one series of a range query, at times in seconds since the epoch.
    pub(crate) async fn range(&self, query: &str, start: i64, end: i64, step: i64) -> Vec<f64> {
        let result = self.api("query_range", query, &format!("&start={start}&end={end}&step={step}")).await;
        let [series] = result.as_slice() else { panic!("{query}: {result:?}") };
        let number = |pair: &Value| pair[1].as_str().expect("a text").parse().expect("a number");
        series["values"].as_array().expect("pairs").iter().map(number).collect()
    }

    /// The number of series that match within the last hour, and of their samples without stale markers.
    pub(crate) async fn count(&self, selector: &str) -> (usize, usize) {
        let series = self.api("query", &format!("{selector}[1h]"), "").await;
        let samples = series.iter().map(|series| series["values"].as_array().expect("pairs").len());
        (series.len(), samples.sum())
    }

    /// The result of an instant query: values by the label `status`.
    async fn query(&self, query: &str) -> BTreeMap<String, f64> {
        let result = self.api("query", query, "").await;
        let pair = |entry: &Value| {
            let status = entry["metric"]["status"].as_str().unwrap_or_default().to_owned();
            (status, entry["value"][1].as_str().expect("a text").parse().expect("a number"))
        };
        result.iter().map(pair).collect()
    }

    /// Repeats a query until the result is as expected.
    pub(crate) async fn until(&self, query: &str, expected: &[(&str, f64)]) {
        let expected: BTreeMap<_, _> =
            expected.iter().map(|(status, value)| ((*status).to_owned(), *value)).collect();
        let mut last = BTreeMap::new();
        for _ in 0..600 {
            last = self.query(query).await;
            if last == expected {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{query} is {last:?} and not {expected:?}");
    }
}

/// Starts a server that cannot choose a port itself, and waits until it is ready. If another program takes the port first, the
/// server ends and is started on another one.
pub(crate) async fn serving(
    command: impl Fn(u16) -> Command,
    is_ready: impl Fn(u16) -> bool,
) -> (String, Child) {
    for _ in 0..10 {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let url = format!("http://127.0.0.1:{port}");
        let mut command = command(port);
        command.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().expect("the server starts");
        while child.try_wait().expect("a child").is_none() {
            let ready = http::Request::get(format!("{url}/-/ready")).body(String::new()).expect("a request");
            let answered = http_client::send(ready).await.is_ok_and(|(status, _)| is_ready(status));
            if answered && child.try_wait().expect("a child").is_none() {
                return (url, child);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    panic!("the server ended ten times before it was ready");
}

/// Three generations of three environments each, some of which end before their first dispatch. The sum of the counters is the
/// number of invocations, and so is the sum of their increases from zero, without the extrapolation of `increase`.
#[tokio::test]
async fn the_sum_over_instances_is_the_number_of_invocations() {
    let prometheus = Prometheus::receiving().await;
    let mut truth = BTreeMap::from([("success", 0.0), ("error", 0.0)]);
    for generation in 0..3_usize {
        let mut hosts = Vec::new();
        for place in 0..3_usize {
            let setup = Setup::new()
                .env("TELEMETRY_REMOTE_WRITE_URL", prometheus.remote_write_url())
                .env("TELEMETRY_REMOTE_WRITE_AUTH", "none")
                .env("DISPATCH_MIN_BATCH_SIZE", if place == 2 { "1000" } else { "4" });
            let mut host = setup.start().await.ready().await;
            for invocation in 0..(generation + 2 * place + 3) {
                let status = if invocation % 3 == 0 { "error" } else { "success" };
                *truth.get_mut(status).expect("a status of the test") += 1.0;
                host.invoke_and_report(status).await;
            }
            hosts.push(host);
        }
        for host in hosts {
            assert!(host.shut_down().await.success());
        }
    }
    let expected: Vec<_> = truth.into_iter().collect();
    let counters = r#"aws_lambda_invocations_total{status=~"success|error"}"#;
    let sums = format!("sum without (instance) (last_over_time({counters}[10m]))");
    prometheus.until(&sums, &expected).await;
    let increases =
        format!("sum by (status) (max_over_time({counters}[10m]) - min_over_time({counters}[10m]))");
    prometheus.until(&increases, &expected).await;
    // Stale markers: instant queries omit environments that ended.
    prometheus.until(counters, &[]).await;
}
