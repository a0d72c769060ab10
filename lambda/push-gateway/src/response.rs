//! Response: the fates of the records → the answer to the invocation. Pure.
//!
//! Partial batch responses:
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting>.

use std::collections::HashSet;

use aws::Diagnostic;
use serde::Serialize;

use crate::fate::RecordFate;
use crate::intake::Record;
use crate::payload::{Message, UnknownPayload};
use crate::report::Report;

/// How many bad events an error tells of.
const TOLD: usize = 5;

/// The answer to an invocation that did not fail.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Response {
    /// To a direct invoke.
    Summary(Summary),
    /// To an SQS batch.
    #[serde(rename_all = "camelCase")]
    Batch {
        /// The messages that SQS is to deliver again.
        batch_item_failures: Vec<BatchItemFailure>,
    },
}

/// What a direct invoke wrote.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// Events that were delivered.
    pub events: usize,
    /// Samples that were written.
    pub samples: usize,
    /// Series that they belong to.
    pub series: usize,
    /// Write requests that it took.
    pub requests: usize,
}

/// A message that SQS is to deliver again.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchItemFailure {
    item_identifier: String,
}

/// The reason why an invocation fails. The names are what a caller sees as the type of the error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// None of the payloads that the function takes.
    #[error(transparent)]
    UnknownPayload(#[from] UnknownPayload),
    /// Events of a direct invoke are invalid; the others were written.
    #[error("{0}")]
    InvalidEvent(String),
    /// The receiver refused events of a direct invoke; the others were written.
    #[error("{0}")]
    WriteRejected(String),
    /// Events of a direct invoke could not be delivered now.
    #[error("{0}")]
    WriteFailed(String),
}

impl From<Error> for Diagnostic {
    fn from(error: Error) -> Self {
        let error_type = match error {
            Error::UnknownPayload(_) => "UnknownPayload",
            Error::InvalidEvent(_) => "InvalidEvent",
            Error::WriteRejected(_) => "WriteRejected",
            Error::WriteFailed(_) => "WriteFailed",
        };
        Self { error_type: error_type.to_owned(), error_message: error.to_string() }
    }
}

impl Summary {
    /// The figures of an invocation in which everything was delivered.
    pub fn of(report: &Report) -> Self {
        let figures = &report.figures;
        Self {
            events: report.events,
            samples: figures.samples,
            series: report.series,
            requests: figures.requests,
        }
    }
}

/// Answers an SQS batch: everything is given back but what was delivered or `moved` to the dead-letter queue.
pub fn respond_to_batch(messages: &[Message<'_>], fates: &[RecordFate], moved: &HashSet<usize>) -> Response {
    let mut given_back = HashSet::new();
    let batch_item_failures = messages
        .iter()
        .zip(fates)
        .enumerate()
        .filter(|(at, (_, fate))| !matches!(fate, RecordFate::Delivered) && !moved.contains(at))
        .filter(|(_, (message, _))| given_back.insert(&message.id))
        .map(|(_, (message, _))| BatchItemFailure { item_identifier: message.id.clone().into_owned() })
        .collect();
    Response::Batch { batch_item_failures }
}

/// Answers a direct invoke: with `summary` if everything was delivered. `fates` are those of `records`, and `left_out`
/// says how many more events are invalid.
///
/// # Errors
/// The worst that became of an event, worst first: not delivered, rejected, invalid. The message tells of all kinds.
pub fn respond_to_direct(
    records: &[Record],
    fates: &[RecordFate],
    left_out: usize,
    summary: Summary,
) -> Result<Response, Error> {
    let all = fates.len() + left_out;
    let of_kind = |is_kind: fn(&RecordFate) -> bool| -> Vec<_> {
        let places = records.iter().map(|record| record.place);
        places.zip(fates).filter(|(_, fate)| is_kind(fate)).collect()
    };
    let failed = of_kind(|fate| matches!(fate, RecordFate::NotDelivered(_) | RecordFate::BehindItsGroup));
    let rejected = of_kind(|fate| matches!(fate, RecordFate::Rejected(_)));
    let invalid = of_kind(|fate| matches!(fate, RecordFate::Invalid { .. }));
    let told = [
        tell(&failed, 0, all, ["could not be delivered", "could not be delivered"]),
        tell(&rejected, 0, all, ["was rejected", "were rejected"]),
        tell(&invalid, left_out, all, ["is invalid", "are invalid"]),
    ];
    let message = told.iter().flatten().cloned().collect::<Vec<_>>().join(". ");
    match told {
        [None, None, None] => Ok(Response::Summary(summary)),
        [Some(_), _, _] => Err(Error::WriteFailed(message)),
        [None, Some(_), _] => Err(Error::WriteRejected(message)),
        [None, None, Some(_)] => Err(Error::InvalidEvent(message)),
    }
}

/// Tells of the `bad` events of one kind and those `left_out`, among `all`; `what` is said of one event and of several.
fn tell(bad: &[(usize, &RecordFate)], left_out: usize, all: usize, what: [&str; 2]) -> Option<String> {
    let [one, several] = what;
    match bad {
        [] if left_out == 0 => None,
        [(_, reason)] if all == 1 => Some(format!("the event {one}: {reason}")),
        _ => {
            let count = bad.len() + left_out;
            let told: Vec<_> =
                bad.iter().take(TOLD).map(|(at, reason)| format!("event {at}: {reason}")).collect();
            let more = if count > TOLD { format!("; and {} more", count - TOLD) } else { String::new() };
            let said = if count == 1 { one } else { several };
            Some(format!("{count} of {all} events {said}: {}{more}", told.join("; ")))
        }
    }
}
