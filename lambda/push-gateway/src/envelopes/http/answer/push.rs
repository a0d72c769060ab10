//! Answers to pushes, and to JSON events, whose caller gets a summary.

use formats::Format;
use http_endpoint::Answer;

use super::{partly_written, to_write_later};
use crate::envelopes::direct::Summary;
use crate::outcome::{Outcome, Reason};
use crate::report::Report;
use crate::spill::SpillError;

/// The answer to a request whose body was in `format`.
pub(super) fn answer(format: Format, outcome: &Outcome, report: &Report) -> Answer {
    match outcome {
        Outcome::Delivered | Outcome::Deduplicated if format == Format::Event => {
            let summary = serde_json::to_string(&Summary::of(report));
            Answer::json(200, summary.expect("numbers are JSON"))
        }
        // Every version of every client accepts this status.
        Outcome::Delivered | Outcome::Deduplicated | Outcome::Spilled => Answer::text(202, ""),
        Outcome::Rejected { .. } => partly_written(outcome, report),
        Outcome::Invalid(reason) => Answer::line(400, reason),
        Outcome::Retry(reason)
            if let Reason::NotQueued(error) = &**reason
                && matches!(**error, SpillError::TooLarge(_)) =>
        {
            Answer::line(413, error)
        }
        Outcome::Retry(_) => to_write_later(),
    }
}
