//! Sends the requests of one invocation to one API, until one deadline.

use std::sync::Arc;

use aws::reader::Parameters;
use aws::{Client, Endpoint, Failure, Reader, Response, Scope};
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
    response: Response,
    is_cut: bool,
}

impl Api {
    /// The API below `base`. Requests are signed for `scope`, if there is one, and retried until `deadline`.
    pub(crate) fn new(client: Arc<Client>, base: Endpoint, scope: Option<Scope>, deadline: Instant) -> Self {
        Self { reader: Reader::new(client, base, scope, USER_AGENT, MAX_BODY + 1), deadline }
    }

    pub(crate) async fn get(&self, path: &str, parameters: &Parameters<'_>) -> Result<Body, Error> {
        let result = self.reader.get(path, parameters, self.deadline).await;
        log(path, parameters, &result);
        body(result)
    }

    /// As [`Api::get`], for paths that also accept long parameters as a form in a POST.
    pub(crate) async fn get_or_post(&self, path: &str, parameters: &Parameters<'_>) -> Result<Body, Error> {
        let result = self.reader.get_or_post(path, parameters, self.deadline).await;
        log(path, parameters, &result);
        body(result)
    }
}

impl Body {
    /// The body as a response of Prometheus, which may be one of its errors.
    pub(crate) fn api_response(&self) -> Result<ApiResponse<'_>, Error> {
        let response =
            ApiResponse::parse(&self.response.body, self.is_cut).map_err(|error| self.invalid(&error))?;
        if response.is_error { Err(Error::from(&self.response)) } else { Ok(response) }
    }

    pub(crate) fn json<'a, T: serde::Deserialize<'a>>(&'a self) -> Result<T, Error> {
        serde_json::from_slice(&self.response.body).map_err(|error| self.invalid(&error))
    }

    /// An error with the content type and the beginning of the body, which identify the page of a proxy.
    pub(crate) fn invalid(&self, reason: &serde_json::Error) -> Error {
        let content_type = excerpt(self.response.content_type.as_deref().unwrap_or("not set"));
        let body = &self.response.body;
        // A character has at most 4 bytes.
        let beginning: String = String::from_utf8_lossy(&body[..body.len().min(4 * MAX_BODY_CHARS)])
            .chars()
            .take(MAX_BODY_CHARS)
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        Error::InvalidResponse(format!(
            "{reason}; the content type is {content_type} and the body begins with {beginning:?} ({})",
            self.response.attempts
        ))
    }
}

/// Logs a request and its status, without headers, which contain the signature.
fn log(path: &str, parameters: &Parameters<'_>, result: &Result<Response, Failure>) {
    let text = || {
        let pairs: Vec<_> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join(" ").chars().take(MAX_LOGGED_CHARS).collect::<String>()
    };
    let (response, attempts) = match result {
        Ok(response) => (Some(response), response.attempts),
        Err(failure) => (failure.response(), failure.attempts),
    };
    let status = response.map(|response| response.status);
    tracing::debug!(path, parameters = text(), status, attempts = attempts.count, "Request done.");
}

fn body(result: Result<Response, Failure>) -> Result<Body, Error> {
    let response = result?;
    if !response.is_success() || error::is_error(&response) {
        return Err(Error::from(&response));
    }
    let is_cut = response.body.len() > MAX_BODY;
    Ok(Body { response, is_cut })
}
