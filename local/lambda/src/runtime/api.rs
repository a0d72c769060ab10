//! The HTTP side of the Lambda runtime API (version 2018-06-01), for one sandbox.
//!
//! Requests of extensions are passed on to their own API. Source: Lambda Developer Guide, "Using the Lambda runtime API for
//! custom runtimes".

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::extension::{Registry, api as extension_api};
use super::response_stream::{self, ResponseStream};
use super::telemetry::Telemetry;
use super::{ExtensionFault, InvocationRequest, MAX_RESPONSE_BYTES, Outcome, TRACE_ID};
use crate::bodies::read;
use local_testing::http_server::{HttpServer, Reply, ResponseBody};

/// The version of the runtime API.
const VERSION: &str = "2018-06-01";

/// An invocation for the function, and its deadline in milliseconds since the epoch.
type NextInvocation = (InvocationRequest, i64);

/// The next thing that happens in a sandbox.
#[derive(Debug)]
pub(super) enum Event {
    /// The runtime requests an invocation.
    Poll { at: Instant, reply: oneshot::Sender<NextInvocation> },
    /// The response or the error of an invocation.
    Answer(Outcome, Answer),
    /// The runtime reports an init error.
    InitError(Bytes),
    /// The runtime has ended.
    Exited(ExitStatus),
    /// An extension has failed.
    Fault(ExtensionFault),
    /// Nothing happened until the deadline.
    OutOfTime,
}

/// An answer of the function.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) bytes: usize,
    /// When its first bytes arrived.
    pub(super) began: Instant,
    /// When it was complete.
    pub(super) ended: Instant,
}

/// The runtime API of one sandbox.
#[derive(Debug)]
pub(super) struct RuntimeApi {
    server: HttpServer,
    shared: Arc<Shared>,
    pub(super) events: mpsc::UnboundedReceiver<Event>,
    /// Set while the runtime waits for an invocation.
    pub(super) waiting: Option<oneshot::Sender<NextInvocation>>,
}

#[derive(Debug)]
struct Shared {
    registry: Registry,
    telemetry: Telemetry,
    events: mpsc::UnboundedSender<Event>,
    /// The invocation that may be answered; its answer removes it.
    current: Mutex<Option<Current>>,
}

/// An invocation without an answer.
#[derive(Debug)]
struct Current {
    id: String,
    stream: Option<oneshot::Sender<ResponseStream>>,
}

impl RuntimeApi {
    pub(super) async fn start(registry: &Registry, telemetry: &Telemetry) -> io::Result<Self> {
        let (sender, events) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            registry: registry.clone(),
            telemetry: telemetry.clone(),
            events: sender,
            current: Mutex::default(),
        });
        let for_requests = Arc::clone(&shared);
        let server = HttpServer::start(0, move |request, _connection| {
            let shared = Arc::clone(&for_requests);
            async move { shared.handle(request).await }
        })
        .await?;
        Ok(Self { server, shared, events, waiting: None })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Passes the invocation to the waiting runtime, and allows an answer to it and to no other. If the runtime has ended, the
    /// next event shows it.
    pub(super) fn hand_over(&mut self, mut request: InvocationRequest, deadline_ms: i64) {
        *self.shared.current() =
            Some(Current { id: request.request_id.clone(), stream: request.stream.take() });
        if let Some(waiting) = self.waiting.take() {
            let _ = waiting.send((request, deadline_ms));
        }
    }

    /// Whether the runtime waits for an invocation.
    pub(super) fn is_waiting(&self) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| !waiting.is_closed())
    }
}

impl Shared {
    fn current(&self) -> MutexGuard<'_, Option<Current>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The routes of all three APIs of a sandbox.
    async fn handle(&self, request: http::Request<Incoming>) -> Reply {
        let (head, body) = request.into_parts();
        let steps: Vec<&str> = head.uri.path().trim_matches('/').split('/').collect();
        let response = match (&head.method, &steps[..]) {
            (_, [extension_api::EXTENSIONS | extension_api::TELEMETRY, ..]) => {
                return extension_api::handle(&self.registry, &self.telemetry, &head, &steps, body).await;
            }
            (&Method::GET, [VERSION, "runtime", "invocation", "next"]) => return self.next().await,
            (&Method::POST, [VERSION, "runtime", "invocation", id, what @ ("response" | "error")]) => {
                self.answer(id, *what == "response", &head.headers, body).await
            }
            (&Method::POST, [VERSION, "runtime", "init", "error"]) => {
                let report = read(body, MAX_RESPONSE_BYTES).await.unwrap_or_default();
                let _ = self.events.send(Event::InitError(report));
                accepted()
            }
            _ => error(StatusCode::NOT_FOUND, "NotFound", "no such path in the runtime API"),
        };
        Reply::Answer(response)
    }

    async fn answer(
        &self,
        id: &str,
        is_response: bool,
        headers: &HeaderMap,
        body: Incoming,
    ) -> Response<ResponseBody> {
        let began = Instant::now();
        let is_streamed = is_response && response_stream::is_streamed(headers);
        if is_streamed && let Some(stream) = self.stream_of(id) {
            let (bytes, report) = response_stream::pass_on(headers, body, stream).await;
            let outcome = report.map_or(Outcome::Streamed { bytes }, Outcome::function_error);
            self.ended(outcome, bytes, began);
            return accepted();
        }
        let body = Limited::new(body, MAX_RESPONSE_BYTES).collect().await;
        if self.current().take_if(|current| current.id == id).is_none() {
            return error(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID");
        }
        let Ok(body) = body else {
            let report = error_report("Function.ResponseSizeTooLarge", "response payload size exceeded");
            let bytes = report.len();
            self.ended(Outcome::function_error(report), bytes, began);
            let message = format!("Exceeded maximum allowed payload size ({MAX_RESPONSE_BYTES} bytes).");
            return error(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", &message);
        };
        let report = body.trailers().filter(|_| is_streamed).and_then(response_stream::reported);
        let body = body.to_bytes();
        let bytes = body.len();
        let outcome = match report {
            Some(report) => Outcome::function_error(report),
            None if is_response => Outcome::Response(body),
            None => Outcome::function_error(body),
        };
        self.ended(outcome, bytes, began);
        accepted()
    }

    fn ended(&self, outcome: Outcome, bytes: usize, began: Instant) {
        let _ = self.events.send(Event::Answer(outcome, Answer { bytes, began, ended: Instant::now() }));
    }

    /// Who takes the response of an invocation as it arrives. It can be answered no more.
    fn stream_of(&self, id: &str) -> Option<oneshot::Sender<ResponseStream>> {
        self.current().take_if(|current| current.id == id && current.stream.is_some())?.stream
    }

    /// Waits for an invocation without a limit.
    async fn next(&self) -> Reply {
        let (reply, invocation) = oneshot::channel();
        let _ = self.events.send(Event::Poll { at: Instant::now(), reply });
        let Ok((request, deadline_ms)) = invocation.await else { return Reply::Close };
        let mut response = Reply::full(StatusCode::OK, request.payload);
        for (name, value) in [
            ("lambda-runtime-aws-request-id", Some(request.request_id)),
            ("lambda-runtime-deadline-ms", Some(deadline_ms.to_string())),
            ("lambda-runtime-invoked-function-arn", Some(self.registry.options.arn())),
            ("lambda-runtime-trace-id", Some(TRACE_ID.to_owned())),
            ("lambda-runtime-client-context", request.client_context.as_deref().map(escape_non_ascii)),
            ("content-type", Some("application/json".to_owned())),
        ] {
            let Some(value) = value else { continue };
            let value =
                HeaderValue::try_from(value).expect("ids, ARNs and escaped JSON have no control characters");
            response.headers_mut().insert(name, value);
        }
        response.headers_mut().extend(request.headers);
        Reply::Answer(response)
    }
}

/// Headers are ASCII; JSON escapes every other character as `\u` and four digits for each UTF-16 unit.
fn escape_non_ascii(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() {
            escaped.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        }
    }
    escaped
}

/// `errorType` and `errorMessage` of an error report, or the report itself if it has another form.
pub(super) fn error_fields(report: &Bytes) -> (String, String) {
    let json: Value = serde_json::from_slice(report).unwrap_or_default();
    let field = |name: &str| json.get(name).and_then(Value::as_str).map(str::to_owned);
    (
        field("errorType").unwrap_or_default(),
        field("errorMessage").unwrap_or_else(|| String::from_utf8_lossy(report).into_owned()),
    )
}

pub(super) fn error_report(error_type: &str, message: &str) -> Bytes {
    json!({ "errorType": error_type, "errorMessage": message }).to_string().into()
}

/// The answer to an accepted report.
pub(super) fn accepted() -> Response<ResponseBody> {
    Reply::full(StatusCode::ACCEPTED, "{\"status\":\"OK\"}\n")
}

fn error(status: StatusCode, error_type: &str, message: &str) -> Response<ResponseBody> {
    Reply::full(status, error_report(error_type, message))
}
