//! The spill queue: pushes over HTTP that cannot be delivered now become messages of a queue, which this function reads
//! later. No Pushgateway client pushes again by itself.
//!
//! A message carries the bytes of the push and, as attributes, what [`crate::envelopes::sqs`] needs to read them as the
//! HTTP request would have been read: format, path and arrival time. So its samples have the same timestamps, whenever
//! and however often it is delivered.
//!
//! A push that is too large for one message becomes several, each of whole metric families. It is refused before
//! anything is sent if one family is too large. If a call fails after others succeeded, or without an answer, some of
//! the messages are in the queue: they will be written, and the client, which gets a 503, may push again, with a later
//! timestamp.
//!
//! Order: a later push of the same path does not wait for one that is in the queue. Its timestamps are later, so the
//! out-of-order window of the receiver takes the earlier one when that comes. In a FIFO queue the path is the group.

mod parts;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Write as _;
use std::sync::Arc;

use aws::Client;
use aws::sqs::{Entry, EntryError, MAX_BYTES, Queue, SendError, batches};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use formats::Format;
use percent_encoding::{CONTROLS, utf8_percent_encode};
use tokio::time::Instant;

use crate::content_type::content_type;

/// The size limit of a message with its attributes. The rest of what SQS accepts is for the attributes that a dead
/// letter of the message has too.
const MAX_MESSAGE_BYTES: usize = MAX_BYTES - 16 * 1024;

/// The length limit of a message group id (SQS, "Amazon SQS message quotas").
const MAX_GROUP_ID: usize = 128;

/// The first chunk of a stream (snappy, `framing_format.txt`, section 4.1), which the encoder leaves out if nothing
/// follows.
const STREAM_IDENTIFIER: &[u8] = b"\xff\x06\x00\x00sNaPpY";

/// A push over HTTP.
#[derive(Clone, Copy, Debug)]
pub struct Push<'a> {
    /// The path as in the request, without stage and base path.
    pub path: &'a str,
    /// The format of the body.
    pub format: Format,
    /// When it arrived, in milliseconds since the epoch: the timestamp of what has none.
    pub received_ms: i64,
    /// The body, not compressed.
    pub body: &'a [u8],
}

/// A queue for pushes.
#[derive(Debug)]
pub struct SpillQueue {
    client: Arc<Client>,
    queue: Queue,
}

/// The reason why a push is not in the queue as a whole.
#[derive(Debug, thiserror::Error)]
pub enum SpillError {
    /// Nothing was sent.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// The queue has none of it, unless an answer was lost.
    #[error("it could not be queued: {0}")]
    NotQueued(#[source] CallError),
    /// The queue has some of its messages, which will be written.
    #[error(
        "{stored} of its {messages} parts are queued and will be written, the others could not be: {error}"
    )]
    PartlyQueued {
        /// Its messages.
        messages: usize,
        /// Those that are known to be in the queue.
        stored: usize,
        /// The reason of the first that is not.
        #[source]
        error: CallError,
    },
}

/// A metric family, or an event, is larger than a message may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("one of its metric families or events is too large for a message of the queue")]
pub struct TooLarge;

/// The reason why a message is not in the queue.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The call failed.
    #[error(transparent)]
    Call(#[from] SendError),
    /// The queue rejected one message of a call.
    #[error(transparent)]
    Message(#[from] EntryError),
    /// The answer does not mention a message.
    #[error("the queue did not confirm a message")]
    NotConfirmed,
}

impl SpillQueue {
    /// A queue to which pushes are sent with `client`.
    pub fn new(client: Arc<Client>, queue: Queue) -> Self {
        Self { client, queue }
    }

    /// Sends `push` to the queue. `invocation_id` is unique to the push.
    ///
    /// # Errors
    /// [`SpillError`]: the push is not in the queue, or not all of it.
    pub async fn take(
        &self,
        push: Push<'_>,
        invocation_id: &str,
        deadline: Instant,
    ) -> Result<(), SpillError> {
        let entries = entries(push, self.queue.is_fifo().then_some(invocation_id))?;
        let messages = entries.len();
        let mut stored = 0;
        for batch in batches(&entries) {
            if let Err((stored_too, error)) = self.send(batch, deadline).await {
                stored += stored_too;
                return Err(match stored {
                    0 => SpillError::NotQueued(error),
                    _ => SpillError::PartlyQueued { messages, stored, error },
                });
            }
            stored += batch.len();
        }
        Ok(())
    }

    /// Sends one call. An error has the number of messages that the queue has all the same.
    async fn send(&self, batch: &[Entry], deadline: Instant) -> Result<(), (usize, CallError)> {
        let result = self.queue.send(&self.client, batch, deadline).await;
        let stored = result.map_err(|error| (0, error.into()))?;
        let confirmed = batch.iter().filter(|entry| stored.ids.contains(&entry.id)).count();
        match stored.first_error {
            Some(error) => Err((confirmed, error.into())),
            None if confirmed < batch.len() => Err((confirmed, CallError::NotConfirmed)),
            None => Ok(()),
        }
    }
}

/// The messages of a push, of which a FIFO queue needs to know the invocation.
///
/// # Errors
/// [`TooLarge`]
pub fn entries(push: Push<'_>, invocation_id: Option<&str>) -> Result<Vec<Entry>, TooLarge> {
    let mut entries = Vec::new();
    let whole = entry(push, 0, invocation_id);
    if whole.size() <= MAX_MESSAGE_BYTES {
        entries.push(whole);
    } else {
        drop(whole);
        let parts = parts::of(push.format, push.body);
        add_entries(push, &parts, invocation_id, &mut entries)?;
    }
    Ok(entries)
}

/// Halves `parts` until each half fits into a message.
fn add_entries(
    push: Push<'_>,
    parts: &[&[u8]],
    invocation_id: Option<&str>,
    entries: &mut Vec<Entry>,
) -> Result<(), TooLarge> {
    let body = parts::join(push.format, parts);
    let entry = entry(Push { body: &body, ..push }, entries.len(), invocation_id);
    if entry.size() <= MAX_MESSAGE_BYTES {
        entries.push(entry);
        return Ok(());
    }
    if parts.len() < 2 {
        return Err(TooLarge);
    }
    drop(entry);
    let (mut middle, mut bytes) = (0, 0);
    while middle + 1 < parts.len() && bytes < body.len() / 2 {
        bytes += parts[middle].len();
        middle += 1;
    }
    let (first, second) = parts.split_at(middle);
    add_entries(push, first, invocation_id, entries)?;
    add_entries(push, second, invocation_id, entries)
}

fn entry(push: Push<'_>, at: usize, invocation_id: Option<&str>) -> Entry {
    let path = sqs_path(push.path);
    let mut entry = Entry::new(at.to_string(), encoded(push.body));
    if let Some(invocation_id) = invocation_id {
        entry.group_id = Some(group_id(&path));
        entry.deduplication_id = Some(format!("{invocation_id}-{at}"));
    }
    entry
        .with_exact_attribute("Content-Type", content_type(push.format).to_owned())
        .with_exact_attribute("Path", path)
        .with_exact_attribute("ReceivedTime", push.received_ms.to_string())
        .with_exact_attribute("Content-Encoding", "snappy".to_owned())
}

/// Base64 of the framed-snappy encoding, which is never empty: SQS takes no message without a body.
fn encoded(body: &[u8]) -> String {
    if body.is_empty() {
        return STANDARD.encode(STREAM_IDENTIFIER);
    }
    let mut encoder = snap::write::FrameEncoder::new(Vec::with_capacity(body.len() / 4));
    let written = encoder.write_all(body);
    let framed = written.and_then(|()| encoder.into_inner().map_err(snap::write::IntoInnerError::into_error));
    STANDARD.encode(framed.expect("a Vec takes every byte"))
}

/// `path`, or its percent-encoding if it has characters that SQS does not accept in an attribute: those outside XML 1.0.
fn sqs_path(path: &str) -> String {
    if path.contains(|c: char| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}')) {
        utf8_percent_encode(path, CONTROLS).to_string()
    } else {
        path.to_owned()
    }
}

/// The path, or its hash if it has characters or a length that no group id may have. Two paths with one hash share a
/// group, which costs no more than time.
fn group_id(path: &str) -> String {
    if path.len() <= MAX_GROUP_ID && path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return path.to_owned();
    }
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}
