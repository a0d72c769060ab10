//! A request, of which nothing is decoded before it is authenticated.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use formats::text::text_of;

use crate::alb;
use crate::event::Event;
use crate::headers::Headers;
use crate::query::Query;

/// A request.
#[derive(Debug)]
pub struct Request<'a> {
    /// The method.
    pub method: Cow<'a, str>,
    /// The path, not decoded, without the stage.
    pub path: Cow<'a, str>,
    /// The query.
    pub(crate) query: Query<'a>,
    /// The headers that matter.
    pub headers: Headers<'a>,
    /// The JSON string with the body.
    pub(crate) body: Option<&'a str>,
    /// Whether the body is in base64, which the services choose by its content type.
    pub is_base64: bool,
    /// When it arrived, in milliseconds since the epoch; `None` for now.
    pub received_ms: Option<i64>,
    /// Whether AWS has authenticated the caller.
    pub has_identity: bool,
    /// Whether the answer has lists of header values.
    pub(crate) has_header_lists: bool,
    /// The service that sent it.
    pub service: Service,
}

/// A service in front of the function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// A function URL.
    FunctionUrl,
    /// An API of API Gateway.
    ApiGateway,
    /// An application load balancer.
    LoadBalancer,
}

impl Service {
    /// The most bytes of the function's response, with the answer as a JSON string, that the service passes on.
    pub fn max_answer_bytes(self) -> usize {
        match self {
            // Lambda's quota: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
            Self::FunctionUrl | Self::ApiGateway => 6 * 1_024 * 1_024,
            Self::LoadBalancer => alb::MAX_ANSWER_BYTES,
        }
    }
}

/// A body that is not a string, or that is marked as base64 and is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the event has no readable body")]
pub struct UnreadableBody;

impl<'a> Request<'a> {
    /// Reads a JSON object; `None` if it is not an event of any of the services.
    pub fn of(text: &'a str) -> Option<Self> {
        Event::of(text)?.request()
    }

    /// The path without `base`, where it begins with it.
    pub fn path(&self, base: Option<&str>) -> &str {
        without_prefix(&self.path, base.unwrap_or_default())
    }

    /// The parameters of the query, decoded. A name may occur more than once.
    pub fn parameters(&self) -> Vec<(String, String)> {
        self.query.parameters()
    }

    /// The bytes of the body.
    ///
    /// # Errors
    /// [`UnreadableBody`]
    pub fn body(&self) -> Result<Vec<u8>, UnreadableBody> {
        let Some(raw) = self.body else { return Ok(Vec::new()) };
        let text = text_of(raw).and_then(Result::ok).ok_or(UnreadableBody)?;
        if self.is_base64 {
            STANDARD.decode(&*text).map_err(|_| UnreadableBody)
        } else {
            Ok(text.into_owned().into_bytes())
        }
    }
}

/// `path` without `prefix`, if that is followed by a slash or the end.
pub(crate) fn without_prefix<'p>(path: &'p str, prefix: &str) -> &'p str {
    match path.strip_prefix(prefix) {
        Some("") => "/",
        Some(rest) if rest.starts_with('/') => rest,
        _ => path,
    }
}
