//! The requests of an event source mapping to its queue.

use std::future::Future;
use std::time::Duration;

use aws_sdk_sqs::types::{
    self, ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry,
    MessageSystemAttributeName as Attribute, QueueAttributeName,
};
use tokio::time::Instant;

use super::batch::Message;
use super::options::EventSourceError;
use crate::sqs::{Sqs, SqsError, record};

/// The batch operations of SQS take at most 10 entries.
pub(super) const MAX_ENTRIES: usize = 10;

/// A long poll ends with the first message, or after this time. It is short because stopping waits for its end: messages of
/// an aborted poll would stay hidden until their visibility timeout is over.
const LONG_POLL: Duration = Duration::from_secs(1);

/// The time limit for any other answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// A queue with the attributes that the mapping uses.
#[derive(Debug)]
pub(super) struct SourceQueue {
    sqs: Sqs,
    url: String,
    arn: String,
    region: String,
    pub(super) is_fifo: bool,
    pub(super) visibility_timeout: Duration,
}

/// The result of one entry of a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deletion {
    Done,
    /// SQS failed; another attempt may succeed.
    Failed,
    /// SQS rejected it: the receipt handle is not valid any more.
    Refused,
}

impl SourceQueue {
    /// Reads the queue's attributes.
    pub(super) async fn read(sqs: Sqs, url: &str) -> Result<Self, EventSourceError> {
        let request = sqs
            .client()
            .get_queue_attributes()
            .queue_url(url)
            .attribute_names(QueueAttributeName::QueueArn)
            .attribute_names(QueueAttributeName::VisibilityTimeout);
        let answer = in_time("GetQueueAttributes", ANSWER_LIMIT, request.send()).await?;
        let mut attributes = answer.attributes.unwrap_or_default();
        let arn = attributes.remove(&QueueAttributeName::QueueArn);
        let timeout = attributes.remove(&QueueAttributeName::VisibilityTimeout);
        let region = arn.as_deref().and_then(|arn| arn.split(':').nth(3)).map(str::to_owned);
        let (Some(arn), Some(region)) = (arn.clone(), region) else {
            return Err(EventSourceError::QueueAttribute("QueueArn", arn));
        };
        let Some(seconds) = timeout.as_deref().and_then(|seconds| seconds.parse().ok()) else {
            return Err(EventSourceError::QueueAttribute("VisibilityTimeout", timeout));
        };
        let is_fifo = arn.strip_suffix(".fifo").is_some();
        let visibility_timeout = Duration::from_secs(seconds);
        Ok(Self { sqs, url: url.to_owned(), arn, region, is_fifo, visibility_timeout })
    }

    /// Receives 1 to 10 messages in the queue's order; none if none came in time.
    pub(super) async fn receive(&self, max: usize) -> Result<Vec<Message>, SqsError> {
        // While a group is blocked, a long poll of a FIFO queue keeps moto's CPU busy.
        let wait = if self.is_fifo { Duration::ZERO } else { LONG_POLL };
        let request = self
            .sqs
            .client()
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(small(max))
            .wait_time_seconds(small(wait.as_secs()))
            .message_system_attribute_names(Attribute::All)
            .message_attribute_names("All");
        let answer = in_time("ReceiveMessage", wait + ANSWER_LIMIT, request.send()).await?;
        let visible_at = Instant::now() + self.visibility_timeout;
        let messages = answer.messages.unwrap_or_default().into_iter();
        Ok(messages.map(|message| self.message(message, visible_at)).collect())
    }

    fn message(&self, message: types::Message, visible_at: Instant) -> Message {
        let group = message.attributes.as_ref().and_then(|all| all.get(&Attribute::MessageGroupId)).cloned();
        Message {
            json: record(&message, &self.arn, &self.region).to_string(),
            // Messages of a standard queue may have a group too, but it implies no order.
            group: group.filter(|_| self.is_fifo),
            id: message.message_id.unwrap_or_default(),
            receipt_handle: message.receipt_handle.unwrap_or_default(),
            visible_at,
        }
    }

    /// Deletes at most [`MAX_ENTRIES`] messages; the results are in their order.
    pub(super) async fn delete(&self, receipt_handles: &[String]) -> Result<Vec<Deletion>, SqsError> {
        let mut request = self.sqs.client().delete_message_batch().queue_url(&self.url);
        for (at, handle) in receipt_handles.iter().enumerate() {
            let entry = DeleteMessageBatchRequestEntry::builder().id(at.to_string()).receipt_handle(handle);
            request = request.entries(entry.build().expect("id and handle are set"));
        }
        let answer = in_time("DeleteMessageBatch", ANSWER_LIMIT, request.send()).await?;
        let mut results = vec![Deletion::Failed; receipt_handles.len()];
        let mut set = |id: &str, result| {
            if let Some(place) = id.parse().ok().and_then(|at: usize| results.get_mut(at)) {
                *place = result;
            }
        };
        answer.successful.iter().for_each(|entry| set(&entry.id, Deletion::Done));
        for entry in &answer.failed {
            set(&entry.id, if entry.sender_fault { Deletion::Refused } else { Deletion::Failed });
        }
        Ok(results)
    }

    /// Makes messages visible at once. After a failure, the rest becomes visible after its visibility timeout.
    pub(super) async fn release(&self, messages: &[Message]) {
        for chunk in messages.chunks(MAX_ENTRIES) {
            let mut request = self.sqs.client().change_message_visibility_batch().queue_url(&self.url);
            for (at, message) in chunk.iter().enumerate() {
                let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
                    .id(at.to_string())
                    .receipt_handle(&message.receipt_handle)
                    .visibility_timeout(0);
                request = request.entries(entry.build().expect("id and handle are set"));
            }
            if in_time("ChangeMessageVisibilityBatch", ANSWER_LIMIT, request.send()).await.is_err() {
                return;
            }
        }
    }
}

async fn in_time<T, E: std::error::Error>(
    operation: &'static str,
    limit: Duration,
    request: impl Future<Output = Result<T, E>>,
) -> Result<T, SqsError> {
    match tokio::time::timeout(limit, request).await {
        Ok(answer) => answer.map_err(SqsError::of(operation)),
        Err(elapsed) => Err(SqsError::of(operation)(elapsed)),
    }
}

fn small<N: TryInto<i32>>(number: N) -> i32 {
    number.try_into().unwrap_or(i32::MAX)
}
