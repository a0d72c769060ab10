//! API: path and parameters → the body of a 2xx answer, from the API of one workspace and until one deadline.

use std::sync::Arc;

use aws::reader::Parameters;
use aws::{Client, Endpoint, Failure, Reader, Response, Scope};
use tokio::time::Instant;

use crate::document::Document;
use crate::error::{self, Error};
use crate::input::bounded;

/// How much of an answer is read, in bytes. More than can be passed on, so that it can mostly be said how much is left
/// out; less than would fill the memory of the smallest function.
const MAX_BODY: usize = 16 << 20;

/// How much of the parameters a line of the log shows, in characters: a query may have a megabyte.
const LOGGED_CHARS: usize = 4_000;

/// How much of an unreadable answer is reported, in characters.
const BEGINNING_CHARS: usize = 120;

const USER_AGENT: &str = concat!("serverless-prometheus-push-gateway-query/", env!("CARGO_PKG_VERSION"));

/// One API, for one invocation.
#[derive(Debug)]
pub struct Api {
    reader: Reader,
    deadline: Instant,
}

/// The body of a 2xx answer.
#[derive(Debug)]
pub struct Body {
    answer: Response,
    is_cut: bool,
}

impl Api {
    /// The API below `base`; requests are signed for `scope`, or not at all, and repeated until `deadline`.
    pub fn new(client: Arc<Client>, base: Endpoint, scope: Option<Scope>, deadline: Instant) -> Self {
        Self { reader: Reader::new(client, base, scope, USER_AGENT, MAX_BODY + 1), deadline }
    }

    /// Reads `path`.
    ///
    /// # Errors
    /// Why there is no 2xx answer.
    pub async fn get(&self, path: &str, parameters: &Parameters<'_>) -> Result<Body, Error> {
        let sent = self.reader.get(path, parameters, self.deadline).await;
        log(path, parameters, &sent);
        body(sent)
    }

    /// As [`Api::get`], for operations that also take long parameters in a form body.
    ///
    /// # Errors
    /// Why there is no 2xx answer.
    pub async fn get_or_post(&self, path: &str, parameters: &Parameters<'_>) -> Result<Body, Error> {
        let sent = self.reader.get_or_post(path, parameters, self.deadline).await;
        log(path, parameters, &sent);
        body(sent)
    }
}

impl Body {
    /// Its elements.
    ///
    /// # Errors
    /// The body is not an answer of Prometheus, or is one of its errors.
    pub fn document(&self) -> Result<Document<'_>, Error> {
        let document = Document::parse(&self.answer.body, self.is_cut).map_err(|error| match error {
            Error::Unreadable(reason) => self.unreadable(&reason),
            error => error,
        })?;
        if document.is_error { Err(Error::of_answer(&self.answer)) } else { Ok(document) }
    }

    /// The body as `T`.
    ///
    /// # Errors
    /// It is none, or too long to be read whole.
    pub fn json<'a, T: serde::Deserialize<'a>>(&'a self) -> Result<T, Error> {
        serde_json::from_slice(&self.answer.body).map_err(|error| self.unreadable(&error.to_string()))
    }

    /// Why it cannot be read. An answer that is not JSON is usually a proxy's page; content type and beginning identify
    /// it.
    pub fn unreadable(&self, reason: &str) -> Error {
        let content_type = bounded(self.answer.content_type.as_deref().unwrap_or("not set"));
        let body = &self.answer.body;
        // A character has at most 4 bytes.
        let beginning: String = String::from_utf8_lossy(&body[..body.len().min(4 * BEGINNING_CHARS)])
            .chars()
            .take(BEGINNING_CHARS)
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        Error::Unreadable(format!(
            "{reason}; the content type is {content_type} and the body begins with {beginning:?} ({})",
            self.answer.attempts
        ))
    }
}

/// Logs a request and what came of it, without headers, which hold its signature.
fn log(path: &str, parameters: &Parameters<'_>, sent: &Result<Response, Failure>) {
    let text = || {
        let pairs: Vec<_> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join(" ").chars().take(LOGGED_CHARS).collect::<String>()
    };
    let (status, attempts) = match sent {
        Ok(answer) => (Some(answer.status), answer.attempts),
        Err(failure) => (failure.response().map(|answer| answer.status), failure.attempts),
    };
    tracing::debug!(path, parameters = text(), status, attempts = attempts.count, "Request done.");
}

fn body(sent: Result<Response, Failure>) -> Result<Body, Error> {
    let answer = sent?;
    if !answer.is_success() || error::is_error(&answer) {
        return Err(Error::of_answer(&answer));
    }
    let is_cut = answer.body.len() > MAX_BODY;
    Ok(Body { answer, is_cut })
}
