//! A client of Prometheus's HTTP API, without TLS. Answers are limited in time and length.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// Prometheus itself ends a query after 2 minutes (`--query.timeout`).
const TIME_LIMIT: Duration = Duration::from_secs(130);

/// Answers are held in memory.
const MAX_ANSWER_BYTES: usize = 64 * 1_024 * 1_024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The URL is not the base URL of an HTTP server without TLS.
    #[error("{0:?} is not a base URL of Prometheus such as http://127.0.0.1:9090")]
    NoBaseUrl(String),
    /// The path cannot be part of a URL.
    #[error("{0:?} cannot be part of a request")]
    NoRequest(String),
    /// The connection failed.
    #[error("{url} cannot be reached: {why}")]
    Unreachable {
        /// The URL of the request.
        url: String,
        /// The error and its causes.
        why: String,
    },
    /// The time limit passed.
    #[error("{url} has not answered within {} s", TIME_LIMIT.as_secs())]
    TimedOut {
        /// The URL of the request.
        url: String,
    },
    /// The answer is larger than the limit.
    #[error("{url} returned more than {MAX_ANSWER_BYTES} bytes")]
    TooLong {
        /// The URL of the request.
        url: String,
    },
}

/// An answer of Prometheus.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its `Content-Type`.
    pub content_type: Option<HeaderValue>,
    /// Its body.
    pub body: Bytes,
}

/// A client of one Prometheus; connections are kept alive.
#[derive(Debug, Clone)]
pub struct PrometheusClient {
    base: String,
    http: Client<HttpConnector, Full<Bytes>>,
}

impl PrometheusClient {
    /// A client for `base`, which may have a path (`--web.external-url`).
    ///
    /// # Errors
    /// [`ClientError::NoBaseUrl`].
    pub fn new(base: &str) -> Result<Self, ClientError> {
        let uri = base.parse::<Uri>().ok().filter(|uri| {
            uri.scheme() == Some(&http::uri::Scheme::HTTP)
                && uri.authority().is_some()
                && uri.query().is_none()
        });
        if uri.is_none() {
            return Err(ClientError::NoBaseUrl(base.to_owned()));
        }
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let http = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { base: base.trim_end_matches('/').to_owned(), http })
    }

    /// Sends a request to `path_and_query` below the base URL, and returns the answer with any status.
    ///
    /// # Errors
    /// There is no complete answer.
    pub async fn send(
        &self,
        method: &Method,
        path_and_query: &str,
        headers: &[(header::HeaderName, HeaderValue)],
        body: Bytes,
    ) -> Result<Answer, ClientError> {
        let uri = format!("{}{path_and_query}", self.base);
        let mut request = http::Request::builder().method(method).uri(&uri);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(body)).map_err(|_| ClientError::NoRequest(uri))?;
        let answer = tokio::time::timeout(TIME_LIMIT, self.exchange(request));
        answer.await.unwrap_or_else(|_| Err(ClientError::TimedOut { url: self.base.clone() }))
    }

    async fn exchange(&self, request: http::Request<Full<Bytes>>) -> Result<Answer, ClientError> {
        let url = self.base.clone();
        let response = match self.http.request(request).await {
            Ok(response) => response,
            Err(error) => return Err(ClientError::Unreachable { url, why: with_causes(&error) }),
        };
        let (head, body) = response.into_parts();
        match Limited::new(body, MAX_ANSWER_BYTES).collect().await {
            Ok(body) => Ok(Answer {
                status: head.status,
                content_type: head.headers.get(header::CONTENT_TYPE).cloned(),
                body: body.to_bytes(),
            }),
            Err(error) if error.is::<LengthLimitError>() => Err(ClientError::TooLong { url }),
            Err(error) => Err(ClientError::Unreachable { url, why: with_causes(&*error) }),
        }
    }
}

/// The client's own message only reports that connecting failed.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
