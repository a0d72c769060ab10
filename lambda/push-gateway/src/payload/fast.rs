//! Fast path: an SQS batch as SQS writes it, read in one pass.
//!
//! In: the text of a payload. Out: what the careful reader would make of it, or `None` at the slightest doubt: a record
//! without a body, an escape in a place where SQS has none, another source. Then the careful reader decides, and says what
//! is wrong. A property test holds both against each other.

use std::borrow::Cow;

use super::Message;
use crate::json::Json;

/// Reads an SQS batch in which every record is as SQS writes it.
pub(super) fn batch(text: &str) -> Option<Vec<Message<'_>>> {
    let mut messages = None;
    let mut json = Json::new(text);
    json.object(|json, key| match key {
        "Records" => messages.replace(records(json)?).is_none().then_some(()),
        _ => None,
    })?;
    json.end()?;
    messages
}

fn records<'a>(json: &mut Json<'a>) -> Option<Vec<Message<'a>>> {
    let mut messages = Vec::new();
    json.array(|json| {
        messages.push(record(json)?);
        Some(())
    })?;
    Some(messages)
}

fn record<'a>(json: &mut Json<'a>) -> Option<Message<'a>> {
    let (mut id, mut body, mut attributes, mut source, mut queue_arn) = (None, None, None, None, None);
    json.object(|json, key| {
        let is_first = match key {
            "messageId" => id.replace(json.string()?).is_none(),
            "body" => body.replace(json.raw_string()?).is_none(),
            "attributes" => attributes.replace(json.value()?).is_none(),
            "eventSource" => source.replace(json.string()?).is_none(),
            "eventSourceARN" => queue_arn.replace(json.string()?).is_none(),
            _ => json.value().is_some(),
        };
        is_first.then_some(())
    })?;
    let id = id.filter(|id| !id.is_empty())?;
    if source? != "aws:sqs" {
        return None;
    }
    Some(Message {
        id: Cow::Borrowed(id),
        queue_arn: Cow::Borrowed(queue_arn?),
        body: Some(body?),
        attributes,
    })
}
