//! Config: the environment → [`Config`], checked once, or one line that says what to set.
//!
//! The environment comes in as a lookup, so nothing here reads the process's own.

use aws::InvalidLabels;
use aws::{Endpoint, InvalidEndpoint};
use remote_write::{Labels, NameEscaping};

/// What the function is told by its environment.
#[derive(Clone, Debug)]
pub struct Config {
    /// `REMOTE_WRITE_URL`: the receiver.
    pub remote_write: Endpoint,
    /// `REMOTE_WRITE_AUTH`: whether requests to the receiver are signed.
    pub auth: Auth,
    /// `DEAD_LETTER_QUEUE_URL` and `AWS_ENDPOINT_URL_SQS`.
    pub dead_letter_queue: Option<Queue>,
    /// `EXTERNAL_LABELS`: labels of every series, unless an event has its own.
    pub external_labels: Labels<'static>,
    /// `NAME_ESCAPING`.
    pub escaping: NameEscaping,
    /// `AWS_REGION`.
    pub region: Option<String>,
}

/// How requests to the receiver are authenticated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Auth {
    /// AWS Signature Version 4 for service `aps` in this region.
    SigV4 {
        /// The region of the workspace.
        region: String,
    },
    /// Not at all: for a Prometheus in the same network.
    None,
}

/// An SQS queue and where its API is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// The queue's URL, which is its name in the API.
    pub url: String,
    /// The URL of the API.
    pub endpoint: Endpoint,
    /// The region of the queue.
    pub region: String,
}

/// The reason why the function cannot start. Each message is one line that says what to set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidConfig {
    /// `REMOTE_WRITE_URL` is not set.
    #[error(
        "REMOTE_WRITE_URL is not set; set it to the receiver's remote-write URL, for AMP \
         https://aps-workspaces.<region>.amazonaws.com/workspaces/<workspace id>/api/v1/remote_write"
    )]
    NoUrl,
    /// A URL is no URL.
    #[error("{variable} is not usable: {reason}")]
    Url {
        /// The variable.
        variable: &'static str,
        /// What is wrong with it.
        reason: InvalidEndpoint,
    },
    /// `DEAD_LETTER_QUEUE_URL` names no queue.
    #[error(
        "DEAD_LETTER_QUEUE_URL names no queue; set it to the queue's URL, \
         https://sqs.<region>.amazonaws.com/<account>/<name>"
    )]
    NoQueue,
    /// A variable has a value that is not in its list.
    #[error("{variable} has to be {allowed}")]
    Choice {
        /// The variable.
        variable: &'static str,
        /// What it may be.
        allowed: &'static str,
    },
    /// Requests have to be signed and nothing names the region.
    #[error("the region to sign for is unknown: {0} names none and AWS_REGION is not set")]
    NoRegion(&'static str),
    /// `EXTERNAL_LABELS` is invalid.
    #[error("EXTERNAL_LABELS: {0}")]
    Labels(#[from] InvalidLabels),
}

impl Queue {
    /// Whether the queue is a FIFO queue: its name says so.
    pub fn is_fifo(&self) -> bool {
        self.url.strip_suffix(".fifo").is_some()
    }
}

impl Config {
    /// Reads the configuration through `lookup`, which gives the value of an environment variable. A variable that
    /// is empty counts as not set.
    ///
    /// # Errors
    /// [`InvalidConfig`]: the first variable that is missing or wrong.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, InvalidConfig> {
        let get = |variable| lookup(variable).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty());
        let region = get("AWS_REGION").or_else(|| get("AWS_DEFAULT_REGION"));
        let url = get("REMOTE_WRITE_URL").ok_or(InvalidConfig::NoUrl)?;
        let remote_write = endpoint("REMOTE_WRITE_URL", &url)?
            .for_remote_write()
            .map_err(|reason| InvalidConfig::Url { variable: "REMOTE_WRITE_URL", reason })?;
        let auth = match get("REMOTE_WRITE_AUTH").as_deref() {
            None | Some("sigv4") => {
                let of_host = remote_write.region().map(str::to_owned);
                let region = of_host.or_else(|| region.clone());
                Auth::SigV4 { region: region.ok_or(InvalidConfig::NoRegion("REMOTE_WRITE_URL"))? }
            }
            Some("none") => Auth::None,
            // What is there instead may be a secret.
            Some(_) => {
                return Err(InvalidConfig::Choice {
                    variable: "REMOTE_WRITE_AUTH",
                    allowed: "sigv4 or none",
                });
            }
        };
        let dead_letter_queue = match get("DEAD_LETTER_QUEUE_URL") {
            Some(url) => Some(queue(url, get("AWS_ENDPOINT_URL_SQS"), region.as_deref())?),
            None => None,
        };
        let escaping = match get("NAME_ESCAPING").as_deref() {
            None | Some("underscores") => NameEscaping::Underscores,
            Some("reject") => NameEscaping::Reject,
            Some(_) => {
                return Err(InvalidConfig::Choice {
                    variable: "NAME_ESCAPING",
                    allowed: "underscores or reject",
                });
            }
        };
        let external_labels = match get("EXTERNAL_LABELS") {
            Some(json) => aws::external_labels(&json)?,
            None => Labels::default(),
        };
        Ok(Self { remote_write, auth, dead_letter_queue, external_labels, escaping, region })
    }
}

fn endpoint(variable: &'static str, url: &str) -> Result<Endpoint, InvalidConfig> {
    Endpoint::parse(url).map_err(|reason| InvalidConfig::Url { variable, reason })
}

fn queue(url: String, endpoint_url: Option<String>, region: Option<&str>) -> Result<Queue, InvalidConfig> {
    let queue = endpoint("DEAD_LETTER_QUEUE_URL", &url)?;
    if queue.uri().path() == "/" {
        return Err(InvalidConfig::NoQueue);
    }
    let endpoint = match endpoint_url {
        Some(url) => endpoint("AWS_ENDPOINT_URL_SQS", &url)?,
        None => queue.root(),
    };
    let region = queue
        .uri()
        .host()
        .and_then(region_of_queue_host)
        .or(region)
        .ok_or(InvalidConfig::NoRegion("DEAD_LETTER_QUEUE_URL"))?
        .to_owned();
    Ok(Queue { url, endpoint, region })
}

/// `sqs.<region>.amazonaws.com`, and the older `<region>.queue.amazonaws.com`.
fn region_of_queue_host(host: &str) -> Option<&str> {
    let rest = host.strip_suffix(".amazonaws.com").or_else(|| host.strip_suffix(".amazonaws.com.cn"))?;
    rest.strip_prefix("sqs.")
        .or_else(|| rest.strip_prefix("sqs-fips."))
        .or_else(|| rest.strip_suffix(".queue"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const AMP: &str = "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1/api/v1/remote_write";

    fn config(variables: &[(&str, &str)]) -> Result<Config, InvalidConfig> {
        let find = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        Config::from_lookup(find)
    }

    fn error(variables: &[(&str, &str)]) -> String {
        config(variables).expect_err("accepted").to_string()
    }

    #[test]
    fn the_url_is_enough() {
        let config = config(&[("REMOTE_WRITE_URL", AMP)]).unwrap();
        assert_eq!(config.auth, Auth::SigV4 { region: "eu-west-1".to_owned() });
        assert_eq!(config.escaping, NameEscaping::Underscores);
        assert_eq!(config.dead_letter_queue, None);
        assert_eq!(config.external_labels, Labels::default());
    }

    #[test]
    fn the_region_of_the_host_wins_over_that_of_the_function() {
        let both = config(&[("REMOTE_WRITE_URL", AMP), ("AWS_REGION", "us-east-1")]).unwrap();
        assert_eq!(both.auth, Auth::SigV4 { region: "eu-west-1".to_owned() });
        let local =
            config(&[("REMOTE_WRITE_URL", "http://127.0.0.1:9/w"), ("AWS_REGION", "us-east-1")]).unwrap();
        assert_eq!(local.auth, Auth::SigV4 { region: "us-east-1".to_owned() });
    }

    #[test]
    fn every_mistake_is_one_line_that_names_the_variable_and_what_to_set() {
        for (variables, expected) in [
            (vec![], "REMOTE_WRITE_URL is not set; set it to the receiver's remote-write URL, for AMP"),
            (vec![("REMOTE_WRITE_URL", " ")], "REMOTE_WRITE_URL is not set"),
            (
                vec![("REMOTE_WRITE_URL", "example.com")],
                "REMOTE_WRITE_URL is not usable: it has to start with https://",
            ),
            (vec![("REMOTE_WRITE_URL", "http://127.0.0.1/w")], "AWS_REGION is not set"),
            (
                vec![("REMOTE_WRITE_URL", AMP), ("REMOTE_WRITE_AUTH", "basic")],
                "REMOTE_WRITE_AUTH has to be sigv4 or none",
            ),
            (
                vec![("REMOTE_WRITE_URL", AMP), ("NAME_ESCAPING", "dots")],
                "NAME_ESCAPING has to be underscores or reject",
            ),
            (
                vec![("REMOTE_WRITE_URL", AMP), ("EXTERNAL_LABELS", "env=prod")],
                "EXTERNAL_LABELS: expected a JSON object of strings such as {\"env\":\"prod\"}: ",
            ),
            (
                vec![("REMOTE_WRITE_URL", AMP), ("EXTERNAL_LABELS", r#"{"a":"1","a":"2"}"#)],
                "EXTERNAL_LABELS: label \"a\"",
            ),
            (
                vec![(
                    "REMOTE_WRITE_URL",
                    "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1/api/v1/",
                )],
                "REMOTE_WRITE_URL is not usable: it is an AMP endpoint, but its path does not end in /api/v1/remote_write",
            ),
            (
                vec![("REMOTE_WRITE_URL", "http://127.0.0.1:99999/w")],
                "REMOTE_WRITE_URL is not usable: it is not a URL",
            ),
            (
                vec![
                    ("REMOTE_WRITE_URL", AMP),
                    ("DEAD_LETTER_QUEUE_URL", "https://sqs.eu-west-1.amazonaws.com"),
                ],
                "DEAD_LETTER_QUEUE_URL names no queue",
            ),
            (
                vec![("REMOTE_WRITE_URL", AMP), ("DEAD_LETTER_QUEUE_URL", "dlq")],
                "DEAD_LETTER_QUEUE_URL is not usable",
            ),
        ] {
            let message = error(&variables);
            assert!(message.contains(expected), "{message}");
            assert_eq!(message.lines().count(), 1, "{message}");
        }
    }

    #[test]
    fn the_queue_says_where_its_api_is_unless_an_endpoint_is_set() {
        let url = "https://sqs.eu-central-1.amazonaws.com/123456789012/dlq";
        let queue = |more: &[(&str, &str)]| {
            let variables = [&[("REMOTE_WRITE_URL", AMP), ("DEAD_LETTER_QUEUE_URL", url)], more].concat();
            config(&variables).unwrap().dead_letter_queue.unwrap()
        };
        assert_eq!(queue(&[]).region, "eu-central-1");
        assert_eq!(queue(&[]).endpoint.uri().to_string(), "https://sqs.eu-central-1.amazonaws.com/");
        let local = queue(&[("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:5000")]);
        assert_eq!(local.endpoint.uri().authority().unwrap(), "127.0.0.1:5000");
        assert_eq!(local.url, url);
    }
}
