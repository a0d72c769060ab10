//! The gateway behind a function URL: its clients push, and a queue may be its event source.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, header};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use local_amp::AmpStandIn;
use local_lambda::event_source::{EventSource, EventSourceOptions, Invoked};
use local_lambda::http::{Endpoint, HttpServer, Kind};
use local_lambda::service::Pool;
use local_testing::clock::Clock;
use tokio::time::Instant;

use crate::queue::Queue;
use crate::support::Setup;

/// The function with its receiver and its URL.
#[derive(Debug)]
pub(crate) struct FunctionUrl {
    pub(crate) amp: AmpStandIn,
    pub(crate) function: Pool,
    server: HttpServer,
    client: HttpClient,
}

pub(crate) type HttpClient = Client<HttpConnector, Full<Bytes>>;

/// An answer to a request.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) retry_after: Option<String>,
    /// As text, whatever it is.
    pub(crate) body: String,
}

impl FunctionUrl {
    /// A URL that anyone may push to, with as many environments as there are concurrent requests.
    pub(crate) async fn start(setup: Setup) -> Self {
        let (amp, options) = setup.env("HTTP_AUTH", "none").amp_and_options().await;
        let function = Pool::new(options, 100, |_| ());
        let endpoint = Endpoint::new(Kind::FunctionUrl);
        let server = HttpServer::start(0, endpoint, function.clone(), Clock::system()).await;
        Self { amp, function, server: server.expect("a free port"), client: client() }
    }

    /// The URL, without a path.
    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    /// Pushes a text.
    pub(crate) async fn put(&self, path: &str, body: impl Into<Bytes>) -> Answer {
        self.send("PUT", path, &[("content-type", "text/plain; version=0.0.4")], body).await
    }

    /// Sends a request with these headers.
    pub(crate) async fn send<N: AsRef<str>, V: AsRef<str>>(
        &self,
        method: &str,
        path: &str,
        headers: &[(N, V)],
        body: impl Into<Bytes>,
    ) -> Answer {
        let mut request = http::Request::builder().method(method).uri(format!("{}{path}", self.server.url()));
        for (name, value) in headers {
            request = request.header(name.as_ref(), value.as_ref());
        }
        let request = request.body(Full::new(body.into())).expect("a request");
        let response = self.client.request(request).await.expect("an answer");
        let (head, body) = response.into_parts();
        let retry_after = head.headers.get(header::RETRY_AFTER);
        let body = body.collect().await.expect("a body").to_bytes();
        Answer {
            status: head.status.as_u16(),
            retry_after: retry_after.map(|value| value.to_str().expect("text").to_owned()),
            body: String::from_utf8_lossy(&body).into_owned(),
            headers: head.headers,
        }
    }

    /// Makes a queue the event source of the function.
    pub(crate) async fn consume(&self, queue: &Queue) -> EventSource {
        let options = EventSourceOptions {
            report_batch_item_failures: true,
            function_timeout: self.function.options().timeout,
            ..EventSourceOptions::new(&queue.url)
        };
        let function = self.function.clone();
        let invoke = move |payload| {
            let function = function.clone();
            async move {
                let Ok(invocation) = function.invoke(payload, None).await else { return Invoked::Throttled };
                invocation.response().cloned().map_or(Invoked::FunctionError, Invoked::Response)
            }
        };
        EventSource::start(queue.sqs.clone(), options, invoke).await.expect("a mapping")
    }

    /// Makes a queue the event source until it is empty.
    pub(crate) async fn consume_all(&self, queue: &Queue) {
        let source = self.consume(queue).await;
        wait_until_empty(queue).await;
        source.stop().await;
    }
}

/// Waits until the queue has no message, not even a hidden one.
pub(crate) async fn wait_until_empty(queue: &Queue) {
    let deadline = Instant::now() + Duration::from_secs(40);
    while queue.messages().await > 0 {
        assert!(Instant::now() < deadline, "{} messages are left", queue.messages().await);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

pub(crate) fn client() -> HttpClient {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new()).build(connector)
}
