//! Prometheus as a child process.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::Method;
use local_testing::prometheus::client::{ClientError, PrometheusClient};
use local_testing::prometheus::{Prometheus, PrometheusError};
use local_testing::promql;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

fn program() -> PathBuf {
    Prometheus::find().expect("prometheus in PATH (apt-get install prometheus) or in PROMETHEUS")
}

async fn prometheus() -> Prometheus {
    Prometheus::start(&program(), 0).await.expect("a Prometheus")
}

fn data_directory_of(url: &str) -> String {
    // The directory is among its flags.
    let port = url.rsplit(':').next().expect("a port");
    let flag = format!("127.0.0.1:{port}");
    let processes = std::fs::read_dir("/proc").expect("processes").flatten();
    let arguments = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    let arguments = arguments.map(|arguments| String::from_utf8_lossy(&arguments).into_owned());
    let ours =
        arguments.into_iter().find(|arguments| arguments.contains(&flag)).expect("a running prometheus");
    let path = ours.split('\0').find_map(|argument| argument.strip_prefix("--storage.tsdb.path="));
    path.expect("a data directory").to_owned()
}

#[tokio::test]
async fn its_process_and_its_data_end_with_the_value() {
    let prometheus = prometheus().await;
    let client = PrometheusClient::new(prometheus.url()).expect("a base URL");
    let ready = async || client.send(&Method::GET, "/-/ready", &[], Bytes::new()).await;
    assert_eq!(ready().await.expect("an answer").status, 200);
    let directory = data_directory_of(prometheus.url());
    assert!(Path::new(&directory).is_dir(), "{directory}");
    drop(prometheus);
    assert!(matches!(ready().await, Err(ClientError::Unreachable { .. })));
    assert!(!Path::new(&directory).parent().expect("a parent").exists(), "{directory}");
}

#[tokio::test]
async fn an_early_exit_is_reported_with_its_last_output() {
    let directory = tempfile::tempdir().expect("a directory");
    let script = directory.path().join("prometheus");
    let flags = "printf 'x%.0s' $(seq 5000) >&2; echo \"bad flag $1\" >&2; exit 3";
    std::fs::write(&script, format!("#!/bin/sh\n{flags}\n")).expect("a script");
    std::fs::set_permissions(&script, Permissions::from_mode(0o755)).expect("its mode");
    let error = Prometheus::start(&script, 0).await.expect_err("it exits");
    let PrometheusError::Exited { status, last_words } = &error else { panic!("{error:?}") };
    assert_eq!(status.code(), Some(3));
    assert!(last_words.len() <= 2_000 && last_words.contains("xxxbad flag --config.file=/"), "{last_words}");
    assert!(error.to_string().starts_with("prometheus exited before it was ready (exit status: 3): xxx"));
}

/// Otherwise the one that has the port would be taken for the new one.
#[tokio::test]
async fn a_port_that_is_taken_is_an_error() {
    let first = prometheus().await;
    let port = first.url().rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    let error = Prometheus::start(&program(), port).await.expect_err("the port is taken");
    let PrometheusError::NotStarted { source, .. } = error else { panic!("{error:?}") };
    assert_eq!(source.kind(), std::io::ErrorKind::AddrInUse);
}

#[tokio::test]
async fn a_missing_program_is_named() {
    let error = Prometheus::start(Path::new("/nowhere/prometheus"), 0).await.expect_err("no program");
    assert_eq!(error.to_string(), "cannot start /nowhere/prometheus");
}

#[tokio::test]
async fn a_program_that_exits_at_once_is_an_error() {
    let error = Prometheus::start(Path::new("/bin/false"), 0).await.expect_err("no Prometheus");
    assert!(matches!(error, PrometheusError::Exited { .. }), "{error:?}");
}

/// A server that is ready on the same port, but not this process's own child.
const OTHER: &str = r#"#!/bin/sh
for flag; do case $flag in --web.listen-address=*) address=${flag#*=};; esac; done
exec python3 -c '
import os, sys, threading
from http.server import BaseHTTPRequestHandler, HTTPServer

class Ready(BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"{\"data\":{\"storage.tsdb.path\":\"/elsewhere\"}}"
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

host, port = sys.argv[1].split(":")
threading.Timer(2, os._exit, [9]).start()
HTTPServer((host, int(port)), Ready).serve_forever()
' "$address"
"#;

#[tokio::test]
async fn another_server_on_the_port_is_not_taken_for_the_child() {
    let directory = tempfile::tempdir().expect("a directory");
    let script = directory.path().join("prometheus");
    std::fs::write(&script, OTHER).expect("a script");
    std::fs::set_permissions(&script, Permissions::from_mode(0o755)).expect("its mode");
    let error = Prometheus::start(&script, 0).await.expect_err("it is another");
    assert!(
        matches!(&error, PrometheusError::Exited { status, .. } if status.code() == Some(9)),
        "{error:?}"
    );
}

#[tokio::test]
async fn every_expression_but_the_last_ones_has_one_answer() {
    let prometheus = prometheus().await;
    promql::write(prometheus.url()).await.expect("its receiver");
    let client = PrometheusClient::new(prometheus.url()).expect("a base URL");
    let (_, invalid) = promql::FILE.split_once("\n# Errors\n").expect("the last part");
    let mut wrong = Vec::new();
    for expression in promql::expressions() {
        let query = utf8_percent_encode(expression, NON_ALPHANUMERIC);
        let path = format!("/api/v1/query?query={query}&time={}", promql::END_S);
        let mut answers = Vec::new();
        for _ in 0..5 {
            answers.push(client.send(&Method::GET, &path, &[], Bytes::new()).await.expect("an answer"));
        }
        // The order of series is random in some of Prometheus's functions.
        let is_stable = answers.iter().all(|answer| answer.body == answers[0].body);
        let answer = &answers[0];
        let is_invalid = invalid.lines().any(|line| line == expression);
        let body = String::from_utf8_lossy(&answer.body);
        if answer.status.is_client_error() != is_invalid || body.contains("\"result\":[]") || !is_stable {
            wrong.push(format!("{expression}: {body}"));
        }
    }
    assert!(wrong.is_empty() && promql::expressions().count() >= 200, "{wrong:#?}");
}
