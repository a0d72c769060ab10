//! Starts the real binary, configured as on Lambda, in front of a stand-in that checks signatures.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use local_amp::{AmpOptions, AmpStandIn, Credentials, Fault};
use local_lambda::runtime::{Function, FunctionOptions, InitError, Invocation, Outcome, RoleCredentials};
use local_lambda::sqs::{QueueMessage, sqs_event};

/// 2023-02-14T18:06:57Z, the time of the README's example event.
pub(crate) const NOW_MS: i64 = 1_676_398_017_000;

pub(crate) const QUEUE: &str = "arn:aws:sqs:eu-west-1:123456789012:telemetry";
pub(crate) const FIFO_QUEUE: &str = "arn:aws:sqs:eu-west-1:123456789012:telemetry.fifo";

pub(crate) const SECRET: &str = "a-secret-key-that-no-one-may-see";
pub(crate) const TOKEN: &str = "a-session-token-that-no-one-may-see";

/// The smallest memory of a function on Lambda.
pub(crate) const SMALLEST_FUNCTION_KB: u64 = 128 * 1_024;

/// The function with its receiver.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) amp: AmpStandIn,
    pub(crate) function: Function,
}

/// Differences from the usual setup.
#[derive(Debug)]
pub(crate) struct Setup {
    amp: AmpOptions,
    env: Vec<(String, String)>,
    timeout: Duration,
    url: Option<String>,
}

impl Setup {
    /// A receiver that verifies everything but the age of samples, so that tests can choose their timestamps.
    pub(crate) fn new() -> Self {
        let amp = AmpOptions {
            credentials: Some(credentials()),
            max_sample_age: None,
            max_ahead: None,
            ..AmpOptions::default()
        };
        Self { amp, env: Vec::new(), timeout: Duration::from_secs(20), url: None }
    }

    pub(crate) fn amp(mut self, change: impl FnOnce(&mut AmpOptions)) -> Self {
        change(&mut self.amp);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn timeout_s(mut self, seconds: u64) -> Self {
        self.timeout = Duration::from_secs(seconds);
        self
    }

    /// Writes to another receiver than the stand-in.
    pub(crate) fn url(mut self, url: &str) -> Self {
        self.url = Some(url.to_owned());
        self
    }

    pub(crate) async fn start(self) -> Stage {
        self.try_start().await.expect("the function comes up")
    }

    pub(crate) async fn try_start(self) -> Result<Stage, InitError> {
        let (amp, options) = self.amp_and_options().await;
        let function = Function::spawn(options).await?;
        Ok(Stage { amp, function })
    }

    /// The receiver, and the configuration of a function that writes to it.
    pub(crate) async fn amp_and_options(self) -> (AmpStandIn, FunctionOptions) {
        let amp = AmpStandIn::start(self.amp).await.expect("a free port");
        let url = self.url.unwrap_or_else(|| amp.remote_write_url());
        let mut options = FunctionOptions::new(function_binary()).env("REMOTE_WRITE_URL", url);
        options.env.extend(self.env);
        options.timeout = self.timeout;
        options.credentials = RoleCredentials::Environment(credentials());
        (amp, options)
    }
}

impl Stage {
    pub(crate) async fn start() -> Self {
        Setup::new().start().await
    }

    /// Invokes the function, which has to answer in time and live on.
    pub(crate) async fn invoke(&mut self, payload: impl Into<Bytes>) -> Invocation {
        let pid = self.function.pid();
        let invocation = self.function.invoke(payload).await;
        assert!(
            matches!(invocation.outcome, Outcome::Response(_) | Outcome::FunctionError { .. }),
            "no answer in time: {:?} after {:?}\n{}",
            invocation.outcome,
            invocation.duration,
            invocation.logs.join("\n")
        );
        assert_eq!(self.function.pid(), pid, "the process did not survive");
        invocation
    }

    /// Invokes the function with a batch of a standard queue and returns the places of the messages given back.
    pub(crate) async fn batch(&mut self, messages: &[QueueMessage]) -> Vec<usize> {
        let invocation = self.invoke(sqs_event(QUEUE, messages)).await;
        given_back(&invocation, messages)
    }

    /// The same with one body for each message.
    pub(crate) async fn bodies<S: AsRef<str>>(&mut self, bodies: &[S]) -> Vec<usize> {
        self.batch(&messages(bodies)).await
    }

    /// Invokes the function with a batch of a FIFO queue.
    pub(crate) async fn fifo_batch(&mut self, messages: &[QueueMessage]) -> Vec<usize> {
        let invocation = self.invoke(sqs_event(FIFO_QUEUE, messages)).await;
        given_back(&invocation, messages)
    }

    /// Invokes the function directly and returns its summary: events, samples, series, requests.
    pub(crate) async fn summary(&mut self, payload: impl Into<Bytes>) -> [u64; 4] {
        let invocation = self.invoke(payload).await;
        let Some(answer) = invocation.json() else { panic!("no summary: {:?}", invocation.outcome) };
        assert_eq!(answer.as_object().map(serde_json::Map::len), Some(4), "{answer}");
        ["events", "samples", "series", "requests"].map(|field| answer[field].as_u64().expect("a count"))
    }

    /// Invokes the function directly, which has to report an error, and returns its type and message.
    pub(crate) async fn error(&mut self, payload: impl Into<Bytes>) -> (String, String) {
        let invocation = self.invoke(payload).await;
        let Some((kind, message)) = invocation.function_error() else {
            panic!("no error but {:?}", invocation.outcome)
        };
        assert_eq!(message.lines().count(), 1, "{message}");
        (kind.to_owned(), message.to_owned())
    }

    /// The stored samples of `metric{device=…}`.
    pub(crate) fn stored(&self, metric: &str, device: &str) -> Vec<(i64, f64)> {
        self.amp.samples_of(&[("__name__", metric), ("device", device)]).into_iter().collect()
    }

    /// The devices that have samples of `ph`, with their last value.
    pub(crate) fn stored_devices(&self) -> Vec<String> {
        let mut devices: Vec<_> =
            self.amp.series().into_keys().filter_map(|mut labels| labels.remove("device")).collect();
        devices.sort();
        devices.dedup();
        devices
    }

    pub(crate) fn fail(&self, fault: Fault) {
        self.amp.set_faults(vec![fault]);
    }

    /// The statuses of all requests in the order of their arrival.
    pub(crate) fn statuses(&self) -> Vec<Option<u16>> {
        self.amp.requests().iter().map(|request| request.status).collect()
    }

    /// No two requests with a series in common ever travelled at once.
    pub(crate) fn assert_nothing_overlapped(&self) {
        assert_eq!(self.amp.overlaps(), []);
    }
}

/// The places of the messages in `batchItemFailures`; every id must be one that was received, once.
pub(crate) fn given_back(invocation: &Invocation, messages: &[QueueMessage]) -> Vec<usize> {
    let Some(ids) = invocation.batch_item_failures() else {
        panic!("no answer to a batch: {:?}", invocation.outcome)
    };
    let place = |id: &String| messages.iter().position(|message| message.message_id == *id);
    let mut places: Vec<_> =
        ids.iter().map(|id| place(id).unwrap_or_else(|| panic!("{id} was not received"))).collect();
    places.sort_unstable();
    assert!(places.windows(2).all(|pair| pair[0] != pair[1]), "given back twice: {ids:?}");
    places
}

/// An event with the one metric `ph`.
pub(crate) fn event(device: &str, timestamp: i64, value: impl std::fmt::Display) -> String {
    format!(r#"{{"dimensions":{{"device":"{device}"}},"timestamp":{timestamp},"metrics":{{"ph":{value}}}}}"#)
}

/// An event with a large label set. The receiver takes 2,048 bytes for a value, so the padding becomes several labels.
pub(crate) fn large_event(
    device: impl std::fmt::Display,
    padding: &str,
    timestamp: i64,
    value: impl std::fmt::Display,
) -> String {
    let labels = padding_labels(padding);
    format!(
        r#"{{"dimensions":{{"device":"{device}"{labels}}},"timestamp":{timestamp},"metrics":{{"ph":{value}}}}}"#
    )
}

/// The padding as further dimensions, `,"pad0":"xxx…","pad1":"x…"`.
pub(crate) fn padding_labels(padding: &str) -> String {
    let parts = padding.as_bytes().chunks(2_000).map(String::from_utf8_lossy);
    let labels: Vec<String> = parts.enumerate().map(|(at, part)| format!(r#","pad{at}":"{part}""#)).collect();
    labels.concat()
}

/// Events of devices `d0`, `d1`, …, one each, a millisecond apart.
pub(crate) fn one_event_each(devices: i64) -> Vec<String> {
    (0..devices).map(|at| event(&format!("d{at}"), NOW_MS + at, at)).collect()
}

pub(crate) fn messages<S: AsRef<str>>(bodies: &[S]) -> Vec<QueueMessage> {
    (0..).zip(bodies).map(|(number, body)| QueueMessage::new(number, body.as_ref(), NOW_MS)).collect()
}

pub(crate) fn credentials() -> Credentials {
    Credentials::new("AKIDTEST", SECRET, Some(TOKEN.to_owned()), None, "test")
}

/// The function under test.
pub(crate) fn function_binary() -> PathBuf {
    let build = "build it with `cargo build --release -p push-gateway`";
    program("PUSH_GATEWAY_BINARY", "target/release/push-gateway", build)
}

/// The server of a real SQS API.
pub(crate) fn moto_server() -> PathBuf {
    program("MOTO_SERVER", ".venv/bin/moto_server", "run `scripts/setup.sh`, which installs it")
}

fn program(variable: &str, otherwise: &str, remedy: &str) -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path = std::env::var_os(variable).map_or_else(|| workspace.join(otherwise), PathBuf::from);
    assert!(path.is_file(), "{} is missing: {remedy}, or set {variable}", path.display());
    path
}
