//! Errors of an invocation and the HTTP status of each.

use aws::{Cause, Failure, Response};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::operation::Operation;

/// Maximum length of a server's error message, in characters. PromQL errors may contain two label sets.
const MAX_MESSAGE_CHARS: usize = 4_000;

/// Maximum size of an error with status 200, in bytes. Longer responses are not searched for one.
const MAX_ERROR_BYTES: usize = 16 * 1_024;

/// Maximum length of a caller's text in an error, in characters.
const MAX_EXCERPT_CHARS: usize = 100;

/// The reason why an invocation has no data.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("invalid payload: expected a JSON object of parameters, or one in `body`, got {0}")]
    InvalidPayload(String),
    #[error("the handler api serves HTTP requests only: send them to the URL of the function")]
    NotHttp,
    #[error("missing required parameter: {name} ({expected})")]
    MissingParameter { name: &'static str, expected: String },
    #[error("invalid parameter {name}: expected {expected}, got {got}")]
    InvalidParameter { name: &'static str, expected: String, got: String },
    #[error("unknown parameter {name}; {operation} takes {parameters}")]
    UnknownParameter { name: String, operation: &'static str, parameters: String },
    #[error("unknown tool {0}; expected one of {names}", names = Operation::names())]
    UnknownTool(String),
    #[error("{0}")]
    WorkspaceNotFound(String),
    /// An error of the server. `error_type` is Prometheus's `errorType`, such as `bad_data`.
    #[error("{message}")]
    Server { status: u16, error_type: Option<String>, message: String },
    /// The server could not be reached or did not respond in time.
    #[error("the request failed: {0}")]
    NoResponse(Failure),
    /// A 2xx response that violates the API.
    #[error("invalid response from the server: {0}")]
    InvalidResponse(String),
}

impl Error {
    /// 4xx if the caller can correct the request, 5xx if only time or an operator can help.
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::InvalidPayload(_)
            | Self::NotHttp
            | Self::MissingParameter { .. }
            | Self::InvalidParameter { .. }
            | Self::UnknownParameter { .. }
            | Self::UnknownTool(_) => 400,
            Self::WorkspaceNotFound(_) => 404,
            Self::Server { status: status @ 400..=599, .. } => *status,
            Self::NoResponse(failure) => match failure.cause {
                Cause::TimedOut | Cause::OutOfTime => 504,
                Cause::Credentials(_) | Cause::CredentialsTimedOut(_) => 500,
                Cause::Answered(_) | Cause::Network(_) => 502,
            },
            Self::Server { .. } | Self::InvalidResponse(_) => 502,
        }
    }

    /// Prometheus's `errorType`.
    pub(crate) fn error_type(&self) -> Option<&str> {
        if let Self::Server { error_type, .. } = self { error_type.as_deref() } else { None }
    }

    /// Reads the message from `error` (Prometheus) or `message` (AWS) of a JSON object, or else from the whole body.
    fn server(response: &Response, note: &str) -> Self {
        let body = ErrorBody::of(response);
        let message = body.message().unwrap_or_else(|| response.message());
        let message: String = message.chars().take(MAX_MESSAGE_CHARS).collect();
        let message = match response.status {
            400..=599 if !message.is_empty() => message,
            403 => "the workspace rejected the function's credentials without an error message".to_owned(),
            404 => "the workspace does not exist, or does not serve this path".to_owned(),
            status @ 200..=299 => format!("the server answered {status} with an error: {message}"),
            status => format!("the server answered {status} {message}").trim_end().to_owned(),
        };
        Self::Server { status: response.status, error_type: text(body.error_type), message: message + note }
    }
}

/// The error in a final response. The attempts are added unless the first one failed with a 4xx.
impl From<&Response> for Error {
    fn from(response: &Response) -> Self {
        let is_plain = response.attempts.count <= 1 && (400..500).contains(&response.status);
        Self::server(response, &if is_plain { String::new() } else { format!(" ({})", response.attempts) })
    }
}

/// A request without a final response. Its last response is more useful than a later attempt without one.
impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match (failure.response(), &failure.cause) {
            (None, _) => Self::NoResponse(failure),
            (Some(last), Cause::Answered(_)) => Self::server(last, &format!(" ({})", failure.attempts)),
            (Some(last), cause) => {
                Self::server(last, &format!(" ({}; the last one: {cause})", failure.attempts))
            }
        }
    }
}

/// Data that does not serialize holds JSON of the server that is invalid.
impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::InvalidResponse(error.to_string())
    }
}

/// Whether a 2xx response is a Prometheus error, as some proxies pass them on.
pub(crate) fn is_error(response: &Response) -> bool {
    response.body.len() <= MAX_ERROR_BYTES && text(ErrorBody::of(response).status).as_deref() == Some("error")
}

/// The JSON of an error. A member of another type must not hide the others, so each is read on its own.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ErrorBody<'a> {
    #[serde(borrow)]
    status: Option<&'a RawValue>,
    #[serde(borrow)]
    error_type: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow, rename = "Message")]
    capital_message: Option<&'a RawValue>,
}

impl<'a> ErrorBody<'a> {
    fn of(response: &'a Response) -> Self {
        serde_json::from_slice(&response.body).unwrap_or_default()
    }

    fn message(&self) -> Option<String> {
        [self.error, self.message, self.capital_message].into_iter().find_map(text)
    }
}

fn text(value: Option<&RawValue>) -> Option<String> {
    serde_json::from_str(value?.get()).ok()
}

/// The beginning of JSON from a caller on one line, without the user and password of a URL.
pub(crate) fn json_excerpt(json: &(impl ToString + ?Sized)) -> String {
    let text = json.to_string().replace("\\/", "/").replace(['\r', '\n', '\t'], " ");
    match text.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?.1))) {
        Some((scheme, host)) => excerpt(&format!("{scheme}://…@{host}")),
        None => excerpt(&text),
    }
}

/// The beginning of `text`.
pub(crate) fn excerpt(text: &str) -> String {
    match text.char_indices().nth(MAX_EXCERPT_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws::Attempts;

    use super::*;

    fn error(status: u16, body: &str) -> Error {
        Error::from(&Response { attempts: attempts(1), ..Response::new(status, body.to_owned()) })
    }

    fn attempts(count: u32) -> Attempts {
        Attempts { count, elapsed: Duration::from_millis(1_234) }
    }

    #[test]
    fn error_messages_of_servers_are_passed_on() {
        let prometheus =
            r#"{"status":"error","errorType":"bad_data","error":"1:4: parse error: unexpected \"}\""}"#;
        for (status, body, expected) in [
            (400, prometheus, "1:4: parse error: unexpected \"}\""),
            (403, r#"{"message":"Missing Authentication Token"}"#, "Missing Authentication Token"),
            (403, r#"{"Message":"User is not authorized"}"#, "User is not authorized"),
            (503, "upstream\nis down", "upstream is down (1 attempt in 1.23 s)"),
            (
                200,
                prometheus,
                "the server answered 200 with an error: 1:4: parse error: unexpected \"}\" (1 attempt in 1.23 s)",
            ),
            (403, "", "the workspace rejected the function's credentials without an error message"),
            (404, "", "the workspace does not exist, or does not serve this path"),
            (500, "", "the server answered 500 (1 attempt in 1.23 s)"),
            (302, "moved", "the server answered 302 moved (1 attempt in 1.23 s)"),
        ] {
            assert_eq!(error(status, body).to_string(), expected);
        }
        assert_eq!(error(400, prometheus).error_type(), Some("bad_data"));
        assert!(error(400, &"x".repeat(20_000)).to_string().len() <= MAX_MESSAGE_CHARS);
    }

    #[test]
    fn members_of_another_type_do_not_hide_the_others() {
        for (body, message, error_type) in [
            (r#"{"errorType":"t","error":"a","message":"b","Message":"c"}"#, "a", Some("t")),
            (r#"{"errorType":5,"error":"a"}"#, "a", None),
            (r#"{"errorType":"t","error":{"code":1},"message":"b"}"#, "b", Some("t")),
            (r#"{"errorType":"t","error":{"code":1}}"#, r#"{"errorType":"t","error":{"code":1}}"#, Some("t")),
        ] {
            let error = error(422, body);
            assert_eq!((error.to_string().as_str(), error.error_type()), (message, error_type), "{body}");
        }
        for body in [r#"{"status":"error","error":{"code":1}}"#, r#"{"status":"error","errorType":5}"#] {
            assert!(is_error(&Response::new(200, body)), "{body}");
        }
    }

    #[test]
    fn every_failure_has_a_status() {
        for status in [400, 401, 403, 404, 413, 422, 429, 500, 502, 503, 504] {
            assert_eq!(error(status, "").status(), status);
        }
        assert_eq!(error(302, "").status(), 502);
        for (cause, status) in [
            (Cause::Network("host: refused".to_owned()), 502),
            (Cause::TimedOut, 504),
            (Cause::OutOfTime, 504),
            (Cause::Credentials("none".to_owned()), 500),
            (Cause::CredentialsTimedOut("host".to_owned()), 500),
            (Cause::Answered(Response::new(503, "busy")), 503),
        ] {
            assert_eq!(Error::from(Failure::from(cause)).status(), status);
        }
        let busy = Some(Box::new(Response::new(503, "busy")));
        let failure = Failure { earlier_response: busy, ..Failure::new(Cause::TimedOut, attempts(3)) };
        let error = Error::from(failure);
        assert_eq!(error.status(), 503);
        assert_eq!(error.to_string(), "busy (3 attempts in 1.23 s; the last one: no answer)");
    }

    #[test]
    fn excerpts_are_bounded_and_hide_passwords() {
        assert_eq!(excerpt(&"é".repeat(500)), format!("{}…", "é".repeat(100)));
        assert_eq!(json_excerpt("{\n\"a\": 1e999}"), "{ \"a\": 1e999}");
        for url in [
            "\"https://user:p4ss@host/path\"",
            "\"https://user:p4ss/word@host/path\"",
            "\"https:\\/\\/u:p@host/path\"",
        ] {
            assert_eq!(json_excerpt(url), "\"https://…@host/path\"");
        }
    }
}
