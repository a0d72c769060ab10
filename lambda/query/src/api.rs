//! Sends the requests of one invocation to one API, until one deadline.

use std::sync::Arc;

use aws::{Cause, Client, Endpoint, Failure, Request, Response, Scope, StreamedBody};
use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use http::uri::InvalidUri;
use http::{HeaderValue, Method};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::time::Instant;

use crate::api_response::ApiResponse;
use crate::enforce::Enforced;
use crate::error::{self, Error, excerpt};

/// Maximum size of a body in bytes. It is larger than a Lambda response, so that the number of elements left out is
/// usually known, and fits into the memory of the smallest function.
pub(crate) const MAX_BODY: usize = 16 << 20;

/// Maximum length of the parameters in a log line, in characters: a query may have a megabyte.
const MAX_LOGGED_CHARS: usize = 4_000;

/// Maximum length of an invalid body in an error, in characters.
const MAX_BODY_CHARS: usize = 120;

const PROGRAM: &str = concat!("serverless-prometheus-push-gateway-query/", env!("CARGO_PKG_VERSION"));

/// The most bytes of encoded parameters in a URL; longer ones are sent in the body. Servers and proxies accept request
/// lines of 8,000 bytes (RFC 9110, 4.1), often not more, and host and path need some of them.
const MAX_QUERY_BYTES: usize = 4_000;

/// All except the unreserved characters of RFC 3986, 2.3. A space becomes `%20`, which means the same in URLs, in form
/// bodies and in the canonical request of a signature; `+` does not.
pub(crate) const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Names and values; a name may occur more than once.
pub(crate) type Parameters<'a> = [(&'a str, String)];

/// The API of Prometheus or AMP below `base`. Requests are signed for `scope`, if there is one, restricted to the labels
/// that are `enforced`, and retried until `deadline`.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) client: Arc<Client>,
    pub(crate) base: Endpoint,
    pub(crate) scope: Option<Scope>,
    pub(crate) enforced: Option<Arc<Enforced>>,
    pub(crate) deadline: Instant,
}

/// The body of a 2xx response.
#[derive(Debug)]
pub(crate) struct Body {
    response: Response,
    is_cut: bool,
}

impl Api {
    /// Sends a GET for `path`, which begins with a slash and needs no encoding.
    pub(crate) async fn get(&self, path: &str, parameters: &Parameters<'_>) -> Result<Body, Error> {
        self.send(Method::GET, path, parameters).await
    }

    /// As [`Api::get`], but parameters that are too long for a URL are sent in the form body of a POST, which `query` and
    /// `query_range` take (<https://prometheus.io/docs/prometheus/latest/querying/api/>).
    pub(crate) async fn get_or_post(&self, path: &str, parameters: &Parameters<'_>) -> Result<Body, Error> {
        self.send(method_for(parameters), path, parameters).await
    }

    async fn send(&self, method: Method, path: &str, parameters: &Parameters<'_>) -> Result<Body, Error> {
        let (response, _) = self.exchange(method, path, parameters, MAX_BODY + 1).await?;
        Body::of(response)
    }

    /// Sends a request for `path`, which begins with a slash and needs no encoding. The response has any final status, and
    /// a body of at most `wanted_body` bytes; the stream has the others. A request that cannot be restricted to the
    /// enforced labels is not sent: its response is the reason.
    pub(crate) async fn exchange(
        &self,
        method: Method,
        path: &str,
        parameters: &[(impl AsRef<str>, String)],
        wanted_body: usize,
    ) -> Result<(Response, Option<StreamedBody>), Failure> {
        match self.enforced.as_ref().map(|enforced| enforced.restrict_request(path, parameters)) {
            None => self.send_request(method, path, parameters, wanted_body).await,
            Some(Ok(restricted)) => self.send_request(method, path, &restricted, wanted_body).await,
            Some(Err(reason)) => Ok((reason.response(), None)),
        }
    }

    async fn send_request(
        &self,
        method: Method,
        path: &str,
        parameters: &[(impl AsRef<str>, String)],
        wanted_body: usize,
    ) -> Result<(Response, Option<StreamedBody>), Failure> {
        let mut url = format!("{}{path}", self.base.uri().to_string().trim_end_matches('/'));
        let mut headers = vec![
            (ACCEPT, HeaderValue::from_static("application/json")),
            (USER_AGENT, HeaderValue::from_static(PROGRAM)),
        ];
        let mut body = form(parameters);
        if method == Method::POST {
            headers.push((CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded")));
        } else if !body.is_empty() {
            url = format!("{url}?{}", std::mem::take(&mut body));
        }
        // Its parts are checked and encoded, so it can only be too long.
        let uri =
            url.parse().map_err(|error: InvalidUri| Failure::from(Cause::Network(error.to_string())))?;
        let scope = self.scope.clone();
        let request = Request { method, uri, headers, body: body.into(), scope, wanted_body };
        let result = self.client.send_streamed(&request, self.deadline).await;
        log(path, parameters, result.as_ref().map(|(response, _)| response));
        result
    }
}

/// The method of a request that may have either: GET, unless the parameters are too long for a URL.
pub(crate) fn method_for(parameters: &[(impl AsRef<str>, String)]) -> Method {
    if form(parameters).len() > MAX_QUERY_BYTES { Method::POST } else { Method::GET }
}

/// `name=value&name=value`, encoded.
fn form(parameters: &[(impl AsRef<str>, String)]) -> String {
    let encode = |text| utf8_percent_encode(text, &RESERVED);
    let pairs: Vec<_> = parameters
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name.as_ref()), encode(value)))
        .collect();
    pairs.join("&")
}

impl Body {
    /// The body of a success.
    fn of(response: Response) -> Result<Self, Error> {
        if !response.is_success() || error::is_error(&response) {
            return Err(Error::from(&response));
        }
        let is_cut = response.body.len() > MAX_BODY;
        Ok(Self { response, is_cut })
    }

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
fn log(path: &str, parameters: &[(impl AsRef<str>, String)], result: Result<&Response, &Failure>) {
    let text = || {
        let pairs: Vec<_> =
            parameters.iter().map(|(name, value)| format!("{}={value}", name.as_ref())).collect();
        pairs.join(" ").chars().take(MAX_LOGGED_CHARS).collect::<String>()
    };
    let (response, attempts) = match result {
        Ok(response) => (Some(response), response.attempts),
        Err(failure) => (failure.response(), failure.attempts),
    };
    let status = response.map(|response| response.status);
    tracing::debug!(path, parameters = text(), status, attempts = attempts.count, "Request done.");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3986, 2.3, and <https://url.spec.whatwg.org/#concept-urlencoded-parser>, where `+` is a space.
    #[test]
    fn reserved_characters_are_percent_encoded() {
        let form = |value: &str| form(&[("match[]", value.to_owned()), ("a", "A-z_0.9~".to_owned())]);
        assert_eq!(form("a b+c%d"), "match%5B%5D=a%20b%2Bc%25d&a=A-z_0.9~");
        assert_eq!(form("{x=~\"1|2\"}"), "match%5B%5D=%7Bx%3D~%221%7C2%22%7D&a=A-z_0.9~");
        assert_eq!(form("ä\n&=#'"), "match%5B%5D=%C3%A4%0A%26%3D%23%27&a=A-z_0.9~");
    }
}
