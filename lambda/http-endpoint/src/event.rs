//! The events of all services, and which is which.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::headers::Headers;
use crate::query::Query;
use crate::request::{Request, Service};
use crate::{alb, payload_1, payload_2};

/// The members that any of the services writes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Event<'a> {
    #[serde(borrow)]
    pub(crate) version: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) raw_path: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) path: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) http_method: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) raw_query_string: Option<Cow<'a, str>>,
    #[serde(borrow)]
    query_string_parameters: Option<&'a RawValue>,
    #[serde(borrow)]
    multi_value_query_string_parameters: Option<&'a RawValue>,
    #[serde(borrow)]
    headers: Option<Headers<'a>>,
    #[serde(borrow)]
    multi_value_headers: Option<Headers<'a>>,
    #[serde(borrow)]
    pub(crate) request_context: Context<'a>,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
    is_base64_encoded: Option<bool>,
    /// Every JSON event of the push gateway has it, and no request does.
    metrics: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Context<'a> {
    #[serde(borrow)]
    pub(crate) domain_name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) stage: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) http: Option<payload_2::Http<'a>>,
    pub(crate) time_epoch: Option<i64>,
    pub(crate) request_time_epoch: Option<i64>,
    pub(crate) identity: Option<payload_1::Identity>,
    #[serde(borrow)]
    pub(crate) authorizer: Option<&'a RawValue>,
    pub(crate) elb: Option<IgnoredAny>,
}

impl Context<'_> {
    pub(crate) fn is_of_function_url(&self) -> bool {
        self.domain_name.as_deref().is_some_and(|name| name.contains(".lambda-url."))
    }
}

/// What differs between the services.
pub(crate) struct Parts<'a> {
    pub(crate) method: Cow<'a, str>,
    pub(crate) path: Cow<'a, str>,
    pub(crate) query: Query<'a>,
    pub(crate) received_ms: Option<i64>,
    pub(crate) has_identity: bool,
}

impl<'a> Event<'a> {
    /// Reads an object; `None` if it is not an event of a request.
    pub(crate) fn of(text: &'a str) -> Option<Self> {
        // Cheaper than reading every JSON event twice.
        if !text.contains("\"requestContext\"") {
            return None;
        }
        serde_json::from_str(text).ok().filter(|event: &Self| event.metrics.is_none())
    }

    /// The query as an object, with all values of a parameter where the service passes them on.
    pub(crate) fn query_object(&self, is_decoded: bool) -> Query<'a> {
        match self.multi_value_query_string_parameters.or(self.query_string_parameters) {
            Some(json) => Query::Object { json, is_decoded },
            None => Query::None,
        }
    }

    pub(crate) fn request(self) -> Option<Request<'a>> {
        let parts = match &self.request_context {
            Context { elb: Some(_), .. } => alb::parts(&self)?,
            Context { http: Some(http), .. } if self.version.as_deref() == Some("2.0") => {
                payload_2::parts(&self, http)?
            }
            _ => payload_1::parts(&self)?,
        };
        let service = match &self.request_context {
            Context { elb: Some(_), .. } => Service::LoadBalancer,
            context if context.is_of_function_url() => Service::FunctionUrl,
            _ => Service::ApiGateway,
        };
        let has_header_lists = self.headers.is_none() && self.multi_value_headers.is_some();
        let Parts { method, path, query, received_ms, has_identity } = parts;
        Some(Request {
            method,
            path,
            query,
            headers: self.headers.or(self.multi_value_headers).unwrap_or_default(),
            body: self.body.map(RawValue::get).filter(|&body| body != "null"),
            is_base64: self.is_base64_encoded.unwrap_or_default(),
            received_ms,
            has_identity,
            has_header_lists,
            service,
        })
    }
}

/// Whether a JSON value is an object with at least one member.
pub(crate) fn is_object_with_members(value: &RawValue) -> bool {
    let inside = value.get().strip_prefix('{').map(str::trim_start);
    inside.is_some_and(|inside| inside.starts_with('"'))
}
