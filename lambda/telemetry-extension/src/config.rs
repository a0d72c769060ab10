//! Config: the environment → [`Config`], checked once, or one line that names the variable to set.
//!
//! The environment comes in as a lookup, so nothing here reads the process's own.

use std::time::Duration;

use aws::InvalidLabels;
use aws::{Endpoint, InvalidEndpoint, Scope};

use crate::labels::{InstanceLabel, RESERVED};
use crate::metrics::{Selection, UnknownName};

/// So many events are collected before a dispatch: some hundred invocations.
const MIN_BATCH_SIZE: u64 = 1_000;

/// The oldest event waits so long at most for the next invocation that sends it.
const MAX_AGE: Duration = Duration::from_mins(1);

/// What the extension is told by its environment.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the metrics go.
    pub destination: Destination,
    /// `DISPATCH_MIN_BATCH_SIZE`: so many events make a dispatch due. At least 1.
    pub min_batch: u64,
    /// `DISPATCH_MAX_AGE_SECONDS`: an event of this age makes a dispatch due.
    pub max_age: Duration,
    /// `TELEMETRY_SUMMARIES`, or the name of a summary in `TELEMETRY_METRICS`.
    pub summaries: bool,
    /// `TELEMETRY_METRICS` and `TELEMETRY_HISTOGRAMS`.
    pub selection: Selection,
    /// `TELEMETRY_INSTANCE_LABEL`.
    pub instance_label: InstanceLabel,
    /// `TELEMETRY_EXTERNAL_LABELS`, with valid names, none of which is ours, and non-empty values.
    pub external_labels: Vec<(String, String)>,
    /// `AWS_REGION`.
    pub region: Option<String>,
}

/// Where the metrics go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// `TELEMETRY_REMOTE_WRITE_URL`: a receiver of remote write, signed for if it has a scope.
    RemoteWrite {
        /// The receiver.
        endpoint: Endpoint,
        /// What to sign for.
        scope: Option<Scope>,
    },
    /// `TELEMETRY_QUEUE_URL`: the queue of a push gateway.
    Queue {
        /// The queue's URL, which is its name in the API.
        url: String,
        /// Where the API is.
        service: Service,
    },
    /// `TELEMETRY_FUNCTION`: the function of a push gateway.
    Function {
        /// Its name or ARN.
        name: String,
        /// Where the API is.
        service: Service,
    },
    /// `GATEWAY`: a Pushgateway.
    Pushgateway {
        /// Its URL.
        endpoint: Endpoint,
        /// `AUTH_SECRET`: what it wants to be shown.
        secret: Option<Secret>,
        /// `DELETE_ON_SHUTDOWN`.
        delete_on_shutdown: bool,
    },
}

/// The API of an AWS service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its URL.
    pub endpoint: Endpoint,
    /// What to sign for.
    pub scope: Scope,
}

/// A secret of Secrets Manager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// Its ARN.
    pub arn: String,
    /// Where the API is.
    pub service: Service,
}

/// The reason why the extension cannot start. Each message is one line that names the variable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidConfig {
    /// No destination.
    #[error(
        "no destination is set; set one of TELEMETRY_REMOTE_WRITE_URL, TELEMETRY_QUEUE_URL, TELEMETRY_FUNCTION and GATEWAY"
    )]
    NoDestination,
    /// Several destinations.
    #[error("{0} and {1} are both set; there is exactly one destination")]
    SeveralDestinations(&'static str, &'static str),
    /// A URL is no URL.
    #[error("{variable} is not usable: {reason}")]
    Url {
        /// The variable.
        variable: &'static str,
        /// What is wrong with it.
        reason: InvalidEndpoint,
    },
    /// A variable has a value that it may not have, which may be a secret and is not repeated.
    #[error("{variable}: expected {allowed}")]
    Value {
        /// The variable.
        variable: &'static str,
        /// What it may be.
        allowed: &'static str,
    },
    /// A list contains an unknown name.
    #[error("{variable}: expected {expected}, got {got:?}")]
    Name {
        /// The variable.
        variable: &'static str,
        /// What it lists.
        expected: &'static str,
        /// The name, shortened.
        got: String,
    },
    /// Requests have to be signed and nothing names the region.
    #[error("the region to sign for is unknown: {0} names none and AWS_REGION is not set")]
    NoRegion(&'static str),
    /// `TELEMETRY_EXTERNAL_LABELS` is invalid.
    #[error("TELEMETRY_EXTERNAL_LABELS: {0}")]
    Labels(#[from] InvalidLabels),
    /// A label that the metrics have for themselves.
    #[error("TELEMETRY_EXTERNAL_LABELS: label {0:?} is one that the metrics have for themselves")]
    ReservedLabel(&'static str),
}

/// `TELEMETRY_FAIL_OPEN`: whether a function runs without metrics when the rest of the configuration is invalid.
///
/// # Errors
/// [`InvalidConfig`]: the variable has another value than `true` and `false`.
pub fn fail_open(lookup: impl Fn(&str) -> Option<String>) -> Result<bool, InvalidConfig> {
    const VARIABLE: &str = "TELEMETRY_FAIL_OPEN";
    flag(VARIABLE, lookup(VARIABLE).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty()))
}

impl Config {
    /// Reads the configuration through `lookup`, which gives the value of an environment variable. A variable that is
    /// empty counts as not set.
    ///
    /// # Errors
    /// [`InvalidConfig`]: the first variable that is missing or wrong.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, InvalidConfig> {
        fail_open(&lookup)?;
        let get = |variable: &str| lookup(variable).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty());
        let region = get("AWS_REGION").or_else(|| get("AWS_DEFAULT_REGION"));
        let instance_label = match get("TELEMETRY_INSTANCE_LABEL").as_deref() {
            None | Some("short") => InstanceLabel::Short,
            Some("full") => InstanceLabel::Full,
            Some(_) => return Err(value("TELEMETRY_INSTANCE_LABEL", "short or full")),
        };
        let seconds = "DISPATCH_MAX_AGE_SECONDS";
        let max_age = number(seconds, get(seconds), 1, "a whole number of seconds, at least 1")?;
        let batch = "DISPATCH_MIN_BATCH_SIZE";
        let min_batch = number(batch, get(batch), 0, "a whole number of log events")?;
        let selection = selection(get("TELEMETRY_METRICS"), get("TELEMETRY_HISTOGRAMS"))?;
        let summaries =
            flag("TELEMETRY_SUMMARIES", get("TELEMETRY_SUMMARIES"))? || selection.names_a_summary();
        Ok(Self {
            destination: Destination::from_lookup(&get, region.as_deref())?,
            // 0 was how other extensions were set to send every event; without an event nothing is due.
            min_batch: min_batch.unwrap_or(MIN_BATCH_SIZE).max(1),
            max_age: max_age.map_or(MAX_AGE, Duration::from_secs),
            summaries,
            selection,
            instance_label,
            external_labels: external_labels(get("TELEMETRY_EXTERNAL_LABELS"))?,
            region,
        })
    }
}

impl Destination {
    fn from_lookup(
        get: &impl Fn(&str) -> Option<String>,
        region: Option<&str>,
    ) -> Result<Self, InvalidConfig> {
        const VARIABLES: [&str; 4] =
            ["TELEMETRY_REMOTE_WRITE_URL", "TELEMETRY_QUEUE_URL", "TELEMETRY_FUNCTION", "GATEWAY"];
        let mut set = VARIABLES.into_iter().filter_map(|variable| Some((variable, get(variable)?)));
        let (variable, given) = set.next().ok_or(InvalidConfig::NoDestination)?;
        if let Some((other, _)) = set.next() {
            return Err(InvalidConfig::SeveralDestinations(variable, other));
        }
        match variable {
            "TELEMETRY_REMOTE_WRITE_URL" => {
                remote_write(variable, &given, get("TELEMETRY_REMOTE_WRITE_AUTH").as_deref(), region)
            }
            "TELEMETRY_QUEUE_URL" => queue(variable, given, get("AWS_ENDPOINT_URL_SQS"), region),
            "TELEMETRY_FUNCTION" => function(variable, given, get("AWS_ENDPOINT_URL_LAMBDA"), region),
            _ => {
                let secret = match get("AUTH_SECRET") {
                    Some(arn) => Some(secret(arn, get("AWS_ENDPOINT_URL_SECRETS_MANAGER"), region)?),
                    None => None,
                };
                // The clients of Python and Go take a host alone, for which they use http.
                let url = if given.contains(":/") { given } else { format!("http://{given}") };
                let endpoint = endpoint(variable, &url)?;
                if endpoint.uri().query().is_some() {
                    return Err(value(variable, "the URL of a Pushgateway, without a query"));
                }
                let delete_on_shutdown = flag("DELETE_ON_SHUTDOWN", get("DELETE_ON_SHUTDOWN"))?;
                Ok(Self::Pushgateway { endpoint, secret, delete_on_shutdown })
            }
        }
    }
}

fn remote_write(
    variable: &'static str,
    url: &str,
    auth: Option<&str>,
    region: Option<&str>,
) -> Result<Destination, InvalidConfig> {
    let endpoint = endpoint(variable, url)?
        .for_remote_write()
        .map_err(|reason| InvalidConfig::Url { variable, reason })?;
    let scope = match auth {
        None | Some("sigv4") => {
            let region = endpoint.region().or(region).ok_or(InvalidConfig::NoRegion(variable))?;
            Some(Scope { region: region.to_owned(), service: "aps" })
        }
        Some("none") => None,
        Some(_) => return Err(value("TELEMETRY_REMOTE_WRITE_AUTH", "sigv4 or none")),
    };
    Ok(Destination::RemoteWrite { endpoint, scope })
}

fn queue(
    variable: &'static str,
    url: String,
    endpoint_url: Option<String>,
    region: Option<&str>,
) -> Result<Destination, InvalidConfig> {
    let queue = endpoint(variable, &url)?;
    if queue.uri().path() == "/" {
        return Err(value(variable, "a queue's URL, https://sqs.<region>.amazonaws.com/<account>/<name>"));
    }
    let of_host = queue.uri().host().and_then(|host| host.strip_prefix("sqs.")?.split('.').next());
    let region = of_host.or(region).ok_or(InvalidConfig::NoRegion(variable))?.to_owned();
    let endpoint = match endpoint_url {
        Some(url) => endpoint("AWS_ENDPOINT_URL_SQS", &url)?,
        None => queue.root(),
    };
    Ok(Destination::Queue { url, service: Service { endpoint, scope: Scope { region, service: "sqs" } } })
}

fn function(
    variable: &'static str,
    name: String,
    endpoint_url: Option<String>,
    region: Option<&str>,
) -> Result<Destination, InvalidConfig> {
    // API reference, Invoke, `FunctionName`: at most 170 characters of names, partial and full ARNs.
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '-' | '_' | '$');
    if name.len() > 170 || !name.chars().all(is_name) {
        return Err(value(variable, "the name or the ARN of a function"));
    }
    let region = region_of_arn(&name).or(region).ok_or(InvalidConfig::NoRegion(variable))?.to_owned();
    let service = service("lambda", "AWS_ENDPOINT_URL_LAMBDA", endpoint_url, region)?;
    Ok(Destination::Function { name, service })
}

fn secret(arn: String, endpoint_url: Option<String>, region: Option<&str>) -> Result<Secret, InvalidConfig> {
    let region = region_of_arn(&arn).or(region).ok_or(InvalidConfig::NoRegion("AUTH_SECRET"))?.to_owned();
    let service = service("secretsmanager", "AWS_ENDPOINT_URL_SECRETS_MANAGER", endpoint_url, region)?;
    Ok(Secret { arn, service })
}

/// `arn:<partition>:<service>:<region>:<account>:…`
fn region_of_arn(arn: &str) -> Option<&str> {
    arn.strip_prefix("arn:")?.split(':').nth(2).filter(|region| !region.is_empty())
}

/// AWS General Reference, "Service endpoints": `https://<service>.<region>.amazonaws.com`, in China with `.cn`.
fn service(
    name: &'static str,
    variable: &'static str,
    endpoint_url: Option<String>,
    region: String,
) -> Result<Service, InvalidConfig> {
    let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
    let url = endpoint_url.unwrap_or_else(|| format!("https://{name}.{region}.amazonaws.com{suffix}"));
    Ok(Service { endpoint: endpoint(variable, &url)?, scope: Scope { region, service: name } })
}

fn endpoint(variable: &'static str, url: &str) -> Result<Endpoint, InvalidConfig> {
    Endpoint::parse(url).map_err(|reason| InvalidConfig::Url { variable, reason })
}

fn value(variable: &'static str, allowed: &'static str) -> InvalidConfig {
    InvalidConfig::Value { variable, allowed }
}

fn number(
    variable: &'static str,
    given: Option<String>,
    least: u64,
    allowed: &'static str,
) -> Result<Option<u64>, InvalidConfig> {
    // Larger ones would overflow as milliseconds.
    let parse =
        |given: String| given.parse().ok().filter(|number| (least..=u64::from(u32::MAX)).contains(number));
    given.map(|given| parse(given).ok_or_else(|| value(variable, allowed))).transpose()
}

fn flag(variable: &'static str, given: Option<String>) -> Result<bool, InvalidConfig> {
    match given.map(|given| given.to_ascii_lowercase()).as_deref() {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(value(variable, "true or false")),
    }
}

fn selection(metrics: Option<String>, histograms: Option<String>) -> Result<Selection, InvalidConfig> {
    let mut selection = Selection::default();
    let name = |variable, expected| move |UnknownName(got)| InvalidConfig::Name { variable, expected, got };
    if let Some(names) = metrics {
        let expected = "names of metrics such as invocations_total";
        selection.metrics(&names).map_err(name("TELEMETRY_METRICS", expected))?;
    }
    if let Some(names) = histograms {
        let expected = "names of histograms such as duration_seconds, or none";
        selection.histograms(&names).map_err(name("TELEMETRY_HISTOGRAMS", expected))?;
    }
    Ok(selection)
}

fn external_labels(json: Option<String>) -> Result<Vec<(String, String)>, InvalidConfig> {
    let Some(json) = json else { return Ok(Vec::new()) };
    let labels = aws::external_labels(&json)?;
    if let Some(reserved) =
        RESERVED.into_iter().find(|reserved| labels.iter().any(|(name, _)| name == *reserved))
    {
        return Err(InvalidConfig::ReservedLabel(reserved));
    }
    Ok(labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

#[cfg(test)]
mod tests;
