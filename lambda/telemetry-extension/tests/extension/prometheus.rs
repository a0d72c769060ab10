//! A real Prometheus: as the receiver of remote write, and as what scrapes a Pushgateway.

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
    async fn receiving() -> Self {
        Self::start("global: {}\n".to_owned()).await
    }

    /// Scrapes a Pushgateway, whose group's labels are honoured as its documentation asks.
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
        let port = free_port();
        let child = Command::new(program)
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", directory.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--web.enable-remote-write-receiver")
            .arg("--log.level=error")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("a Prometheus");
        let this = Self { url: format!("http://127.0.0.1:{port}"), _child: child, _directory: directory };
        let ready =
            || http::Request::get(format!("{}/-/ready", this.url)).body(String::new()).expect("a request");
        while !http_client::send(ready()).await.is_ok_and(|(status, _)| status == 200) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        this
    }

    /// The result of an instant query: values by the label `status`.
    async fn query(&self, query: &str) -> BTreeMap<String, f64> {
        let encoded = query.bytes().fold(String::new(), |url, byte| format!("{url}%{byte:02X}"));
        let answer = http_client::get(&format!("{}/api/v1/query?query={encoded}", self.url)).await;
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        let result = answer["data"]["result"].as_array().expect("a vector");
        let pair = |entry: &Value| {
            let status = entry["metric"]["status"].as_str().unwrap_or_default().to_owned();
            (status, entry["value"][1].as_str().expect("a text").parse().expect("a number"))
        };
        result.iter().map(pair).collect()
    }

    /// Asks until the answer is as expected.
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

/// Neither program tells which port it took if it is told 0; another one would have to take this within milliseconds.
pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// Environments come and go, three generations of three at a time, and some end before they ever dispatched. The sum of
/// their counters is the number of invocations; so is the sum of their increases, each from its zero, seen without the
/// extrapolation of `increase`.
#[tokio::test]
async fn the_sum_over_instances_is_the_number_of_invocations() {
    let prometheus = Prometheus::receiving().await;
    let mut truth = BTreeMap::from([("success", 0.0), ("error", 0.0)]);
    for generation in 0..3_usize {
        let mut hosts = Vec::new();
        for place in 0..3_usize {
            let setup = Setup::new()
                .env("TELEMETRY_REMOTE_WRITE_URL", format!("{}/api/v1/write", prometheus.url))
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
    // Stale markers: nothing of an environment that is gone is seen any more.
    prometheus.until(counters, &[]).await;
}
