//! The real binary in a scripted Lambda: events and deliveries one by one, and a log of what the extension requests.

mod api;

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use local_amp::Credentials;
use local_testing::scripted::{Answer, Request, ScriptedServer};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::http_client;

use api::{Api, Log};

pub(crate) use api::refusal;

/// The longest wait of a test.
const PATIENCE: Duration = Duration::from_mins(1);

/// The environment of the extension, and how this Lambda differs from the real one.
pub(crate) struct Setup {
    env: Vec<(String, String)>,
    api: Api,
}

impl Setup {
    /// An extension that dispatches at every invocation with an event before it.
    pub(crate) fn new() -> Self {
        let setup = Self { env: Vec::new(), api: Api::default() };
        [
            ("AWS_SAM_LOCAL", "true"),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", "AKIDTEST"),
            ("AWS_SECRET_ACCESS_KEY", "a-secret-key"),
            ("AWS_LAMBDA_FUNCTION_NAME", "shop"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
            ("DISPATCH_MIN_BATCH_SIZE", "1"),
        ]
        .into_iter()
        .fold(setup, |setup, (name, value)| setup.env(name, value))
    }

    pub(crate) fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.push((name.to_owned(), value.into()));
        self
    }

    /// Answers requests in another way than Lambda.
    pub(crate) fn except(
        mut self,
        exception: impl Fn(&Request, usize) -> Option<Answer> + Send + Sync + 'static,
    ) -> Self {
        self.api.exception = Some(Box::new(exception));
        self
    }

    /// Rejects registrations for `INVOKE`, as Managed Instances do.
    pub(crate) fn without_invoke(self) -> Self {
        let rejected = || refusal(403, "Extension.InvalidEventType");
        self.except(move |request, _| request.text().contains("INVOKE").then(rejected))
    }

    /// Starts the extension and waits until it is registered.
    pub(crate) async fn start(self) -> Host {
        let api = Arc::new(self.api);
        let script = Arc::clone(&api);
        let server = ScriptedServer::start(move |request, _| {
            let api = Arc::clone(&script);
            async move { api.respond(request).await }
        })
        .await;
        let child = Command::new(binary())
            .env_clear()
            .envs(self.env)
            .env("AWS_LAMBDA_RUNTIME_API", format!("127.0.0.1:{}", server.port()))
            .stdin(Stdio::null())
            .stdout(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .expect("the extension starts");
        let host = Host { api, child, invocations: 0, _server: server };
        host.until("it is registered", |log| !log.registrations.is_empty()).await;
        host
    }
}

/// The extension in its environment.
pub(crate) struct Host {
    api: Arc<Api>,
    child: Child,
    invocations: u64,
    _server: ScriptedServer,
}

impl Host {
    pub(crate) fn log(&self) -> MutexGuard<'_, Log> {
        self.api.log()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// Waits until a condition holds.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&Log) -> bool) {
        let wait = async {
            loop {
                let mut changed = std::pin::pin!(self.api.changed.notified());
                changed.as_mut().enable();
                if holds(&self.api.log()) {
                    return;
                }
                changed.await;
            }
        };
        let done = tokio::time::timeout(PATIENCE, wait).await;
        assert!(done.is_ok(), "never: {what}; {:?}", self.api.log());
    }

    /// Waits until the extension has subscribed and requests its first event.
    pub(crate) async fn ready(self) -> Self {
        self.until("it requests its first event", |log| log.nexts > 0).await;
        self
    }

    /// Begins an invocation and returns its request id.
    pub(crate) fn begin_invoke(&mut self) -> String {
        self.invocations += 1;
        let id = format!("request-{}", self.invocations);
        self.send(json!({
            "eventType": "INVOKE",
            "requestId": id,
            "deadlineMs": now_ms() + 30_000,
            "invokedFunctionArn": "arn:aws:lambda:eu-west-1:123456789012:function:shop",
        }));
        id
    }

    /// One invocation, until the extension is ready for the next. Returns its request id.
    pub(crate) async fn invoke(&mut self) -> String {
        let nexts = self.log().nexts;
        let id = self.begin_invoke();
        self.until("it is ready for the next invocation", |log| log.nexts > nexts).await;
        id
    }

    /// One invocation with all of its events, which are delivered before the next one, as on Lambda.
    pub(crate) async fn invoke_and_report(&mut self, status: &str) -> String {
        let id = self.invoke().await;
        self.deliver(&invocation(&id, status)).await;
        id
    }

    pub(crate) fn send(&self, event: Value) {
        self.api.log().events.push_back(event);
        self.api.changed.notify_waiters();
    }

    /// Delivers telemetry, as an array.
    pub(crate) async fn deliver(&self, events: &[Value]) {
        let status = self.deliver_body(Value::from(events.to_vec()).to_string()).await;
        assert_eq!(status, 200);
    }

    /// Delivers any body and returns the status of the response.
    pub(crate) async fn deliver_body(&self, body: impl Into<Bytes>) -> u16 {
        let destination = self.log().subscriptions.last().expect("it subscribed")["destination"].clone();
        let port =
            destination["URI"].as_str().and_then(|uri| uri.strip_prefix("http://sandbox.localdomain:"));
        let url = format!("http://127.0.0.1:{}/", port.expect("a URI in the sandbox"));
        let request = http::Request::post(url).body(body.into()).expect("a request");
        http_client::send(request).await.expect("it takes deliveries").0
    }

    /// Ends the environment as Lambda does, and returns how the extension ended.
    pub(crate) async fn shut_down(mut self) -> ExitStatus {
        self.send(
            json!({ "eventType": "SHUTDOWN", "shutdownReason": "SPINDOWN", "deadlineMs": now_ms() + 2_000 }),
        );
        self.ended().await
    }

    /// Waits for the extension to end.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        ended.expect("it never ended").expect("it ran")
    }
}

/// The events of an invocation of 12.5 ms, as Lambda sends them.
pub(crate) fn invocation(id: &str, status: &str) -> Vec<Value> {
    let event = |kind: &str, record: Value| json!({ "time": "2022-10-12T00:01:15.000Z", "type": kind, "record": record });
    vec![
        event("platform.start", json!({ "requestId": id, "version": "$LATEST" })),
        event(
            "platform.runtimeDone",
            json!({ "requestId": id, "status": status, "metrics": { "durationMs": 10.5, "producedBytes": 16 } }),
        ),
        event(
            "platform.report",
            json!({
                "requestId": id,
                "status": status,
                "metrics": {
                    "durationMs": 12.5, "billedDurationMs": 13, "memorySizeMB": 128, "maxMemoryUsedMB": 64,
                },
            }),
        ),
    ]
}

pub(crate) fn now_ms() -> u64 {
    let since = aws::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    u64::try_from(since.as_millis()).expect("before the year 500,000,000")
}

/// The credentials of the function's role.
pub(crate) fn credentials() -> Credentials {
    Credentials::new("AKIDTEST", "a-secret-key", None, None, "test")
}

/// The extension under test: the artifact that is shipped if `TELEMETRY_EXTENSION_BINARY` names it, else Cargo's build.
pub(crate) fn binary() -> PathBuf {
    aws::environment("TELEMETRY_EXTENSION_BINARY")
        .map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_telemetry-extension")), PathBuf::from)
}

/// A program of this machine, in the variable or else at the path.
pub(crate) fn program(name: &str, otherwise: &str, remedy: &str) -> PathBuf {
    let path = aws::environment(name).unwrap_or_else(|| otherwise.to_owned());
    let path = PathBuf::from(path);
    assert!(path.is_file(), "{} is missing: {remedy}, or set {name}", path.display());
    path
}
