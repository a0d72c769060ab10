//! The program itself: killed while a Prometheus writes through it, and its command line.

use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use local_amp::{AmpOptions, AmpStandIn};
use local_testing::children;
use local_testing::prometheus::client::PrometheusClient;
use local_testing::prometheus::{Prometheus, samples};
use local_testing::scripted::closed_port;
use tokio::process::{Child, Command};
use tokio::time::sleep;

const PROGRAM: &str = env!("CARGO_BIN_EXE_prometheus-sigv4-proxy");

/// How often the proxy is killed, and how long it is down and up.
const KILLS: usize = 3;
const DOWN: Duration = Duration::from_millis(700);
const UP: Duration = Duration::from_millis(1_500);

fn command(arguments: &[&str]) -> Command {
    let mut command = children::command(PROGRAM.as_ref()).unwrap();
    command
        .args(arguments)
        .env_clear()
        .envs([("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "secret")])
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .stdout(Stdio::piped());
    command
}

async fn start(url: &str, port: u16) -> Child {
    let listen = format!("127.0.0.1:{port}");
    let arguments = ["--url", url, "--region", "eu-west-1", "--listen", &listen];
    let child = command(&arguments).stdout(Stdio::inherit()).spawn().unwrap();
    let client = PrometheusClient::new(&format!("http://{listen}")).unwrap();
    while !client.send(&Method::GET, "/-/healthy", &[], Bytes::new()).await.is_ok_and(|answer| answer.status == 200) {
        sleep(Duration::from_millis(10)).await;
    }
    child
}

#[tokio::test]
async fn nothing_is_lost_when_the_proxy_is_killed() {
    let credentials = local_amp::Credentials::new("AKIDEXAMPLE", "secret", None, None, "test");
    let options = AmpOptions { credentials: Some(credentials), ..AmpOptions::default() };
    let amp = AmpStandIn::start(options).await.unwrap();
    let url = amp.endpoint().trim_end_matches('/').to_owned();
    let port = closed_port().unwrap();
    let mut proxy = start(&url, port).await;

    let program = Prometheus::find().expect("prometheus in PATH or in PROMETHEUS");
    let target = closed_port().unwrap();
    // A target that is down has the series `up` and a few others.
    let config = format!(
        "scrape_configs: [{{job_name: down, scrape_interval: 100ms, scrape_timeout: 50ms, static_configs: [{{targets: \
         [\"127.0.0.1:{target}\"]}}]}}]\nremote_write: [{{url: \"http://127.0.0.1:{port}/api/v1/remote_write\", \
         queue_config: {{batch_send_deadline: 100ms, max_backoff: 200ms}}}}]\n"
    );
    let prometheus = Prometheus::start_with_config(&program, &config).await.unwrap();
    for _ in 0..KILLS {
        sleep(UP).await;
        proxy.kill().await.unwrap();
        sleep(DOWN).await;
        proxy = start(&url, port).await;
    }
    let scraped = samples(prometheus.url(), "up", Duration::from_mins(1)).await.unwrap();
    assert_eq!(scraped.len(), 1, "{scraped:?}");
    let (labels, scraped) = scraped.into_iter().next().unwrap();
    assert!(scraped.len() > 20, "{scraped:?}");
    for _ in 0..100 {
        let stored = amp.series().remove(&labels).unwrap_or_default();
        if scraped.keys().all(|timestamp| stored.contains_key(timestamp)) {
            return;
        }
        sleep(Duration::from_millis(100)).await;
    }
    let stored = amp.series().remove(&labels).unwrap_or_default();
    panic!("scraped: {:?}\nstored: {:?}", scraped.keys(), stored.keys());
}

#[tokio::test]
async fn an_unusable_command_line_ends_with_its_reason() {
    for (arguments, expected) in [
        (vec!["--workspace", "ws-1"], "cannot determine the signing region: expected --region or AWS_REGION"),
        (vec!["--url", "http://h", "--region", "eu-west-1", "--listen", "nowhere"], "--listen: cannot listen at nowhere"),
    ] {
        let output = command(&arguments).output().await.unwrap();
        let log = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!output.status.success() && log.contains(expected), "{log}");
    }
}

#[tokio::test]
async fn another_address_than_loopback_is_reported() {
    let arguments = ["--url", "http://127.0.0.1:9", "--region", "eu-west-1", "--listen", "0.0.0.0:0"];
    let mut child = command(&arguments).spawn().unwrap();
    let mut log = tokio::io::BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    tokio::io::AsyncBufReadExt::read_line(&mut log, &mut line).await.unwrap();
    assert!(line.contains("not a loopback address"), "{line}");
    child.kill().await.unwrap();
}
