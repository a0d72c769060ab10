//! Agents scrape a program, and send its metrics by remote write. While the receiver takes nothing they lose nothing.

use std::collections::BTreeMap;
use std::path::Path;

use local_testing::scripted::closed_port;
use serde_json::{Value, json};

use crate::metrics::{check_metadata, check_native, labels, value};
use crate::outage::{outage, until};
use crate::program::{Client, Running};
use crate::stage::{PASSWORD, Stage, USERNAME};
use crate::target;

/// How many scrapes are sent before and after the receiver is down.
const SCRAPES: usize = 3;

/// The version of remote write.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Version {
    V1,
    V2,
}

/// The kind of agent.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Agent {
    /// Prometheus 2.
    Prometheus {
        is_agent: bool,
    },
    /// Prometheus 3, which writes this version.
    Prometheus3 {
        is_agent: bool,
        writes: Version,
    },
    Vmagent,
}

impl Agent {
    /// Its configuration.
    fn config(self, stage: &Stage, target: u16) -> Value {
        let targets = [format!("127.0.0.1:{target}")];
        let mut config = json!({
            "global": {"scrape_interval": "500ms"},
            "scrape_configs": [{"job_name": "sender", "static_configs": [{"targets": targets}]}],
        });
        if self == Self::Vmagent {
            return config;
        }
        config["remote_write"] = json!([{
            "url": format!("{}/api/v1/write", stage.url.url()),
            "basic_auth": {"username": USERNAME, "password": PASSWORD},
            "send_native_histograms": true,
            "metadata_config": {"send_interval": "1s"},
            "queue_config": {"batch_send_deadline": "500ms"},
        }]);
        if let Self::Prometheus3 { writes, .. } = self {
            config["global"]["scrape_native_histograms"] = true.into();
            if writes == Version::V2 {
                config["remote_write"][0]["protobuf_message"] = "io.prometheus.write.v2.Request".into();
            }
        }
        config
    }

    /// Its flags. It stores in `folder`.
    fn flags(self, stage: &Stage, folder: &Path) -> Vec<String> {
        let folder = folder.display();
        let port = closed_port().expect("a free port");
        let own: &[&str] = match self {
            Self::Prometheus { is_agent: false } => &["--enable-feature=native-histograms"],
            Self::Prometheus { is_agent: true } => &["--enable-feature=native-histograms,agent"],
            Self::Prometheus3 { is_agent: false, .. } => &["--enable-feature=metadata-wal-records"],
            Self::Prometheus3 { is_agent: true, .. } => &["--agent", "--enable-feature=metadata-wal-records"],
            Self::Vmagent => &[],
        };
        let mut flags: Vec<String> = own.iter().map(|flag| (*flag).to_owned()).collect();
        flags.extend(match self {
            Self::Prometheus { is_agent } | Self::Prometheus3 { is_agent, .. } => vec![
                format!("--config.file={folder}/config.yml"),
                format!("--storage.{}.path={folder}/data", if is_agent { "agent" } else { "tsdb" }),
                format!("--web.listen-address=127.0.0.1:{port}"),
            ],
            Self::Vmagent => vec![
                format!("-promscrape.config={folder}/config.yml"),
                format!("-remoteWrite.tmpDataPath={folder}/data"),
                format!("-httpListenAddr=127.0.0.1:{port}"),
                format!("-remoteWrite.url={}/api/v1/write", stage.url.url()),
                format!("-remoteWrite.basicAuth.username={USERNAME}"),
                format!("-remoteWrite.basicAuth.password={PASSWORD}"),
            ],
        });
        flags
    }
}

async fn check(client: Client, agent: Agent) {
    let Some(mut command) = client.command() else { return };
    let stage = Stage::impatient().await;
    let target = target::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let config = agent.config(&stage, target.port()).to_string();
    std::fs::write(folder.path().join("config.yml"), config).expect("a file");
    command.args(agent.flags(&stage, folder.path()));
    let mut running = Running::start(command);

    let values = async || stage.values("scrapes_total").await;
    until("samples", async || {
        running.check();
        values().await.len() >= SCRAPES
    })
    .await;
    outage(&stage, &[503, 429]).await;
    // Some agents repeat what was refused after what is newer.
    let all = target.requests().len() + SCRAPES;
    until("sample of every scrape", async || {
        let values = values().await;
        values.len() >= all && values.iter().zip(1..).all(|(value, number)| *value == number.to_string())
    })
    .await;

    running.stop().await;

    check_series(&stage, target.port()).await;
    // vmagent has no native histograms.
    if agent != Agent::Vmagent {
        let [size] = &stage.query("size").await[..] else { panic!("one series") };
        check_native(size, &target::SIZES);
        let families = [("scrapes_total", "counter", "Scrapes."), ("duration_seconds", "histogram", "Took.")];
        check_metadata(&stage, families.map(|(name, of_type, help)| (name.to_owned(), of_type, help))).await;
    }
    let is_version_2 = matches!(agent, Agent::Prometheus3 { writes: Version::V2, .. });
    let answers = stage.answers();
    for answer in answers.iter().filter(|answer| answer.status == 204) {
        let written = &answer.headers["X-Prometheus-Remote-Write-Samples-Written"];
        assert_eq!(written.is_string(), is_version_2, "{answer:?}");
    }
}

/// Checks the series that do not change.
async fn check_series(stage: &Stage, target: u16) {
    let instance = format!("127.0.0.1:{target}");
    let found = stage.query("{__name__=~\"temperature|up|duration_seconds_.+\"}").await;
    let found: BTreeMap<String, f64> = found
        .iter()
        .map(|series| {
            let mut labels = labels(series);
            assert_eq!(labels.remove("instance").as_ref(), Some(&instance));
            assert_eq!(labels.remove("job").as_deref(), Some("sender"));
            let labels: Vec<String> = labels.into_values().collect();
            (labels.join(" "), value(series))
        })
        .collect();
    let expected = [
        ("temperature Zürich", 42.5),
        ("up", 1.0),
        ("duration_seconds_bucket 0.1", 1.0),
        ("duration_seconds_bucket +Inf", 2.0),
        ("duration_seconds_sum", 5.05),
        ("duration_seconds_count", 2.0),
    ];
    assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value)).into());
}

#[tokio::test]
async fn prometheus_server() {
    check(Client::prometheus("prometheus"), Agent::Prometheus { is_agent: false }).await;
}

#[tokio::test]
async fn prometheus_agent() {
    check(Client::prometheus("prometheus agent"), Agent::Prometheus { is_agent: true }).await;
}

async fn check_3(is_agent: bool, writes: Version) {
    let client = Client::named_by("PROMETHEUS3", "prometheus 3");
    check(client, Agent::Prometheus3 { is_agent, writes }).await;
}

#[tokio::test]
#[ignore = "npm run conformance builds Prometheus 3"]
async fn prometheus_3_server() {
    check_3(false, Version::V1).await;
}

#[tokio::test]
#[ignore = "npm run conformance builds Prometheus 3"]
async fn prometheus_3_server_with_version_2() {
    check_3(false, Version::V2).await;
}

#[tokio::test]
#[ignore = "npm run conformance builds Prometheus 3"]
async fn prometheus_3_agent() {
    check_3(true, Version::V1).await;
}

#[tokio::test]
#[ignore = "npm run conformance builds Prometheus 3"]
async fn prometheus_3_agent_with_version_2() {
    check_3(true, Version::V2).await;
}

#[tokio::test]
#[ignore = "npm run conformance builds the client"]
async fn vmagent() {
    check(Client::compiled("vmagent", "vmagent/vmagent"), Agent::Vmagent).await;
}
