//! An endpoint on a loopback address.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::{Response, request::Parts};
use hyper::body::Incoming;
use local_testing::clock::Clock;
use local_testing::http_server::{self, Reply, ResponseBody};

use super::refusal::Refusal;
use super::{Endpoint, Kind, Request, answer, stream};
use crate::bodies::read;
use crate::runtime::MAX_PAYLOAD_BYTES;
use crate::service::{ConcurrencyExceeded, Pool};

/// More than any limit, so that a client of a body that is too large has sent all of it when it gets the answer.
const MAX_READ_BYTES: usize = 16 * 1_024 * 1_024;

/// The running endpoint; it stops when it is dropped.
#[derive(Debug)]
pub struct HttpServer {
    server: http_server::HttpServer,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    endpoint: Endpoint,
    function: Pool,
    clock: Clock,
}

impl HttpServer {
    /// Serves a function at an endpoint, by HTTP/1.1 on a port of 127.0.0.1 (0 takes a free one); `clock` gives the time of
    /// arrival.
    ///
    /// # Errors
    /// The port cannot be opened.
    pub async fn start(port: u16, endpoint: Endpoint, function: Pool, clock: Clock) -> io::Result<Self> {
        let shared = Arc::new(Shared { endpoint, function, clock });
        let of_the_server = Arc::clone(&shared);
        let server = http_server::HttpServer::start(port, move |request, _connection| {
            let shared = Arc::clone(&of_the_server);
            async move {
                let answer = shared.handle(request).await;
                Reply::Answer(answer.unwrap_or_else(|refusal| refusal.answer(shared.endpoint.kind)))
            }
        })
        .await?;
        Ok(Self { server, shared })
    }

    /// Its URL, with the stage of an API, and without a slash at its end.
    pub fn url(&self) -> String {
        format!("http://{}{}", self.server.address(), self.shared.prefix())
    }
}

impl Shared {
    async fn handle(&self, request: http::Request<Incoming>) -> Result<Response<ResponseBody>, Refusal> {
        let received_ms = self.clock.now_ms();
        let (head, body) = request.into_parts();
        let body = read(body, MAX_READ_BYTES).await.ok_or(Refusal::TooLarge)?;
        let kind = self.endpoint.kind;
        if body.len() > kind.max_body_bytes() {
            return Err(Refusal::TooLarge);
        }
        let request = self.request(&head, body, received_ms)?;
        if self.endpoint.iam && request.access_key_id().is_none() {
            return Err(Refusal::NotSigned);
        }
        let event = self.endpoint.event(&request).to_string();
        if event.len() > MAX_PAYLOAD_BYTES {
            return Err(Refusal::TooLarge);
        }
        if self.endpoint.streams {
            return self.stream(event.into()).await;
        }
        let invoked = self.function.invoke(event.into(), None);
        let invoked = match kind.time_limit() {
            Some(limit) => tokio::time::timeout(limit, invoked).await.map_err(|_| Refusal::TimedOut)?,
            None => invoked.await,
        };
        let invocation = invoked.map_err(|_| Refusal::Throttled)?;
        let response = invocation.response().ok_or(Refusal::Failed)?;
        answer::of(&self.endpoint, response).ok_or(Refusal::Failed)
    }

    /// The answer as it arrives.
    async fn stream(&self, event: Bytes) -> Result<Response<ResponseBody>, Refusal> {
        let (stream, invocation) =
            self.function.invoke_streamed(event).map_err(|ConcurrencyExceeded| Refusal::Throttled)?;
        if let Ok(stream) = stream.await {
            return stream::of(&self.endpoint, stream, invocation).await.ok_or(Refusal::Failed);
        }
        let invocation = invocation.await.map_err(|_| Refusal::Failed)?;
        invocation.response().cloned().map(stream::whole).ok_or(Refusal::Failed)
    }

    /// The request below the stage.
    fn request(&self, head: &Parts, body: Bytes, received_ms: i64) -> Result<Request, Refusal> {
        let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
        let target = target.strip_prefix(&self.prefix()).ok_or(Refusal::OutsideStage)?;
        if !target.starts_with(['/', '?']) && !target.is_empty() {
            return Err(Refusal::OutsideStage);
        }
        let slash = if target.starts_with('/') { "" } else { "/" };
        let mut request =
            Request::new(head.method.as_str(), format!("{slash}{target}"), received_ms).body(body);
        for (name, value) in &head.headers {
            let name = if self.endpoint.kind == Kind::RestApi {
                capitalised(name.as_str())
            } else {
                name.to_string()
            };
            request = request.header(name, String::from_utf8_lossy(value.as_bytes()));
        }
        Ok(request)
    }

    /// The first segment of every path, with its slash; empty without a named stage.
    fn prefix(&self) -> String {
        let stage = self.endpoint.stage.as_ref();
        let stage = stage.filter(|_| matches!(self.endpoint.kind, Kind::HttpApi | Kind::RestApi));
        stage.map(|stage| format!("/{stage}")).unwrap_or_default()
    }
}

/// The usual spelling of HTTP/1.1, which the server library does not keep: `Content-Type`.
fn capitalised(name: &str) -> String {
    let mut name = name.to_owned();
    let mut is_first = true;
    // Names of headers are ASCII.
    for at in 0..name.len() {
        if is_first {
            name[at..=at].make_ascii_uppercase();
        }
        is_first = name.as_bytes()[at] == b'-';
    }
    name
}
