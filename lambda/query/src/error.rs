//! Errors: why there is no data, with the status that says whose turn it is.

use aws::{Cause, Failure, Response};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::input::InvalidInput;

/// How much of a server's words are repeated, in characters. PromQL errors may name two label sets.
const WORDS_CHARS: usize = 4_000;

/// An error with status 200 is not longer than this, in bytes. Longer answers are not searched for one.
const MAX_ERROR_BYTES: usize = 16 * 1_024;

/// Why an invocation has no data to answer with.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller's mistake.
    #[error(transparent)]
    Input(#[from] InvalidInput),
    /// There is no such workspace.
    #[error("{0}")]
    NotFound(String),
    /// The server refused, or could not answer in time.
    #[error("{words}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Prometheus's `errorType`, such as `bad_data`.
        error_type: Option<String>,
        /// The server's error message, perhaps with the attempts after it.
        words: String,
    },
    /// The server could not be reached, or did not answer in time.
    #[error("the request could not be answered: {0}")]
    NotAnswered(Failure),
    /// The server's 2xx answer is not what its API promises.
    #[error("the answer of the server cannot be read: {0}")]
    Unreadable(String),
}

impl Error {
    /// The status for the caller: 4xx if another request can help, 5xx if waiting or an operator can.
    pub fn status(&self) -> u16 {
        match self {
            Self::Input(_) => 400,
            Self::NotFound(_) => 404,
            Self::Refused { status: status @ 400..=599, .. } => *status,
            Self::NotAnswered(failure) => match failure.cause {
                Cause::TimedOut | Cause::OutOfTime => 504,
                Cause::Credentials(_) | Cause::CredentialsTimedOut(_) => 500,
                Cause::Answered(_) | Cause::Network(_) => 502,
            },
            Self::Refused { .. } | Self::Unreadable(_) => 502,
        }
    }

    /// What kind of error a server says it is.
    pub fn error_type(&self) -> Option<&str> {
        if let Self::Refused { error_type, .. } = self { error_type.as_deref() } else { None }
    }
}

/// A request without a final answer. The server's last answer is more useful than a later attempt without one.
impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match (failure.response(), &failure.cause) {
            (None, _) => Self::NotAnswered(failure),
            (Some(answer), Cause::Answered(_)) => Self::refused(answer, &format!(" ({})", failure.attempts)),
            (Some(answer), cause) => {
                Self::refused(answer, &format!(" ({}; the last one: {cause})", failure.attempts))
            }
        }
    }
}

impl Error {
    /// A final answer that is an error, with the attempts unless the caller's mistake was found at the first one.
    pub fn of_answer(answer: &Response) -> Self {
        let attempts = answer.attempts;
        let is_plain = attempts.count == 1 && (400..500).contains(&answer.status);
        Self::refused(answer, &if is_plain { String::new() } else { format!(" ({attempts})") })
    }

    /// JSON with a text in `error` (Prometheus) or `message` (AWS), or anything at all.
    fn refused(answer: &Response, note: &str) -> Self {
        let envelope = Envelope::of(answer);
        let words = envelope.words().unwrap_or_else(|| answer.message()).chars().take(WORDS_CHARS).collect();
        let words = refusal(answer.status, words) + note;
        Self::Refused { status: answer.status, error_type: text(envelope.error_type), words }
    }
}

/// Whether a 2xx answer is one of Prometheus's errors, as some proxies pass them on.
pub fn is_error(answer: &Response) -> bool {
    answer.body.len() <= MAX_ERROR_BYTES && text(Envelope::of(answer).status).as_deref() == Some("error")
}

/// The members of an error, which may be anything: one that is not text must not hide the others.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Envelope<'a> {
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

impl<'a> Envelope<'a> {
    fn of(answer: &'a Response) -> Self {
        serde_json::from_slice(&answer.body).unwrap_or_default()
    }

    fn words(&self) -> Option<String> {
        [self.error, self.message, self.capital_message].into_iter().find_map(text)
    }
}

fn text(value: Option<&RawValue>) -> Option<String> {
    serde_json::from_str(value?.get()).ok()
}

fn refusal(status: u16, words: String) -> String {
    match (status, words) {
        (400..=599, words) if !words.is_empty() => words,
        (403, _) => "the workspace refuses the function's credentials, without saying why".to_owned(),
        (404, _) => "the workspace does not exist, or does not serve this".to_owned(),
        (200..=299, words) => format!("the server answered {status} with an error: {words}"),
        (status, words) => format!("the server answered {status} {words}").trim_end().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws::Attempts;

    use super::*;

    fn error(status: u16, body: &str) -> Error {
        Error::of_answer(&Response { attempts: attempts(1), ..Response::new(status, body.to_owned()) })
    }

    fn attempts(count: u32) -> Attempts {
        Attempts { count, elapsed: Duration::from_millis(1_234) }
    }

    #[test]
    fn a_servers_own_words_come_through() {
        let error_of_prometheus =
            r#"{"status":"error","errorType":"bad_data","error":"1:4: parse error: unexpected \"}\""}"#;
        for (status, body, expected) in [
            (400, error_of_prometheus, "1:4: parse error: unexpected \"}\""),
            (403, r#"{"message":"Missing Authentication Token"}"#, "Missing Authentication Token"),
            (403, r#"{"Message":"User is not authorized"}"#, "User is not authorized"),
            (503, "upstream\nis down", "upstream is down (1 attempt in 1.23 s)"),
            (
                200,
                error_of_prometheus,
                "the server answered 200 with an error: 1:4: parse error: unexpected \"}\" (1 attempt in 1.23 s)",
            ),
            (403, "", "the workspace refuses the function's credentials, without saying why"),
            (500, "", "the server answered 500 (1 attempt in 1.23 s)"),
            (302, "moved", "the server answered 302 moved (1 attempt in 1.23 s)"),
        ] {
            assert_eq!(error(status, body).to_string(), expected);
        }
        assert_eq!(error(400, error_of_prometheus).error_type(), Some("bad_data"));
        assert!(error(400, &"x".repeat(20_000)).to_string().len() <= WORDS_CHARS);
    }

    #[test]
    fn odd_members_of_an_error_do_not_hide_the_others() {
        for (body, words, error_type) in [
            (r#"{"errorType":"t","error":"a","message":"b","Message":"c"}"#, "a", Some("t")),
            (r#"{"errorType":5,"error":"a"}"#, "a", None),
            (r#"{"errorType":"t","error":{"code":1},"message":"b"}"#, "b", Some("t")),
            (r#"{"errorType":"t","error":{"code":1}}"#, r#"{"errorType":"t","error":{"code":1}}"#, Some("t")),
        ] {
            let error = error(422, body);
            assert_eq!((error.to_string().as_str(), error.error_type()), (words, error_type), "{body}");
        }
        for body in [
            r#"{"status":"error","error":"a","message":"b"}"#,
            r#"{"status":"error","error":{"code":1}}"#,
            r#"{"status":"error","errorType":5}"#,
        ] {
            assert!(is_error(&Response::new(200, body)), "{body}");
        }
    }

    #[test]
    fn the_status_says_whose_turn_it_is() {
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
}
