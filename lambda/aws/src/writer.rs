//! Writer: the body of a remote-write 1.0 request → its [`Outcome`].

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName, USER_AGENT};
use http::{HeaderValue, Method};
use tokio::time::Instant;

use crate::client::{Client, Request};
use crate::endpoint::Endpoint;
use crate::outcome::Outcome;
use crate::sign::Scope;

/// Remote write 1.0, "Protocol": the version of the protocol itself.
const VERSION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-prometheus-remote-write-version"), HeaderValue::from_static("0.1.0"));

/// Writes to one endpoint.
#[derive(Debug)]
pub struct RemoteWriter {
    client: Arc<Client>,
    endpoint: Endpoint,
    scope: Option<Scope>,
    user_agent: HeaderValue,
}

/// What became of one write request, and how often it was sent.
#[derive(Debug)]
pub struct Written {
    /// What became of it.
    pub outcome: Outcome,
    /// How often it was sent.
    pub attempts: u32,
}

impl RemoteWriter {
    /// A writer to `endpoint` that signs for `scope`, or not at all.
    pub fn new(
        client: Arc<Client>,
        endpoint: Endpoint,
        scope: Option<Scope>,
        user_agent: &'static str,
    ) -> Self {
        Self { client, endpoint, scope, user_agent: HeaderValue::from_static(user_agent) }
    }

    /// Sends `body`, a message in snappy block format, until there is a final answer or `deadline` comes.
    pub async fn write(&self, body: Bytes, deadline: Instant) -> Written {
        let sent = self.client.send(&self.request(body), deadline).await;
        Written { attempts: sent.attempts.count, outcome: sent.into() }
    }

    /// The request that [`RemoteWriter::write`] sends for `body`.
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
            wanted_body: 0,
        }
    }
}
