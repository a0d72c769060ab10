//! API: path and parameters → the body of a 2xx answer, from the API of one workspace and until one deadline.

use std::sync::Arc;

use amp::reader::Parameters;
use amp::{Client, Endpoint, Failure, Reader, Scope, Sent, Verdict, verdict_of_status};
use bytes::Bytes;
use tokio::time::Instant;

use crate::document::Document;
use crate::error::Error;

/// How much of an answer is read, in bytes. More than can be passed on, so that it can mostly be said how much is left
/// out; less than would fill the memory of the smallest function.
const MAX_BODY: usize = 16 << 20;

/// How much of the parameters a line of the log shows, in characters: a query may have a megabyte.
const LOGGED_CHARS: usize = 4_000;

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
    bytes: Bytes,
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
    /// It is no answer of Prometheus.
    pub fn document(&self) -> Result<Document<'_>, Error> {
        Document::parse(&self.bytes, self.is_cut)
    }

    /// The body as `T`.
    ///
    /// # Errors
    /// It is none, or too long to be read whole.
    pub fn json<'a, T: serde::Deserialize<'a>>(&'a self) -> Result<T, Error> {
        serde_json::from_slice(&self.bytes).map_err(|error| Error::Unreadable(error.to_string()))
    }
}

/// Logs a request and what came of it, without headers, which hold its signature.
fn log(path: &str, parameters: &Parameters<'_>, sent: &Sent) {
    let text = || {
        let pairs: Vec<_> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join(" ").chars().take(LOGGED_CHARS).collect::<String>()
    };
    let status = match &sent.result {
        Ok(answer) | Err(Failure::Answered(answer)) => Some(answer.status),
        Err(_) => None,
    };
    tracing::debug!(path, parameters = text(), status, attempts = sent.attempts, "Request done.");
}

fn body(sent: Sent) -> Result<Body, Error> {
    let answer = sent.result?;
    if verdict_of_status(answer.status) != Verdict::Delivered {
        return Err(answer.into());
    }
    let is_cut = answer.body.len() > MAX_BODY;
    Ok(Body { bytes: answer.body, is_cut })
}
