//! The configuration of the function, from environment variables.

use std::time::Duration;

use aws::settings::{InvalidSetting, Settings};
use aws::sqs::Queue;
use aws::{Endpoint, Scope};
use remote_write::{Labels, NameEscaping};

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
    /// `DEAD_LETTER_QUEUE_URL` and `AWS_ENDPOINT_URL_SQS`.
    pub dead_letter_queue: Option<Queue>,
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
        let escaping = settings.choice("NAME_ESCAPING", "underscores, values or reject", &CHOICES)?;
        // Cortex rejects what is more than ten minutes ahead.
        let seconds = "a whole number of seconds between 1 and 600";
        let max_future = settings.number("MAX_FUTURE", seconds, 1..=600)?;
        let window = "a whole number of seconds between 0 and 86400";
        let window = settings.number("OUT_OF_ORDER_WINDOW", window, 0..=86_400)?;
        Ok(Self {
            auth: settings.auth("REMOTE_WRITE_AUTH", &remote_write, URL)?,
            dead_letter_queue: settings.queue("DEAD_LETTER_QUEUE_URL")?,
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
        assert_eq!(config.escaping, NameEscaping::Underscores);
        assert_eq!(config.max_future, Duration::from_mins(1));
        assert_eq!(config.out_of_order_window_ms, 60_000);
        assert_eq!(config.dead_letter_queue, None);
        assert_eq!(config.external_labels, Labels::default());
    }

    #[test]
    fn every_variable_is_read_and_checked() {
        for (variable, value, is_valid) in [
            ("REMOTE_WRITE_URL", " ", false),
            ("REMOTE_WRITE_URL", "https://prometheus.example.com/api/v1/write", false),
            ("REMOTE_WRITE_AUTH", "none", true),
            ("REMOTE_WRITE_AUTH", "basic", false),
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
