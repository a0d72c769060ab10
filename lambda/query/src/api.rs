//! Sends the requests of one invocation to one API, until one deadline.

use std::sync::Arc;

use aws::reader::Parameters;
use aws::{Answer, Attempts, Client, Endpoint, Reader, Scope, Sent, Verdict, verdict_of_status};
use tokio::time::Instant;

use crate::api_response::ApiResponse;
use crate::error::{self, Error, excerpt};

/// Maximum size of a body in bytes. It is larger than a Lambda response, so that the number of elements left out is
/// usually known, and fits into the memory of the smallest function.
const MAX_BODY: usize = 16 << 20;

/// Maximum length of the parameters in a log line, in characters: a query may have a megabyte.
const MAX_LOGGED_CHARS: usize = 4_000;

/// Maximum length of an invalid body in an error, in characters.
const MAX_BODY_CHARS: usize = 120;

const USER_AGENT: &str = concat!("serverless-prometheus-push-gateway-query/", env!("CARGO_PKG_VERSION"));

/// An API of Prometheus or AMP.
#[derive(Debug)]
pub(crate) struct Api {
    reader: Reader,
    deadline: Instant,
}

/// The body of a 2xx response.
#[derive(Debug)]
pub(crate) struct Body {
    answer: Answer,
    attempts: Attempts,
    is_cut: bool,
    content_type: Option<String>,
}

impl Api {
    /// The API below `base`. Requests are signed for `scope`, if there is one, and retried until `deadline`.
    pub(crate) fn new(client: Arc<Client>, base: Endpoint, scope: Option<Scope>, deadline: Instant) -> Self {
        Self { reader: Reader::new(client, base, scope, USER_AGENT, MAX_BODY + 1), deadline }
    }

    pub(crate) async fn get(&self, path: &str, parameters: &Parameters<'_>) -> Result<Body, Error> {
        let sent = self.reader.get(path, parameters, self.deadline).await;
        log(path, parameters, &sent);
        body(sent)
    }

    /// As [`Api::get`], for paths that also accept long parameters as a form in a POST.
    pub(crate) async fn get_or_post(&self, path: &str, parameters: &Parameters<'_>) -> Result<Body, Error> {
        let sent = self.reader.get_or_post(path, parameters, self.deadline).await;
        log(path, parameters, &sent);
        body(sent)
    }
}

impl Body {
    /// The body as a response of Prometheus, which may be one of its errors.
    pub(crate) fn api_response(&self) -> Result<ApiResponse<'_>, Error> {
        let response =
            ApiResponse::parse(&self.answer.body, self.is_cut).map_err(|error| self.invalid(&error))?;
        if response.is_error { Err(Error::of_answer(&self.answer, self.attempts)) } else { Ok(response) }
    }

    pub(crate) fn json<'a, T: serde::Deserialize<'a>>(&'a self) -> Result<T, Error> {
        serde_json::from_slice(&self.answer.body).map_err(|error| self.invalid(&error))
    }

    /// An error with the content type and the beginning of the body, which identify the page of a proxy.
    pub(crate) fn invalid(&self, reason: &serde_json::Error) -> Error {
        let content_type = excerpt(self.content_type.as_deref().unwrap_or("not set"));
        let body = &self.answer.body;
        // A character has at most 4 bytes.
        let beginning: String = String::from_utf8_lossy(&body[..body.len().min(4 * MAX_BODY_CHARS)])
            .chars()
            .take(MAX_BODY_CHARS)
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        Error::InvalidResponse(format!(
            "{reason}; the content type is {content_type} and the body begins with {beginning:?} ({})",
            self.attempts
        ))
    }
}

/// Logs a request and its status, without headers, which contain the signature.
fn log(path: &str, parameters: &Parameters<'_>, sent: &Sent) {
    let text = || {
        let pairs: Vec<_> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join(" ").chars().take(MAX_LOGGED_CHARS).collect::<String>()
    };
    let status = match &sent.result {
        Ok(answer) => Some(answer.status),
        Err(failure) => failure.answer().map(|answer| answer.status),
    };
    tracing::debug!(path, parameters = text(), status, attempts = sent.attempts.count, "Request done.");
}

fn body(sent: Sent) -> Result<Body, Error> {
    let answer = sent.result?;
    if verdict_of_status(answer.status) != Verdict::Delivered || error::is_error(&answer) {
        return Err(Error::of_answer(&answer, sent.attempts));
    }
    let is_cut = answer.body.len() > MAX_BODY;
    Ok(Body { answer, attempts: sent.attempts, is_cut, content_type: sent.content_type })
}
