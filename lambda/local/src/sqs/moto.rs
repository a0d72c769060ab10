//! The process of moto's server: a complete SQS API over HTTP.
//!
//! In: the path of `moto_server` in a virtual environment. Out: an endpoint on 127.0.0.1 that is ready, which loses no
//! message (`moto.py` says why that has to be said). The process ends with the value.

use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::time::Instant;

use crate::children;

/// Python needs a moment to import everything on a cold disk.
const READY_LIMIT: Duration = Duration::from_mins(1);

/// What the Python of the virtual environment runs in place of `moto_server`.
const WITH_LOCKS: &str = include_str!("moto.py");

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum MotoError {
    /// The program cannot be run, or there is no free port.
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

/// A running server.
#[derive(Debug)]
pub struct MotoServer {
    endpoint: String,
    _child: Child,
}

impl MotoServer {
    /// Starts `program`, beside which its `python` lies, on a port of 127.0.0.1 (0 takes a free one) and waits until it takes connections.
    ///
    /// # Errors
    /// It cannot be started or does not come up.
    pub async fn start(program: &Path, port: u16) -> Result<Self, MotoError> {
        let not_started = |source| MotoError::NotStarted { program: program.to_owned(), source };
        let port = match port {
            0 => free_port().await.map_err(not_started)?,
            port => port,
        };
        let mut child =
            command(program, port).and_then(|mut command| command.spawn()).map_err(not_started)?;
        let deadline = Instant::now() + READY_LIMIT;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_err() {
            if let Some(status) = child.try_wait().map_err(not_started)? {
                return Err(MotoError::Exited(status));
            }
            if Instant::now() > deadline {
                return Err(MotoError::NotReady);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(Self { endpoint: format!("http://127.0.0.1:{port}"), _child: child })
    }

    /// Its URL, for `AWS_ENDPOINT_URL_SQS`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

/// moto does not choose a port by itself; another program would have to take this one within milliseconds.
async fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?.local_addr()?.port())
}

fn command(program: &Path, port: u16) -> io::Result<Command> {
    // Looked for here because Python would only leave an exit status behind.
    std::fs::metadata(program)?;
    let mut command = children::command(&program.with_file_name("python"))?;
    command
        .args(["-c", WITH_LOCKS, "-H", "127.0.0.1", "-p", &port.to_string()])
        // moto logs a line per request; its warnings about being a development server help nobody here.
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Ok(command)
}
