//! The function behind a function URL, with its secret, in front of a Prometheus.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Method;
use local_amp::{AmpOptions, AmpStandIn};
use local_lambda::http::{Endpoint, HttpServer, Kind};
use local_lambda::runtime::FunctionOptions;
use local_lambda::service::{Pool, PoolEvent};
use local_testing::clock::Clock;
use local_testing::moto::MotoServer;
use local_testing::prometheus::Prometheus;
use local_testing::prometheus::client::PrometheusClient;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

pub(crate) const USERNAME: &str = "push-gateway";

/// Ruby's client passes a password on as it is in the URL, so it has no character that URLs escape.
pub(crate) const PASSWORD: &str = "p4ss-word_1.2";

#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) url: HttpServer,
    pub(crate) amp: AmpStandIn,
    workspace: PrometheusClient,
    answers: Arc<Mutex<Vec<Answer>>>,
    _prometheus: Prometheus,
    _moto: MotoServer,
}

/// An answer of the function.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u64,
    pub(crate) headers: Value,
    pub(crate) body: Vec<u8>,
}

impl Stage {
    pub(crate) async fn start() -> Self {
        Self::with(|options| options).await
    }

    /// With a function that tries for less than 3 s to write what it has.
    pub(crate) async fn impatient() -> Self {
        Self::with(|options| FunctionOptions { timeout: Duration::from_secs(3), ..options }).await
    }

    /// With a function that is configured further.
    pub(crate) async fn with(configure: impl FnOnce(FunctionOptions) -> FunctionOptions) -> Self {
        let program = Prometheus::find().expect("prometheus in PATH or in PROMETHEUS");
        let prometheus = Prometheus::start(&program, 0).await.expect("a Prometheus");
        let amp = AmpOptions { prometheus: Some(prometheus.url().to_owned()), ..AmpOptions::default() };
        let amp = AmpStandIn::start(amp).await.expect("a free port");
        let moto = MotoServer::start(&moto_server(), 0).await.expect("a moto server");
        let secret =
            moto.create_secret("eu-west-1", "clients", (USERNAME, PASSWORD)).await.expect("a secret");
        let options = FunctionOptions::new(function_binary())
            .env("REMOTE_WRITE_URL", amp.remote_write_url())
            .env("HTTP_AUTH", "secret")
            .env("HTTP_AUTH_SECRET", secret)
            .env("AWS_ENDPOINT_URL_SECRETS_MANAGER", moto.endpoint());
        let answers = Arc::<Mutex<Vec<Answer>>>::default();
        let seen = Arc::clone(&answers);
        let function = Pool::new(configure(options), 4, move |event| {
            if let PoolEvent::Invocation { invocation, .. } = event {
                let response = invocation.json().unwrap_or_else(|| panic!("{invocation:?}"));
                seen.lock().unwrap_or_else(PoisonError::into_inner).push(Answer::of(&response));
            }
        });
        let endpoint = Endpoint::new(Kind::FunctionUrl);
        let url = HttpServer::start(0, endpoint, function, Clock::system()).await.expect("a free port");
        let workspace = PrometheusClient::new(&amp.endpoint()).expect("a base URL");
        Self { url, amp, workspace, answers, _prometheus: prometheus, _moto: moto }
    }

    /// The answers to all requests so far.
    pub(crate) fn answers(&self) -> Vec<Answer> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The data of an answer of the workspace.
    pub(crate) async fn get(&self, path_and_query: &str) -> Value {
        let answer =
            self.workspace.send(&Method::GET, &format!("/api/v1/{path_and_query}"), &[], Bytes::new()).await;
        let answer: Value = serde_json::from_slice(&answer.expect("an answer").body).expect("JSON");
        assert_eq!(answer["status"], "success", "{path_and_query}: {answer}");
        answer["data"].clone()
    }

    /// The series of an instant query, with their values.
    pub(crate) async fn query(&self, promql: &str) -> Vec<Value> {
        let encoded = utf8_percent_encode(promql, NON_ALPHANUMERIC);
        let answer = self.get(&format!("query?query={encoded}")).await;
        answer["result"].as_array().expect("a vector").clone()
    }

    /// The values of all samples of the series that `selector` finds, ascending in time, as Prometheus writes them; none if
    /// there is no such series.
    pub(crate) async fn values(&self, selector: &str) -> Vec<String> {
        let series = self.query(&format!("{selector}[1h]")).await;
        assert!(series.len() < 2, "{series:?}");
        let samples = series.first().and_then(|series| series["values"].as_array());
        samples.into_iter().flatten().map(|sample| sample[1].as_str().expect("a value").to_owned()).collect()
    }
}

impl Answer {
    /// Of a response in the format of function URLs.
    fn of(response: &Value) -> Self {
        let body = response["body"].as_str().unwrap_or_default();
        let is_base64 = response["isBase64Encoded"] == true;
        let body =
            if is_base64 { STANDARD.decode(body).expect("base64") } else { body.as_bytes().to_owned() };
        let status = response["statusCode"].as_u64().expect("a status");
        Self { status, headers: response["headers"].clone(), body }
    }
}

pub(crate) fn workspace_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub(crate) fn function_binary() -> PathBuf {
    let build = "build it with `cargo build --release -p push-gateway`";
    file("PUSH_GATEWAY_BINARY", "target/release/push-gateway", build)
}

pub(crate) fn query_binary() -> PathBuf {
    file("QUERY_BINARY", "target/release/query", "build it with `cargo build --release -p query`")
}

pub(crate) fn moto_server() -> PathBuf {
    file("MOTO_SERVER", ".venv/bin/moto_server", "run `scripts/setup.sh`, which installs it")
}

fn file(variable: &str, otherwise: &str, remedy: &str) -> PathBuf {
    let path = std::env::var_os(variable).map_or_else(|| workspace_folder().join(otherwise), PathBuf::from);
    assert!(path.is_file(), "{} is missing: {remedy}, or set {variable}", path.display());
    path
}
