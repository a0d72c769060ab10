//! Function URLs, and HTTP APIs with payload format 2.0.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html>,
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::event::{Event, Parts};
use crate::query::Query;
use crate::request::without_prefix;

/// The stage of a function URL, and of an HTTP API that has no other; not part of the path.
const DEFAULT_STAGE: &str = "$default";

/// `requestContext.http`
#[derive(Debug, Deserialize)]
pub(crate) struct Http<'a> {
    #[serde(borrow)]
    method: Cow<'a, str>,
}

/// `requestContext.authorizer`, by the kinds of authorizers.
#[derive(Deserialize)]
struct Authorizer<'a> {
    #[serde(borrow)]
    iam: Option<&'a RawValue>,
    #[serde(borrow)]
    jwt: Option<&'a RawValue>,
    #[serde(borrow)]
    lambda: Option<&'a RawValue>,
}

pub(crate) fn parts<'a>(event: &Event<'a>, http: &Http<'a>) -> Option<Parts<'a>> {
    let context = &event.request_context;
    let path = event.raw_path.clone()?;
    let is_function_url = context.is_of_function_url();
    Some(Parts {
        method: http.method.clone(),
        path: if is_function_url { path } else { path_of_api(&path, context.stage.as_deref()).into() },
        query: event.raw_query_string.clone().map_or(Query::None, Query::Text),
        received_ms: context.time_epoch,
        has_identity: context.authorizer.is_some_and(has_identity),
    })
}

/// The path without the stage. API Gateway has decoded it, so its percent signs are encoded again.
fn path_of_api(path: &str, stage: Option<&str>) -> String {
    let stage = stage.filter(|&stage| stage != DEFAULT_STAGE);
    let path = match stage {
        Some(stage) => without_prefix(path, &format!("/{stage}")),
        None => path,
    };
    path.replace('%', "%25")
}

fn has_identity(authorizer: &RawValue) -> bool {
    let Ok(authorizer) = serde_json::from_str::<Authorizer<'_>>(authorizer.get()) else { return false };
    [authorizer.iam, authorizer.jwt, authorizer.lambda]
        .into_iter()
        .flatten()
        .any(|value| value.get() != "null")
}
