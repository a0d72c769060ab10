//! The direct invoke: a JSON event, or an array of them.

use formats::{Body, Format};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{Envelope, Error, Record, Shape, UnknownPayload};
use crate::outcome::Outcome;
use crate::records::Records;
use crate::report::Report;

/// The number of failed events that an error shows.
const SHOWN_EVENTS: usize = 5;

/// The events of a direct invoke, as they are in the payload.
#[derive(Debug)]
pub struct Direct<'a>(Vec<&'a RawValue>);

/// The reply to a direct invoke of which everything was delivered.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// The number of events.
    pub events: usize,
    /// The number of samples that were written.
    pub samples: usize,
    /// The number of their series.
    pub series: usize,
    /// The number of write requests.
    pub requests: usize,
}

impl Summary {
    /// The summary of an invocation.
    pub(super) fn of(report: &Report) -> Self {
        Self {
            events: report.events,
            samples: report.figures.samples,
            series: report.series,
            requests: report.figures.requests,
        }
    }
}

/// Reads any payload.
#[expect(clippy::unnecessary_wraps, reason = "a row of the table of envelopes")]
pub(super) fn read<'a>(shape: &mut Shape<'a>) -> Option<Result<Envelope<'a>, UnknownPayload>> {
    let events = match shape {
        Shape::Array(events) => Ok(std::mem::take(events)),
        Shape::Object(text) => serde_json::from_str(text)
            .map(|event| vec![event])
            .map_err(|error| UnknownPayload::NotJson(error.to_string())),
    };
    Some(events.map(|events| Envelope::Direct(Direct(events))))
}

impl Direct<'_> {
    /// The events, each a record.
    pub fn records(&self) -> impl Iterator<Item = Record<'_>> {
        let is_alone = self.0.len() == 1;
        self.0.iter().enumerate().map(move |(index, event)| Record {
            index,
            group: None,
            format: Format::Event,
            body: Ok(if is_alone { Body::Json(event.get()) } else { Body::Element(event.get()) }.into()),
            grouping: Vec::new(),
            received_ms: None,
        })
    }
}

/// The summary, or the error if an event was not delivered.
pub(super) fn reply(records: &Records, outcomes: &[Outcome], report: &Report) -> Result<Summary, Error> {
    let all = outcomes.len() + records.left_out;
    let summary = |is_kind: fn(&Outcome) -> bool, left_out, verbs| {
        let indexes = records.records.iter().map(|record| record.index);
        list(indexes.zip(outcomes).filter(|(_, outcome)| is_kind(outcome)), left_out, all, verbs)
    };
    let retry = summary(Outcome::is_retry, 0, ["could not be delivered", "could not be delivered"]);
    let rejected = summary(Outcome::is_rejected, 0, ["was rejected", "were rejected"]);
    let invalid = summary(Outcome::is_invalid, records.left_out, ["is invalid", "are invalid"]);
    let error = match (&retry, &rejected, &invalid) {
        (Some(_), _, _) => Error::WriteFailed,
        (None, Some(_), _) => Error::WriteRejected,
        (None, None, Some(_)) => Error::InvalidEvent,
        (None, None, None) => {
            return Ok(Summary::of(report));
        }
    };
    Err(error([retry, rejected, invalid].into_iter().flatten().collect::<Vec<_>>().join(". ")))
}

/// Lists the `failed` among `all` events, and counts those that were left out; `verbs` are for one event and several.
fn list<'o>(
    failed: impl Iterator<Item = (usize, &'o Outcome)>,
    left_out: usize,
    all: usize,
    [one, several]: [&str; 2],
) -> Option<String> {
    let failed: Vec<_> = failed.collect();
    let count = failed.len() + left_out;
    match failed[..] {
        _ if count == 0 => None,
        [(_, reason)] if all == 1 => Some(format!("the event {one}: {reason}")),
        _ => {
            let shown = failed.iter().take(SHOWN_EVENTS).map(|(at, reason)| format!("event {at}: {reason}"));
            let shown = shown.collect::<Vec<_>>().join("; ");
            let more = match count.saturating_sub(SHOWN_EVENTS) {
                0 => String::new(),
                more => format!("; and {more} more"),
            };
            let verb = if count == 1 { one } else { several };
            Some(format!("{count} of {all} events {verb}: {shown}{more}"))
        }
    }
}
