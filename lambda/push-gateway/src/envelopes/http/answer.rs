//! The answers to requests. What was written is answered by `push` for pushes and events, by `remote_write`, and by
//! `otlp`.

mod otlp;
mod push;
mod remote_write;

use formats::Format;
use http_endpoint::Answer;

use super::InvalidBody;
use crate::outcome::Outcome;
use crate::report::Report;
use crate::routes::{NoRoute, Route};

/// The text of an answer to a request that may be written later. The details are in the log.
const NOT_NOW: &str = "the metrics cannot be written now";

/// The answer to a route that writes nothing; `None` for the others.
pub fn to_route(route: &Route) -> Option<Answer> {
    /// The flags of a Pushgateway and the figures of its process have no counterpart.
    const STATUS: &str = concat!(
        r#"{"status":"success","data":{"build_information":{"version":""#,
        env!("CARGO_PKG_VERSION"),
        r#""}}}"#
    );
    Some(match route {
        Route::Push { .. } | Route::Events | Route::RemoteWrite | Route::Otlp => return None,
        Route::Delete => Answer::text(202, ""),
        Route::Healthy | Route::Ready => Answer::text(200, "OK"),
        Route::Status => Answer::json(200, STATUS),
        Route::Metrics => {
            Answer::text(200, "# What is pushed is written at once: query the workspace for it.\n")
        }
        Route::ApiMetrics => Answer::json(200, r#"{"status":"success","data":[]}"#),
        Route::Options { allow } => Answer::text(200, "").with("Allow", *allow),
    })
}

/// The answer to a request that writes something in `format`, with the outcome of its only record.
pub(in crate::envelopes) fn to_write(format: Format, outcomes: &[Outcome], report: &Report) -> Answer {
    let Some(outcome) = outcomes.first() else {
        return Answer::not_now(&"BUG: the request has no outcome");
    };
    if format.is_remote_write() {
        remote_write::answer(format, outcome, report)
    } else if format.is_otlp() {
        otlp::answer(format, outcome, report)
    } else {
        push::answer(format, outcome, report)
    }
}

/// The answer to a request of which a part was not written, for the reason that is its outcome.
fn partly_written(outcome: &Outcome, report: &Report) -> Answer {
    let (written, all) = (report.written.samples(), report.samples + report.refused);
    let others = all.saturating_sub(written);
    Answer::line(400, &format!("{written} of {all} samples were written, {others} were not: {outcome}"))
}

/// The answer to a request that may be written later.
fn to_write_later() -> Answer {
    Answer::not_now(&NOT_NOW)
}

/// The answer to a request whose body, in `format` if that is known, cannot be decoded.
pub fn to_invalid_body(format: Option<Format>, reason: &InvalidBody) -> Answer {
    match format {
        Some(format) if format.is_otlp() => otlp::error(format, reason.status(), reason),
        _ => Answer::line(reason.status(), reason),
    }
}

impl From<NoRoute> for Answer {
    fn from(reason: NoRoute) -> Self {
        let answer = Self::line(reason.status(), &reason);
        match reason {
            NoRoute::Method { allow } | NoRoute::Get { allow } => answer.with("Allow", allow),
            _ => answer,
        }
    }
}
