//! Reads the configuration from the environment.

use aws::settings::region_of_arn;
use aws::sqs::Queue;
use aws::{Endpoint, InvalidSetting, Scope, Secret, Service, Settings};

use crate::labels::{InstanceLabel, RESERVED};
use crate::metrics::{Selection, UnknownName};

/// The default number of events that make a dispatch due: some hundred invocations.
const MIN_BATCH_SIZE: u64 = 1_000;

/// The default age at which an event makes a dispatch due.
const MAX_AGE_SECONDS: u64 = 60;

/// The greatest number of a setting: larger ones would overflow as milliseconds.
const MAX_NUMBER: u64 = u32::MAX as u64;

/// The configuration of the extension.
#[derive(Clone, Debug)]
pub struct Config {
    /// The destination of the metrics.
    pub destination: Destination,
    /// `DISPATCH_MIN_BATCH_SIZE`: the number of events that make a dispatch due. At least 1.
    pub min_batch: u64,
    /// `DISPATCH_MAX_AGE_SECONDS`: the age at which an event makes a dispatch due, in milliseconds.
    pub max_age_ms: u64,
    /// `TELEMETRY_SUMMARIES`, or the name of a summary in `TELEMETRY_METRICS`.
    pub summaries: bool,
    /// `TELEMETRY_METRICS` and `TELEMETRY_HISTOGRAMS`.
    pub selection: Selection,
    /// `TELEMETRY_INSTANCE_LABEL`.
    pub instance_label: InstanceLabel,
    /// `TELEMETRY_EXTERNAL_LABELS`: valid names, none of them reserved, and non-empty values.
    pub external_labels: Vec<(String, String)>,
    /// `AWS_REGION`.
    pub region: Option<String>,
}

/// The destination of the metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// `TELEMETRY_REMOTE_WRITE_URL`: a receiver of remote write.
    RemoteWrite {
        /// The receiver.
        endpoint: Endpoint,
        /// The scope of signatures, if requests are signed.
        scope: Option<Scope>,
    },
    /// `TELEMETRY_QUEUE_URL`: the queue of a push gateway.
    Queue(Queue),
    /// `TELEMETRY_FUNCTION`: the function of a push gateway.
    Function {
        /// Its name or ARN.
        name: String,
        /// The API of Lambda.
        service: Service,
    },
    /// `GATEWAY`: a Pushgateway.
    Pushgateway {
        /// Its URL.
        endpoint: Endpoint,
        /// `AUTH_SECRET`: the secret with its credentials.
        secret: Option<Secret>,
        /// `DELETE_ON_SHUTDOWN`.
        delete_on_shutdown: bool,
    },
}

/// The reason why the extension cannot start, on one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidConfig {
    /// No destination.
    #[error(
        "no destination is set; set one of TELEMETRY_REMOTE_WRITE_URL, TELEMETRY_QUEUE_URL, TELEMETRY_FUNCTION and GATEWAY"
    )]
    NoDestination,
    /// Several destinations.
    #[error("{0} and {1} are both set; set exactly one destination")]
    SeveralDestinations(&'static str, &'static str),
    /// A variable cannot be used.
    #[error(transparent)]
    Setting(#[from] InvalidSetting),
    /// A list contains an unknown name.
    #[error(transparent)]
    Name(#[from] UnknownName),
    /// An external label has a reserved name.
    #[error("TELEMETRY_EXTERNAL_LABELS: label {0:?} is reserved")]
    ReservedLabel(&'static str),
}

/// `TELEMETRY_FAIL_OPEN`: whether a function runs without metrics when the rest of the configuration is invalid.
pub fn fail_open(lookup: impl Fn(&str) -> Option<String>) -> Result<bool, InvalidSetting> {
    Settings::new(&lookup).flag("TELEMETRY_FAIL_OPEN")
}

impl Config {
    /// Reads the configuration through `lookup`, which returns the value of an environment variable. The error is about the
    /// first variable that is missing or invalid.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, InvalidConfig> {
        fail_open(&lookup)?;
        let settings = Settings::new(&lookup);
        let instance_labels = [("short", InstanceLabel::Short), ("full", InstanceLabel::Full)];
        let instance_label =
            settings.choice("TELEMETRY_INSTANCE_LABEL", "short or full", &instance_labels)?;
        let seconds = "a whole number of seconds, at least 1";
        let max_age = settings.number("DISPATCH_MAX_AGE_SECONDS", seconds, 1..=MAX_NUMBER)?;
        let events = "a whole number of log events";
        let min_batch = settings.number("DISPATCH_MIN_BATCH_SIZE", events, 0..=MAX_NUMBER)?;
        let (metrics, histograms) =
            (settings.text("TELEMETRY_METRICS"), settings.text("TELEMETRY_HISTOGRAMS"));
        let selection = Selection::of(metrics.as_deref(), histograms.as_deref())?;
        let summaries = settings.flag("TELEMETRY_SUMMARIES")? || selection.names_a_summary();
        Ok(Self {
            destination: Destination::of(&settings)?,
            // 0 was the setting of other extensions for sending every event.
            min_batch: min_batch.unwrap_or(MIN_BATCH_SIZE).max(1),
            max_age_ms: max_age.unwrap_or(MAX_AGE_SECONDS) * 1_000,
            summaries,
            selection,
            instance_label: instance_label.unwrap_or_default(),
            external_labels: external_labels(&settings)?,
            region: settings.region(),
        })
    }
}

impl Destination {
    fn of(settings: &Settings<'_>) -> Result<Self, InvalidConfig> {
        const VARIABLES: [&str; 4] =
            ["TELEMETRY_REMOTE_WRITE_URL", "TELEMETRY_QUEUE_URL", "TELEMETRY_FUNCTION", "GATEWAY"];
        let mut set = VARIABLES.into_iter().filter_map(|variable| Some((variable, settings.text(variable)?)));
        let (variable, value) = set.next().ok_or(InvalidConfig::NoDestination)?;
        if let Some((other, _)) = set.next() {
            return Err(InvalidConfig::SeveralDestinations(variable, other));
        }
        if let Some(queue) = settings.queue("TELEMETRY_QUEUE_URL")? {
            return Ok(Self::Queue(queue));
        }
        if let Some(endpoint) = settings.remote_write_endpoint("TELEMETRY_REMOTE_WRITE_URL")? {
            let scope = settings.auth("TELEMETRY_REMOTE_WRITE_AUTH", &endpoint, variable)?;
            return Ok(Self::RemoteWrite { endpoint, scope });
        }
        if variable == "TELEMETRY_FUNCTION" {
            function(settings, value)
        } else {
            pushgateway(settings, &value)
        }
    }
}

fn function(settings: &Settings<'_>, name: String) -> Result<Destination, InvalidConfig> {
    const VARIABLE: &str = "TELEMETRY_FUNCTION";
    // API reference, Invoke, `FunctionName`: at most 170 characters of names, partial and full ARNs.
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '-' | '_' | '$');
    if name.len() > 170 || !name.chars().all(is_name) {
        return Err(value(VARIABLE, "the name or the ARN of a function"));
    }
    let region = settings.region_or(region_of_arn(&name), VARIABLE)?;
    let service = settings.service("lambda", "AWS_ENDPOINT_URL_LAMBDA", region)?;
    Ok(Destination::Function { name, service })
}

fn pushgateway(settings: &Settings<'_>, gateway: &str) -> Result<Destination, InvalidConfig> {
    const VARIABLE: &str = "GATEWAY";
    let secret = settings.secret("AUTH_SECRET")?;
    // The clients of Python and Go accept a host alone, for which they use http.
    let url = if gateway.contains(":/") { gateway.to_owned() } else { format!("http://{gateway}") };
    let endpoint = endpoint(VARIABLE, &url)?;
    if endpoint.uri().query().is_some() {
        return Err(value(VARIABLE, "the URL of a Pushgateway, without a query"));
    }
    let delete_on_shutdown = settings.flag("DELETE_ON_SHUTDOWN")?;
    Ok(Destination::Pushgateway { endpoint, secret, delete_on_shutdown })
}

fn endpoint(variable: &'static str, url: &str) -> Result<Endpoint, InvalidSetting> {
    Endpoint::parse(url).map_err(|reason| InvalidSetting::Url { variable, reason })
}

fn value(variable: &'static str, expected: &'static str) -> InvalidConfig {
    InvalidSetting::Value { variable, expected }.into()
}

fn external_labels(settings: &Settings<'_>) -> Result<Vec<(String, String)>, InvalidConfig> {
    let labels = settings.external_labels("TELEMETRY_EXTERNAL_LABELS")?;
    let is_set = |reserved: &&str| labels.iter().any(|(name, _)| name == *reserved);
    if let Some(reserved) = RESERVED.into_iter().find(is_set) {
        return Err(InvalidConfig::ReservedLabel(reserved));
    }
    Ok(labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

#[cfg(test)]
mod tests;
