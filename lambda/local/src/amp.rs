//! A strict stand-in for one workspace of Amazon Managed Service for Prometheus (AMP).
//!
//! In: remote-write 1.0 requests over HTTP. Out: AMP's answers, and for tests everything that was seen:
//! requests in their order of arrival, stored samples, connections. It may assume nothing about a request; each
//! thing a sender must do is checked by one function that cites where the rule is written down.
//!
//! Where AMP's behaviour is not documented, the rule is that of the open source software whose error texts AMP
//! shows (Cortex), and where that is lenient but the remote-write specification is not, the specification holds.

mod answer;
mod decode;
mod envelope;
mod fault;
mod handler;
mod journal;
mod series_rules;
mod sigv4;
mod store;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use aws_credential_types::Credentials;
pub use prometheus_proto as proto;

use crate::clock::Clock;
use crate::http_server::HttpServer;

pub use fault::{Action, Fault, Matcher, SeriesMatcher};
pub use journal::{Overlap, ReceivedRequest};
pub use store::{LabelSet, StoredSamples, StoredSeries};

/// What a receiver does with the good samples of a request that also holds bad ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ingestion {
    /// AMP: they are written, and the answer is a 400 with the first error's text.
    KeepGood,
    /// Prometheus: nothing of the request is written.
    RollBack,
}

/// The workspace that is stood in for.
#[derive(Debug, Clone)]
pub struct AmpOptions {
    /// The port of 127.0.0.1 to listen on; 0 takes a free one.
    pub port: u16,
    /// The workspace id in the path.
    pub workspace: String,
    /// The region that signatures must be scoped to.
    pub region: String,
    /// Whose signature is accepted; `None` accepts unsigned requests.
    pub credentials: Option<Credentials>,
    /// How far behind the workspace's newest sample a series may be filled in; zero disables it.
    pub out_of_order_window: Duration,
    /// How old a sample may be by the clock.
    pub max_sample_age: Option<Duration>,
    /// How far in the future a sample may be by the clock.
    pub max_ahead: Option<Duration>,
    /// What becomes of the good samples of a bad request.
    pub ingestion: Ingestion,
    /// The limit for a request's body, compressed and decoded alike.
    pub max_request_bytes: usize,
    /// The status of success. AMP says 200, Prometheus 204, Cortex sometimes 202.
    pub success_status: u16,
    /// The time of day.
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
            ingestion: Ingestion::KeepGood,
            // AMP quotas: a request is limited to 1 MB; Cortex applies its limit before and after snappy.
            max_request_bytes: 1_000_000,
            success_status: 200,
            clock: Clock::system(),
        }
    }
}

/// A running stand-in; it stops when it is dropped.
#[derive(Debug)]
pub struct AmpStandIn {
    shared: Arc<Shared>,
    server: HttpServer,
}

/// What all connections share.
#[derive(Debug)]
struct Shared {
    options: AmpOptions,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    store: store::Store,
    journal: journal::Journal,
    faults: Vec<Fault>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // A test that panicked elsewhere must not hide its own message behind a poisoned lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AmpStandIn {
    /// Starts on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// The port cannot be opened.
    pub async fn start(options: AmpOptions) -> io::Result<Self> {
        let port = options.port;
        let shared = Arc::new(Shared { options, state: Mutex::default() });
        let for_requests = Arc::clone(&shared);
        let server = HttpServer::start(port, move |request, connection| {
            handler::handle(Arc::clone(&for_requests), request, connection)
        })
        .await?;
        Ok(Self { shared, server })
    }

    /// Where write requests go.
    pub fn remote_write_url(&self) -> String {
        let path = envelope::remote_write_path(&self.shared.options.workspace);
        format!("http://{}{path}", self.server.address())
    }

    /// Replaces the faults; the first rule that matches a request decides what becomes of it.
    pub fn set_faults(&self, faults: Vec<Fault>) {
        self.shared.state().faults = faults;
    }

    /// Every request so far, in the order of arrival.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.shared.state().journal.requests().to_vec()
    }

    /// Every series with its samples.
    pub fn series(&self) -> StoredSeries {
        self.shared.state().store.series()
    }

    /// The samples of the series with exactly these labels (none when there is no such series).
    pub fn samples_of(&self, labels: &[(&str, &str)]) -> StoredSamples {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.shared.state().store.series().remove(&labels).unwrap_or_default()
    }

    /// How many samples are stored.
    pub fn sample_count(&self) -> usize {
        self.shared.state().store.series().values().map(StoredSamples::len).sum()
    }

    /// Pairs of requests that travelled at the same time although they share a series.
    pub fn overlaps(&self) -> Vec<Overlap> {
        self.shared.state().journal.overlaps()
    }

    /// How many TCP connections were opened: fewer than requests when the sender keeps them alive.
    pub fn connections(&self) -> u64 {
        self.server.connections()
    }

    /// Forgets samples, requests and faults.
    pub fn reset(&self) {
        *self.shared.state() = State::default();
    }
}
