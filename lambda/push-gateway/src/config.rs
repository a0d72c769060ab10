//! The configuration of the function, from environment variables.

use std::time::Duration;

use aws::settings::{InvalidSetting, Settings};
use aws::sqs::Queue;
use aws::{Endpoint, Scope};
use formats::{Format, OtlpDelta};
use http_endpoint::HttpAuth;
use remote_write::{Labels, NameEscaping, Version};

use crate::delivery::Protocol;

/// Enough for clocks that are set over a network. A receiver measures its out-of-order window from its newest sample, so a
/// sample that is a minute ahead shortens the window of all series by a minute.
const MAX_FUTURE: Duration = Duration::from_mins(1);

/// The out-of-order window of a workspace that has none set (AMP, "Out-of-order time window").
const OUT_OF_ORDER_WINDOW_SECONDS: u64 = 60;

/// The configuration, checked once.
#[derive(Clone, Debug)]
pub struct Config {
    /// `REMOTE_WRITE_URL`: the receiver.
    pub remote_write: Endpoint,
    /// `REMOTE_WRITE_AUTH`: the scope for which requests to the receiver are signed, if they are.
    pub auth: Option<Scope>,
    /// `REMOTE_WRITE_PROTOCOL`: the version in which is written.
    pub protocol: Protocol,
    /// `DEAD_LETTER_QUEUE_URL` and `AWS_ENDPOINT_URL_SQS`.
    pub dead_letter_queue: Option<Queue>,
    /// `SPILL_QUEUE_URL` and `AWS_ENDPOINT_URL_SQS`: the queue for pushes over HTTP.
    pub spill_queue: Option<Queue>,
    /// `HTTP_AUTH`, `HTTP_AUTH_SECRET` and `AWS_ENDPOINT_URL_SECRETS_MANAGER`: who may send HTTP requests.
    pub http_auth: HttpAuth,
    /// `HTTP_BASE_PATH`: a path before those of the routes, without a slash at its end.
    pub http_base_path: Option<String>,
    /// `HTTP_DELIVERY`: whether every push over HTTP goes to the spill queue, without an attempt to deliver it.
    pub http_delivery: HttpDelivery,
    /// `DEFAULT_FORMAT`: that of messages without an attribute `Content-Type`.
    pub default_format: Format,
    /// `OTLP_DELTA`: the treatment of data points with delta temporality.
    pub otlp_delta: OtlpDelta,
    /// `EXTERNAL_LABELS`: labels of every series, unless a point has its own.
    pub external_labels: Labels<'static>,
    /// `NAME_ESCAPING`.
    pub escaping: NameEscaping,
    /// `MAX_FUTURE`: how far ahead of the clock a timestamp may be.
    pub max_future: Duration,
    /// `OUT_OF_ORDER_WINDOW`: that of the receiver, in milliseconds.
    pub out_of_order_window_ms: i64,
    /// `AWS_REGION`.
    pub region: Option<String>,
}

/// What is done with a valid push over HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HttpDelivery {
    /// It is delivered, and goes to the spill queue if that is not possible now.
    #[default]
    Direct,
    /// It goes to the spill queue.
    Queue,
}

impl Config {
    /// Reads the configuration through `lookup`, which returns the value of an environment variable. An empty variable
    /// counts as not set.
    ///
    /// # Errors
    /// [`InvalidSetting`]: the first variable that is missing or invalid.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, InvalidSetting> {
        const URL: &str = "REMOTE_WRITE_URL";
        const CHOICES: [(&str, NameEscaping); 3] = [
            ("underscores", NameEscaping::Underscores),
            ("values", NameEscaping::Values),
            ("reject", NameEscaping::Reject),
        ];
        let settings = Settings::new(&lookup);
        let remote_write = settings.remote_write_endpoint(URL)?.ok_or(InvalidSetting::Missing {
            variable: URL,
            expected: "the remote-write URL of the receiver, for AMP \
                       https://aps-workspaces.<region>.amazonaws.com/workspaces/<workspace id>/api/v1/remote_write",
        })?;
        let formats = [
            ("json", Format::Event),
            ("exposition", Format::Text),
            ("otlp", Format::Otlp),
            ("remote-write", Format::RemoteWrite1),
        ];
        let default_format =
            settings.choice("DEFAULT_FORMAT", "json, exposition, otlp or remote-write", &formats)?;
        let deltas = [("refuse", OtlpDelta::Refuse), ("gauge", OtlpDelta::Gauge)];
        let otlp_delta = settings.choice("OTLP_DELTA", "refuse or gauge", &deltas)?;
        let spill_queue = settings.queue("SPILL_QUEUE_URL")?;
        let deliveries = [("direct", HttpDelivery::Direct), ("queue", HttpDelivery::Queue)];
        let http_delivery =
            settings.choice("HTTP_DELIVERY", "direct or queue", &deliveries)?.unwrap_or_default();
        if http_delivery == HttpDelivery::Queue && spill_queue.is_none() {
            return Err(InvalidSetting::Missing {
                variable: "SPILL_QUEUE_URL",
                expected: "the URL of a queue, which HTTP_DELIVERY=queue needs",
            });
        }
        let protocols = [
            ("1.0", Protocol::Fixed(Version::V1)),
            ("2.0", Protocol::Fixed(Version::V2)),
            ("auto", Protocol::Auto),
        ];
        let protocol = settings.choice("REMOTE_WRITE_PROTOCOL", "1.0, 2.0 or auto", &protocols)?;
        let escaping = settings.choice("NAME_ESCAPING", "underscores, values or reject", &CHOICES)?;
        // Cortex rejects what is more than ten minutes ahead.
        let seconds = "a whole number of seconds between 1 and 600";
        let max_future = settings.number("MAX_FUTURE", seconds, 1..=600)?;
        let window = "a whole number of seconds between 0 and 86400";
        let window = settings.number("OUT_OF_ORDER_WINDOW", window, 0..=86_400)?;
        Ok(Self {
            auth: settings.auth("REMOTE_WRITE_AUTH", &remote_write, URL)?,
            protocol: protocol.unwrap_or_default(),
            dead_letter_queue: settings.queue("DEAD_LETTER_QUEUE_URL")?,
            spill_queue,
            http_auth: http_endpoint::http_auth(&settings)?,
            http_base_path: http_endpoint::base_path(&settings)?,
            http_delivery,
            default_format: default_format.unwrap_or_default(),
            otlp_delta: otlp_delta.unwrap_or_default(),
            external_labels: settings.external_labels("EXTERNAL_LABELS")?,
            escaping: escaping.unwrap_or_default(),
            max_future: max_future.map_or(MAX_FUTURE, Duration::from_secs),
            out_of_order_window_ms: i64::try_from(window.unwrap_or(OUT_OF_ORDER_WINDOW_SECONDS) * 1_000)
                .expect("a day is within the range"),
            region: settings.region(),
            remote_write,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AMP: &str = "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1/api/v1/remote_write";

    fn config(variables: &[(&str, &str)]) -> Result<Config, InvalidSetting> {
        let find = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        Config::from_lookup(find)
    }

    #[test]
    fn the_url_is_enough() {
        let config = config(&[("REMOTE_WRITE_URL", AMP)]).unwrap();
        assert_eq!(config.auth.map(|scope| scope.region).as_deref(), Some("eu-west-1"));
        assert_eq!(config.protocol, Protocol::Fixed(Version::V1));
        assert_eq!(config.escaping, NameEscaping::Underscores);
        assert_eq!(config.max_future, Duration::from_mins(1));
        assert_eq!(config.out_of_order_window_ms, 60_000);
        assert_eq!((config.dead_letter_queue, config.spill_queue), (None, None));
        assert_eq!((config.http_delivery, config.default_format), (HttpDelivery::Direct, Format::Event));
        assert_eq!(config.external_labels, Labels::default());
    }

    #[test]
    fn delivery_through_a_queue_needs_the_queue() {
        let variables = [
            ("REMOTE_WRITE_URL", AMP),
            ("HTTP_DELIVERY", "queue"),
            ("SPILL_QUEUE_URL", "https://sqs.eu-west-1.amazonaws.com/123456789012/spill"),
        ];
        assert_eq!(config(&variables).unwrap().http_delivery, HttpDelivery::Queue);
        let error = config(&variables[..2]).unwrap_err().to_string();
        assert_eq!(
            error,
            "SPILL_QUEUE_URL is not set: expected the URL of a queue, which HTTP_DELIVERY=queue needs"
        );
    }

    #[test]
    fn a_secret_has_the_region_of_its_arn() {
        let variables = [
            ("REMOTE_WRITE_URL", AMP),
            ("HTTP_AUTH", "secret"),
            ("HTTP_AUTH_SECRET", "arn:aws:secretsmanager:eu-north-1:123456789012:secret:push-AbCdEf"),
        ];
        let HttpAuth::Secret(secret) = config(&variables).unwrap().http_auth else { panic!("no secret") };
        assert_eq!(
            secret.service.endpoint.uri().to_string(),
            "https://secretsmanager.eu-north-1.amazonaws.com/"
        );
        let error = config(&variables[..2]).unwrap_err().to_string();
        assert_eq!(
            error,
            "HTTP_AUTH_SECRET is not set: expected the ARN of a secret, which HTTP_AUTH=secret needs"
        );
        assert_eq!(config(&variables[..1]).unwrap().http_auth, HttpAuth::Iam, "closed by default");
    }

    #[test]
    fn a_base_path_has_no_slash_at_its_end() {
        let base =
            |path| config(&[("REMOTE_WRITE_URL", AMP), ("HTTP_BASE_PATH", path)]).unwrap().http_base_path;
        assert_eq!((base("/a/b/"), base("/")), (Some("/a/b".to_owned()), None));
    }

    #[test]
    fn every_variable_is_read_and_checked() {
        for (variable, value, is_valid) in [
            ("REMOTE_WRITE_URL", " ", false),
            ("REMOTE_WRITE_URL", "https://prometheus.example.com/api/v1/write", false),
            ("REMOTE_WRITE_AUTH", "none", true),
            ("REMOTE_WRITE_AUTH", "basic", false),
            ("REMOTE_WRITE_PROTOCOL", "1.0", true),
            ("REMOTE_WRITE_PROTOCOL", "2.0", true),
            ("REMOTE_WRITE_PROTOCOL", "auto", true),
            ("REMOTE_WRITE_PROTOCOL", "2", false),
            ("NAME_ESCAPING", "values", true),
            ("NAME_ESCAPING", "reject", true),
            ("NAME_ESCAPING", "dots", false),
            ("MAX_FUTURE", "600", true),
            ("MAX_FUTURE", "0", false),
            ("MAX_FUTURE", "601", false),
            ("MAX_FUTURE", "60s", false),
            ("OUT_OF_ORDER_WINDOW", "0", true),
            ("OUT_OF_ORDER_WINDOW", "600", true),
            ("OUT_OF_ORDER_WINDOW", "10m", false),
            ("EXTERNAL_LABELS", r#"{"env":"prod"}"#, true),
            ("EXTERNAL_LABELS", "env=prod", false),
            ("DEAD_LETTER_QUEUE_URL", "https://sqs.eu-west-1.amazonaws.com/123456789012/dlq", true),
            ("DEAD_LETTER_QUEUE_URL", "https://sqs.eu-west-1.amazonaws.com", false),
            ("SPILL_QUEUE_URL", "https://sqs.eu-west-1.amazonaws.com/123456789012/spill", true),
            ("SPILL_QUEUE_URL", "https://sqs.eu-west-1.amazonaws.com", false),
            ("HTTP_AUTH", "iam", true),
            ("HTTP_AUTH", "none", true),
            ("HTTP_AUTH", "basic", false),
            ("HTTP_BASE_PATH", "/push/", true),
            ("HTTP_BASE_PATH", "push", false),
            ("HTTP_BASE_PATH", "/push?x", false),
            ("HTTP_DELIVERY", "direct", true),
            ("HTTP_DELIVERY", "spill", false),
            ("DEFAULT_FORMAT", "json", true),
            ("DEFAULT_FORMAT", "exposition", true),
            ("DEFAULT_FORMAT", "remote-write", true),
            ("DEFAULT_FORMAT", "otlp", true),
            ("DEFAULT_FORMAT", "otlp-json", false),
            ("OTLP_DELTA", "refuse", true),
            ("OTLP_DELTA", "gauge", true),
            ("OTLP_DELTA", "counter", false),
        ] {
            let url = if variable == "REMOTE_WRITE_URL" { value } else { AMP };
            match config(&[("REMOTE_WRITE_URL", url), (variable, value)]) {
                Ok(_) => assert!(is_valid, "{variable}={value}"),
                Err(error) => {
                    let message = error.to_string();
                    assert!(!is_valid && message.lines().count() == 1, "{message}");
                    assert!(message.contains(variable), "{message}");
                }
            }
        }
    }
}
