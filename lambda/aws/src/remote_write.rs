//! Requests of the remote-write protocol.

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method};
use remote_write::Version;

use crate::client::Request;
use crate::endpoint::Endpoint;
use crate::response::MAX_ERROR_BODY;
use crate::sign::Scope;

/// The header with the version of the protocol itself.
const VERSION: HeaderName = HeaderName::from_static("x-prometheus-remote-write-version");

/// Remote write 2.0, "Required Written Response Headers": the numbers of written samples and histograms.
const SAMPLES_WRITTEN: &str = "x-prometheus-remote-write-samples-written";
const HISTOGRAMS_WRITTEN: &str = "x-prometheus-remote-write-histograms-written";

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

    /// A write request with `body`, a message of this version in snappy block format.
    pub fn request(&self, body: Bytes, version: Version) -> Request {
        let (content_type, version) = match version {
            Version::V1 => ("application/x-protobuf", "0.1.0"),
            Version::V2 => ("application/x-protobuf;proto=io.prometheus.write.v2.Request", "2.0.0"),
        };
        Request {
            method: Method::POST,
            uri: self.endpoint.uri().clone(),
            headers: vec![
                (CONTENT_ENCODING, HeaderValue::from_static("snappy")),
                (CONTENT_TYPE, HeaderValue::from_static(content_type)),
                (VERSION, HeaderValue::from_static(version)),
                (USER_AGENT, self.user_agent.clone()),
            ],
            body,
            scope: self.scope.clone(),
            wanted_body: MAX_ERROR_BODY,
        }
    }
}

/// The number of samples that a receiver of 2.0 has written, with native histograms; `None` without the header.
pub(crate) fn written(headers: &HeaderMap) -> Option<u32> {
    let number = |name| headers.get(name)?.to_str().ok()?.parse::<u32>().ok();
    Some(number(SAMPLES_WRITTEN)?.saturating_add(number(HISTOGRAMS_WRITTEN).unwrap_or_default()))
}
