//! REST APIs, which have payload format 1.0.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html>.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::event::{Event, Parts, is_object_with_members};

/// `requestContext.identity`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Identity {
    /// Of a caller who signed the request.
    user_arn: Option<String>,
}

pub(crate) fn parts<'a>(event: &Event<'a>) -> Option<Parts<'a>> {
    let context = &event.request_context;
    let is_signed = context.identity.as_ref().and_then(|identity| identity.user_arn.as_ref());
    let authorizer = context.authorizer.filter(|value: &&RawValue| is_object_with_members(value));
    Some(Parts {
        method: event.http_method.clone()?,
        path: event.path.clone()?,
        query: event.query_object(true),
        received_ms: context.request_time_epoch,
        has_identity: is_signed.is_some_and(|arn| !arn.is_empty()) || authorizer.is_some(),
    })
}
