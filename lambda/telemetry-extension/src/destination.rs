//! Sends the metrics to their destination: remote write, a push gateway, or a Pushgateway.
//!
//! | module           | sends                                                          | ends a series with |
//! |------------------|----------------------------------------------------------------|--------------------|
//! | [`remote_write`] | samples, to AMP or a Prometheus                                | a stale marker     |
//! | [`gateway`]      | JSON events, to the queue or the function of a push gateway    | nothing            |
//! | [`pushgateway`]  | the text format, to a Pushgateway                              | an optional `DELETE` |
//!
//! [`timeline`] sets the times of samples; [`secret`] reads the credentials of a Pushgateway.

pub mod gateway;
pub mod pushgateway;
pub mod remote_write;
pub mod secret;
pub mod timeline;

use aws::sqs::EntryError;
use aws::{Cause, Client, Failure, Request, Response, RetryAction};
use tokio::time::Instant;

use crate::config;
use crate::metrics::Snapshot;

/// A destination with its state and connections.
#[derive(Debug)]
pub enum Destination {
    /// A receiver of remote write.
    RemoteWrite(remote_write::RemoteWrite),
    /// A push gateway, through its queue or directly.
    Gateway(gateway::Gateway),
    /// A Pushgateway.
    Pushgateway(pushgateway::Pushgateway),
}

/// The metrics to send.
#[derive(Debug)]
pub struct Dispatch {
    /// The metrics.
    pub snapshot: Snapshot,
    /// The time of the metrics, in milliseconds since the epoch.
    pub now_ms: i64,
    /// Whether the environment ends: the last dispatch is sent until there is a final response.
    pub is_last: bool,
    /// The deadline of the dispatch.
    pub deadline: Instant,
}

/// The reason why a dispatch was not delivered.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Undelivered {
    /// The destination rejects the data.
    #[error("the destination answered {0}")]
    Rejected(Response),
    /// It certainly did not arrive.
    #[error("{0}")]
    Failed(Failure),
    /// It may have arrived, or not.
    #[error("{0}")]
    Unknown(Failure),
    /// SQS rejected the message in a call that succeeded.
    #[error(transparent)]
    Message(#[from] EntryError),
    /// No credentials for the destination.
    #[error(transparent)]
    Secret(#[from] secret::NoSecret),
}

impl Undelivered {
    /// The value of the label `outcome` that it is counted with.
    pub fn outcome(&self) -> &'static str {
        match self {
            Self::Rejected(_) | Self::Message(EntryError { sender_fault: true, .. }) => "rejected",
            Self::Failed(_) | Self::Unknown(_) | Self::Message(_) | Self::Secret(_) => "failed",
        }
    }
}

/// The identity of this execution environment.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The labels of every series, sorted.
    pub labels: Vec<(String, String)>,
    /// The function's name.
    pub function: String,
    /// The value of the label `instance`.
    pub instance: String,
}

impl Destination {
    /// A destination without connections yet.
    pub fn new(config: config::Destination, client: Client, identity: Identity) -> Self {
        match config {
            config::Destination::RemoteWrite { endpoint, scope } => {
                Self::RemoteWrite(remote_write::RemoteWrite::new(client, endpoint, scope, identity))
            }
            config::Destination::Queue(queue) => {
                Self::Gateway(gateway::Gateway::queue(client, queue, identity))
            }
            config::Destination::Function { name, service } => {
                Self::Gateway(gateway::Gateway::function(client, &name, service, identity))
            }
            config::Destination::Pushgateway { endpoint, secret, delete_on_shutdown } => Self::Pushgateway(
                pushgateway::Pushgateway::new(client, &endpoint, secret, delete_on_shutdown, &identity),
            ),
        }
    }

    /// Sends a dispatch. After a failure, the next one supersedes it.
    pub async fn dispatch(&mut self, dispatch: &Dispatch) -> Result<(), Undelivered> {
        match self {
            Self::RemoteWrite(destination) => destination.dispatch(dispatch).await,
            Self::Gateway(destination) => destination.dispatch(dispatch).await,
            Self::Pushgateway(destination) => destination.dispatch(dispatch).await,
        }
    }
}

/// Sends `request` once, or until there is a final response if nothing will supersede it. Sends the same bytes, which every
/// destination accepts again, once more if the connection broke: connections may be closed while the sandbox is frozen.
async fn send(client: &Client, request: &Request, dispatch: &Dispatch) -> Result<Response, Undelivered> {
    let mut may_have_arrived = false;
    let sent = if dispatch.is_last {
        client.send(request, dispatch.deadline).await
    } else {
        match client.send_once(request, dispatch.deadline).await {
            Err(Failure { cause: Cause::Network(_), .. }) => {
                may_have_arrived = true;
                client.send_once(request, dispatch.deadline).await
            }
            sent => sent,
        }
    };
    let response = sent.map_err(|failure| match failure.cause {
        Cause::TimedOut | Cause::Network(_) => Undelivered::Unknown(failure),
        _ => Undelivered::Failed(failure),
    })?;
    let is_retried = request.retry_action(&response) == RetryAction::Retry;
    match response.status {
        200..=299 => Ok(response),
        400 | 409 | 413 | 422 if !is_retried => Err(Undelivered::Rejected(response)),
        _ => {
            let failure = Failure::answered(response);
            let is_unknown = is_retried && may_have_arrived;
            Err(if is_unknown { Undelivered::Unknown(failure) } else { Undelivered::Failed(failure) })
        }
    }
}
