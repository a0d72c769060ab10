//! The proxy's own metrics, in the OpenMetrics text format.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::route::Operation;

/// The media type of the metrics.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// From a write to a query that takes as long as AMP allows.
const BUCKETS: [f64; 9] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 10.0, 60.0];

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Request {
    operation: &'static str,
    code: u16,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Outcome {
    result: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct OfOperation {
    operation: &'static str,
}

/// The metrics.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    duration: Family<OfOperation, Histogram>,
    in_flight: Gauge,
    request_bytes: Counter,
    response_bytes: Counter,
    renewals: Family<Outcome, Counter>,
    expiry: Gauge,
}

/// Counts a request as long as its response is not complete.
#[derive(Debug)]
pub(crate) struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("sigv4_proxy");
        let metrics = Self {
            requests: Family::default(),
            duration: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            in_flight: Gauge::default(),
            request_bytes: Counter::default(),
            response_bytes: Counter::default(),
            renewals: Family::default(),
            expiry: Gauge::default(),
            registry: Registry::default(),
        };
        registry.register("build", "The version", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        // The library adds the full stops.
        let requests =
            "Requests to the workspace, with the status of the response, which the proxy itself may give";
        registry.register("requests", requests, metrics.requests.clone());
        let duration = "The time until a response of the workspace begins";
        registry.register_with_unit("request_duration", duration, Unit::Seconds, metrics.duration.clone());
        let in_flight = "Requests to the workspace whose response is not complete";
        registry.register("requests_in_flight", in_flight, metrics.in_flight.clone());
        let sent = "Bodies of requests to the workspace, each counted once";
        registry.register_with_unit("request_body", sent, Unit::Bytes, metrics.request_bytes.clone());
        let received = "Bodies of responses of the workspace";
        registry.register_with_unit("response_body", received, Unit::Bytes, metrics.response_bytes.clone());
        let renewals = "Renewals of credentials before they expire";
        registry.register("credential_renewals", renewals, metrics.renewals.clone());
        let expiry = "When the credentials of the last renewal expire, in Unix time; 0 if they do not";
        registry.register_with_unit(
            "credentials_expiry_timestamp",
            expiry,
            Unit::Seconds,
            metrics.expiry.clone(),
        );
        Self { registry, ..metrics }
    }

    pub(crate) fn begin(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    pub(crate) fn count(&self, operation: Operation, code: u16, body: usize, duration: Duration) {
        let operation = operation.name();
        self.requests.get_or_create(&Request { operation, code }).inc();
        self.duration.get_or_create(&OfOperation { operation }).observe(duration.as_secs_f64());
        self.request_bytes.inc_by(body as u64);
    }

    /// The counter of bytes in responses.
    pub(crate) fn response_bytes(&self) -> Counter {
        self.response_bytes.clone()
    }

    pub(crate) fn renewed(&self, expiry: Option<SystemTime>) {
        self.renewals.get_or_create(&Outcome { result: "success" }).inc();
        let seconds = expiry.and_then(|expiry| expiry.duration_since(UNIX_EPOCH).ok());
        let seconds = seconds.and_then(|since| i64::try_from(since.as_secs()).ok());
        self.expiry.set(seconds.unwrap_or_default());
    }

    pub(crate) fn not_renewed(&self) {
        self.renewals.get_or_create(&Outcome { result: "failure" }).inc();
    }

    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a string cannot fail");
        text
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}
