//! Sends messages to an SQS queue with `SendMessageBatch`.
//!
//! Implements the JSON protocol of this one call over the client of this crate: the SDK would add half a megabyte to
//! each artifact.
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html>

use std::collections::BTreeMap;

use http::Uri;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::client::{Client, Request};
use crate::endpoint::Endpoint;
use crate::response::{Failure, Response};
use crate::sign::Scope;
use crate::text::{one_line, truncate};

/// The most entries that SQS accepts in one call.
const MAX_ENTRIES: usize = 10;

/// The most bytes that SQS accepts in one message and in one call, bodies and attributes together: 1 MiB.
pub const MAX_BYTES: usize = 1_048_576;

/// The length to which the values of attributes and error messages are truncated, in characters.
const MAX_TEXT_CHARS: usize = 1_000;

/// The answer to ten entries is far smaller.
const MAX_ANSWER: usize = 64 * 1024;

/// The data type of all attributes.
const STRING: &str = "String";

/// An SQS queue and its API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// The queue's URL, which names it in the API.
    pub url: String,
    /// The URL of the API.
    pub endpoint: Endpoint,
    /// The region of the queue.
    pub region: String,
}

/// A message to send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Entry {
    /// Identifies the message within its call.
    pub id: String,
    /// The body.
    #[serde(rename = "MessageBody")]
    pub body: String,
    #[serde(rename = "MessageAttributes", skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<&'static str, Attribute>,
    /// The message group, for FIFO queues only.
    #[serde(rename = "MessageGroupId", skip_serializing_if = "Option::is_none")]
    pub group_id: Option<String>,
    /// The deduplication id, for FIFO queues only.
    #[serde(rename = "MessageDeduplicationId", skip_serializing_if = "Option::is_none")]
    pub deduplication_id: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Attribute {
    data_type: &'static str,
    string_value: String,
}

/// The result of a call that SQS accepted.
#[derive(Debug, Default)]
pub struct Stored {
    /// The ids of the entries that are in the queue now.
    pub ids: Vec<String>,
    /// The error of the first entry that is not.
    pub first_error: Option<EntryError>,
}

/// The error of one entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the queue rejected a message with {code}: {message}")]
pub struct EntryError {
    /// The error code.
    pub code: String,
    /// The error message of SQS.
    pub message: String,
    /// Whether the message is at fault, so that sending it again is of no use.
    pub sender_fault: bool,
}

/// The reason why a call stored nothing.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// SQS rejected the call.
    #[error("the queue answered {0}")]
    Rejected(Response),
    /// The call has no response.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// The response is not one of SQS.
    #[error("unexpected answer from the queue: {0}")]
    Unreadable(String),
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SendMessageBatch<'a> {
    queue_url: &'a str,
    entries: &'a [Entry],
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

/// An entry that is not stored. Every part may be missing or null.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Failed {
    code: Option<String>,
    message: Option<String>,
    sender_fault: Option<serde_json::Value>,
}

impl Queue {
    /// Whether the queue is a FIFO queue, which the end of its name shows.
    pub fn is_fifo(&self) -> bool {
        self.url.strip_suffix(".fifo").is_some()
    }

    /// The call that sends `entries`, which should be one of the [`batches`].
    pub fn send_message_batch(&self, entries: &[Entry]) -> Request {
        let call = SendMessageBatch { queue_url: &self.url, entries };
        let body = serde_json::to_vec(&call).expect("texts and maps of texts are JSON");
        let scope = Scope { region: self.region.clone(), service: "sqs" };
        let uri = self.endpoint.uri().clone();
        let (content_type, target) = ("application/x-amz-json-1.0", "AmazonSQS.SendMessageBatch");
        Request { wanted_body: MAX_ANSWER, ..Request::aws_json(uri, scope, content_type, target, body) }
    }

    /// Sends `entries`, which should be one of the [`batches`], in one call.
    ///
    /// # Errors
    /// [`SendError`]: nothing is known to be in the queue.
    pub async fn send(
        &self,
        client: &Client,
        entries: &[Entry],
        deadline: Instant,
    ) -> Result<Stored, SendError> {
        // An attempt that is given up may have stored its messages, and the next one would store them again.
        let response = client.send_patiently(&self.send_message_batch(entries), deadline).await?;
        Stored::of(response)
    }
}

impl Stored {
    /// Reads the response to [`Queue::send_message_batch`].
    ///
    /// # Errors
    /// [`SendError::Rejected`] and [`SendError::Unreadable`].
    pub fn of(response: Response) -> Result<Self, SendError> {
        if !response.is_success() {
            return Err(SendError::Rejected(response));
        }
        let result: BatchResult = serde_json::from_slice(&response.body)
            .map_err(|error| SendError::Unreadable(error.to_string()))?;
        let first_error = result.failed.unwrap_or_default().into_iter().next().map(|failed| EntryError {
            code: failed.code.unwrap_or_default(),
            message: one_line(truncate(&failed.message.unwrap_or_default(), MAX_TEXT_CHARS)),
            sender_fault: failed.sender_fault == Some(true.into()),
        });
        let successful = result.successful.unwrap_or_default();
        Ok(Self { ids: successful.into_iter().map(|entry| entry.id).collect(), first_error })
    }
}

impl Entry {
    /// A message without attributes.
    pub fn new(id: String, body: String) -> Self {
        Self { id, body, attributes: BTreeMap::new(), group_id: None, deduplication_id: None }
    }

    /// Adds an attribute: `value` as SQS accepts it, or nothing if it is empty, which SQS rejects.
    #[must_use]
    pub fn with_attribute(mut self, name: &'static str, value: &str) -> Self {
        let string_value = sqs_text(value);
        if !string_value.is_empty() {
            self.attributes.insert(name, Attribute { data_type: STRING, string_value });
        }
        self
    }

    /// Adds an attribute whose value must not change: neither empty nor with characters that SQS rejects, which the
    /// caller has to see to.
    #[must_use]
    pub fn with_exact_attribute(mut self, name: &'static str, value: String) -> Self {
        self.attributes.insert(name, Attribute { data_type: STRING, string_value: value });
        self
    }

    /// The size by which SQS limits messages, in bytes: the body, and names, types and values of the attributes.
    pub fn size(&self) -> usize {
        let attributes = self.attributes.iter();
        let attributes = attributes.map(|(name, a)| name.len() + a.data_type.len() + a.string_value.len());
        self.body.len() + attributes.sum::<usize>()
    }
}

/// Divides entries into calls.
pub fn batches(entries: &[Entry]) -> Vec<&[Entry]> {
    let mut batches = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (at, entry) in entries.iter().enumerate() {
        let size = entry.size();
        if at - start == MAX_ENTRIES || (at > start && bytes + size > MAX_BYTES) {
            batches.push(&entries[start..at]);
            (start, bytes) = (at, 0);
        }
        bytes += size;
    }
    if start < entries.len() {
        batches.push(&entries[start..]);
    }
    batches
}

/// Text that SQS accepts as the value of an attribute: bounded, on one line, with the characters of XML 1.0 only.
fn sqs_text(text: &str) -> String {
    let plain = |c: char| if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') { ' ' } else { c };
    truncate(text, MAX_TEXT_CHARS).chars().map(plain).collect()
}

/// The region in the host of a queue's URL: `sqs.<region>.amazonaws.com`, its FIPS variant, and the older
/// `<region>.queue.amazonaws.com`.
pub(crate) fn region_of_host(uri: &Uri) -> Option<&str> {
    let host = uri.host()?;
    let host = host.strip_suffix(".amazonaws.com").or_else(|| host.strip_suffix(".amazonaws.com.cn"))?;
    host.strip_prefix("sqs.")
        .or_else(|| host.strip_prefix("sqs-fips."))
        .or_else(|| host.strip_suffix(".queue"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(at: usize, body: String) -> Entry {
        Entry::new(at.to_string(), body)
    }

    #[test]
    fn a_call_has_at_most_ten_entries_and_one_mebibyte() {
        let small: Vec<_> = (0..23).map(|at| entry(at, "{}".to_owned())).collect();
        assert_eq!(batches(&small).iter().map(|b| b.len()).collect::<Vec<_>>(), [10, 10, 3]);
        let large: Vec<_> = (0..4).map(|at| entry(at, "x".repeat(500_000))).collect();
        assert_eq!(batches(&large).iter().map(|b| b.len()).collect::<Vec<_>>(), [2, 2]);
        assert!(batches(&[]).is_empty());
        assert_eq!(batches(&[entry(0, "x".repeat(2_000_000))]).len(), 1, "too large, for SQS to reject");
    }

    #[test]
    fn a_call_has_the_form_of_the_api_reference() {
        let queue = Queue {
            url: "https://sqs.eu-west-1.amazonaws.com/1/q.fifo".to_owned(),
            endpoint: Endpoint::parse("https://sqs.eu-west-1.amazonaws.com").unwrap(),
            region: "eu-west-1".to_owned(),
        };
        let mut entry = entry(0, "{}".to_owned())
            .with_attribute("detail", "400 out of order\u{0} sample")
            .with_attribute("source", "");
        entry.group_id = Some("g".to_owned());
        let body = queue.send_message_batch(&[entry]).body;
        let expected = serde_json::json!({
            "QueueUrl": "https://sqs.eu-west-1.amazonaws.com/1/q.fifo",
            "Entries": [{
                "Id": "0",
                "MessageBody": "{}",
                "MessageAttributes": {
                    "detail": { "DataType": "String", "StringValue": "400 out of order  sample" },
                },
                "MessageGroupId": "g",
            }],
        });
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&body).unwrap(), expected);
        assert!(queue.is_fifo());
    }

    #[test]
    fn a_result_names_stored_entries_and_the_first_error() {
        let body = r#"{"Successful":[{"Id":"1","MessageId":"m"}],
            "Failed":[{"Id":"0","Code":"InvalidMessageContents","Message":"no","SenderFault":true},{"Id":"2"}]}"#;
        let stored = Stored::of(Response::new(200, body)).unwrap();
        assert_eq!(stored.ids, ["1"]);
        let error = stored.first_error.unwrap();
        assert_eq!(error.to_string(), "the queue rejected a message with InvalidMessageContents: no");
        assert!(error.sender_fault);
        assert!(matches!(Stored::of(Response::new(400, "{}")), Err(SendError::Rejected(_))));
        assert!(matches!(Stored::of(Response::new(200, "<a>")), Err(SendError::Unreadable(_))));
    }
}
