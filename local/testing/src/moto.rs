//! The process of moto's server: SQS, Secrets Manager, and AMP's control plane.
//!
//! It loses no message (`moto.py` gives the reason) and ends with the value. The port is opened here and passed on, so that
//! no other process can answer on it.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::ACCOUNT;
use crate::children;

/// Python needs a moment to import everything on a cold disk.
const READY_LIMIT: Duration = Duration::from_mins(1);

/// Secrets Manager requires a token of 32 to 64 characters for each new version of a secret.
const REQUEST_TOKEN: &str = "00000000-0000-4000-8000-000000000000";

/// The program that the Python of the virtual environment runs instead of `moto_server`.
const WITH_LOCKS: &str = include_str!("moto.py");

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum MotoError {
    /// The port cannot be opened.
    #[error("cannot listen on port {port} of 127.0.0.1")]
    Port {
        /// The port; 0 stands for any.
        port: u16,
        /// Why.
        source: io::Error,
    },
    /// The program cannot be run.
    #[error("cannot start {}", program.display())]
    NotStarted {
        /// The program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It ended at once.
    #[error("moto_server exited before it was ready: {0}")]
    Exited(ExitStatus),
    /// It did not become ready in time.
    #[error("moto_server is not ready after {} s", READY_LIMIT.as_secs())]
    NotReady,
    /// Secrets Manager did not take the secret.
    #[error("cannot create the secret {name}: {why}")]
    NoSecret {
        /// Its name.
        name: String,
        /// The error, or the answer.
        why: String,
    },
}

/// A workspace in AMP's control plane.
#[derive(Debug, Clone, Copy)]
pub struct KnownWorkspace<'a> {
    /// Its region.
    pub region: &'a str,
    /// Its id.
    pub id: &'a str,
    /// Its alias.
    pub alias: &'a str,
    /// Its URL.
    pub endpoint: &'a str,
}

/// A running server.
#[derive(Debug)]
pub struct MotoServer {
    endpoint: String,
    _child: Child,
}

impl MotoServer {
    /// Starts `program`, which has its `python` beside it, on a port of 127.0.0.1 (0 takes a free one) and waits until it serves.
    ///
    /// # Errors
    /// It cannot be started or does not become ready.
    pub async fn start(program: &Path, port: u16) -> Result<Self, MotoError> {
        Self::start_with(program, port, &[]).await
    }

    /// As [`MotoServer::start`], with this workspace in the control plane.
    ///
    /// # Errors
    /// It cannot be started or does not become ready.
    pub async fn start_with_workspace(
        program: &Path,
        port: u16,
        workspace: KnownWorkspace<'_>,
    ) -> Result<Self, MotoError> {
        let KnownWorkspace { region, id, alias, endpoint } = workspace;
        Self::start_with(program, port, &[ACCOUNT, region, id, alias, endpoint]).await
    }

    async fn start_with(program: &Path, port: u16, arguments: &[&str]) -> Result<Self, MotoError> {
        let not_started = |source| MotoError::NotStarted { program: program.to_owned(), source };
        let no_port = |source| MotoError::Port { port, source };
        // Checked here because Python would return only an exit status.
        std::fs::metadata(program).map_err(not_started)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(no_port)?;
        let address = listener.local_addr().map_err(no_port)?;
        let mut child = command(program, listener, arguments)
            .and_then(|mut command| command.spawn())
            .map_err(not_started)?;
        wait_until_ready(&mut child, not_started).await?;
        Ok(Self { endpoint: format!("http://{address}"), _child: child })
    }

    /// Its URL, for `AWS_ENDPOINT_URL_SQS` and `AWS_ENDPOINT_URL_SECRETS_MANAGER`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Creates a secret with the keys `username` and `password` in Secrets Manager and returns its ARN.
    ///
    /// # Errors
    /// There is one with this name, or the server has ended.
    pub async fn create_secret(
        &self,
        region: &str,
        name: &str,
        (username, password): (&str, &str),
    ) -> Result<String, MotoError> {
        let value = json!({ "username": username, "password": password }).to_string();
        let body = json!({ "Name": name, "SecretString": value, "ClientRequestToken": REQUEST_TOKEN });
        let failed = |why: String| MotoError::NoSecret { name: name.to_owned(), why };
        let answer = self.call_secrets_manager(region, "CreateSecret", &body).await.map_err(failed)?;
        let created: Option<Value> = serde_json::from_slice(&answer).ok();
        let arn = created.as_ref().and_then(|created| created["ARN"].as_str()).map(str::to_owned);
        arn.ok_or_else(|| failed(crate::truncate(&String::from_utf8_lossy(&answer), 200)))
    }

    /// The body of the answer, whatever its status.
    async fn call_secrets_manager(&self, region: &str, action: &str, body: &Value) -> Result<Bytes, String> {
        // moto finds the service by the scope of a signature, which it does not verify.
        let scope = format!("AWS4-HMAC-SHA256 Credential=any/20260101/{region}/secretsmanager/aws4_request");
        let request = Request::builder()
            .method(Method::POST)
            .uri(&self.endpoint)
            .header(header::CONTENT_TYPE, "application/x-amz-json-1.1")
            .header(header::AUTHORIZATION, scope)
            .header("x-amz-target", format!("secretsmanager.{action}"))
            .body(Full::new(Bytes::from(body.to_string())));
        let request = request.map_err(|error| error.to_string())?;
        let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
        let answer = client.request(request).await.map_err(|error| error.to_string())?;
        Ok(answer.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes())
    }
}

/// Waits for the line that it prints when it serves. The end of its output without a line is its own end.
async fn wait_until_ready(
    child: &mut Child,
    not_started: impl Fn(io::Error) -> MotoError,
) -> Result<(), MotoError> {
    let stdout = child.stdout.take().expect("it is piped");
    let (mut reader, mut line) = (BufReader::new(stdout), String::new());
    let read = tokio::time::timeout(READY_LIMIT, reader.read_line(&mut line)).await;
    match read.map_err(|_| MotoError::NotReady)?.map_err(&not_started)? {
        0 => Err(MotoError::Exited(child.wait().await.map_err(not_started)?)),
        _ => Ok(()),
    }
}

fn command(program: &Path, listener: TcpListener, arguments: &[&str]) -> io::Result<Command> {
    let mut command = children::command(&program.with_file_name("python"))?;
    command
        .args(["-c", WITH_LOCKS])
        .args(arguments)
        .stdin(Stdio::from(OwnedFd::from(listener)))
        .stdout(Stdio::piped())
        // moto logs a line for each request, and warnings about being a development server.
        .stderr(Stdio::null());
    Ok(command)
}
