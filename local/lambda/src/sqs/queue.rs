//! A client of an SQS API without TLS: creates queues and reads all messages.

use std::collections::BTreeMap;

use aws_credential_types::Credentials;
use aws_sdk_sqs::config::Region;
use aws_sdk_sqs::error::DisplayErrorContext;
use aws_sdk_sqs::types::QueueAttributeName;

/// A request to SQS failed.
#[derive(Debug, thiserror::Error)]
#[error("sqs {operation}: {message}")]
pub struct SqsError {
    operation: &'static str,
    message: String,
}

impl SqsError {
    /// The error of an operation of the SDK.
    pub fn of<E: std::error::Error>(operation: &'static str) -> impl FnOnce(E) -> Self {
        move |error| Self { operation, message: DisplayErrorContext(error).to_string() }
    }
}

/// A message of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedMessage {
    /// Its id in that queue.
    pub message_id: String,
    /// Its body.
    pub body: String,
    /// Its message attributes.
    pub attributes: BTreeMap<String, String>,
}

/// A client of an SQS API.
#[derive(Debug, Clone)]
pub struct Sqs {
    client: aws_sdk_sqs::Client,
}

impl Sqs {
    /// A client for `endpoint` (plain HTTP).
    pub fn new(endpoint: &str, region: &str, credentials: Credentials) -> Self {
        let config = aws_sdk_sqs::Config::builder()
            .behavior_version_latest()
            .endpoint_url(endpoint)
            .region(Region::new(region.to_owned()))
            .credentials_provider(credentials)
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .build();
        Self { client: aws_sdk_sqs::Client::from_conf(config) }
    }

    /// The SDK's client, for all other operations.
    pub fn client(&self) -> &aws_sdk_sqs::Client {
        &self.client
    }

    /// Creates a queue, a FIFO queue if the name ends in `.fifo`, and returns its URL.
    ///
    /// # Errors
    /// SQS cannot be reached, or it rejects the request.
    pub async fn create_queue(&self, name: &str) -> Result<String, SqsError> {
        let mut request = self.client.create_queue().queue_name(name);
        if name.strip_suffix(".fifo").is_some() {
            request = request.attributes(QueueAttributeName::FifoQueue, "true");
        }
        let created = request.send().await.map_err(SqsError::of("CreateQueue"))?;
        Ok(created.queue_url.unwrap_or_default())
    }

    /// Removes all messages from a queue and returns them, with all message attributes.
    ///
    /// # Errors
    /// SQS cannot be reached, or it rejects a request.
    pub async fn receive_all(&self, queue_url: &str) -> Result<Vec<ReceivedMessage>, SqsError> {
        let mut messages = Vec::new();
        loop {
            let request = self.client.receive_message().queue_url(queue_url).max_number_of_messages(10);
            let received = request.message_attribute_names("All").send().await;
            let batch = received.map_err(SqsError::of("ReceiveMessage"))?.messages.unwrap_or_default();
            if batch.is_empty() {
                return Ok(messages);
            }
            for message in batch {
                let receipt = message.receipt_handle.unwrap_or_default();
                let deleted =
                    self.client.delete_message().queue_url(queue_url).receipt_handle(receipt).send().await;
                deleted.map_err(SqsError::of("DeleteMessage"))?;
                let attributes = message.message_attributes.unwrap_or_default().into_iter();
                messages.push(ReceivedMessage {
                    message_id: message.message_id.unwrap_or_default(),
                    body: message.body.unwrap_or_default(),
                    attributes: attributes.filter_map(|(name, a)| Some((name, a.string_value?))).collect(),
                });
            }
        }
    }
}
