//! A running `serve` with its processes.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use local_amp::Credentials;
use local_lambda::sqs::Sqs;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::Instant;

/// Prometheus and moto need a moment on a busy machine.
const READY_LIMIT: Duration = Duration::from_mins(1);

/// How long something may take that is bound to happen.
pub(crate) const SOON: Duration = Duration::from_secs(20);

pub(crate) struct Serve {
    pub(crate) child: Child,
    /// Its standard output, which is closed when this is dropped.
    pub(crate) stdout: Option<BufReader<ChildStdout>>,
    pub(crate) endpoints: Value,
    _folder: TempDir,
}

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_push-gateway-local");

impl Serve {
    pub(crate) async fn start(further: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("endpoints.json");
        let mut child = Command::new(PROGRAM)
            .args(command_line(&moto(), further))
            .arg("--endpoints")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the program runs");
        let stdout = child.stdout.take().map(BufReader::new);
        let endpoints = endpoints_in(&file).await;
        Self { child, stdout, endpoints, _folder: folder }
    }

    /// The value at a JSON pointer into the endpoints.
    pub(crate) fn endpoint(&self, pointer: &str) -> &str {
        self.endpoints.pointer(pointer).and_then(Value::as_str).expect("an endpoint")
    }

    /// Invokes a function as the AWS CLI does.
    pub(crate) async fn invoke(&self, function: &str, payload: &Value) -> Value {
        let path = format!("/2015-03-31/functions/{function}/invocations");
        let url = format!("{}{path}", self.endpoint("/lambda/endpoint"));
        let (_, answer) = http("POST", &url, &payload.to_string()).await;
        serde_json::from_str(&answer).expect("JSON")
    }

    /// Sends an event with one metric to the queue.
    pub(crate) async fn send(&self, metric: &str, now_ms: i64, value: &str) {
        let sqs = sqs(self.endpoint("/sqs/endpoint"));
        send(&sqs, self.endpoint("/sqs/queueUrl"), metric, now_ms, value).await;
    }

    pub(crate) fn pid(&self) -> i32 {
        i32::try_from(self.child.id().expect("it runs")).expect("a small number")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).expect("it runs");
    }

    /// The next line with this text in it that it prints.
    pub(crate) async fn line_with(&mut self, text: &str) -> String {
        let mut lines = self.stdout.as_mut().expect("it is open").lines();
        let line = async {
            loop {
                let line = lines.next_line().await.expect("text").expect("a line with the text");
                if line.contains(text) {
                    return line;
                }
            }
        };
        tokio::time::timeout(SOON, line).await.expect("it is printed")
    }

    /// Waits for its end; what it printed comes with it.
    pub(crate) async fn end(mut self) -> (ExitStatus, String) {
        let mut stdout = self.stdout.take().expect("it is open");
        let read = tokio::spawn(async move {
            let mut text = String::new();
            let _ = tokio::io::AsyncReadExt::read_to_string(&mut stdout, &mut text).await;
            text
        });
        let status =
            tokio::time::timeout(SOON, self.child.wait()).await.expect("it ends").expect("it has a status");
        (status, read.await.expect("the reader does not panic"))
    }
}

/// The command line of a stack.
fn command_line(moto: &Path, further: &[&str]) -> Vec<String> {
    let (function, moto) = (function().display().to_string(), moto.display().to_string());
    let arguments = ["serve", "--function", &function, "--moto", &moto];
    arguments.iter().chain(further).map(|argument| (*argument).to_owned()).collect()
}

/// The endpoints, once they are written.
async fn endpoints_in(file: &Path) -> Value {
    let deadline = Instant::now() + READY_LIMIT;
    loop {
        if let Ok(text) = fs::read_to_string(file) {
            return serde_json::from_str(&text).expect("the file is whole as soon as it is there");
        }
        assert!(Instant::now() < deadline, "no endpoints within {READY_LIMIT:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A folder with a `moto_server` that only leaves a trace of its start.
pub(crate) struct Trap(TempDir);

impl Trap {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in ["moto_server", "python"] {
            let file = folder.path().join(name);
            let script = format!("#!/bin/sh\ntouch '{}'\nexit 1\n", folder.path().join("started").display());
            fs::write(&file, script).expect("a script");
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("its mode");
        }
        Self(folder)
    }

    /// The command line of a stack that must not start.
    pub(crate) fn serve(&self, further: &[&str]) -> Vec<String> {
        command_line(&self.0.path().join("moto_server"), further)
    }

    pub(crate) fn has_started(&self) -> bool {
        self.0.path().join("started").exists()
    }
}

/// Runs the program to its end: the exit code, and what it printed on both channels.
pub(crate) async fn run<I: AsRef<std::ffi::OsStr>>(
    arguments: impl IntoIterator<Item = I>,
) -> (Option<i32>, String) {
    let output = Command::new(PROGRAM).args(arguments).kill_on_drop(true).output();
    let output = tokio::time::timeout(SOON, output).await.expect("it ends").expect("the program runs");
    let printed = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(printed).expect("UTF-8"))
}

/// Status and body of an answer.
pub(crate) async fn http(method: &str, url: &str, body: &str) -> (u16, String) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let method = method.parse().expect("a method");
    let request = reqwest::Client::new().request(method, url).body(body.to_owned());
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.text().await.expect("text"))
}

pub(crate) fn sqs(endpoint: &str) -> Sqs {
    Sqs::new(endpoint, "eu-west-1", Credentials::from_keys("any", "any", None))
}

/// An event with one metric.
pub(crate) fn event(metric: &str, timestamp: i64, value: &str) -> Value {
    json!({"dimensions": {"device": "d1"}, "timestamp": timestamp, "metrics": {metric: value}})
}

/// Sends an event with one metric to a queue.
pub(crate) async fn send(sqs: &Sqs, queue_url: &str, metric: &str, now_ms: i64, value: &str) {
    let body = event(metric, now_ms, value).to_string();
    let sent = sqs.client().send_message().queue_url(queue_url).message_body(body).send().await;
    sent.expect("the queue takes it");
}

pub(crate) fn now_ms() -> i64 {
    local_testing::clock::Clock::system().now_ms()
}

/// Waits until something is so.
pub(crate) async fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + SOON;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}: not within {SOON:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// All processes that descend from `root`, with their names.
pub(crate) fn descendants(root: i32) -> BTreeMap<i32, String> {
    let processes: Vec<(i32, i32, String)> = fs::read_dir("/proc")
        .expect("Linux")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, parent(pid)?, name(pid)?)))
        .collect();
    let mut found = BTreeMap::new();
    let mut generation = vec![root];
    while let Some(parent) = generation.pop() {
        for (pid, _, name) in processes.iter().filter(|(_, of, _)| *of == parent) {
            found.insert(*pid, name.clone());
            generation.push(*pid);
        }
    }
    found
}

/// Whether a process is there and not merely waiting to be noticed.
pub(crate) fn is_alive(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/status")).is_ok_and(|status| !status.contains("Z (zombie)"))
}

fn parent(pid: i32) -> Option<i32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

fn name(pid: i32) -> Option<String> {
    Some(fs::read_to_string(format!("/proc/{pid}/comm")).ok()?.trim().to_owned())
}

pub(crate) fn function() -> PathBuf {
    program("PUSH_GATEWAY_BINARY", "target/release/push-gateway")
}

pub(crate) fn query() -> PathBuf {
    program("QUERY_BINARY", "target/release/query")
}

pub(crate) fn telemetry_extension() -> PathBuf {
    program("TELEMETRY_EXTENSION_BINARY", "target/release/telemetry-extension")
}

pub(crate) fn moto() -> PathBuf {
    program("MOTO_SERVER", ".venv/bin/moto_server")
}

/// The program that a variable names, or else the one at a path of the repository.
#[expect(clippy::disallowed_methods, reason = "the edge of the tests")]
fn program(variable: &str, path: &str) -> PathBuf {
    let repository = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let program = std::env::var(variable).map_or_else(|_| repository.join(path), PathBuf::from);
    assert!(program.exists(), "{} is missing: build it, or set {variable}", program.display());
    program
}
