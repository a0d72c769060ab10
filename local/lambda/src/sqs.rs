//! The queue side: batches as Lambda's event source mapping builds them, and a real SQS API on this machine.
//!
//! In: message bodies. Out: the payload of one invocation, and what lies in a queue afterwards.

mod event;
mod queue;
mod record;

pub use event::{Fifo, QueueMessage, sqs_event};
pub use queue::{ReceivedMessage, Sqs, SqsError};
pub(crate) use record::Record;
