//! The Lambda runtime API, which is HTTP on the loopback.
//!
//! Only the headers that are needed are read. A caller chooses the client context and the Cognito identity, so neither
//! is parsed here: `lambda_runtime` 1.5 parses both, and ends the process if a value is invalid.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::time::Duration;

use bytes::Bytes;
use http::header::HeaderName;
use http::{HeaderValue, Method, Response, StatusCode, Uri};
use http_body_util::BodyExt as _;
use hyper_util::client::legacy;
use hyper_util::rt::TokioExecutor;
use lambda_runtime_api_client::body::Body;
use lambda_runtime_api_client::{BoxError, Client, build_request};

use crate::runtime::Diagnostic;
use crate::text::{one_line, truncate};

const REQUEST_ID: HeaderName = HeaderName::from_static("lambda-runtime-aws-request-id");
const DEADLINE_MS: HeaderName = HeaderName::from_static("lambda-runtime-deadline-ms");
const TRACE_ID: HeaderName = HeaderName::from_static("lambda-runtime-trace-id");
const TENANT_ID: HeaderName = HeaderName::from_static("lambda-runtime-aws-tenant-id");
const CLIENT_CONTEXT: HeaderName = HeaderName::from_static("lambda-runtime-client-context");
const INVOCATION_ID: HeaderName = HeaderName::from_static("lambda-runtime-invocation-id");
const ERROR_TYPE: HeaderName = HeaderName::from_static("lambda-runtime-function-error-type");

/// The attempts of a request when connections break or the server responds 5xx. After that the process ends, and Lambda
/// starts another.
const ATTEMPTS: u32 = 4;

/// The first pause between them; each is longer by as much.
const PAUSE: Duration = Duration::from_millis(20);

/// The most bytes of response headers: a client context is one of them.
const MAX_HEADERS: usize = 1 << 20;

/// The length to which the body of an error is truncated, in characters.
const SHOWN_CHARS: usize = 200;

/// The runtime API of one execution environment.
#[derive(Debug)]
pub struct RuntimeApi {
    client: Client,
}

/// An invocation as the runtime API describes it.
#[derive(Debug)]
pub struct Next {
    /// The bytes of the event.
    pub payload: Bytes,
    /// Identifies the invocation in its answer.
    pub(crate) id: Id,
    /// When Lambda ends it, in milliseconds since the epoch.
    pub deadline_ms: Option<u64>,
    /// X-Ray's trace header.
    pub trace_id: Option<String>,
    /// The tenant, in functions with tenant isolation.
    pub tenant_id: Option<String>,
    /// The client context: bytes of the caller's choice.
    pub client_context: Option<HeaderValue>,
}

/// Identifies an invocation in its answer.
#[derive(Debug)]
pub(crate) struct Id {
    /// The request id.
    pub(crate) request: String,
    /// Lambda's guard against answers to another invocation, returned unchanged.
    invocation: Option<HeaderValue>,
}

/// The reason why a request to the runtime API failed.
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
        /// What the HTTP client reports.
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
    /// A response without a required header.
    #[error("{path}: expected the header {header} in the answer, got none")]
    NoHeader {
        /// The path of the request.
        path: String,
        /// The header.
        header: HeaderName,
    },
}

impl RuntimeApi {
    /// The runtime API at `address`, the value of `AWS_LAMBDA_RUNTIME_API`. Connects with the first request.
    ///
    /// # Errors
    /// [`ApiError::Address`]
    pub fn new(address: &str) -> Result<Self, ApiError> {
        let uri = address.parse::<Uri>().ok().filter(|uri| uri.authority().is_some());
        let uri = uri.ok_or_else(|| ApiError::Address(address.to_owned()))?;
        let client = legacy::Client::builder(TokioExecutor::new())
            .http1_max_buf_size(MAX_HEADERS)
            // A client context may have bytes that HTTP forbids, and Lambda sends the invocation again until it is read.
            .http1_ignore_invalid_headers_in_responses(true)
            .build_http();
        Ok(Self { client: Client { base: uri, client } })
    }

    /// Waits for an invocation without a time limit.
    ///
    /// # Errors
    /// [`ApiError`]: no invocation was received.
    pub async fn next(&self) -> Result<Next, ApiError> {
        const PATH: &str = "/2018-06-01/runtime/invocation/next";
        persistently(async || {
            let answer = self.exchange(Method::GET, PATH, &[], Bytes::new()).await?;
            let (head, payload) = answer.into_parts();
            let text = |name: HeaderName| Some(head.headers.get(name)?.to_str().ok()?.to_owned());
            let request =
                text(REQUEST_ID).ok_or(ApiError::NoHeader { path: PATH.to_owned(), header: REQUEST_ID })?;
            Ok(Next {
                payload,
                id: Id { request, invocation: head.headers.get(INVOCATION_ID).cloned() },
                deadline_ms: text(DEADLINE_MS).and_then(|ms| ms.parse().ok()),
                trace_id: text(TRACE_ID),
                tenant_id: text(TENANT_ID),
                client_context: head.headers.get(CLIENT_CONTEXT).cloned(),
            })
        })
        .await
    }

    /// Posts the answer to an invocation: JSON.
    pub(crate) async fn respond(&self, id: &Id, body: Bytes) -> Result<(), ApiError> {
        self.post(&format!("/2018-06-01/runtime/invocation/{}/response", id.request), id.headers(), body)
            .await
    }

    /// Posts the error of an invocation.
    pub(crate) async fn fail(&self, id: &Id, diagnostic: &Diagnostic) -> Result<(), ApiError> {
        let body = serde_json::to_vec(diagnostic).expect("two texts are JSON").into();
        let mut headers = id.headers();
        headers.push((ERROR_TYPE, HeaderValue::from_static("unhandled")));
        self.post(&format!("/2018-06-01/runtime/invocation/{}/error", id.request), headers, body).await
    }

    /// Posts the reason why the function cannot start.
    pub(crate) async fn init_error(&self, error_type: &'static str, message: &str) -> Result<(), ApiError> {
        let body = serde_json::json!({"errorType": error_type, "errorMessage": message, "stackTrace": []});
        let headers = vec![(ERROR_TYPE, HeaderValue::from_static(error_type))];
        self.post("/2018-06-01/runtime/init/error", headers, body.to_string().into()).await
    }

    /// Ends the init phase of a function with `SnapStart`, and returns once its snapshot is restored. The connections of
    /// this client do not outlive the snapshot.
    ///
    /// # Errors
    /// [`ApiError`]: the restore failed.
    pub async fn wait_for_restore(&self) -> Result<(), ApiError> {
        const PATH: &str = "/2018-06-01/runtime/restore/next";
        persistently(async || self.exchange(Method::GET, PATH, &[], Bytes::new()).await).await.map(drop)
    }

    async fn post(
        &self,
        path: &str,
        headers: Vec<(HeaderName, HeaderValue)>,
        body: Bytes,
    ) -> Result<(), ApiError> {
        persistently(async || self.exchange(Method::POST, path, &headers, body.clone()).await).await.map(drop)
    }

    /// Sends a request that must get a 2xx response.
    async fn exchange(
        &self,
        method: Method,
        path: &str,
        headers: &[(HeaderName, HeaderValue)],
        body: Bytes,
    ) -> Result<Response<Bytes>, ApiError> {
        let unreachable = |reason| ApiError::Unreachable { path: path.to_owned(), reason };
        let mut request = build_request().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(Body::from(body)).map_err(|error| unreachable(error.into()))?;
        let (head, body) = self.client.call(request).await.map_err(unreachable)?.into_parts();
        let body = body.collect().await.map_err(|error| unreachable(error.into()))?.to_bytes();
        if head.status.is_success() {
            return Ok(Response::from_parts(head, body));
        }
        let message = one_line(truncate(&String::from_utf8_lossy(&body), SHOWN_CHARS));
        Err(ApiError::Refused { path: path.to_owned(), status: head.status, message })
    }
}

impl Id {
    fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        self.invocation.iter().map(|id| (INVOCATION_ID, id.clone())).collect()
    }
}

impl ApiError {
    /// Whether the same request may succeed in a moment.
    fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::NoHeader { .. } => true,
            Self::Refused { status, .. } => !status.is_client_error(),
            Self::Address(_) => false,
        }
    }
}

/// Repeats an attempt while its error may be temporary.
async fn persistently<T>(attempt: impl AsyncFn() -> Result<T, ApiError>) -> Result<T, ApiError> {
    let mut attempts = 1;
    loop {
        match attempt().await {
            Err(error) if error.may_pass() && attempts < ATTEMPTS => {
                tracing::warn!(%error, attempts, "The runtime API failed; the request is sent again.");
                tokio::time::sleep(PAUSE * attempts).await;
                attempts += 1;
            }
            result => return result,
        }
    }
}
