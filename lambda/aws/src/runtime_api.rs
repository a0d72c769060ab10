//! The Lambda runtime API, which is HTTP on the loopback.
//!
//! Only the headers that are needed are read. A caller chooses the client context and the Cognito identity, so neither
//! is parsed here: `lambda_runtime` 1.5 parses both, and ends the process if a value is invalid.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::time::Duration;

use bytes::Bytes;
use http::header::HeaderName;
use http::{HeaderValue, Method};

use crate::lambda_api::{ApiError, LambdaApi};
use crate::runtime::Diagnostic;

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
