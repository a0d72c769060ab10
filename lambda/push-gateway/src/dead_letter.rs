//! Dead letters: messages that no redelivery will make good → the dead-letter queue, each with its reason.
//!
//! Speaks the JSON protocol of `SendMessageBatch` over the client that is there anyway: the SDK would
//! add half a megabyte to the artifact for this one call.
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html>

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use amp::{Answer, Client, Failure, Request, Scope};
use futures_util::{StreamExt, stream};
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Method};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::config::Queue;
use crate::fate::RecordFate;
use crate::payload::Message;

/// SQS takes so many entries in one call.
const MAX_ENTRIES: usize = 10;

/// SQS takes so many bytes in one call, bodies and attributes together: 1 MiB.
const MAX_BYTES: usize = 1_048_576;

/// A detail is cut to so many characters.
const MAX_DETAIL_CHARS: usize = 1_000;

/// An answer to ten entries is far smaller.
const MAX_ANSWER: usize = 64 * 1024;

/// Calls in flight at most.
const CALLS_AT_ONCE: usize = 4;

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

/// The letters that `messages` with these `fates` make, but for those at the places `tried`.
pub fn dead_letters(
    messages: &[Message<'_>],
    fates: &[RecordFate],
    tried: &HashSet<usize>,
) -> Vec<DeadLetter> {
    let letter = |(at, (message, fate)): (usize, (&Message<'_>, &RecordFate))| {
        let reason = match fate {
            RecordFate::Invalid { .. } => Reason::Invalid,
            RecordFate::Rejected(answer) => Reason::Rejected { status: answer.status },
            _ => return None,
        };
        // A body that is no text cannot be moved unchanged, so SQS keeps it.
        let body = message.body().ok()?.into_owned();
        let attributes = message.attributes();
        Some(DeadLetter {
            at,
            message_id: message.id.clone().into_owned(),
            body,
            reason,
            detail: fate.to_string(),
            source: message.queue_arn.clone().into_owned(),
            sent_timestamp: attributes.sent_timestamp.map(Cow::into_owned),
            group: attributes.message_group_id.map(Cow::into_owned),
        })
    };
    messages.iter().zip(fates).enumerate().filter(|(at, _)| !tried.contains(at)).filter_map(letter).collect()
}

/// The queue that dead letters go to.
#[derive(Debug)]
pub struct DeadLetterQueue {
    client: Arc<Client>,
    queue: Queue,
}

impl DeadLetterQueue {
    /// A queue that is written to with `client`.
    pub fn new(client: Arc<Client>, queue: Queue) -> Self {
        Self { client, queue }
    }

    /// Moves `letters` there and returns the places of those that arrived. The others are for SQS to deliver again.
    pub async fn take(&self, letters: &[DeadLetter], deadline: Instant) -> HashSet<usize> {
        if self.queue.is_fifo() {
            return self.take_in_order(letters, deadline).await;
        }
        stream::iter(in_batches(letters))
            .map(|batch| self.take_batch(batch, deadline))
            .buffer_unordered(CALLS_AT_ONCE)
            .fold(HashSet::new(), async |mut all, some| {
                all.extend(some);
                all
            })
            .await
    }

    /// A FIFO queue keeps the order of arrival, so calls are made one after the other, up to the first that fails.
    async fn take_in_order(&self, letters: &[DeadLetter], deadline: Instant) -> HashSet<usize> {
        let mut taken = HashSet::new();
        for batch in in_batches(letters) {
            let some = self.take_batch(batch, deadline).await;
            let all_of_it = some.len() == batch.len();
            taken.extend(some);
            if !all_of_it {
                break;
            }
        }
        taken
    }

    async fn take_batch(&self, batch: &[DeadLetter], deadline: Instant) -> Vec<usize> {
        match self.call(batch, deadline).await {
            Ok(taken) => taken,
            // The call is refused as a whole when one entry is. The others must not suffer from it.
            Err(Refusal::Answered(Answer { status: 400, .. })) if batch.len() > 1 => {
                let mut taken = Vec::new();
                for letter in batch.chunks(1) {
                    match self.call(letter, deadline).await {
                        Ok(one) => taken.extend(one),
                        Err(refusal) => warn(&refusal, 1),
                    }
                }
                taken
            }
            Err(refusal) => {
                warn(&refusal, batch.len());
                Vec::new()
            }
        }
    }

    async fn call(&self, batch: &[DeadLetter], deadline: Instant) -> Result<Vec<usize>, Refusal> {
        let is_fifo = self.queue.is_fifo();
        let call = SendMessageBatch {
            queue_url: &self.queue.url,
            entries: batch.iter().map(|letter| Entry::of(letter, is_fifo)).collect(),
        };
        let request = Request {
            method: Method::POST,
            uri: self.queue.endpoint.uri().clone(),
            headers: vec![
                (CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0")),
                (
                    HeaderName::from_static("x-amz-target"),
                    HeaderValue::from_static("AmazonSQS.SendMessageBatch"),
                ),
            ],
            body: serde_json::to_vec(&call).expect("texts and maps of texts are JSON").into(),
            scope: Some(Scope { region: self.queue.region.clone(), service: "sqs" }),
            wanted_body: MAX_ANSWER,
        };
        let answer = self.client.send(&request, deadline).await.result?;
        if !(200..300).contains(&answer.status) {
            return Err(Refusal::Answered(answer));
        }
        let result: BatchResult =
            serde_json::from_slice(&answer.body).map_err(|error| Refusal::Unreadable(error.to_string()))?;
        for failed in &result.failed {
            warn(&Refusal::Entry { code: failed.code.clone(), message: failed.message.clone() }, 1);
        }
        Ok(result.successful.iter().filter_map(|entry| entry.id.parse().ok()).collect())
    }
}

/// Why letters did not arrive.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("the queue answered {0}")]
    Answered(Answer),
    #[error(transparent)]
    Failed(#[from] Failure),
    #[error("the queue's answer is not understood: {0}")]
    Unreadable(String),
    #[error("the queue refused the entry with {code}: {message}")]
    Entry { code: String, message: String },
}

fn warn(error: &Refusal, messages: usize) {
    tracing::warn!(messages, %error, "Messages could not be moved to the dead-letter queue and are given back.");
}

fn in_batches(letters: &[DeadLetter]) -> Vec<&[DeadLetter]> {
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
#[serde(rename_all = "PascalCase", default)]
#[derive(Default)]
struct BatchResult {
    successful: Vec<Successful>,
    failed: Vec<Failed>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Successful {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[derive(Default)]
struct Failed {
    code: String,
    message: String,
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
