//! SQS: dead letters → `SendMessageBatch` → which of them arrived.
//!
//! Speaks the JSON protocol of this one call over the client that is there anyway: the SDK would add half a megabyte to the
//! artifact for it.
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html>

use std::collections::BTreeMap;

use aws::{Answer, Client, Failure, Request, Scope, Verdict};
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Method};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::config::Queue;

/// SQS takes so many entries in one call.
const MAX_ENTRIES: usize = 10;

/// SQS takes so many bytes in one call, bodies and attributes together: 1 MiB.
const MAX_BYTES: usize = 1_048_576;

/// A detail is cut to so many characters.
const MAX_DETAIL_CHARS: usize = 1_000;

/// An answer to ten entries is far smaller.
const MAX_ANSWER: usize = 64 * 1024;

/// A message on its way to the dead-letter queue.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// The message's place in the batch.
    pub at: usize,
    /// The message's id.
    pub message_id: String,
    /// The body, unchanged.
    pub body: String,
    /// Why it is here.
    pub reason: Reason,
    /// What exactly is wrong, on one line.
    pub detail: String,
    /// The ARN of the queue that it comes from.
    pub source: String,
    /// When it was sent to that queue, in milliseconds since the epoch.
    pub sent_timestamp: Option<String>,
    /// Its group, when that queue is a FIFO queue.
    pub group: Option<String>,
}

/// Why a message is a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is no event.
    Invalid,
    /// The receiver refused its data with this status.
    Rejected {
        /// The HTTP status.
        status: u16,
    },
}

/// Why letters did not arrive.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// The call was refused.
    #[error("the queue answered {0}")]
    Answered(Answer),
    /// The call could not be made.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// The answer is not one of SQS.
    #[error("the queue's answer is not understood: {0}")]
    Unreadable(String),
    /// One entry was refused.
    #[error("the queue refused an entry with {code}: {message}")]
    Entry {
        /// The code of the error.
        code: String,
        /// What SQS says.
        message: String,
    },
}

impl Refusal {
    /// The HTTP status, if the call as a whole was refused.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Answered(answer) => Some(answer.status),
            _ => None,
        }
    }
}

/// Sends `batch` in one call and returns the places of those that arrived, with the first refusal of an entry.
pub(crate) async fn send_message_batch(
    client: &Client,
    queue: &Queue,
    batch: &[DeadLetter],
    deadline: Instant,
) -> Result<(Vec<usize>, Option<Refusal>), Refusal> {
    let is_fifo = queue.is_fifo();
    let call = SendMessageBatch {
        queue_url: &queue.url,
        entries: batch.iter().map(|letter| Entry::of(letter, is_fifo)).collect(),
    };
    let request = Request {
        method: Method::POST,
        uri: queue.endpoint.uri().clone(),
        headers: vec![
            (CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0")),
            (HeaderName::from_static("x-amz-target"), HeaderValue::from_static("AmazonSQS.SendMessageBatch")),
        ],
        body: serde_json::to_vec(&call).expect("texts and maps of texts are JSON").into(),
        scope: Some(Scope { region: queue.region.clone(), service: "sqs" }),
        wanted_body: MAX_ANSWER,
    };
    // An attempt that is given up may have put its letters into the queue, and the next one would put them there again.
    let answer = client.send_patiently(&request, deadline).await.result?;
    if request.verdict(&answer) != Verdict::Delivered {
        return Err(Refusal::Answered(answer));
    }
    let result: BatchResult =
        serde_json::from_slice(&answer.body).map_err(|error| Refusal::Unreadable(error.to_string()))?;
    let successful = result.successful.unwrap_or_default();
    let arrived = |letter: &&DeadLetter| successful.iter().any(|entry| entry.id == letter.at.to_string());
    let refused = result.failed.unwrap_or_default().into_iter().next();
    let refusal = refused.map(|failed| Refusal::Entry {
        code: failed.code.unwrap_or_default(),
        message: failed.message.unwrap_or_default().chars().take(MAX_DETAIL_CHARS).collect(),
    });
    Ok((batch.iter().filter(arrived).map(|letter| letter.at).collect(), refusal))
}

/// Divides letters into calls.
pub(crate) fn in_batches(letters: &[DeadLetter]) -> Vec<&[DeadLetter]> {
    let mut batches = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (at, letter) in letters.iter().enumerate() {
        let size = letter.size();
        if at - start == MAX_ENTRIES || (at > start && bytes + size > MAX_BYTES) {
            batches.push(&letters[start..at]);
            (start, bytes) = (at, 0);
        }
        bytes += size;
    }
    if start < letters.len() {
        batches.push(&letters[start..]);
    }
    batches
}

impl DeadLetter {
    fn attributes(&self) -> BTreeMap<&'static str, Attribute> {
        let (reason, status) = match self.reason {
            Reason::Invalid => ("invalid", None),
            Reason::Rejected { status } => ("rejected", Some(status.to_string())),
        };
        let all = [
            ("reason", Some(reason.to_owned())),
            ("detail", Some(sqs_text(&self.detail))),
            ("status", status),
            ("source", Some(sqs_text(&self.source))),
            ("messageId", Some(sqs_text(&self.message_id))),
            ("sentTimestamp", self.sent_timestamp.as_deref().map(sqs_text)),
        ];
        // SQS refuses an attribute with an empty value.
        all.into_iter()
            .filter_map(|(name, value)| Some((name, value.filter(|v| !v.is_empty())?)))
            .map(|(name, string_value)| (name, Attribute { data_type: "String", string_value }))
            .collect()
    }

    /// What the message counts for SQS: its body, and names, types and values of its attributes.
    fn size(&self) -> usize {
        let attributes = self.attributes();
        self.body.len()
            + attributes
                .iter()
                .map(|(n, a)| n.len() + a.data_type.len() + a.string_value.len())
                .sum::<usize>()
    }
}

/// Text that SQS takes as an attribute: bounded, on one line, without characters that XML 1.0 has not.
fn sqs_text(text: &str) -> String {
    let plain = |c: char| if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') { ' ' } else { c };
    text.chars().take(MAX_DETAIL_CHARS).map(plain).collect()
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SendMessageBatch<'a> {
    queue_url: &'a str,
    entries: Vec<Entry<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entry<'a> {
    /// The place in the batch, by which the answer names the entry.
    id: String,
    message_body: &'a str,
    message_attributes: BTreeMap<&'static str, Attribute>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_group_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_deduplication_id: Option<&'a str>,
}

impl<'a> Entry<'a> {
    fn of(letter: &'a DeadLetter, is_fifo: bool) -> Self {
        Self {
            id: letter.at.to_string(),
            message_body: &letter.body,
            message_attributes: letter.attributes(),
            message_group_id: is_fifo.then_some(letter.group.as_deref().unwrap_or(&letter.message_id)),
            message_deduplication_id: is_fifo.then_some(&letter.message_id),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Attribute {
    data_type: &'static str,
    string_value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BatchResult {
    successful: Option<Vec<Successful>>,
    failed: Option<Vec<Failed>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Successful {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Failed {
    code: Option<String>,
    message: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(at: usize, body: String) -> DeadLetter {
        DeadLetter {
            at,
            message_id: format!("id-{at}"),
            body,
            reason: Reason::Rejected { status: 400 },
            detail: "400 out of order\u{0} sample".to_owned(),
            source: "arn:aws:sqs:eu-west-1:123456789012:metrics".to_owned(),
            sent_timestamp: None,
            group: None,
        }
    }

    #[test]
    fn a_call_has_at_most_ten_entries_and_one_mebibyte() {
        let small: Vec<_> = (0..23).map(|at| letter(at, "{}".to_owned())).collect();
        assert_eq!(in_batches(&small).iter().map(|b| b.len()).collect::<Vec<_>>(), [10, 10, 3]);
        let large: Vec<_> = (0..4).map(|at| letter(at, "x".repeat(500_000))).collect();
        assert_eq!(in_batches(&large).iter().map(|b| b.len()).collect::<Vec<_>>(), [2, 2]);
        assert!(in_batches(&[]).is_empty());
        assert_eq!(
            in_batches(&[letter(0, "x".repeat(2_000_000))]).len(),
            1,
            "too large, but not for us to lose"
        );
    }

    #[test]
    fn attributes_have_no_empty_values_and_no_control_characters() {
        let letter = DeadLetter { source: String::new(), ..letter(0, "{}".to_owned()) };
        let attributes = letter.attributes();
        let names: Vec<_> = attributes.keys().copied().collect();
        assert_eq!(names, ["detail", "messageId", "reason", "status"]);
        assert_eq!(attributes["detail"].string_value, "400 out of order  sample");
    }

    #[test]
    fn a_fifo_queue_gets_group_and_deduplication_id() {
        let one = DeadLetter { group: Some("g".to_owned()), ..letter(0, "{}".to_owned()) };
        let entry = Entry::of(&one, true);
        assert_eq!((entry.message_group_id, entry.message_deduplication_id), (Some("g"), Some("id-0")));
        let entry = Entry::of(&one, false);
        assert_eq!((entry.message_group_id, entry.message_deduplication_id), (None, None));
    }
}
