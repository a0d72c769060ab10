//! The answers that an endpoint gives without the function's response.

use http::{HeaderValue, Response, StatusCode, header};
use local_testing::http_server::{Reply, ResponseBody};
use serde_json::json;

use super::Kind;
use crate::runtime::MAX_PAYLOAD_BYTES;

/// Why the function is not invoked, or its response not passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The request is not signed.
    NotSigned,
    /// The path is not below the stage of the API.
    OutsideStage,
    /// The request's body or its event exceeds a limit.
    TooLarge,
    /// Every environment of the function is busy.
    Throttled,
    /// The function failed, or its response is invalid.
    Failed,
    /// The function did not respond within the endpoint's time limit.
    TimedOut,
}

impl Refusal {
    /// The answer.
    pub(super) fn answer(self, kind: Kind) -> Response<ResponseBody> {
        let status = self.status(kind);
        if kind.is_alb() {
            let title = format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or_default());
            let page = format!(
                "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
            );
            return answer(status, "text/html", page);
        }
        answer(status, "application/json", self.body(kind))
    }

    fn status(self, kind: Kind) -> StatusCode {
        match (self, kind) {
            (Self::NotSigned, _) | (Self::OutsideStage, Kind::RestApi) => StatusCode::FORBIDDEN,
            (Self::OutsideStage, _) => StatusCode::NOT_FOUND,
            (Self::TooLarge, _) => StatusCode::PAYLOAD_TOO_LARGE,
            (Self::Failed | Self::Throttled, Kind::Alb | Kind::AlbMultiValue) => StatusCode::BAD_GATEWAY,
            (Self::Throttled, _) => StatusCode::TOO_MANY_REQUESTS,
            (Self::Failed, Kind::HttpApi) => StatusCode::INTERNAL_SERVER_ERROR,
            (Self::Failed, _) => StatusCode::BAD_GATEWAY,
            (Self::TimedOut, Kind::HttpApi) => StatusCode::SERVICE_UNAVAILABLE,
            (Self::TimedOut, _) => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    fn body(self, kind: Kind) -> String {
        if kind == Kind::FunctionUrl {
            return self.body_of_url();
        }
        let message = match (self, kind) {
            (Self::NotSigned, Kind::RestApi) => "Missing Authentication Token",
            (Self::NotSigned, _) | (Self::OutsideStage, Kind::RestApi) => "Forbidden",
            (Self::OutsideStage, _) => "Not Found",
            (Self::TooLarge, Kind::RestApi) => "Request Too Long",
            (Self::TooLarge, _) => "Request Entity Too Large",
            (Self::Throttled, _) => "Too Many Requests",
            (Self::Failed, Kind::RestApi) => "Internal server error",
            (Self::Failed, _) => "Internal Server Error",
            (Self::TimedOut, Kind::RestApi) => "Endpoint request timed out",
            (Self::TimedOut, _) => "Service Unavailable",
        };
        json!({ "message": message }).to_string()
    }

    fn body_of_url(self) -> String {
        let text = match self {
            Self::NotSigned => "Forbidden",
            Self::TooLarge => {
                let limit = MAX_PAYLOAD_BYTES;
                return json!({ "Message": format!("Request must be smaller than {limit} bytes for the InvokeFunction operation") })
                    .to_string();
            }
            Self::Throttled => {
                return json!({
                    "Reason": "ReservedFunctionConcurrentInvocationLimitExceeded",
                    "Type": "User",
                    "message": "Rate Exceeded.",
                })
                .to_string();
            }
            Self::Failed | Self::OutsideStage | Self::TimedOut => return "Internal Server Error".to_owned(),
        };
        json!({ "Message": text }).to_string()
    }
}

fn answer(status: StatusCode, content_type: &'static str, body: String) -> Response<ResponseBody> {
    let mut response = Reply::full(status, body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
