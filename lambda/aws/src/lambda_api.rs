//! Requests to the APIs of Lambda in an execution environment: HTTP on the loopback.

use bytes::Bytes;
use http::header::HeaderName;
use http::{HeaderValue, Method, Response, StatusCode, Uri};
use http_body_util::BodyExt as _;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use lambda_runtime_api_client::body::Body;
use lambda_runtime_api_client::{BoxError, Client, build_request};

use crate::text::{one_line, truncate};

/// The most bytes of response headers: a client context is one of them.
const MAX_HEADERS: usize = 1 << 20;

/// The length to which the body of an error is truncated, in characters.
const SHOWN_CHARS: usize = 200;

/// The APIs of one execution environment.
#[derive(Debug)]
pub struct LambdaApi {
    client: Client,
}

/// The reason why a request to an API of Lambda failed.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The address is not one.
    #[error("AWS_LAMBDA_RUNTIME_API: expected a host and a port, got {0:?}")]
    Address(String),
    /// No response.
    #[error("{path} cannot be reached: {reason}")]
    Unreachable {
        /// The path of the request.
        path: String,
        /// The error of the HTTP client.
        reason: BoxError,
    },
    /// A response other than 2xx.
    #[error("{path} answered {status}: {message}")]
    Refused {
        /// The path of the request.
        path: String,
        /// The HTTP status.
        status: StatusCode,
        /// The beginning of the body.
        message: String,
    },
    /// A response without a required part.
    #[error("{path}: expected {part} in the answer, got none")]
    Incomplete {
        /// The path of the request.
        path: String,
        /// The part.
        part: &'static str,
    },
}

impl ApiError {
    /// The status of a response other than 2xx.
    pub fn status(&self) -> Option<StatusCode> {
        if let Self::Refused { status, .. } = self { Some(*status) } else { None }
    }
}

impl LambdaApi {
    /// The APIs at `address`, the value of `AWS_LAMBDA_RUNTIME_API`. Connects with the first request.
    ///
    /// # Errors
    /// [`ApiError::Address`]
    pub fn new(address: &str) -> Result<Self, ApiError> {
        let uri = address.parse::<Uri>().ok().filter(|uri| uri.authority().is_some());
        let base = uri.ok_or_else(|| ApiError::Address(address.to_owned()))?;
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = legacy::Client::builder(TokioExecutor::new())
            .http1_max_buf_size(MAX_HEADERS)
            // A client context may have bytes that HTTP forbids, and Lambda sends the invocation again until it is read.
            .http1_ignore_invalid_headers_in_responses(true)
            .build(connector);
        Ok(Self { client: Client { base, client } })
    }

    /// Sends a request that must get a 2xx response.
    ///
    /// # Errors
    /// [`ApiError::Unreachable`] and [`ApiError::Refused`]
    pub async fn request(
        &self,
        method: Method,
        path: &str,
        headers: &[(HeaderName, HeaderValue)],
        body: impl Into<Body>,
    ) -> Result<Response<Bytes>, ApiError> {
        let unreachable = |reason| ApiError::Unreachable { path: path.to_owned(), reason };
        let mut request = build_request().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(body.into()).map_err(|error| unreachable(error.into()))?;
        let (head, body) = self.client.call(request).await.map_err(unreachable)?.into_parts();
        let body = body.collect().await.map_err(|error| unreachable(error.into()))?.to_bytes();
        if head.status.is_success() {
            return Ok(Response::from_parts(head, body));
        }
        let message = one_line(truncate(&String::from_utf8_lossy(&body), SHOWN_CHARS));
        Err(ApiError::Refused { path: path.to_owned(), status: head.status, message })
    }
}
