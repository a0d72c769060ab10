//! Reads from an API of Prometheus, or of AMP itself.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use http::uri::InvalidUri;
use http::{HeaderValue, Method};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::time::Instant;

use crate::client::{Client, Request};
use crate::endpoint::Endpoint;
use crate::response::{Cause, Failure, Response};
use crate::sign::Scope;

/// The most bytes of encoded parameters in a URL; longer ones are sent in the body. Servers and proxies accept request
/// lines of 8,000 bytes (RFC 9110, 4.1), often not more, and host and path need some of them.
const MAX_QUERY_BYTES: usize = 4_000;

/// All except the unreserved characters of RFC 3986, 2.3. A space becomes `%20`, which means the same in URLs, in form
/// bodies and in the canonical request of a signature; `+` does not.
const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Names and values; a name may occur more than once.
pub type Parameters<'a> = [(&'a str, String)];

/// Reads from one API.
#[derive(Debug)]
pub struct Reader {
    client: Arc<Client>,
    base: Endpoint,
    scope: Option<Scope>,
    user_agent: HeaderValue,
    wanted_body: usize,
}

impl Reader {
    /// A reader of the API below `base`. Requests are signed for `scope`, or not at all, and `wanted_body` bytes of a 2xx
    /// response are read. `client` should be one [for queries](Client::for_queries).
    pub fn new(
        client: Arc<Client>,
        base: Endpoint,
        scope: Option<Scope>,
        user_agent: &'static str,
        wanted_body: usize,
    ) -> Self {
        Self { client, base, scope, user_agent: HeaderValue::from_static(user_agent), wanted_body }
    }

    /// Sends a GET for `path`, which begins with a slash and needs no encoding.
    ///
    /// # Errors
    /// [`Failure`]: no final response in time.
    pub async fn get(
        &self,
        path: &str,
        parameters: &Parameters<'_>,
        deadline: Instant,
    ) -> Result<Response, Failure> {
        self.send(Method::GET, path, &form(parameters), deadline).await
    }

    /// As [`Reader::get`], but parameters that are too long for a URL are sent in the form body of a POST, which the operations
    /// `query`, `query_range`, `labels` and `series` take
    /// (<https://prometheus.io/docs/prometheus/latest/querying/api/>).
    ///
    /// # Errors
    /// [`Failure`]: no final response in time.
    pub async fn get_or_post(
        &self,
        path: &str,
        parameters: &Parameters<'_>,
        deadline: Instant,
    ) -> Result<Response, Failure> {
        let form = form(parameters);
        let method = if form.len() > MAX_QUERY_BYTES { Method::POST } else { Method::GET };
        self.send(method, path, &form, deadline).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        form: &str,
        deadline: Instant,
    ) -> Result<Response, Failure> {
        let mut url = format!("{}{path}", self.base.uri().to_string().trim_end_matches('/'));
        let mut headers = vec![
            (ACCEPT, HeaderValue::from_static("application/json")),
            (USER_AGENT, self.user_agent.clone()),
        ];
        let mut body = Bytes::new();
        if method == Method::POST {
            headers.push((CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded")));
            body = Bytes::copy_from_slice(form.as_bytes());
        } else if !form.is_empty() {
            url = format!("{url}?{form}");
        }
        // Its parts are checked and encoded, so it can only be too long.
        let uri = url.parse().map_err(|error: InvalidUri| Cause::Network(error.to_string()))?;
        let (scope, wanted_body) = (self.scope.clone(), self.wanted_body);
        let request = Request { method, uri, headers, body, scope, wanted_body };
        self.client.send(&request, deadline).await
    }
}

/// `name=value&name=value`, encoded.
fn form(parameters: &Parameters<'_>) -> String {
    let encode = |text| utf8_percent_encode(text, &RESERVED);
    let pairs: Vec<_> =
        parameters.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    pairs.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3986, 2.3, and <https://url.spec.whatwg.org/#concept-urlencoded-parser>, where `+` is a space.
    #[test]
    fn reserved_characters_are_percent_encoded() {
        let form = |value: &str| form(&[("match[]", value.to_owned())]);
        assert_eq!(form("a b+c%d"), "match%5B%5D=a%20b%2Bc%25d");
        assert_eq!(form("{x=~\"1|2\"}"), "match%5B%5D=%7Bx%3D~%221%7C2%22%7D");
        assert_eq!(form("ä\n&=#'"), "match%5B%5D=%C3%A4%0A%26%3D%23%27");
        assert_eq!(form("A-z_0.9~"), "match%5B%5D=A-z_0.9~");
        assert_eq!(form(""), "match%5B%5D=");
    }

    #[test]
    fn parameters_keep_their_order_and_repetitions() {
        let parameters = ["b", "a", "b"].map(|name| (name, name.to_owned()));
        assert_eq!(form(&parameters), "b=b&a=a&b=b");
        assert_eq!(form(&[]), "");
    }
}
