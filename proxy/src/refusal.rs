//! Responses of the proxy itself to requests that it cannot pass on, in the form of Prometheus's errors.
//!
//! <https://prometheus.io/docs/prometheus/latest/querying/api/#format-overview>

use aws::{Cause, Failure};
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use serde_json::json;

/// The reason why a request has no response of the workspace.
///
/// Prometheus sends a write request again after a status of 5xx only. So that nothing is lost, a body that does not arrive in
/// time is answered with 503.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(
        "this proxy is for programs on the same machine: expected the host localhost, 127.0.0.1 or [::1]"
    )]
    Host,
    #[error("this proxy is for programs: expected no request that a web page of another origin sends")]
    Page,
    #[error("this proxy signs requests for another workspace")]
    OtherWorkspace,
    #[error("not found: expected /api/v1/…, /workspaces/<id>/api/v1/…, /-/healthy or /metrics")]
    NotFound,
    #[error("expected the method GET, HEAD or POST")]
    Method,
    #[error(
        "expected a path without empty segments, `.`, `..`, and encoded slashes, backslashes, percent signs and control \
         characters"
    )]
    Path,
    #[error("expected a body of at most {limit} bytes")]
    BodyTooLarge { limit: usize },
    #[error("the body of the request is incomplete")]
    BodyIncomplete,
    #[error("the body of the request did not arrive in time")]
    BodyTimedOut,
    #[error("too many request bodies are in memory")]
    Busy,
    #[error("{0}")]
    NoCredentials(String),
    #[error("the workspace cannot be reached: {0}")]
    Unreachable(String),
    #[error("the workspace did not respond in time")]
    TimedOut,
}

impl Refusal {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Host | Self::Page | Self::OtherWorkspace => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Path | Self::BodyIncomplete => StatusCode::BAD_REQUEST,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTimedOut | Self::Busy | Self::NoCredentials(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unreachable(_) => StatusCode::BAD_GATEWAY,
            Self::TimedOut => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// The type of Prometheus's errors that comes nearest.
    fn error_type(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::TimedOut => "timeout",
            _ if self.status().is_server_error() => "unavailable",
            _ => "bad_data",
        }
    }

    pub(crate) fn response(&self) -> Response<Bytes> {
        let body = json!({"status": "error", "errorType": self.error_type(), "error": self.to_string()});
        let mut response = Response::new(Bytes::from(body.to_string()));
        *response.status_mut() = self.status();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if *self == Self::Method {
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD, POST"));
        }
        response
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        match failure.cause {
            Cause::Credentials(_) | Cause::CredentialsTimedOut(_) => {
                Self::NoCredentials(failure.cause.to_string())
            }
            Cause::TimedOut | Cause::OutOfTime => Self::TimedOut,
            Cause::Network(_) | Cause::Answered(_) => Self::Unreachable(failure.cause.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_has_the_form_of_an_error_of_prometheus() {
        let response = Refusal::OtherWorkspace.response();
        assert_eq!(response.status(), 403);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
        let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        let expected = json!({
            "status": "error",
            "errorType": "bad_data",
            "error": "this proxy signs requests for another workspace",
        });
        assert_eq!(body, expected);
        assert_eq!(Refusal::Method.response().headers()[ALLOW], "GET, HEAD, POST");
    }

    #[test]
    fn a_write_that_may_succeed_later_is_answered_with_5xx() {
        for refusal in [
            Refusal::BodyTimedOut,
            Refusal::Busy,
            Refusal::NoCredentials(String::new()),
            Refusal::Unreachable(String::new()),
            Refusal::TimedOut,
        ] {
            assert!(refusal.status().is_server_error(), "{refusal:?}");
        }
    }
}
