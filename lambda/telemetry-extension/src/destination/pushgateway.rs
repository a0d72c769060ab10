//! Pushes the whole group to a Pushgateway with `PUT`, in the text format.
//!
//! The group is `job=<function>, instance=<instance>`, so each environment has one. A `PUT` replaces the group, so it may be
//! repeated. The group remains after the end, or its last values would not be scraped, unless `DELETE_ON_SHUTDOWN` is set.
//!
//! <https://github.com/prometheus/pushgateway#api>

use std::fmt::Write as _;

use aws::{Client, Endpoint, Request, Response, Secret};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Uri};

use super::secret::SecretReader;
use super::{Dispatch, Identity, Undelivered, send};
use crate::exposition;

/// A Pushgateway.
#[derive(Debug)]
pub struct Pushgateway {
    client: Client,
    uri: Uri,
    secret: Option<SecretReader>,
    delete_on_shutdown: bool,
    labels: Vec<(String, String)>,
}

impl Pushgateway {
    /// Pushes to the group of `identity` below `endpoint`.
    pub fn new(
        client: Client,
        endpoint: &Endpoint,
        secret: Option<Secret>,
        delete_on_shutdown: bool,
        identity: &Identity,
    ) -> Self {
        let base = endpoint.uri().to_string();
        let (job, instance) = (segment("job", &identity.function), segment("instance", &identity.instance));
        let url = format!("{}/metrics/{job}/{instance}", base.trim_end_matches('/'));
        let uri = url.parse().expect("the segments are encoded");
        // The Pushgateway adds the label of the group.
        let labels = identity.labels.iter().filter(|(name, _)| name != "instance").cloned().collect();
        Self { client, uri, secret: secret.map(SecretReader::new), delete_on_shutdown, labels }
    }

    pub(super) async fn dispatch(&mut self, dispatch: &Dispatch) -> Result<(), Undelivered> {
        let text = exposition::text(&dispatch.snapshot, &self.labels);
        self.request(Method::PUT, Bytes::from(text), dispatch).await?;
        if dispatch.is_last && self.delete_on_shutdown {
            self.request(Method::DELETE, Bytes::new(), dispatch).await?;
        }
        Ok(())
    }

    /// Sends with the known credentials. If they are rejected, reads the secret again and sends once more.
    async fn request(
        &mut self,
        method: Method,
        body: Bytes,
        dispatch: &Dispatch,
    ) -> Result<Response, Undelivered> {
        let mut request = Request {
            method,
            uri: self.uri.clone(),
            headers: vec![(CONTENT_TYPE, HeaderValue::from_static(exposition::CONTENT_TYPE))],
            body,
            scope: None,
            wanted_body: 0,
        };
        let Some(secret) = &mut self.secret else { return send(&self.client, &request, dispatch).await };
        let mut was_known = secret.is_known();
        loop {
            let authorization = secret.authorization(&self.client, dispatch).await?;
            request.headers.push((AUTHORIZATION, authorization));
            match send(&self.client, &request, dispatch).await {
                Err(Undelivered::Failed(failure))
                    if failure.response().is_some_and(|answer| matches!(answer.status, 401 | 403)) =>
                {
                    secret.forget();
                    if !was_known {
                        return Err(Undelivered::Failed(failure));
                    }
                    was_known = false;
                    request.headers.pop();
                }
                sent => return sent,
            }
        }
    }
}

/// A pair of the grouping key. A value that is empty or has a slash is encoded in base64 (Pushgateway, "URL").
fn segment(name: &str, value: &str) -> String {
    if value.is_empty() {
        return format!("{name}@base64/=");
    }
    if value.contains('/') {
        return format!("{name}@base64/{}", URL_SAFE.encode(value));
    }
    let mut segment = format!("{name}/");
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            segment.push(char::from(byte));
        } else {
            let _ = write!(segment, "%{byte:02X}");
        }
    }
    segment
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pushgateway, "URL": percent-encoding, and `@base64` for slashes and empty values.
    #[test]
    fn a_grouping_key_may_have_any_value() {
        assert_eq!(segment("job", "shop-1_a"), "job/shop-1_a");
        assert_eq!(segment("job", "a b%ü"), "job/a%20b%25%C3%BC");
        assert_eq!(segment("job", "/var/tmp"), "job@base64/L3Zhci90bXA=");
        assert_eq!(segment("job", ""), "job@base64/=");
    }
}
