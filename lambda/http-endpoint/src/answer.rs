//! The answer to a request.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Display;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Response, StatusCode};
use serde::Serialize;

use crate::authenticator::Denied;
use crate::request::Request;

/// The seconds after which a caller may try again.
const RETRY_AFTER: &str = "5";

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    content_type: Cow<'static, str>,
    /// The headers besides `Content-Type`.
    headers: Vec<(&'static str, Cow<'static, str>)>,
    body: Body,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Body {
    Text(Cow<'static, str>),
    Binary(Bytes),
}

/// An answer as the services read it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    status_code: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<BTreeMap<&'static str, Cow<'static, str>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    multi_value_headers: Option<BTreeMap<&'static str, [Cow<'static, str>; 1]>>,
    body: Cow<'static, str>,
    is_base64_encoded: bool,
}

impl Answer {
    /// Text.
    pub fn text(status: u16, body: impl Into<Cow<'static, str>>) -> Self {
        Self { status, content_type: TEXT.into(), headers: Vec::new(), body: Body::Text(body.into()) }
    }

    /// JSON.
    pub fn json(status: u16, body: impl Into<Cow<'static, str>>) -> Self {
        Self::text(status, body).of_type(JSON)
    }

    /// Bytes that are not text.
    pub fn binary(status: u16, content_type: impl Into<Cow<'static, str>>, body: impl Into<Bytes>) -> Self {
        Self { body: Body::Binary(body.into()), ..Self::text(status, "").of_type(content_type) }
    }

    /// A line of text.
    pub fn line(status: u16, text: &dyn Display) -> Self {
        Self::text(status, format!("{text}\n"))
    }

    /// Status 503, with the time after which the caller may try again.
    pub fn not_now(text: &dyn Display) -> Self {
        Self::line(503, text).with("Retry-After", RETRY_AFTER)
    }

    /// The answer to a caller who is not known, with a challenge for `realm`. It shows nothing of the reason, which is for
    /// the log.
    pub fn denied(reason: &Denied, realm: &'static str) -> Self {
        match reason {
            Denied::Unreadable(_) => Self::not_now(&"credentials cannot be checked now"),
            Denied::NoIdentity | Denied::NoCredentials | Denied::WrongCredentials => {
                let challenge = format!("Basic realm=\"{realm}\"");
                Self::text(401, "Unauthorized\n").with("WWW-Authenticate", challenge)
            }
        }
    }

    /// The answer with another content type.
    #[must_use]
    pub fn of_type(self, content_type: impl Into<Cow<'static, str>>) -> Self {
        Self { content_type: content_type.into(), ..self }
    }

    /// The answer with another header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The bytes of the body.
    pub fn body(&self) -> &[u8] {
        match &self.body {
            Body::Text(text) => text.as_bytes(),
            Body::Binary(bytes) => bytes,
        }
    }

    /// The reply to the service that sent `request`.
    pub fn reply(self, request: &Request<'_>) -> Reply {
        let headers = [("Content-Type", self.content_type)].into_iter().chain(self.headers);
        let (headers, multi_value_headers) = if request.has_header_lists {
            (None, Some(headers.map(|(name, value)| (name, [value])).collect()))
        } else {
            (Some(headers.collect()), None)
        };
        let (body, is_base64_encoded) = match self.body {
            Body::Text(text) => (text, false),
            Body::Binary(bytes) => (STANDARD.encode(bytes).into(), true),
        };
        Reply { status_code: self.status, headers, multi_value_headers, body, is_base64_encoded }
    }
}

/// An answer for a service that streams. What HTTP forbids is left out of its headers.
impl From<Answer> for Response<Bytes> {
    fn from(answer: Answer) -> Self {
        let body = match answer.body {
            Body::Text(Cow::Borrowed(text)) => Bytes::from_static(text.as_bytes()),
            Body::Text(Cow::Owned(text)) => text.into(),
            Body::Binary(bytes) => bytes,
        };
        let mut response = Self::new(body);
        *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_GATEWAY);
        let headers = [(CONTENT_TYPE.as_str(), answer.content_type)].into_iter().chain(answer.headers);
        response.headers_mut().extend(headers.filter_map(|(name, value)| {
            Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(&*value).ok()?))
        }));
        response
    }
}
