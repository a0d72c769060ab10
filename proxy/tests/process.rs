//! The program itself: killed while a Prometheus writes through it, and its command line.

use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use local_amp::{AmpOptions, AmpStandIn};
use local_testing::children;
use local_testing::prometheus::client::PrometheusClient;
use local_testing::prometheus::{Prometheus, samples};
use local_testing::scripted::{Answer, ScriptedServer, closed_port};
use tokio::process::{Child, Command};
use tokio::time::sleep;

const PROGRAM: &str = env!("CARGO_BIN_EXE_prometheus-sigv4-proxy");

/// How often the proxy is killed, and how long it is down and up.
const KILLS: usize = 3;
const DOWN: Duration = Duration::from_millis(500);
const UP: Duration = Duration::from_secs(1);

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
    while !client
        .send(&Method::GET, "/-/healthy", &[], Bytes::new())
        .await
        .is_ok_and(|answer| answer.status == 200)
    {
        sleep(Duration::from_millis(10)).await;
    }
    child
}

#[tokio::test]
async fn nothing_is_lost_when_the_proxy_is_killed() {
    let credentials = local_amp::Credentials::new("AKIDEXAMPLE", "secret", None, None, "test");
    // Prometheus writes several samples of a series as several series.
    let options = AmpOptions { credentials: Some(credentials), strict: false, ..AmpOptions::default() };
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
    let scraped = async || samples(prometheus.url(), "up", Duration::from_mins(1)).await.unwrap();
    // It scrapes for the first time after 5 s.
    while scraped().await.is_empty() {
        sleep(Duration::from_millis(100)).await;
    }
    for _ in 0..KILLS {
        sleep(UP).await;
        proxy.kill().await.unwrap();
        sleep(DOWN).await;
        proxy = start(&url, port).await;
    }
    let (labels, scraped) = scraped().await.pop_first().unwrap();
    assert!(scraped.len() > 20, "{scraped:?}");
    let missing = || {
        let stored = amp.series().remove(&labels).unwrap_or_default();
        scraped.keys().filter(|timestamp| !stored.contains_key(timestamp)).count()
    };
    for _ in 0..100 {
        if missing() == 0 {
            return;
        }
        sleep(Duration::from_millis(100)).await;
    }
    let requests = amp.requests().into_iter().filter(|request| !request.is_delivered());
    let refused: Vec<_> = requests.map(|request| (request.status, request.answer)).collect();
    panic!("{} of {} samples are missing; refused: {refused:?}", missing(), scraped.len());
}

#[tokio::test]
async fn curl_reads_through_the_proxy() {
    let amp = ScriptedServer::in_order(vec![Answer::new(200, "{\"status\":\"success\"}")]).await;
    let port = closed_port().unwrap();
    let _proxy = start(&format!("{}/workspaces/ws-1", amp.url()), port).await;
    let url = format!("http://localhost:{port}/api/v1/query");
    let arguments =
        ["--silent", "--show-error", &url, "--data-urlencode", "query=sum by (job) (up{job=~\"a.+\"})"];
    let output = Command::new("curl").args(arguments).output().await.unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "{\"status\":\"success\"}", "{output:?}");
    let request = &amp.requests()[0];
    assert_eq!(request.target, "/workspaces/ws-1/api/v1/query");
    assert_eq!(request.body, "query=sum+by+%28job%29+%28up%7Bjob%3D~%22a.%2B%22%7D%29");
}

#[tokio::test]
async fn an_unusable_command_line_ends_with_its_reason() {
    for (arguments, expected) in [
        (vec!["--workspace", "ws-1"], "cannot determine the signing region: expected --region or AWS_REGION"),
        (
            vec!["--url", "http://h", "--region", "eu-west-1", "--listen", "nowhere"],
            "--listen: cannot listen at nowhere",
        ),
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
