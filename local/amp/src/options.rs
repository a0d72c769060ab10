//! The options of a stand-in. The defaults are AMP's; a limit of `None` does not apply.

use std::io;
use std::time::Duration;

use super::Credentials;
use local_testing::clock::Clock;

/// AMP quotas, "Out of order time window per workspace": "it can be configured up to a maximum of 600 seconds".
pub const MAX_OUT_OF_ORDER_WINDOW: Duration = Duration::from_mins(10);

/// The treatment of the good samples of a request that also holds bad ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ingestion {
    /// AMP: they are written, and the answer is a 400 with the first error's text.
    KeepGood,
    /// Prometheus: nothing of the request is written.
    RollBack,
}

/// Address, limits and clock of the emulated workspace.
#[derive(Debug, Clone)]
pub struct AmpOptions {
    /// The port of 127.0.0.1 to listen on; 0 takes a free one.
    pub port: u16,
    /// The workspace id in the path.
    pub workspace: String,
    /// The region that signatures must be scoped to.
    pub region: String,
    /// The key pair whose signatures are accepted; `None` accepts unsigned requests.
    /// [`super::AmpStandIn::accept_credentials`] replaces it.
    pub credentials: Option<Credentials>,
    /// How far behind the workspace's newest sample a series may be filled in, at most
    /// [`MAX_OUT_OF_ORDER_WINDOW`]; zero disables it.
    pub out_of_order_window: Duration,
    /// How old a sample may be by the clock.
    pub max_sample_age: Option<Duration>,
    /// How far in the future a sample may be by the clock.
    pub max_ahead: Option<Duration>,
    /// Whether requests of remote write 2.0 are taken, as by a Cortex with `distributor.remote_writev2_enabled`. AMP is not
    /// documented to take them, and Cortex by itself answers 415.
    pub remote_write_2: bool,
    /// Whether a request must also keep the rules of remote write that Cortex does not enforce: all headers, sorted
    /// labels without empty values, samples in order, every series once. Cortex repairs such a request or drops a part of
    /// it without an answer.
    pub strict: bool,
    /// How long the elected replica of a cluster may be silent before another one is elected; `None` switches the HA
    /// tracker off.
    pub ha_failover_timeout: Option<Duration>,
    /// The treatment of the good samples of a bad request.
    pub ingestion: Ingestion,
    /// The limit for a request's body, compressed and decoded alike.
    pub max_request_bytes: usize,
    /// How many samples, exemplars and metadata a second are accepted, and how many at once.
    pub ingestion_rate: Option<f64>,
    /// How many write requests a second are answered, and how many at once.
    pub remote_write_calls_per_second: Option<f64>,
    /// How many series may have a sample within two hours of the clock.
    pub active_series: Option<usize>,
    /// The status of success. AMP answers 200, Prometheus 204.
    pub success_status: u16,
    /// The base URL of a Prometheus, such as `http://127.0.0.1:9090`, which stores accepted samples and answers the
    /// read API. It must have its remote-write receiver enabled. Without one, samples are kept in memory only and reads
    /// are answered with 501.
    pub prometheus: Option<String>,
    /// How many write requests [`super::AmpStandIn::requests`] returns; the oldest are forgotten.
    pub journal_limit: usize,
    /// The time of day, for signatures, the age of samples, and limits per second.
    pub clock: Clock,
}

impl Default for AmpOptions {
    fn default() -> Self {
        Self {
            port: 0,
            workspace: "ws-local".to_owned(),
            region: "eu-west-1".to_owned(),
            credentials: None,
            // AMP quotas: "out-of-order time window", 60 s unless changed.
            out_of_order_window: Duration::from_mins(1),
            // AMP quotas: "Metric samples older than 1 hour are refused".
            max_sample_age: Some(Duration::from_hours(1)),
            // Cortex's `creation grace period` and Prometheus's `maxAheadTime` are both 10 minutes.
            max_ahead: Some(Duration::from_mins(10)),
            remote_write_2: false,
            strict: true,
            // AMP quotas name a limit for the HA tracker, but a workspace must be set up for it.
            ha_failover_timeout: None,
            ingestion: Ingestion::KeepGood,
            // AMP quotas: a request is limited to 1 MB; Cortex applies its limit before and after snappy.
            max_request_bytes: 1_000_000,
            // AMP quotas: "Ingestion rate per workspace".
            ingestion_rate: Some(1_666_666.0),
            // AMP quotas: "Number of RemoteWrite API operations per workspace in transactions per second".
            remote_write_calls_per_second: Some(3_000.0),
            // AMP quotas: "Active series per workspace".
            active_series: Some(50_000_000),
            success_status: 200,
            prometheus: None,
            journal_limit: usize::MAX,
            clock: Clock::system(),
        }
    }
}

impl AmpOptions {
    /// Refuses options that AMP does not have.
    pub(super) fn check(&self) -> io::Result<()> {
        if self.out_of_order_window <= MAX_OUT_OF_ORDER_WINDOW {
            return Ok(());
        }
        Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!(
                "out-of-order window: expected 0 to {} s, got {} s",
                MAX_OUT_OF_ORDER_WINDOW.as_secs(),
                self.out_of_order_window.as_secs_f64()
            ),
        ))
    }
}
