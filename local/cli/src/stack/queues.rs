//! SQS with the queue of the function and its dead-letter queue, as the construct library makes them. The same server has the
//! secret of HTTP clients.

use aws_sdk_sqs::types::QueueAttributeName;
use local_lambda::sqs::{Sqs, SqsError};
use local_testing::moto::{KnownWorkspace, MotoServer};
use serde_json::json;

use super::workspace::Workspace;
use super::{StackError, StackOptions, http};

const NAME: &str = "telemetry";

/// The alias of the workspace in AMP's control plane, which moto serves as well.
pub(super) const WORKSPACE_ALIAS: &str = "local";

/// The two queues.
#[derive(Debug)]
pub(super) struct Queues {
    moto: MotoServer,
    pub(super) sqs: Sqs,
    pub(super) url: String,
    pub(super) dead_letters_url: String,
    /// The ARN of the secret of HTTP clients.
    pub(super) secret_arn: String,
}

/// How many messages a queue holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct QueueDepth {
    /// Waiting to be received.
    pub(crate) visible: u64,
    /// Received and neither deleted nor visible again.
    pub(crate) in_flight: u64,
}

impl QueueDepth {
    pub(crate) fn is_empty(self) -> bool {
        self.visible + self.in_flight == 0
    }
}

impl Queues {
    pub(super) async fn start(options: &StackOptions, workspace: &Workspace) -> Result<Self, StackError> {
        let known = KnownWorkspace {
            region: &options.region,
            id: workspace.amp.id(),
            alias: WORKSPACE_ALIAS,
            endpoint: &workspace.amp.endpoint(),
        };
        let moto = MotoServer::start_with_workspace(&options.moto, options.ports.sqs, known).await?;
        let secret_arn = http::create_secret(&moto, &options.region).await?;
        let sqs = Sqs::new(moto.endpoint(), &options.region, workspace.user.clone());
        let suffix = if options.fifo { ".fifo" } else { "" };
        let dead_letters_url =
            create(&sqs, &format!("{NAME}-dead-letters{suffix}"), options.fifo, &[]).await?;
        let dead_letters_arn = attribute(&sqs, &dead_letters_url, &QueueAttributeName::QueueArn).await?;
        let redrive = json!({
            "deadLetterTargetArn": dead_letters_arn,
            "maxReceiveCount": options.max_receive_count,
        });
        let attributes = [
            (QueueAttributeName::VisibilityTimeout, options.visibility_timeout().as_secs().to_string()),
            (QueueAttributeName::RedrivePolicy, redrive.to_string()),
        ];
        let url = create(&sqs, &format!("{NAME}{suffix}"), options.fifo, &attributes).await?;
        Ok(Self { moto, sqs, url, dead_letters_url, secret_arn })
    }

    /// The URL of SQS, Secrets Manager and AMP's control plane.
    pub(super) fn endpoint(&self) -> &str {
        self.moto.endpoint()
    }
}

/// How many messages a queue holds.
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
