//! The queue that feeds the function, and the dead-letter queue behind it.
//!
//! In: an SQS API and the stack's options. Out: the URLs of two queues as the construct library would make them, and
//! how many messages they hold.

use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::json;

use super::StackOptions;
use local_lambda::sqs::{Sqs, SqsError};

const NAME: &str = "telemetry";

/// The two queues.
#[derive(Debug, Clone)]
pub(super) struct Queues {
    pub(super) url: String,
    pub(super) dead_letters_url: String,
}

/// How many messages a queue holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct QueueDepth {
    /// Waiting to be received.
    pub(crate) visible: u64,
    /// Received and not yet deleted, or not yet visible again.
    pub(crate) in_flight: u64,
}

impl Queues {
    pub(super) async fn create(sqs: &Sqs, options: &StackOptions) -> Result<Self, SqsError> {
        let suffix = if options.fifo { ".fifo" } else { "" };
        let dead_letters_url =
            create(sqs, &format!("{NAME}-dead-letters{suffix}"), options.fifo, &[]).await?;
        let dead_letters_arn = attribute(sqs, &dead_letters_url, &QueueAttributeName::QueueArn).await?;
        let redrive = json!({
            "deadLetterTargetArn": dead_letters_arn,
            "maxReceiveCount": options.max_receive_count,
        });
        let attributes = [
            (QueueAttributeName::VisibilityTimeout, options.visibility_timeout().as_secs().to_string()),
            (QueueAttributeName::RedrivePolicy, redrive.to_string()),
        ];
        let url = create(sqs, &format!("{NAME}{suffix}"), options.fifo, &attributes).await?;
        Ok(Self { url, dead_letters_url })
    }
}

/// How many messages lie in a queue.
pub(super) async fn depth(sqs: &Sqs, queue_url: &str) -> Result<QueueDepth, SqsError> {
    let count = async |name| Ok(attribute(sqs, queue_url, &name).await?.parse().unwrap_or_default());
    Ok(QueueDepth {
        visible: count(QueueAttributeName::ApproximateNumberOfMessages).await?,
        in_flight: count(QueueAttributeName::ApproximateNumberOfMessagesNotVisible).await?,
    })
}

async fn create(
    sqs: &Sqs,
    name: &str,
    fifo: bool,
    attributes: &[(QueueAttributeName, String)],
) -> Result<String, SqsError> {
    let mut request = sqs.client().create_queue().queue_name(name);
    for (name, value) in attributes {
        request = request.attributes(name.clone(), value);
    }
    if fifo {
        request = request
            .attributes(QueueAttributeName::FifoQueue, "true")
            .attributes(QueueAttributeName::ContentBasedDeduplication, "true");
    }
    let created = request.send().await.map_err(SqsError::of("CreateQueue"))?;
    Ok(created.queue_url.unwrap_or_default())
}

async fn attribute(sqs: &Sqs, queue_url: &str, name: &QueueAttributeName) -> Result<String, SqsError> {
    let request = sqs.client().get_queue_attributes().queue_url(queue_url).attribute_names(name.clone());
    let attributes = request.send().await.map_err(SqsError::of("GetQueueAttributes"))?.attributes;
    Ok(attributes.and_then(|mut attributes| attributes.remove(name)).unwrap_or_default())
}
