//! The HTTP side of the Lambda runtime API (version 2018-06-01), for one sandbox.
//!
//! Requests of extensions are passed on to their own API. Source: Lambda Developer Guide, "Using the Lambda runtime API for
//! custom runtimes".

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::extension::{Registry, api as extension_api};
use super::telemetry::Telemetry;
use super::{MAX_RESPONSE_BYTES, TRACE_ID};
use local_testing::http_server::{HttpServer, Reply, ResponseBody};

/// The version of the runtime API.
const VERSION: &str = "2018-06-01";

/// A request of the function.
#[derive(Debug)]
pub(super) enum Event {
    /// It requests an invocation.
    Poll { at: Instant, reply: oneshot::Sender<NextInvocation> },
    /// The response of an invocation.
    Response(Answer),
    /// The error of an invocation.
    Error(Answer),
    /// An init error.
    InitError(Bytes),
}

/// A body that the function sent.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) body: Bytes,
    /// When its first bytes arrived.
    pub(super) began: Instant,
    /// When it was complete.
    pub(super) ended: Instant,
}

/// An invocation for the function.
#[derive(Debug)]
pub(super) struct NextInvocation {
    pub(super) request_id: String,
    pub(super) deadline_ms: i64,
    pub(super) function_arn: String,
    /// A JSON object.
    pub(super) client_context: Option<String>,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) payload: Bytes,
}

/// The runtime API of one process.
#[derive(Debug)]
pub(super) struct RuntimeApi {
    server: HttpServer,
    pub(super) events: mpsc::UnboundedReceiver<Event>,
    /// The invocation that may be answered; its response removes it.
    current: Arc<Mutex<Option<String>>>,
}

impl RuntimeApi {
    pub(super) async fn start(registry: &Registry, telemetry: &Telemetry) -> io::Result<Self> {
        let (sender, events) = mpsc::unbounded_channel();
        let current = Arc::new(Mutex::new(None));
        let for_requests = Arc::clone(&current);
        let (registry, telemetry) = (registry.clone(), telemetry.clone());
        let server = HttpServer::start(0, move |request, _connection| {
            let (events, current) = (sender.clone(), Arc::clone(&for_requests));
            let (registry, telemetry) = (registry.clone(), telemetry.clone());
            async move { handle(&registry, &telemetry, &events, &current, request).await }
        })
        .await?;
        Ok(Self { server, events, current })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Allows a response to this invocation, and to no other.
    pub(super) fn expect_answer_to(&self, request_id: &str) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(request_id.to_owned());
    }
}

/// The routes of all three APIs of a sandbox.
async fn handle(
    registry: &Registry,
    telemetry: &Telemetry,
    events: &mpsc::UnboundedSender<Event>,
    current: &Mutex<Option<String>>,
    request: http::Request<Incoming>,
) -> Reply {
    let (head, body) = request.into_parts();
    let steps: Vec<&str> = head.uri.path().trim_matches('/').split('/').collect();
    let response = match (&head.method, &steps[..]) {
        (_, [extension_api::EXTENSIONS, "extension", path @ ..]) => {
            return extension_api::handle(registry, telemetry, &head, path, body).await;
        }
        (&Method::PUT, [extension_api::TELEMETRY, "telemetry"]) => {
            return extension_api::subscribe(registry, telemetry, &head.headers, body).await;
        }
        (&Method::GET, [VERSION, "runtime", "invocation", "next"]) => return next(events).await,
        (&Method::POST, [VERSION, "runtime", "invocation", id, what @ ("response" | "error")]) => {
            let began = Instant::now();
            let body = read(body).await;
            let ended = Instant::now();
            let taken = {
                let mut current = current.lock().unwrap_or_else(PoisonError::into_inner);
                current.take_if(|expected| expected == id).is_some()
            };
            match (taken, body) {
                (false, _) => error(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID"),
                (true, None) => {
                    let report =
                        error_report("Function.ResponseSizeTooLarge", "response payload size exceeded");
                    let _ = events.send(Event::Error(Answer { body: report, began, ended }));
                    let message =
                        format!("Exceeded maximum allowed payload size ({MAX_RESPONSE_BYTES} bytes).");
                    error(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", &message)
                }
                (true, Some(body)) => {
                    let answer = Answer { body, began, ended };
                    let event =
                        if *what == "response" { Event::Response(answer) } else { Event::Error(answer) };
                    let _ = events.send(event);
                    accepted()
                }
            }
        }
        (&Method::POST, [VERSION, "runtime", "init", "error"]) => {
            let _ = events.send(Event::InitError(read(body).await.unwrap_or_default()));
            accepted()
        }
        _ => error(StatusCode::NOT_FOUND, "NotFound", "no such path in the runtime API"),
    };
    Reply::Answer(response)
}

/// Waits for an invocation without a limit.
async fn next(events: &mpsc::UnboundedSender<Event>) -> Reply {
    let (reply, invocation) = oneshot::channel();
    let _ = events.send(Event::Poll { at: Instant::now(), reply });
    let Ok(invocation) = invocation.await else { return Reply::Close };
    let mut response = Reply::full(StatusCode::OK, invocation.payload);
    for (name, value) in [
        ("lambda-runtime-aws-request-id", invocation.request_id),
        ("lambda-runtime-deadline-ms", invocation.deadline_ms.to_string()),
        ("lambda-runtime-invoked-function-arn", invocation.function_arn),
        ("lambda-runtime-trace-id", TRACE_ID.to_owned()),
        ("content-type", "application/json".to_owned()),
    ] {
        let value = HeaderValue::try_from(value).expect("ids, numbers and ARNs are ASCII");
        response.headers_mut().insert(name, value);
    }
    if let Some(context) = invocation.client_context {
        let context =
            HeaderValue::try_from(escape_non_ascii(&context)).expect("JSON escapes control characters");
        response.headers_mut().insert("lambda-runtime-client-context", context);
    }
    response.headers_mut().extend(invocation.headers);
    Reply::Answer(response)
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

/// The body, unless it is longer than allowed.
async fn read(body: Incoming) -> Option<Bytes> {
    Limited::new(body, MAX_RESPONSE_BYTES).collect().await.ok().map(http_body_util::Collected::to_bytes)
}

/// `errorType` and `errorMessage` of an error report, or the report itself if it has another form.
pub(super) fn error_fields(report: &Bytes) -> (String, String) {
    let json: serde_json::Value = serde_json::from_slice(report).unwrap_or_default();
    let field = |name: &str| json.get(name).and_then(|value| value.as_str()).map(str::to_owned);
    (
        field("errorType").unwrap_or_default(),
        field("errorMessage").unwrap_or_else(|| String::from_utf8_lossy(report).into_owned()),
    )
}

fn error_report(error_type: &str, message: &str) -> Bytes {
    serde_json::json!({ "errorType": error_type, "errorMessage": message }).to_string().into()
}

fn accepted() -> Response<ResponseBody> {
    Reply::full(StatusCode::ACCEPTED, "{\"status\":\"OK\"}\n")
}

fn error(status: StatusCode, error_type: &str, message: &str) -> Response<ResponseBody> {
    Reply::full(status, error_report(error_type, message))
}
