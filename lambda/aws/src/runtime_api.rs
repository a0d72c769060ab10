//! The Lambda runtime API, which is HTTP on the loopback.
//!
//! Only the headers that are needed are read. A caller chooses the client context and the Cognito identity, so neither
//! is parsed here: `lambda_runtime` 1.5 parses both, and ends the process if a value is invalid.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use aws_smithy_types::base64;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use http::header::{CONTENT_TYPE, HeaderName, TRAILER};
use http::response::Parts;
use http::{HeaderMap, HeaderValue, Method, Response};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use lambda_runtime_api_client::body::Body;
use serde_json::json;
use tracing::Span;

use crate::forward::StreamedBody;
use crate::lambda_api::{ApiError, LambdaApi};
use crate::runtime::{Diagnostic, diagnostic};

const REQUEST_ID: HeaderName = HeaderName::from_static("lambda-runtime-aws-request-id");
const DEADLINE_MS: HeaderName = HeaderName::from_static("lambda-runtime-deadline-ms");
const TRACE_ID: HeaderName = HeaderName::from_static("lambda-runtime-trace-id");
const TENANT_ID: HeaderName = HeaderName::from_static("lambda-runtime-aws-tenant-id");
const CLIENT_CONTEXT: HeaderName = HeaderName::from_static("lambda-runtime-client-context");
const INVOCATION_ID: HeaderName = HeaderName::from_static("lambda-runtime-invocation-id");
const ERROR_TYPE: HeaderName = HeaderName::from_static("lambda-runtime-function-error-type");
const ERROR_BODY: HeaderName = HeaderName::from_static("lambda-runtime-function-error-body");
const RESPONSE_MODE: HeaderName = HeaderName::from_static("lambda-runtime-function-response-mode");

/// The trailers of a streamed answer that fails.
const ERROR_TRAILERS: &str = "lambda-runtime-function-error-type, lambda-runtime-function-error-body";

/// The content type of a streamed answer that begins with a status and headers.
const HTTP_RESPONSE: &str = "application/vnd.awslambda.http-integration-response";

/// What separates them from the body.
const SEPARATOR: &[u8] = &[0; 8];

/// The attempts of a request when connections break or the server responds 5xx. After that the process ends, and Lambda
/// starts another.
const ATTEMPTS: u32 = 4;

/// The first pause between them; each is longer by as much.
const PAUSE: Duration = Duration::from_millis(20);

/// The runtime API of one execution environment.
#[derive(Debug)]
pub struct RuntimeApi {
    api: LambdaApi,
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

impl RuntimeApi {
    /// The runtime API at `address`, the value of `AWS_LAMBDA_RUNTIME_API`. Connects with the first request.
    ///
    /// # Errors
    /// [`ApiError::Address`]
    pub fn new(address: &str) -> Result<Self, ApiError> {
        Ok(Self { api: LambdaApi::new(address)? })
    }

    /// Waits for an invocation without a time limit.
    ///
    /// # Errors
    /// [`ApiError`]: no invocation was received.
    pub async fn next(&self) -> Result<Next, ApiError> {
        const PATH: &str = "/2018-06-01/runtime/invocation/next";
        persistently(async || {
            let answer = self.api.request(Method::GET, PATH, &[], Bytes::new()).await?;
            let (head, payload) = answer.into_parts();
            let text = |name: HeaderName| Some(head.headers.get(name)?.to_str().ok()?.to_owned());
            let missing = || ApiError::Incomplete { path: PATH.to_owned(), part: "a request id" };
            let request = text(REQUEST_ID).ok_or_else(missing)?;
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

    /// Posts an HTTP response as the answer to an invocation, while its body arrives. An error of the body is one of the
    /// answer. Nothing is posted again.
    ///
    /// <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming>
    pub(crate) async fn stream(&self, id: &Id, response: Response<StreamedBody>) -> Result<(), ApiError> {
        let path = format!("/2018-06-01/runtime/invocation/{}/response", id.request);
        let (head, body) = response.into_parts();
        let mut headers = id.headers();
        headers.extend([
            (RESPONSE_MODE, HeaderValue::from_static("streaming")),
            (CONTENT_TYPE, HeaderValue::from_static(HTTP_RESPONSE)),
            (TRAILER, HeaderValue::from_static(ERROR_TRAILERS)),
        ]);
        let beginning = stream::iter([Ok(Frame::data(beginning(&head)))]);
        let body = Body::new(StreamBody::new(beginning.chain(frames(body))));
        self.api.request(Method::POST, &path, &headers, body).await.map(drop)
    }

    /// Posts the error of an invocation.
    pub(crate) async fn fail(&self, id: &Id, diagnostic: &Diagnostic) -> Result<(), ApiError> {
        let body = json_of(diagnostic).into();
        let mut headers = id.headers();
        headers.push((ERROR_TYPE, HeaderValue::from_static("unhandled")));
        self.post(&format!("/2018-06-01/runtime/invocation/{}/error", id.request), headers, body).await
    }

    /// Posts the reason why the function cannot start.
    pub(crate) async fn init_error(&self, error_type: &'static str, message: &str) -> Result<(), ApiError> {
        let body = json!({"errorType": error_type, "errorMessage": message, "stackTrace": []});
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
        persistently(async || self.api.request(Method::GET, PATH, &[], Bytes::new()).await).await.map(drop)
    }

    async fn post(
        &self,
        path: &str,
        headers: Vec<(HeaderName, HeaderValue)>,
        body: Bytes,
    ) -> Result<(), ApiError> {
        persistently(async || self.api.request(Method::POST, path, &headers, body.clone()).await)
            .await
            .map(drop)
    }
}

impl Id {
    fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        self.invocation.iter().map(|id| (INVOCATION_ID, id.clone())).collect()
    }
}

fn json_of(diagnostic: &Diagnostic) -> Vec<u8> {
    serde_json::to_vec(diagnostic).expect("two texts are JSON")
}

/// What comes before the body of an HTTP response.
fn beginning(head: &Parts) -> Bytes {
    let headers: BTreeMap<_, _> = head
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes())))
        .collect();
    let head = json!({"statusCode": head.status.as_u16(), "headers": headers}).to_string();
    [head.as_bytes(), SEPARATOR].concat().into()
}

/// The frames of a body, and for an error the trailers that report it.
fn frames(body: StreamedBody) -> impl Stream<Item = Result<Frame<Bytes>, Infallible>> + Send {
    let span = Span::current();
    stream::unfold(Some((body, span)), async |state| {
        let (mut body, span) = state?;
        match body.frame().await? {
            Ok(frame) => Some((Ok(frame), Some((body, span)))),
            Err(error) => {
                let reason = error.to_string();
                span.in_scope(|| tracing::error!(reason, "The response was cut off."));
                Some((Ok(Frame::trailers(trailers(&diagnostic("IncompleteResponse", reason)))), None))
            }
        }
    })
}

fn trailers(diagnostic: &Diagnostic) -> HeaderMap {
    let body = base64::encode(json_of(diagnostic));
    let kind = HeaderValue::try_from(&diagnostic.error_type).expect("the name of an error is text");
    HeaderMap::from_iter([
        (ERROR_TYPE, kind),
        (ERROR_BODY, HeaderValue::try_from(body).expect("base64 is text")),
    ])
}

/// Whether the same request may succeed in a moment.
fn may_pass(error: &ApiError) -> bool {
    match error {
        ApiError::Unreachable { .. } | ApiError::Incomplete { .. } => true,
        ApiError::Refused { status, .. } => !status.is_client_error(),
        ApiError::Address(_) => false,
    }
}

/// Repeats an attempt while its error may be temporary.
async fn persistently<T>(attempt: impl AsyncFn() -> Result<T, ApiError>) -> Result<T, ApiError> {
    let mut attempts = 1;
    loop {
        match attempt().await {
            Err(error) if may_pass(&error) && attempts < ATTEMPTS => {
                tracing::warn!(%error, attempts, "The runtime API failed; the request is sent again.");
                tokio::time::sleep(PAUSE * attempts).await;
                attempts += 1;
            }
            result => return result,
        }
    }
}
