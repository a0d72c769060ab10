//! A request as an endpoint received it: plain data.

use std::net::{IpAddr, Ipv4Addr};

use bytes::Bytes;
use percent_encoding::percent_decode_str;

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its method.
    pub method: String,
    /// Path and query as in the request line, without the stage of an API.
    pub target: String,
    /// Names and values in the order and spelling of the client.
    pub headers: Vec<(String, String)>,
    /// The body without its transfer coding.
    pub body: Bytes,
    /// The client.
    pub source_ip: IpAddr,
    /// When it arrived, in milliseconds since the Unix epoch.
    pub received_ms: i64,
}

/// Headers of a connection, which end at the endpoint.
const OF_THE_CONNECTION: [&str; 5] =
    ["connection", "expect", "keep-alive", "proxy-connection", "transfer-encoding"];

impl Request {
    /// A request without headers and body, from 127.0.0.1 at `received_ms`.
    pub fn new(method: impl Into<String>, target: impl Into<String>, received_ms: i64) -> Self {
        Self {
            method: method.into(),
            target: target.into(),
            headers: Vec::new(),
            body: Bytes::new(),
            source_ip: Ipv4Addr::LOCALHOST.into(),
            received_ms,
        }
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// With this body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    pub(super) fn path(&self) -> &str {
        self.target.split_once('?').map_or(&*self.target, |(path, _)| path)
    }

    pub(super) fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    /// The parameters of the query, encoded.
    pub(super) fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        let parameters = self.query().split('&').filter(|parameter| !parameter.is_empty());
        parameters.map(|parameter| parameter.split_once('=').unwrap_or((parameter, "")))
    }

    /// The parameters of the query, decoded.
    pub(super) fn decoded_parameters(&self) -> impl Iterator<Item = (String, String)> {
        let decode = |text: &str| decoded(&text.replace('+', " "));
        self.parameters().map(move |(name, value)| (decode(name), decode(value)))
    }

    /// The last value of a header.
    pub(super) fn value_of(&self, name: &str) -> Option<&str> {
        self.headers.iter().rfind(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    /// The access key id of an AWS signature (version 4) in the header `Authorization`.
    pub(super) fn access_key_id(&self) -> Option<&str> {
        let fields = self.value_of("authorization")?.strip_prefix("AWS4-HMAC-SHA256 ")?;
        let credential = fields.split(',').find_map(|field| field.trim().strip_prefix("Credential="))?;
        credential.split('/').next().filter(|id| !id.is_empty())
    }

    /// The headers that reach the function: those of the connection are missing, and `X-Forwarded-*` and the trace id are
    /// added.
    pub(super) fn forwarded_headers(&self) -> Vec<(String, String)> {
        const FORWARDED_FOR: &str = "x-forwarded-for";
        let is_replaced = |name: &str| {
            let name = name.to_ascii_lowercase();
            OF_THE_CONNECTION.contains(&&*name)
                || name.starts_with("x-forwarded-")
                || name == "x-amzn-trace-id"
        };
        let kept = self.headers.iter().filter(|(name, _)| !is_replaced(name)).cloned();
        let client = match self.value_of(FORWARDED_FOR) {
            Some(before) => format!("{before}, {}", self.source_ip),
            None => self.source_ip.to_string(),
        };
        let seconds = self.received_ms.div_euclid(1_000);
        let added = [
            ("X-Amzn-Trace-Id", format!("Root=1-{seconds:08x}-000000000000000000000000")),
            ("X-Forwarded-For", client),
            ("X-Forwarded-Port", "443".to_owned()),
            ("X-Forwarded-Proto", "https".to_owned()),
        ];
        kept.chain(added.map(|(name, value)| (name.to_owned(), value))).collect()
    }
}

/// Percent-decoded; bytes that are not UTF-8 become U+FFFD.
pub(super) fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
