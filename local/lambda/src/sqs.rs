//! SQS: payloads as the event source mapping builds them, and a client.

mod event;
mod queue;

pub(crate) use event::record;
pub use event::{QueueMessage, sqs_event};
pub use queue::{ReceivedMessage, Sqs, SqsError};
