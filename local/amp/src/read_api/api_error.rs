//! Errors of the query API, in Prometheus's form: `{"status":"error","errorType":…,"error":…}`.

use http::{Response, StatusCode};
use serde_json::json;

use local_testing::http_server::ResponseBody;

/// What a query is answered with instead of data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ApiError {
    status: StatusCode,
    error_type: &'static str,
    error: String,
}

impl ApiError {
    /// Prometheus, "HTTP API": "400 Bad Request when parameters are missing or incorrect".
    pub(super) fn bad_data(error: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, error_type: "bad_data", error: error.into() }
    }

    /// Prometheus's words for a parameter that cannot be read.
    pub(super) fn invalid_parameter(name: &str, why: impl std::fmt::Display) -> Self {
        Self::bad_data(format!("invalid parameter {name:?}: {why}"))
    }

    /// Memory has no engine for what was asked; a person is told where to get one.
    pub(super) fn needs_promql(what: &str) -> Self {
        Self {
            status: StatusCode::NOT_IMPLEMENTED,
            error_type: "unavailable",
            error: format!(
                "{what} needs PromQL, which Prometheus speaks and this memory does not: it answers instant selectors \
                 such as up{{job=\"a\"}}. Install Prometheus (Debian and Ubuntu: apt-get install prometheus) and \
                 start the stand-in with --prometheus"
            ),
        }
    }

    /// Prometheus is there in name only.
    pub(super) fn unavailable(error: impl Into<String>) -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, error_type: "unavailable", error: error.into() }
    }

    pub(super) fn into_response(self) -> Response<ResponseBody> {
        let body = json!({ "status": "error", "errorType": self.error_type, "error": self.error });
        super::json_response(self.status, &body)
    }
}
