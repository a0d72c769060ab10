//! Errors: why there is no data, with the status that says whose turn it is.

use amp::{Answer, Failure};
use serde::Deserialize;

use crate::input::InvalidInput;

/// How much of a server's words are repeated, in characters. PromQL errors may name two label sets.
const WORDS_CHARS: usize = 4_000;

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
    #[error("{}", refusal(*.status, .words))]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Prometheus's `errorType`, such as `bad_data`.
        error_type: Option<String>,
        /// The server's own words.
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
            Self::NotAnswered(Failure::TimedOut(_) | Failure::OutOfTime) => 504,
            Self::NotAnswered(Failure::Credentials(_)) => 500,
            Self::Refused { .. } | Self::NotAnswered(_) | Self::Unreadable(_) => 502,
        }
    }

    /// What kind of error a server says it is.
    pub fn error_type(&self) -> Option<&str> {
        if let Self::Refused { error_type, .. } = self { error_type.as_deref() } else { None }
    }
}

/// What was sent and got no 2xx answer.
impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Answered(answer) => answer.into(),
            failure => Self::NotAnswered(failure),
        }
    }
}

/// An answer that is not 2xx: JSON with words in `error` (Prometheus) or `message` (AWS), or anything at all.
impl From<Answer> for Error {
    fn from(answer: Answer) -> Self {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Body {
            error_type: Option<String>,
            #[serde(alias = "message", alias = "Message")]
            error: Option<String>,
        }
        let body: Option<Body> = serde_json::from_slice(&answer.body).ok();
        let (error_type, error) = body.map_or((None, None), |body| (body.error_type, body.error));
        let words = error.unwrap_or_else(|| answer.words()).chars().take(WORDS_CHARS).collect();
        Self::Refused { status: answer.status, error_type, words }
    }
}

fn refusal(status: u16, words: &str) -> String {
    match (status, words) {
        (400..=599, words) if !words.is_empty() => words.to_owned(),
        (403, _) => "the workspace refuses the function's credentials, without saying why".to_owned(),
        (404, _) => "the workspace does not exist, or does not serve this".to_owned(),
        (status, words) => format!("the server answered {status} {words}").trim_end().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(status: u16, body: &str) -> Error {
        Answer { status, body: body.to_owned().into() }.into()
    }

    #[test]
    fn a_servers_own_words_come_through() {
        let error_of_prometheus =
            r#"{"status":"error","errorType":"bad_data","error":"1:4: parse error: unexpected \"}\""}"#;
        for (status, body, expected) in [
            (400, error_of_prometheus, "1:4: parse error: unexpected \"}\""),
            (403, r#"{"message":"Missing Authentication Token"}"#, "Missing Authentication Token"),
            (403, r#"{"Message":"User is not authorized"}"#, "User is not authorized"),
            (503, "upstream\nis down", "upstream is down"),
            (403, "", "the workspace refuses the function's credentials, without saying why"),
            (500, "", "the server answered 500"),
            (302, "moved", "the server answered 302 moved"),
        ] {
            assert_eq!(error(status, body).to_string(), expected);
        }
        assert_eq!(error(400, error_of_prometheus).error_type(), Some("bad_data"));
        assert!(error(400, &"x".repeat(20_000)).to_string().len() <= WORDS_CHARS);
    }

    #[test]
    fn the_status_says_whose_turn_it_is() {
        for status in [400, 401, 403, 404, 413, 422, 429, 500, 502, 503, 504] {
            assert_eq!(error(status, "").status(), status);
        }
        assert_eq!(error(302, "").status(), 502);
        assert_eq!(Error::from(Failure::Network("refused".to_owned())).status(), 502);
        assert_eq!(Error::from(Failure::TimedOut(5)).status(), 504);
        assert_eq!(Error::from(Failure::OutOfTime).status(), 504);
        assert_eq!(Error::from(Failure::Credentials("none".to_owned())).status(), 500);
        let answered = Failure::Answered(Answer { status: 503, body: "busy".into() });
        assert_eq!(Error::from(answered).status(), 503);
    }
}
