//! The process of a Prometheus, which stores samples and answers `PromQL`.
//!
//! It takes version 2.39 or later, with the remote-write receiver enabled. The process and its data end with the value.

pub mod client;
mod samples;

use std::ffi::{OsStr, OsString};
use std::io;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::Instant;

use crate::children;
use client::{ClientError, PrometheusClient};

pub(crate) use samples::samples_until;
pub use samples::{QueryError, SamplesByLabels, samples};

/// Without data it needs less than a second, on a busy machine a little more.
const READY_LIMIT: Duration = Duration::from_mins(1);

/// A running Prometheus answers a trivial query at once.
const CHECK_LIMIT: Duration = Duration::from_secs(10);

/// AMP's window is at most 10 minutes and a sample's age an hour, so this accepts all that the stand-in accepts.
const CONFIG: &str = "storage:\n  tsdb:\n    out_of_order_time_window: 1h\n";

/// For [`Prometheus::start_with_otlp`]: names and labels by OpenTelemetry's specification, from which its defaults differ.
const OTLP_CONFIG: &str = "\
otlp:
  translation_strategy: UnderscoreEscapingWithSuffixes
  promote_scope_metadata: true
  label_name_underscore_sanitization: false
  label_name_preserve_multiple_underscores: false
";

/// The type and the unit of a series are labels, so that a query returns them.
const OTLP_FLAGS: [&str; 2] = ["--web.enable-otlp-receiver", "--enable-feature=type-and-unit-labels"];

/// Bytes of its stderr that an error includes.
const LAST_WORDS_BYTES: usize = 2_000;

/// Why Prometheus did not start.
#[derive(Debug, thiserror::Error)]
pub enum PrometheusError {
    /// The program cannot be run, the port is in use, or its data directory cannot be made.
    #[error("cannot start {}", program.display())]
    NotStarted {
        /// The program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It ended at once.
    #[error("prometheus exited before it was ready ({status}): {last_words}")]
    Exited {
        /// How.
        status: ExitStatus,
        /// The end of what it wrote to stderr.
        last_words: String,
    },
    /// It did not become ready in time.
    #[error("prometheus is not ready after {} s: {last_words}", READY_LIMIT.as_secs())]
    NotReady {
        /// The end of what it wrote to stderr.
        last_words: String,
    },
}

/// A running Prometheus.
#[derive(Debug)]
pub struct Prometheus {
    url: String,
    child: Child,
    // Dropped after the child has ended, see below.
    directory: TempDir,
}

impl Prometheus {
    /// The program in the variable `PROMETHEUS`, or else `prometheus` in `PATH`, if it is installed.
    pub fn find() -> Option<PathBuf> {
        find_by(|variable| std::env::var_os(variable))
    }

    /// Starts `program` on a port of 127.0.0.1 (0 takes a free one) and waits until it is ready.
    ///
    /// # Errors
    /// It cannot be started or does not become ready.
    pub async fn start(program: &Path, port: u16) -> Result<Self, PrometheusError> {
        Self::launch(program, port, "", &[]).await
    }

    /// Starts `program`, version 3 or later, on a free port, with its OTLP receiver. The types and units of series that come by
    /// OTLP and remote write 2.0 are their labels `__type__` and `__unit__`.
    ///
    /// # Errors
    /// It cannot be started or does not become ready.
    pub async fn start_with_otlp(program: &Path) -> Result<Self, PrometheusError> {
        Self::launch(program, 0, OTLP_CONFIG, &OTLP_FLAGS).await
    }

    /// Starts `program` on a free port with `config` at the end of its configuration: what it scrapes, and where it writes.
    ///
    /// # Errors
    /// It cannot be started or does not become ready.
    pub async fn start_with_config(program: &Path, config: &str) -> Result<Self, PrometheusError> {
        Self::launch(program, 0, config, &[]).await
    }

    async fn launch(
        program: &Path,
        port: u16,
        config: &str,
        flags: &[&str],
    ) -> Result<Self, PrometheusError> {
        let not_started = |source| PrometheusError::NotStarted { program: program.to_owned(), source };
        let directory = tempfile::Builder::new().prefix("prometheus-").tempdir().map_err(not_started)?;
        let port = free_port(port).await.map_err(not_started)?;
        let child = command(program, port, directory.path(), config)
            .and_then(|mut command| command.args(flags).spawn())
            .map_err(not_started)?;
        let mut prometheus = Self { url: format!("http://127.0.0.1:{port}"), child, directory };
        prometheus.wait_until_ready(program).await?;
        Ok(prometheus)
    }

    /// Its base URL, `http://127.0.0.1:<port>`.
    pub fn url(&self) -> &str {
        &self.url
    }

    async fn wait_until_ready(&mut self, program: &Path) -> Result<(), PrometheusError> {
        let not_started = |source| PrometheusError::NotStarted { program: program.to_owned(), source };
        let client = PrometheusClient::new(&self.url)
            .map_err(|error| not_started(io::Error::new(io::ErrorKind::InvalidInput, error.to_string())))?;
        let deadline = Instant::now() + READY_LIMIT;
        loop {
            if let Some(status) = self.child.try_wait().map_err(not_started)? {
                return Err(PrometheusError::Exited { status, last_words: self.last_words() });
            }
            if is_ready(&client).await && self.is_own(&client).await {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(PrometheusError::NotReady { last_words: self.last_words() });
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Whether the answers come from this process's own child: another Prometheus has another data directory.
    async fn is_own(&self, client: &PrometheusClient) -> bool {
        let answer = client.send(&Method::GET, "/api/v1/status/flags", &[], Bytes::new()).await;
        let flags: Option<Value> = answer.ok().and_then(|answer| serde_json::from_slice(&answer.body).ok());
        flags.is_some_and(|flags| {
            flags["data"]["storage.tsdb.path"].as_str().map(Path::new) == Some(&data(self.directory.path()))
        })
    }

    fn last_words(&self) -> String {
        let written = std::fs::read(log_file(self.directory.path())).unwrap_or_default();
        let last = &written[written.len().saturating_sub(LAST_WORDS_BYTES)..];
        String::from_utf8_lossy(last).trim().to_owned()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        children::kill_and_wait(&mut self.child);
    }
}

/// The management API: `/-/ready` returns 200 once it serves traffic.
async fn is_ready(client: &PrometheusClient) -> bool {
    let answer: Result<_, ClientError> = client.send(&Method::GET, "/-/ready", &[], Bytes::new()).await;
    answer.is_ok_and(|answer| answer.status.is_success())
}

/// Prometheus does not report the port that it takes for 0. If another program takes this one meanwhile, it is detected by
/// its data directory. A given port that is in use is reported at once.
async fn free_port(port: u16) -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?.local_addr()?.port())
}

fn log_file(directory: &Path) -> PathBuf {
    directory.join("prometheus.log")
}

fn data(directory: &Path) -> PathBuf {
    directory.join("data")
}

/// Only flags that versions 2 and 3 have in common. `more` is added to the configuration.
fn command(program: &Path, port: u16, directory: &Path, more: &str) -> io::Result<Command> {
    let config = directory.join("prometheus.yml");
    std::fs::write(&config, format!("{CONFIG}{more}"))?;
    let flag = |name: &str, path: &Path| {
        let mut flag = OsString::from(name);
        flag.push(path);
        flag
    };
    let mut command = children::command(program)?;
    command
        .arg(flag("--config.file=", &config))
        .arg(flag("--storage.tsdb.path=", &data(directory)))
        // Samples of a workspace with its own clock may be years old.
        .arg("--storage.tsdb.retention.time=100y")
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .arg("--web.enable-remote-write-receiver")
        // Versions that always store them take the flag with a warning.
        .arg("--enable-feature=native-histograms")
        .arg("--log.level=warn")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(log_file(directory))?);
    Ok(command)
}

/// An empty variable counts as not set.
fn find_by(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let named = variable("PROMETHEUS").filter(|path| !path.is_empty());
    named.map(PathBuf::from).or_else(|| find_in(&variable("PATH")?))
}

fn find_in(path: &OsStr) -> Option<PathBuf> {
    std::env::split_paths(path).map(|directory| directory.join("prometheus")).find(|file| is_executable(file))
}

/// Whether it is an executable file.
pub fn is_executable(file: &Path) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// Why a Prometheus cannot be the storage of a workspace.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unusable(String);

/// Checks that the Prometheus at `url` answers queries and accepts samples.
///
/// # Errors
/// [`Unusable`]: the reason.
pub async fn check(url: &str) -> Result<(), Unusable> {
    let client = PrometheusClient::new(url).map_err(|error| Unusable(error.to_string()))?;
    let send = async |method, path| {
        let answer = tokio::time::timeout(CHECK_LIMIT, client.send(&method, path, &[], Bytes::new())).await;
        match answer {
            Ok(answer) => answer.map_err(|error| Unusable(error.to_string())),
            Err(_) => {
                Err(Unusable(format!("{url}, which has not answered within {} s", CHECK_LIMIT.as_secs())))
            }
        }
    };
    let status = send(Method::GET, "/api/v1/query?query=1").await?.status;
    if !status.is_success() {
        return Err(Unusable(format!("{url}, which answers queries with {status}")));
    }
    // Nothing is written: a receiver rejects an empty body.
    let status = send(Method::POST, "/api/v1/write").await?.status;
    if status == StatusCode::NOT_FOUND {
        return Err(Unusable(format!("{url}, which runs without --web.enable-remote-write-receiver")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_the_first_executable_file_of_its_name() {
        let directories = [(); 4].map(|()| tempfile::tempdir().expect("a directory"));
        let [empty, folder, plain, right] = &directories;
        std::fs::create_dir(folder.path().join("prometheus")).expect("a folder of that name");
        for (directory, mode) in [(plain, 0o644), (right, 0o755)] {
            let file = directory.path().join("prometheus");
            std::fs::write(&file, "").expect("a file");
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).expect("its mode");
        }
        let path = |directories: &[&TempDir]| {
            std::env::join_paths(directories.iter().map(|directory| directory.path())).expect("a PATH")
        };
        assert_eq!(find_in(&path(&[empty, folder, plain, right])), Some(right.path().join("prometheus")));
        assert_eq!(find_in(&path(&[empty, folder, plain])), None);
    }

    #[test]
    fn the_variable_wins_over_the_path_unless_it_is_empty() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("prometheus");
        std::fs::write(&file, "").expect("a file");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).expect("its mode");
        let find = |named: Option<&str>| {
            find_by(|variable| match variable {
                "PROMETHEUS" => named.map(OsString::from),
                _ => Some(directory.path().into()),
            })
        };
        assert_eq!(find(Some("/opt/prometheus")), Some("/opt/prometheus".into()));
        assert_eq!([find(Some("")), find(None)], [Some(file.clone()), Some(file)]);
        assert_eq!(find_by(|_| None), None);
    }
}
