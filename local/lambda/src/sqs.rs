//! SQS: payloads as the event source mapping builds them, and a client.

mod event;
mod queue;
mod record;

pub use event::{Fifo, QueueMessage, sqs_event};
pub use queue::{ReceivedMessage, Sqs, SqsError};
pub(crate) use record::Record;
