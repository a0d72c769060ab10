//! The Extensions and the Telemetry API of a scripted Lambda.
//!
//! In: requests of the extension, and what the script says of them. Out: answers, and a log of everything asked for.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// What the extension is told to be registered as.
const IDENTIFIER: &str = "a1b2c3d4-5678-90ab-cdef-example11111";

/// What becomes of requests for the next event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Events {
    /// They are answered with events.
    Given,
    /// So many connections break first.
    AfterBreaks(u32),
    /// They are refused.
    Refused,
}

/// What the extension asked for.
#[derive(Debug, Default)]
pub(crate) struct Log {
    /// Name and body of each registration.
    pub(crate) registrations: Vec<(String, Value)>,
    /// The body of each subscription.
    pub(crate) subscriptions: Vec<Value>,
    /// Path, type and body of each error.
    pub(crate) errors: Vec<(String, String, Value)>,
    /// How often it asked for the next event.
    pub(crate) asked: u64,
    /// Every path in its order.
    pub(crate) paths: Vec<String>,
    pub(crate) events: VecDeque<Value>,
}

/// What the script says, and what came of it.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) refuses_invoke: bool,
    pub(crate) refused_schemas: Vec<&'static str>,
    pub(crate) telemetry_status: u16,
    pub(crate) events: Mutex<Events>,
    pub(crate) log: Mutex<Log>,
    pub(crate) changed: Notify,
}

impl Api {
    pub(crate) fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn events(&self) -> MutexGuard<'_, Events> {
        self.events.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Whether this connection breaks.
    fn breaks(&self) -> bool {
        let mut events = self.events();
        match *events {
            Events::AfterBreaks(left) if left > 0 => {
                *events = Events::AfterBreaks(left - 1);
                true
            }
            _ => false,
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Broken> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        let json = || serde_json::from_slice::<Value>(&body).expect("JSON");
        let header =
            |name: &str| head.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
        let path = head.uri.path().to_owned();
        self.log().paths.push(format!("{} {path}", head.method));
        if path != "/2020-01-01/extension/register" {
            assert_eq!(header("lambda-extension-identifier"), IDENTIFIER, "{path}");
        }
        let answer = match path.as_str() {
            "/2020-01-01/extension/register" => {
                let events = json();
                let wants_invoke =
                    events["events"].as_array().is_some_and(|e| e.iter().any(|e| e == "INVOKE"));
                self.log().registrations.push((header("lambda-extension-name"), events));
                if self.refuses_invoke && wants_invoke {
                    refusal(403, "Extension.InvalidEventType")
                } else {
                    let mut answer =
                        text(200, r#"{"functionName":"shop","functionVersion":"$LATEST","handler":"h"}"#);
                    answer
                        .headers_mut()
                        .insert("lambda-extension-identifier", IDENTIFIER.parse().expect("text"));
                    answer
                }
            }
            "/2022-07-01/telemetry" => {
                let subscription = json();
                let schema = subscription["schemaVersion"].as_str().unwrap_or_default().to_owned();
                self.log().subscriptions.push(subscription);
                if self.refused_schemas.contains(&schema.as_str()) {
                    refusal(400, "ValidationError")
                } else {
                    text(self.telemetry_status, "\"OK\"")
                }
            }
            "/2020-01-01/extension/event/next" if self.breaks() => return Err(Broken),
            "/2020-01-01/extension/event/next" if *self.events() == Events::Refused => {
                refusal(500, "Extension.UnknownError")
            }
            "/2020-01-01/extension/event/next" => {
                self.log().asked += 1;
                self.changed.notify_waiters();
                text(200, &self.next_event().await.to_string())
            }
            _ => {
                self.log().errors.push((path, header("lambda-extension-function-error-type"), json()));
                text(202, r#"{"status":"OK"}"#)
            }
        };
        self.changed.notify_waiters();
        Ok(answer)
    }

    async fn next_event(&self) -> Value {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            let event = self.log().events.pop_front();
            match event {
                Some(event) => return event,
                None => changed.await,
            }
        }
    }
}

/// The connection ends without an answer.
#[derive(Debug)]
pub(crate) struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("broken by the test")
    }
}

impl std::error::Error for Broken {}

pub(crate) async fn serve(listener: TcpListener, api: Arc<Api>) {
    while let Ok((stream, _)) = listener.accept().await {
        let api = Arc::clone(&api);
        tokio::spawn(async move {
            let service = service_fn(|request| api.answer(request));
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

fn text(status: u16, body: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::copy_from_slice(body.as_bytes())));
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    response
}

fn refusal(status: u16, error_type: &str) -> Response<Full<Bytes>> {
    text(status, &json!({ "errorType": error_type, "errorMessage": "refused by the test" }).to_string())
}
