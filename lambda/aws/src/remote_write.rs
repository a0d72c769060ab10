//! Requests of the remote-write 1.0 protocol.

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName, USER_AGENT};
use http::{HeaderValue, Method};

use crate::client::Request;
use crate::endpoint::Endpoint;
use crate::response::MAX_ERROR_BODY;
use crate::sign::Scope;

/// Remote write 1.0, "Protocol": the version of the protocol itself.
const VERSION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-prometheus-remote-write-version"), HeaderValue::from_static("0.1.0"));

/// A receiver of remote write.
#[derive(Clone, Debug)]
pub struct RemoteWrite {
    endpoint: Endpoint,
    scope: Option<Scope>,
    user_agent: HeaderValue,
}

impl RemoteWrite {
    /// The receiver at `endpoint`. Requests are signed for `scope`, or not at all.
    pub fn new(endpoint: Endpoint, scope: Option<Scope>, user_agent: &'static str) -> Self {
        Self { endpoint, scope, user_agent: HeaderValue::from_static(user_agent) }
    }

    /// A write request with `body`, a message in snappy block format.
    pub fn request(&self, body: Bytes) -> Request {
        Request {
            method: Method::POST,
            uri: self.endpoint.uri().clone(),
            headers: vec![
                (CONTENT_ENCODING, HeaderValue::from_static("snappy")),
                (CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf")),
                VERSION,
                (USER_AGENT, self.user_agent.clone()),
            ],
            body,
            scope: self.scope.clone(),
            wanted_body: MAX_ERROR_BODY,
        }
    }
}
