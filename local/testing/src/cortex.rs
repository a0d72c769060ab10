//! The process of a Cortex, the engine that AMP is built on: one process with everything, on 127.0.0.1.
//!
//! It has AMP's documented limits. Its data survives [`Cortex::kill`], and ends with the value.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::time::Instant;

use crate::children;
use crate::clock::Clock;
use crate::prometheus::client::PrometheusClient;
use crate::prometheus::{QueryError, SamplesByLabels, samples_until};

/// It is ready in a second, after a restart with a long log in a few.
const READY_LIMIT: Duration = Duration::from_mins(2);

/// More than the 10 minutes that AMP takes a sample ahead.
const AHEAD: Duration = Duration::from_mins(11);

/// Bytes of its log that an error includes.
const LAST_WORDS_BYTES: usize = 2_000;

/// The reasons for which Cortex does not run.
#[derive(Debug, thiserror::Error)]
pub enum CortexError {
    /// The program cannot be run, or its files cannot be written.
    #[error("cannot start {}", program.display())]
    NotStarted {
        /// The program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It ended at once.
    #[error("cortex exited before it was ready ({status}): {last_words}")]
    Exited {
        /// How.
        status: ExitStatus,
        /// The end of its log.
        last_words: String,
    },
    /// It did not become ready in time.
    #[error("cortex is not ready after {} s: {last_words}", READY_LIMIT.as_secs())]
    NotReady {
        /// The end of its log.
        last_words: String,
    },
}

/// The limits of one tenant that differ from AMP's defaults, by their names in Cortex's configuration, as in
/// `("out_of_order_time_window", "10m")`.
pub type CortexLimits = Vec<(&'static str, String)>;

/// The options of a Cortex.
#[derive(Debug, Clone, Default)]
pub struct CortexOptions {
    /// The limits of all tenants.
    pub limits: CortexLimits,
    /// The limits of single tenants, which the header `X-Scope-OrgID` of a request names; without any, requests need no
    /// such header.
    pub tenants: BTreeMap<String, CortexLimits>,
    /// The largest number of samples in an out-of-order chunk (`out_of_order_cap_max`), instead of 32. At a restart after
    /// several crashes Cortex loses acknowledged samples that were out of order, and fewer if the chunks are large.
    pub out_of_order_chunk: Option<u8>,
    /// Whether requests of remote write 2.0 are taken, which is not so by default.
    pub remote_write_2: bool,
}

/// A Cortex, running or killed.
#[derive(Debug)]
pub struct Cortex {
    program: PathBuf,
    port: u16,
    child: Option<Child>,
    // Dropped after the child has ended.
    directory: TempDir,
}

impl Cortex {
    /// The program in the variable `CORTEX`, which `npm run conformance` builds and sets.
    pub fn find() -> Option<PathBuf> {
        let named: Option<OsString> = std::env::var_os("CORTEX");
        named.filter(|path| !path.is_empty()).map(PathBuf::from)
    }

    /// Starts `program` on free ports of 127.0.0.1 and waits until it is ready.
    ///
    /// # Errors
    /// It cannot be started or does not become ready.
    pub async fn start(program: &Path, options: &CortexOptions) -> Result<Self, CortexError> {
        let not_started = |source| CortexError::NotStarted { program: program.to_owned(), source };
        let prepare = async || {
            let directory = tempfile::Builder::new().prefix("cortex-").tempdir()?;
            let [port, grpc_port, gossip_port] = free_ports().await?;
            let config = configuration(directory.path(), port, grpc_port, gossip_port, options);
            std::fs::write(directory.path().join("cortex.yaml"), config)?;
            std::fs::write(directory.path().join("tenants.yaml"), overrides(&options.tenants))?;
            for name in ["rules", "alerts"] {
                std::fs::create_dir(directory.path().join(name))?;
            }
            Ok((directory, port))
        };
        let (directory, port) = prepare().await.map_err(not_started)?;
        let mut cortex = Self { program: program.to_owned(), port, child: None, directory };
        cortex.restart().await?;
        Ok(cortex)
    }

    /// The URL for write requests.
    pub fn remote_write_url(&self) -> String {
        format!("http://127.0.0.1:{}/api/v1/push", self.port)
    }

    /// The base URL of its Prometheus API: `<url>/api/v1/query`.
    pub fn query_url(&self) -> String {
        format!("http://127.0.0.1:{}/prometheus", self.port)
    }

    /// Ends the process as a crash would, and waits until it is gone.
    pub async fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // An error means that it has ended.
            let _ = child.kill().await;
        }
    }

    /// Starts it again with the same data on the same ports, killed or not, and waits until it is ready.
    ///
    /// # Errors
    /// It cannot be started or does not become ready.
    pub async fn restart(&mut self) -> Result<(), CortexError> {
        self.kill().await;
        let not_started = |source| CortexError::NotStarted { program: self.program.clone(), source };
        let child = command(&self.program, self.directory.path()).and_then(|mut command| command.spawn());
        let child = self.child.insert(child.map_err(not_started)?);
        let client = PrometheusClient::new(&format!("http://127.0.0.1:{}", self.port))
            .map_err(|error| not_started(io::Error::new(io::ErrorKind::InvalidInput, error.to_string())))?;
        let deadline = Instant::now() + READY_LIMIT;
        loop {
            if let Some(status) = child.try_wait().map_err(not_started)? {
                return Err(CortexError::Exited { status, last_words: self.last_words() });
            }
            let ready = client.send(&Method::GET, "/ready", &[], Bytes::new()).await;
            if ready.is_ok_and(|answer| answer.status.is_success()) {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(CortexError::NotReady { last_words: self.last_words() });
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// All samples of `selector` from `range` before now on, those ahead of the clock among them, where there are no
    /// tenants. Answers are limited in length, so a large workspace is read selector by selector.
    ///
    /// # Errors
    /// It cannot be reached, or it rejects the query.
    pub async fn samples(&self, selector: &str, range: Duration) -> Result<SamplesByLabels, QueryError> {
        // By default Cortex ends at the last full second. Nothing is further ahead than 10 minutes.
        let end = Clock::system().now_ms() / 1_000 + AHEAD.as_secs().cast_signed();
        samples_until(&self.query_url(), selector, range + AHEAD, Some(end)).await
    }

    fn last_words(&self) -> String {
        let written = std::fs::read(log_file(self.directory.path())).unwrap_or_default();
        let last = &written[written.len().saturating_sub(LAST_WORDS_BYTES)..];
        String::from_utf8_lossy(last).trim().to_owned()
    }
}

impl Drop for Cortex {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            children::kill_and_wait(child);
        }
    }
}

fn log_file(directory: &Path) -> PathBuf {
    directory.join("cortex.log")
}

fn command(program: &Path, directory: &Path) -> io::Result<Command> {
    let log = std::fs::File::options().create(true).append(true).open(log_file(directory))?;
    let mut config = OsString::from("-config.file=");
    config.push(directory.join("cortex.yaml"));
    let mut command = children::command(program)?;
    command.arg(config).current_dir(directory).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    Ok(command)
}

/// Held together, so that they are three.
async fn free_ports() -> io::Result<[u16; 3]> {
    let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let (one, two, three) = (listen().await?, listen().await?, listen().await?);
    Ok([one.local_addr()?.port(), two.local_addr()?.port(), three.local_addr()?.port()])
}

/// Rings in memory, storage in the directory, and nothing that listens elsewhere than on 127.0.0.1.
fn configuration(
    directory: &Path,
    port: u16,
    grpc_port: u16,
    gossip_port: u16,
    options: &CortexOptions,
) -> String {
    let data = directory.display();
    let auth = !options.tenants.is_empty();
    let chunk = options.out_of_order_chunk.unwrap_or(32);
    let version_2 = options.remote_write_2;
    let mut config = format!(
        "\
auth_enabled: {auth}
server:
  http_listen_address: 127.0.0.1
  http_listen_port: {port}
  grpc_listen_address: 127.0.0.1
  grpc_listen_port: {grpc_port}
  grpc_server_max_recv_msg_size: 104857600
  grpc_server_max_send_msg_size: 104857600
  log_level: warn
memberlist:
  bind_addr: [127.0.0.1]
  bind_port: {gossip_port}
  advertise_addr: 127.0.0.1
distributor:
  shard_by_all_labels: true
  max_recv_msg_size: 1000000
  remote_writev2_enabled: {version_2}
  ring:
    instance_addr: 127.0.0.1
    kvstore: {{store: inmemory}}
  ha_tracker:
    enable_ha_tracker: true
    kvstore: {{store: memberlist}}
ingester_client:
  grpc_client_config: {{max_recv_msg_size: 104857600, max_send_msg_size: 104857600}}
ingester:
  lifecycler:
    address: 127.0.0.1
    min_ready_duration: 0s
    final_sleep: 0s
    num_tokens: 8
    ring:
      replication_factor: 1
      kvstore: {{store: inmemory}}
querier:
  query_ingesters_within: 0s
  max_query_into_future: 0s
blocks_storage:
  backend: filesystem
  filesystem: {{dir: {data}/blocks}}
  tsdb: {{dir: {data}/tsdb, out_of_order_cap_max: {chunk}}}
  bucket_store: {{sync_dir: {data}/sync}}
compactor:
  data_dir: {data}/compactor
  sharding_ring: {{kvstore: {{store: inmemory}}}}
store_gateway:
  sharding_ring: {{instance_addr: 127.0.0.1, kvstore: {{store: inmemory}}}}
ruler:
  rule_path: {data}/ruler
  ring: {{instance_addr: 127.0.0.1, kvstore: {{store: inmemory}}}}
ruler_storage:
  backend: local
  local: {{directory: {data}/rules}}
alertmanager:
  data_dir: {data}/alertmanager
  cluster: {{listen_address: \"\"}}
  external_url: http://127.0.0.1/alertmanager
alertmanager_storage:
  backend: local
  local: {{path: {data}/alerts}}
runtime_config: {{file: {data}/tenants.yaml}}
limits:
"
    );
    for (name, value) in amp_limits(&options.limits) {
        let _ = writeln!(config, "  {name}: {value}");
    }
    config
}

/// AMP's documented limits; where it documents none, Cortex's own hold.
fn amp_limits(changes: &CortexLimits) -> BTreeMap<&'static str, String> {
    let limits = [
        ("max_label_names_per_series", "150"),
        ("max_labels_size_bytes", "7168"),
        ("reject_old_samples", "true"),
        ("reject_old_samples_max_age", "1h"),
        ("creation_grace_period", "10m"),
        ("out_of_order_time_window", "1m"),
        ("enable_native_histograms", "true"),
        ("max_native_histogram_buckets", "200"),
        ("max_native_histogram_sample_size_bytes", "2048"),
        ("ingestion_rate", "1666666"),
        ("ingestion_burst_size", "1666666"),
        ("max_series_per_user", "0"),
        ("max_series_per_metric", "0"),
    ];
    let limits = limits.map(|(name, value)| (name, value.to_owned()));
    limits.into_iter().chain(changes.iter().cloned()).collect()
}

/// A tenant's own limits; it inherits the others.
fn overrides(tenants: &BTreeMap<String, CortexLimits>) -> String {
    let mut text = String::from("overrides:\n");
    for (tenant, limits) in tenants.iter().filter(|(_, limits)| !limits.is_empty()) {
        let _ = writeln!(text, "  {tenant}:");
        for (name, value) in limits {
            let _ = writeln!(text, "    {name}: {value}");
        }
    }
    text
}
