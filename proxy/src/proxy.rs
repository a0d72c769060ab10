//! Answers one request: for the proxy itself, or with the response of the workspace.

use std::error::Error;
use std::time::Duration;

use aws::{Client, Forwarded, StreamedBody};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, Uri, request};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use tokio::time::Instant;

use crate::bodies::Bodies;
use crate::headers;
use crate::metrics::{self, Metrics};
use crate::refusal::Refusal;
use crate::route::{Operation, Route, is_of_another_page, is_of_this_machine, route};
use crate::workspace::Workspace;

/// How long a response may take to begin. AMP gives up a query after a minute ("Query time").
const PATIENCE: Duration = Duration::from_mins(2);

/// The body of a response.
pub type Body = StreamedBody;

/// The proxy of one workspace.
#[derive(Debug)]
pub struct Proxy {
    workspace: Workspace,
    client: Client,
    clients: Clients,
    bodies: Bodies,
    metrics: Metrics,
}

/// The clients that are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clients {
    /// Programs on this machine, of a proxy that listens on a loopback address.
    ThisMachine,
    /// All that reach the proxy.
    All,
}

impl Proxy {
    /// A proxy of `workspace`, which sends through `client`.
    pub fn new(workspace: Workspace, client: Client, clients: Clients) -> Self {
        Self { workspace, client, clients, bodies: Bodies::new(), metrics: Metrics::new() }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The response to `request`.
    pub async fn handle(&self, request: Request<Incoming>) -> Response<Body> {
        let (head, body) = request.into_parts();
        match self.route(&head) {
            Ok(Route::Healthy) => text("text/plain; charset=utf-8", "The proxy is running.\n".to_owned()),
            Ok(Route::Metrics) => text(metrics::CONTENT_TYPE, self.metrics.text()),
            Ok(Route::Workspace { uri, operation }) => self.pass_on(head, uri, operation, body).await,
            Err(refusal) => refused(&refusal),
        }
    }

    fn route(&self, head: &request::Parts) -> Result<Route, Refusal> {
        if self.clients == Clients::ThisMachine {
            if !is_of_this_machine(&head.headers, &head.uri) {
                return Err(Refusal::Host);
            }
            if is_of_another_page(&head.headers) {
                return Err(Refusal::Page);
            }
        }
        route(&head.method, &head.uri, &self.workspace)
    }

    async fn pass_on(
        &self,
        head: request::Parts,
        uri: Uri,
        operation: Operation,
        body: Incoming,
    ) -> Response<Body> {
        let started = Instant::now();
        let in_flight = self.metrics.begin();
        let mut sent = 0;
        let answer = self.exchange(head, uri, operation, body, &mut sent).await;
        let response = answer.unwrap_or_else(|refusal| {
            if refusal.status().is_server_error() {
                tracing::warn!(operation = operation.name(), error = %refusal, "A request has no response.");
            }
            refused(&refusal)
        });
        self.metrics.count(operation, response.status().as_u16(), sent, started.elapsed());
        let received = self.metrics.response_bytes();
        response.map(|body| {
            let counted = body.inspect_frame(move |frame| {
                let _until_the_end = &in_flight;
                received.inc_by(frame.data_ref().map_or(0, |data| data.len() as u64));
            });
            counted.boxed_unsync()
        })
    }

    async fn exchange(
        &self,
        head: request::Parts,
        uri: Uri,
        operation: Operation,
        body: Incoming,
        sent: &mut usize,
    ) -> Result<Response<Body>, Refusal> {
        let body = self.bodies.read(body).await?;
        *sent = body.bytes.len();
        let (signed_headers, unsigned_headers) = headers::of_request(&head.headers);
        let request = Forwarded {
            kind: operation.name(),
            repeat: operation.repeat(&head.method),
            method: head.method,
            uri,
            signed_headers,
            unsigned_headers,
            body: body.bytes.clone(),
            scope: Some(self.workspace.scope.clone()),
        };
        let mut response = self.client.forward(&request, Instant::now() + PATIENCE).await?;
        headers::remove_those_of_connection(response.headers_mut());
        Ok(response)
    }
}

fn refused(refusal: &Refusal) -> Response<Body> {
    refusal.response().map(full)
}

fn text(content_type: &'static str, text: String) -> Response<Body> {
    let mut response = Response::new(full(text.into()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn full(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| -> Box<dyn Error + Send + Sync> { match never {} }).boxed_unsync()
}
