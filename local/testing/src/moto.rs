//! The process of moto's server: a complete SQS API over HTTP, and AMP's control plane.
//!
//! In: the path of `moto_server` in a virtual environment. Out: an endpoint on 127.0.0.1 that is ready, which loses no
//! message (`moto.py` gives the reason). The process ends with the value.
//!
//! The port is opened here and passed on, so nobody but this process's own child can answer on it.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::ACCOUNT;
use crate::children;

/// Python needs a moment to import everything on a cold disk.
const READY_LIMIT: Duration = Duration::from_mins(1);

/// What the Python of the virtual environment runs in place of `moto_server`.
const WITH_LOCKS: &str = include_str!("moto.py");

/// Why there is no server.
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
    /// It never answered.
    #[error("moto_server is not ready after {} s", READY_LIMIT.as_secs())]
    NotReady,
}

/// A workspace that AMP's control plane describes.
#[derive(Debug, Clone, Copy)]
pub struct KnownWorkspace<'a> {
    /// The region that has it.
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
    /// Starts `program`, beside which its `python` lies, on a port of 127.0.0.1 (0 takes a free one) and waits until it
    /// serves.
    ///
    /// # Errors
    /// It cannot be started or does not come up.
    pub async fn start(program: &Path, port: u16) -> Result<Self, MotoError> {
        Self::start_with(program, port, &[]).await
    }

    /// As [`MotoServer::start`]; the control plane has this workspace.
    ///
    /// # Errors
    /// It cannot be started or does not come up.
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
        // Looked for here because Python would only leave an exit status behind.
        std::fs::metadata(program).map_err(not_started)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(no_port)?;
        let address = listener.local_addr().map_err(no_port)?;
        let mut child = command(program, listener, arguments)
            .and_then(|mut command| command.spawn())
            .map_err(not_started)?;
        wait_until_ready(&mut child, not_started).await?;
        Ok(Self { endpoint: format!("http://{address}"), _child: child })
    }

    /// Its URL, for `AWS_ENDPOINT_URL_SQS`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

/// Waits for the line that it prints when it serves. The end of its output without one is its own end.
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
        // moto logs a line per request; its warnings about being a development server help nobody here.
        .stderr(Stdio::null());
    Ok(command)
}
