//! The fast path: a batch as SQS writes it, read in one pass.
//!
//! It returns what [`super::super::Envelope::read_carefully`] would, or `None` for anything unusual: a record without a
//! body, an escape where SQS has none, another source. A property test compares the two.

use std::borrow::Cow;

use formats::json::Json;

use super::Message;

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
    let (mut id, mut body, mut source, mut queue_arn) = (None, None, None, None);
    let (mut attributes, mut user_attributes) = (None, None);
    json.object(|json, key| {
        let is_first = match key {
            "messageId" => id.replace(json.string()?).is_none(),
            "body" => body.replace(json.raw_string()?).is_none(),
            "attributes" => attributes.replace(json.value()?).is_none(),
            "messageAttributes" => user_attributes.replace(json.value()?).is_none(),
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
    let (id, queue_arn) = (Cow::Borrowed(id), Cow::Borrowed(queue_arn?));
    Some(Message::new(id, queue_arn, Some(body?), attributes, user_attributes))
}
