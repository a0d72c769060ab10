//! A strict stand-in for one workspace of Amazon Managed Service for Prometheus (AMP).
//!
//! It takes remote-write requests over HTTP, of 1.0 and with an option of 2.0, and answers as AMP does. For tests it records write requests in their
//! order of arrival, stored samples and connections. Each rule is checked by one function that cites its source.
//!
//! Accepted samples are kept in memory. With a Prometheus behind it, they are stored there as well, samples that
//! Prometheus refuses are not accepted, and Prometheus answers the read API.
//!
//! Where AMP's behaviour is not documented, the rule is that of the open source software whose error texts AMP shows
//! (Cortex). `tests/cortex` compares both, case by case. Where Cortex is lenient but the remote-write specification is not,
//! [`AmpOptions::strict`] decides.

mod accepted_credentials;
mod active_series;
mod answer;
mod decode;
mod distributor;
mod engine;
mod envelope;
mod fault;
mod fault_text;
mod ha_tracker;
mod handler;
mod histogram;
mod ingest;
mod journal;
mod limits;
mod options;
mod protocol;
mod read_api;
mod series;
mod sigv4;
mod store;
mod text;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use aws_credential_types::Credentials;
pub use prometheus_proto as proto;

use accepted_credentials::AcceptedCredentials;

use local_testing::http_server::HttpServer;
use local_testing::prometheus::client::PrometheusClient;

pub use fault::{Action, Fault, Matcher, SeriesMatcher};
pub use fault_text::FaultSyntaxError;
pub use journal::{Overlap, ReceivedRequest};
pub use options::{AmpOptions, Ingestion, MAX_OUT_OF_ORDER_WINDOW};
pub use series::{LabelSet, StoredHistograms, StoredSamples, StoredSeries};

/// A running stand-in; it stops when it is dropped.
#[derive(Debug)]
pub struct AmpStandIn {
    shared: Arc<Shared>,
    server: HttpServer,
}

/// The number of requests, series and samples.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AmpCounts {
    /// Write requests, valid or not.
    pub requests: usize,
    /// Series with at least one sample.
    pub series: usize,
    /// Stored samples, native histograms among them.
    pub samples: usize,
}

/// The state that all connections share.
#[derive(Debug)]
struct Shared {
    options: AmpOptions,
    credentials: Mutex<Option<AcceptedCredentials>>,
    prometheus: Option<PrometheusClient>,
    /// Held from the rules to the commit while Prometheus decides in between, so that both see the same order.
    ingesting: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    store: store::Store,
    limits: limits::Limits,
    ha_tracker: ha_tracker::HaTracker,
    journal: journal::Journal,
    faults: Vec<Fault>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // A test that panicked elsewhere must not hide its own message behind a poisoned lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn credentials(&self) -> MutexGuard<'_, Option<AcceptedCredentials>> {
        self.credentials.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Checks the signature of a request to any of the APIs, if the workspace requires one.
    fn check_signature(&self, head: &http::request::Parts, body: &[u8]) -> Result<(), answer::Refusal> {
        let accepted = self.credentials().clone();
        accepted.map_or(Ok(()), |accepted| {
            sigv4::verify(&self.options.region, &accepted, self.options.clock.now_ms(), head, body)
        })
    }
}

impl AmpStandIn {
    /// Starts on a port of 127.0.0.1.
    ///
    /// # Errors
    /// The port cannot be opened; or an option is outside its range or not a URL ([`io::ErrorKind::InvalidInput`]).
    pub async fn start(options: AmpOptions) -> io::Result<Self> {
        options.check()?;
        let prometheus = options.prometheus.as_deref().map(PrometheusClient::new).transpose();
        let prometheus =
            prometheus.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error.to_string()))?;
        let port = options.port;
        let credentials = options.credentials.clone().map(|pair| AcceptedCredentials::new(vec![pair]));
        let shared = Arc::new(Shared {
            options,
            credentials: Mutex::new(credentials),
            prometheus,
            ingesting: tokio::sync::Mutex::default(),
            state: Mutex::default(),
        });
        let for_requests = Arc::clone(&shared);
        let server = HttpServer::start(port, move |request, connection| {
            handler::handle(Arc::clone(&for_requests), request, connection)
        })
        .await?;
        Ok(Self { shared, server })
    }

    /// The workspace's endpoint as AMP states it, `http://127.0.0.1:<port>/workspaces/<id>/`, with the path
    /// `api/v1/remote_write` below it.
    pub fn endpoint(&self) -> String {
        format!("http://{}/workspaces/{}/", self.server.address(), self.shared.options.workspace)
    }

    /// The workspace's id.
    pub fn id(&self) -> &str {
        &self.shared.options.workspace
    }

    /// The URL for instant queries.
    pub fn query_url(&self) -> String {
        format!("{}api/v1/query", self.endpoint())
    }

    /// The URL for write requests.
    pub fn remote_write_url(&self) -> String {
        let path = envelope::remote_write_path(&self.shared.options.workspace);
        format!("http://{}{path}", self.server.address())
    }

    /// Replaces the faults; the first one that matches a request applies.
    pub fn set_faults(&self, faults: Vec<Fault>) {
        self.shared.state().faults = faults;
    }

    /// Replaces the credentials whose signatures are accepted: several while keys rotate, none to refuse all requests.
    /// A pair expires with its `expiry`, by the clock.
    pub fn accept_credentials(&self, credentials: Vec<Credentials>) {
        *self.shared.credentials() = Some(AcceptedCredentials::new(credentials));
    }

    /// Refuses connections from now on and cuts those that are open. Stored samples are kept.
    pub fn go_down(&self) {
        self.server.go_down();
    }

    /// Listens again on the same port; if it is not down, nothing changes.
    ///
    /// # Errors
    /// Another process took the port in the meantime.
    pub async fn come_back(&self) -> io::Result<()> {
        self.server.come_back().await
    }

    /// All write requests in the order of arrival, as far as [`AmpOptions::journal_limit`] keeps them.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.shared.state().journal.requests()
    }

    /// The floats of every series.
    pub fn series(&self) -> StoredSeries {
        self.collect(series::floats)
    }

    /// The native histograms of every series.
    pub fn histograms(&self) -> StoredHistograms {
        self.collect(series::histograms)
    }

    fn collect<T>(
        &self,
        of: impl Fn(&series::Entries) -> BTreeMap<i64, T>,
    ) -> BTreeMap<LabelSet, BTreeMap<i64, T>> {
        let state = self.shared.state();
        let series = state.store.series().iter().map(|(labels, entries)| (labels.clone(), of(entries)));
        series.filter(|(_, values)| !values.is_empty()).collect()
    }

    /// The floats of the series with exactly these labels; empty if there is no such series.
    pub fn samples_of(&self, labels: &[(&str, &str)]) -> StoredSamples {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.shared.state().store.series().get(&labels).map(series::floats).unwrap_or_default()
    }

    /// How many samples are stored.
    pub fn sample_count(&self) -> usize {
        self.counts().samples
    }

    /// The number of requests, series and samples.
    pub fn counts(&self) -> AmpCounts {
        let state = self.shared.state();
        let series = state.store.series();
        AmpCounts {
            requests: state.journal.count(),
            series: series.len(),
            samples: series.values().map(series::Entries::len).sum(),
        }
    }

    /// Pairs of requests that were in flight at the same time although they share a series.
    pub fn overlaps(&self) -> Vec<Overlap> {
        self.shared.state().journal.overlaps()
    }

    /// How many TCP connections were opened: fewer than requests when the sender keeps them alive.
    pub fn connections(&self) -> u64 {
        self.server.connections()
    }

    /// Forgets samples, requests, faults and the use of limits. A Prometheus behind it keeps its samples.
    pub fn reset(&self) {
        *self.shared.state() = State::default();
    }
}

/// A duration in milliseconds, the unit of timestamps.
fn whole_ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
