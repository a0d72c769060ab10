//! Passes invocations to the handler and its answers to Lambda, one invocation at a time.
//!
//! A failure of the handler, even a panic, is an error of that one invocation.

use std::any::Any;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderValue, Response};
use serde::Serialize;
use tracing::Instrument as _;

use crate::forward::StreamedBody;
use crate::lambda_api::ApiError;
use crate::runtime_api::{Next, RuntimeApi};

/// The time limit of an invocation without a deadline: the default timeout of Lambda.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3);

/// The input of a handler.
#[derive(Debug)]
pub struct Invocation {
    /// The bytes of the event, which may be anything.
    pub payload: Bytes,
    /// Its request id.
    pub request_id: String,
    /// When Lambda ends the invocation.
    pub deadline: SystemTime,
    /// The client context: bytes of the caller's choice, JSON if the caller follows the documentation.
    pub client_context: Option<HeaderValue>,
}

/// The answer of a handler.
#[derive(Debug)]
pub enum Answer<Json> {
    /// A value that is sent as JSON.
    Json(Json),
    /// An HTTP response that is sent as it arrives. Its caller must be an endpoint that streams: others get its parts as
    /// they are.
    Http(Response<StreamedBody>),
}

/// The error of an invocation, as returned to its caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnostic {
    /// The kind of error.
    pub error_type: String,
    /// One line of text.
    pub error_message: String,
}

/// Passes the invocations of `api` to `handler` until the API fails.
///
/// # Errors
/// [`ApiError`]: the runtime API gives no more invocations.
pub async fn serve<Json: Serialize, Failed: Into<Diagnostic>>(
    api: &RuntimeApi,
    now: fn() -> SystemTime,
    handler: impl AsyncFn(Invocation) -> Result<Answer<Json>, Failed>,
) -> Result<Infallible, ApiError> {
    loop {
        let Next { payload, id, deadline_ms, trace_id, tenant_id, client_context } = api.next().await?;
        let span = tracing::info_span!(
            "Lambda runtime invoke",
            requestId = id.request,
            xrayTraceId = trace_id,
            tenantId = tenant_id
        );
        let deadline =
            deadline_ms.map_or_else(|| now() + DEFAULT_TIMEOUT, |ms| UNIX_EPOCH + Duration::from_millis(ms));
        let invocation = Invocation { payload, request_id: id.request.clone(), deadline, client_context };
        async {
            let posted = match outcome(&handler, invocation).await {
                Ok(Answer::Json(json)) => api.respond(&id, json).await,
                Ok(Answer::Http(response)) => api.stream(&id, response).await,
                Err(diagnostic) => api.fail(&id, &diagnostic).await,
            };
            // Lambda has given up an invocation whose answer it rejects; the next one may be fine.
            if let Err(error) = posted {
                tracing::error!(%error, "Failed to post the answer to the Lambda runtime API.");
            }
        }
        .instrument(span)
        .await;
    }
}

/// The handler's answer, with a value as JSON.
async fn outcome<Json: Serialize, Failed: Into<Diagnostic>>(
    handler: &impl AsyncFn(Invocation) -> Result<Answer<Json>, Failed>,
    invocation: Invocation,
) -> Result<Answer<Bytes>, Diagnostic> {
    let answered = async {
        match handler(invocation).await.map_err(Into::into)? {
            Answer::Json(value) => match serde_json::to_vec(&value) {
                Ok(json) => Ok(Answer::Json(json.into())),
                Err(error) => Err(diagnostic("InvalidAnswer", error.to_string())),
            },
            Answer::Http(response) => Ok(Answer::Http(response)),
        }
    };
    match AssertUnwindSafe(answered).catch_unwind().await {
        Ok(outcome) => outcome,
        Err(panic) => Err(panicked(panic.as_ref())),
    }
}

fn panicked(panic: &(dyn Any + Send)) -> Diagnostic {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message");
    diagnostic("Panic", format!("the function panicked: {text}"))
}

pub(crate) fn diagnostic(error_type: &str, error_message: String) -> Diagnostic {
    Diagnostic { error_type: error_type.to_owned(), error_message }
}
