//! Response: the fates of the records → the answer to the invocation. Pure.
//!
//! Partial batch responses:
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting>.

use std::collections::HashSet;

use lambda_runtime::Diagnostic;
use serde::Serialize;

use crate::fate::RecordFate;
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

/// Answers a direct invoke: with `summary` if everything was delivered.
///
/// # Errors
/// The worst that became of an event, worst first: not delivered, rejected, invalid. The message tells of all kinds.
pub fn respond_to_direct(fates: &[RecordFate], summary: Summary) -> Result<Response, Error> {
    let failed = tell(fates, ["could not be delivered", "could not be delivered"], |fate| {
        matches!(fate, RecordFate::NotDelivered(_) | RecordFate::BehindItsGroup)
    });
    let rejected =
        tell(fates, ["was rejected", "were rejected"], |fate| matches!(fate, RecordFate::Rejected(_)));
    let invalid =
        tell(fates, ["is invalid", "are invalid"], |fate| matches!(fate, RecordFate::Invalid { .. }));
    let message =
        [&failed, &rejected, &invalid].into_iter().flatten().cloned().collect::<Vec<_>>().join(". ");
    match (failed, rejected, invalid) {
        (None, None, None) => Ok(Response::Summary(summary)),
        (Some(_), _, _) => Err(Error::WriteFailed(message)),
        (None, Some(_), _) => Err(Error::WriteRejected(message)),
        (None, None, Some(_)) => Err(Error::InvalidEvent(message)),
    }
}

/// Tells of the events of one kind; `what` is said of one event and of several.
fn tell(fates: &[RecordFate], what: [&str; 2], is_kind: impl Fn(&RecordFate) -> bool) -> Option<String> {
    let bad: Vec<_> = fates.iter().enumerate().filter(|(_, fate)| is_kind(fate)).collect();
    let [one, several] = what;
    match &bad[..] {
        [] => None,
        [(_, reason)] if fates.len() == 1 => Some(format!("the event {one}: {reason}")),
        _ => {
            let told: Vec<_> =
                bad.iter().take(TOLD).map(|(at, reason)| format!("event {at}: {reason}")).collect();
            let more =
                if bad.len() > TOLD { format!("; and {} more", bad.len() - TOLD) } else { String::new() };
            let said = if bad.len() == 1 { one } else { several };
            Some(format!("{} of {} events {said}: {}{more}", bad.len(), fates.len(), told.join("; ")))
        }
    }
}
