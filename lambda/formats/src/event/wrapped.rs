//! Messages that AWS wraps around an event that it could not pass on.
//!
//! A dead letter of IoT Core or Lambda can be sent to the queue again as it is:
//!
//! - The error action of an IoT rule sends the message of the device, before the rule's SQL:
//!   <https://docs.aws.amazon.com/iot/latest/developerguide/rule-error-handling.html>.
//! - The destination of an asynchronous invocation receives a record with the payload:
//!   <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Wrapper;
use crate::body::{InvalidBody, json_of};
use crate::text::{text_of, truncated};

/// The JSON in a wrapper, or the reason why it is not readable.
pub(super) type Content<'a> = Result<Cow<'a, str>, InvalidBody>;

/// The keys that distinguish a wrapper from any other object.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Keys<'a> {
    #[serde(borrow)]
    request_context: Option<&'a RawValue>,
    #[serde(borrow)]
    request_payload: Option<&'a RawValue>,
    #[serde(borrow)]
    rule_name: Option<&'a RawValue>,
    #[serde(borrow)]
    base64_original_payload: Option<&'a RawValue>,
}

/// Reads a wrapper; `None` for anything else.
pub(super) fn wrapped(json: &str) -> Option<(Wrapper, Content<'_>)> {
    if !json.trim_start().starts_with('{') {
        return None;
    }
    match serde_json::from_str(json).ok()? {
        Keys { request_context: Some(_), request_payload: Some(payload), .. } => {
            Some((Wrapper::LambdaDestination, Ok(Cow::Borrowed(payload.get()))))
        }
        Keys { rule_name: Some(rule), base64_original_payload: Some(payload), .. } => {
            let by = Wrapper::IotErrorAction { rule: truncated(&text(rule)) };
            Some((by, json_of(text(payload))))
        }
        _ => None,
    }
}

fn text(raw: &RawValue) -> Cow<'_, str> {
    text_of(raw.get()).and_then(Result::ok).unwrap_or_default()
}
