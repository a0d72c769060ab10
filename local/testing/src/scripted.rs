//! An HTTP server for tests that answers as scripted and records every request.

use std::future::{Future, pending, ready};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming};
use serde_json::Value;

use crate::http_server::{HttpServer, Reply};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub target: String,
    /// The headers.
    pub headers: http::HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Request {
    async fn read(request: http::Request<Incoming>) -> Option<Self> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.ok()?.to_bytes();
        Some(Self { method: head.method, target: head.uri.to_string(), headers: head.headers, body })
    }

    /// A header's value; empty if it is missing or not text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The path without the query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; `null` if it is something else.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// The answer to a request.
#[derive(Debug, Clone)]
pub struct Answer {
    end: End,
    delay: Duration,
}

#[derive(Debug, Clone)]
enum End {
    Whole(Message),
    BrokenOff(Message),
    Close,
    Reset,
    Hang,
}

#[derive(Debug, Clone)]
struct Message {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
}

impl Answer {
    /// A status and a body.
    pub fn new(status: u16, body: impl Into<Bytes>) -> Self {
        End::Whole(Message { status, headers: Vec::new(), body: body.into() }).into()
    }

    /// A status and a JSON body.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::new(status, body.to_string()).header("content-type", "application/json")
    }

    /// A 200 whose body ends before its announced length, together with the connection.
    pub fn broken_off(body: impl Into<Bytes>) -> Self {
        End::BrokenOff(Message { status: 200, headers: Vec::new(), body: body.into() }).into()
    }

    /// The connection is closed without an answer (FIN).
    pub fn close() -> Self {
        End::Close.into()
    }

    /// The connection is reset without an answer (RST).
    pub fn reset() -> Self {
        End::Reset.into()
    }

    /// No answer, ever; the connection stays open.
    pub fn hang() -> Self {
        End::Hang.into()
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        if let End::Whole(message) | End::BrokenOff(message) = &mut self.end {
            message.headers.push((name, value.into()));
        }
        self
    }

    /// Sends the answer this time after the request has arrived.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    async fn reply(self) -> Reply {
        tokio::time::sleep(self.delay).await;
        match self.end {
            End::Whole(message) => {
                let mut response = Reply::full(StatusCode::OK, message.body.clone());
                message.write_head(&mut response);
                Reply::Answer(response)
            }
            End::BrokenOff(message) => {
                let mut response = Response::new(BrokenOff(Some(message.body.clone())).boxed());
                response.headers_mut().insert(header::CONTENT_LENGTH, (message.body.len() + 1).into());
                message.write_head(&mut response);
                Reply::Answer(response)
            }
            End::Close => Reply::Close,
            End::Reset => Reply::Reset,
            End::Hang => pending().await,
        }
    }
}

impl From<End> for Answer {
    fn from(end: End) -> Self {
        Self { end, delay: Duration::ZERO }
    }
}

impl Message {
    fn write_head<B>(&self, response: &mut Response<B>) {
        *response.status_mut() = StatusCode::from_u16(self.status).expect("a script has valid statuses");
        for (name, value) in &self.headers {
            let value = HeaderValue::try_from(value).expect("a script has valid headers");
            response.headers_mut().append(HeaderName::from_static(name), value);
        }
    }
}

/// A body that fails after its first part, which ends the connection.
struct BrokenOff(Option<Bytes>);

impl Body for BrokenOff {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let error = || Err(io::Error::other("broken off"));
        Poll::Ready(Some(self.0.take().map_or_else(error, |part| Ok(Frame::data(part)))))
    }
}

/// A running server on 127.0.0.1; it stops when it is dropped.
#[derive(Debug)]
pub struct ScriptedServer {
    server: HttpServer,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl ScriptedServer {
    /// Answers each request by its content and its number, from 0.
    pub async fn by(answer: impl Fn(&Request, usize) -> Answer + Send + Sync + 'static) -> Self {
        Self::start(move |request, number| ready(answer(&request, number))).await
    }

    /// Gives these answers in order, and the last one from then on.
    pub async fn in_order(answers: Vec<Answer>) -> Self {
        Self::by(move |_, number| answers[number.min(answers.len() - 1)].clone()).await
    }

    /// As [`Self::by`], for answers that depend on something else than time. The request is recorded before.
    pub async fn start<F>(answer: impl Fn(Request, usize) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        let requests = Arc::<Mutex<Vec<Request>>>::default();
        let (journal, answer) = (Arc::clone(&requests), Arc::new(answer));
        let server = HttpServer::start(0, move |request, _| {
            let (journal, answer) = (Arc::clone(&journal), Arc::clone(&answer));
            async move {
                let Some(request) = Request::read(request).await else { return Reply::Close };
                let number = {
                    let mut journal = lock(&journal);
                    journal.push(request.clone());
                    journal.len() - 1
                };
                answer(request, number).await.reply().await
            }
        });
        Self { server: server.await.expect("a free port"), requests }
    }

    /// `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.server.address().port()
    }

    /// All requests so far, in the order of arrival.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.requests).clone()
    }

    /// How many connections were opened.
    pub fn connections(&self) -> u64 {
        self.server.connections()
    }
}

fn lock(requests: &Mutex<Vec<Request>>) -> MutexGuard<'_, Vec<Request>> {
    requests.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A port of 127.0.0.1 that refuses connections.
///
/// # Errors
/// No port is free.
pub fn closed_port() -> io::Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
