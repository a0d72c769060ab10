//! A proxy in a process of its own, which takes credentials from a container endpoint in this one.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName, USER_AGENT};
use http::{HeaderValue, Method, StatusCode};
use local_amp::Credentials;
use local_testing::children;
use local_testing::http_server::{HttpServer, Reply};
use local_testing::prometheus::client::PrometheusClient;
use serde_json::json;
use tokio::process::Child;
use tokio::time::sleep;

use crate::Failure;

/// A program, by the form of its command line.
#[derive(Clone, Debug)]
pub(crate) enum Program {
    /// `prometheus-sigv4-proxy`
    Own(PathBuf),
    /// `aws-sigv4-proxy`
    Awslabs(PathBuf),
}

impl Program {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Own(_) => "prometheus-sigv4-proxy",
            Self::Awslabs(_) => "aws-sigv4-proxy",
        }
    }

    /// For the path `/workspaces/ws-local` of a server.
    fn arguments(&self, server: &str, address: &str) -> Vec<String> {
        let arguments = match self {
            Self::Own(_) => format!("--url http://{server}/workspaces/ws-local --listen {address}"),
            Self::Awslabs(_) => format!(
                "--name aps --upstream-url-scheme http --host {server} --sign-host {server} --port {address}"
            ),
        };
        format!("{arguments} --region eu-west-1").split(' ').map(str::to_owned).collect()
    }
}

/// The credentials that the container endpoint returns.
pub(crate) type Keys = Arc<Mutex<Credentials>>;

/// A running proxy.
pub(crate) struct Subject {
    child: Child,
    pub(crate) address: String,
    pub(crate) client: PrometheusClient,
    /// The source of its credentials.
    _source: HttpServer,
}

impl Subject {
    /// Starts `program` in front of `server`, `HOST:PORT`.
    pub(crate) async fn start(program: &Program, server: &str, keys: Keys) -> Result<Self, Failure> {
        let source = HttpServer::start(0, move |_, _| {
            let keys = keys.lock().unwrap_or_else(PoisonError::into_inner).clone();
            async move { Reply::Answer(Reply::full(StatusCode::OK, document(&keys))) }
        })
        .await?;
        let address = format!("127.0.0.1:{}", local_testing::scripted::closed_port()?);
        let (Program::Own(path) | Program::Awslabs(path)) = program;
        let mut command = children::command(path)?;
        command
            .args(program.arguments(server, &address))
            .env_clear()
            .stdout(Stdio::null())
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("http://{}/", source.address()))
            .env("RUST_LOG", "warn");
        let client = PrometheusClient::new(&format!("http://{address}/workspaces/ws-local"))?;
        let subject = Self { child: command.spawn()?, address, client, _source: source };
        while tokio::net::TcpStream::connect(&subject.address).await.is_err() {
            sleep(Duration::from_millis(10)).await;
        }
        Ok(subject)
    }

    /// A figure of `/proc/<pid>/status` in kB.
    pub(crate) fn kilobytes(&self, name: &str) -> Result<u64, Failure> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id().ok_or("it ended")?))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("no such figure")?;
        Ok(line.trim_matches(|c: char| !c.is_ascii_digit()).parse()?)
    }

    /// CPU time so far, in clock ticks of 10 ms.
    pub(crate) fn cpu(&self) -> Result<Duration, Failure> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id().ok_or("it ended")?))?;
        let fields: Vec<&str> =
            stat.rsplit_once(')').ok_or("an unknown format")?.1.split_whitespace().collect();
        let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        Ok(Duration::from_millis(ticks * 10))
    }
}

/// Those of a write request.
pub(crate) const WRITE_HEADERS: [(HeaderName, HeaderValue); 4] = [
    (CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf")),
    (CONTENT_ENCODING, HeaderValue::from_static("snappy")),
    (HeaderName::from_static("x-prometheus-remote-write-version"), HeaderValue::from_static("0.1.0")),
    (USER_AGENT, HeaderValue::from_static("Prometheus/3.0.0")),
];

/// A write request without series, in snappy block format.
pub(crate) const EMPTY_WRITE: &[u8] = &[0];

/// The status of a write request without series.
pub(crate) async fn write(client: &PrometheusClient) -> Result<u16, Failure> {
    let body = Bytes::from_static(EMPTY_WRITE);
    let answer = client.send(&Method::POST, "/api/v1/remote_write", &WRITE_HEADERS, body).await?;
    Ok(answer.status.as_u16())
}

/// The credentials with this number, which expire after `lifetime`.
pub(crate) fn keys(number: u64, lifetime: Duration) -> Credentials {
    let token = Some(format!("token-{number}"));
    let expiry = Some(now() + lifetime);
    Credentials::new(format!("KEY{number}"), format!("secret-{number}"), token, expiry, "measure")
}

/// The answer of a container endpoint.
fn document(keys: &Credentials) -> String {
    let expiry = keys.expiry().and_then(|expiry| expiry.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    let seconds = i64::try_from(expiry.as_secs()).unwrap_or(i64::MAX);
    json!({
        "AccessKeyId": keys.access_key_id(),
        "SecretAccessKey": keys.secret_access_key(),
        "Token": keys.session_token(),
        "Expiration": jiff::Timestamp::from_second(seconds).unwrap_or_default().to_string(),
    })
    .to_string()
}

#[expect(clippy::disallowed_methods, reason = "a measurement has no other clock")]
fn now() -> SystemTime {
    SystemTime::now()
}
