//! Reads what AWS wraps around an event that it could not pass on.
//!
//! In: the text of a message that is not an event. Out: the JSON of the event or events inside it, or `None` for
//! anything else. So a dead letter of IoT Core or Lambda can be sent to the queue again as it is.
//!
//! - The error action of an IoT rule sends what the device published, before the rule's SQL:
//!   <https://docs.aws.amazon.com/iot/latest/developerguide/rule-error-handling.html>.
//! - The destination of an asynchronous invocation gets a record with the payload:
//!   <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{json_of_body, text};
use crate::event::{InvalidEvent, Wrapper};
use crate::text::bounded;

/// An event with what was wrapped around it.
#[derive(Debug)]
pub struct Wrapped<'a> {
    /// The wrapper.
    pub by: Wrapper,
    /// The JSON inside, or why it cannot be read.
    pub json: Result<Cow<'a, str>, InvalidEvent>,
}

/// The keys that tell a wrapper from any other object.
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

/// Reads a wrapper.
pub fn wrapped(json: &str) -> Option<Wrapped<'_>> {
    if !json.trim_start().starts_with('{') {
        return None;
    }
    match serde_json::from_str(json).ok()? {
        Keys { request_context: Some(_), request_payload: Some(payload), .. } => {
            Some(Wrapped { by: Wrapper::LambdaDestination, json: Ok(Cow::Borrowed(payload.get())) })
        }
        Keys { rule_name: Some(rule), base64_original_payload: Some(payload), .. } => {
            let by = Wrapper::IotErrorAction { rule: bounded(&text(Some(rule)).unwrap_or_default()) };
            let payload = text(Some(payload)).unwrap_or_default();
            Some(Wrapped { by, json: json_of_body(payload) })
        }
        _ => None,
    }
}
