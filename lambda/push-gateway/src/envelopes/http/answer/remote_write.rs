//! Answers to remote write.
//!
//! Prometheus drops what is answered 4xx and sends again what is answered 5xx, but not, by default, what is answered 429
//! (`retry_on_http_429`): so a receiver that is busy is 503 here.

use formats::Format;
use http_endpoint::Answer;

use super::{partly_written, to_write_later};
use crate::outcome::{Invalid, Outcome};
use crate::report::Report;

/// The answer to a request whose body was in `format`. That of version 2.0 has the numbers of what was
/// written: no exemplars, which AMP does not take.
pub(super) fn answer(format: Format, outcome: &Outcome, report: &Report) -> Answer {
    let answer = match outcome {
        Outcome::Delivered => Answer::text(204, ""),
        // As Cortex answers: nothing of it was stored.
        Outcome::Deduplicated | Outcome::Spilled => Answer::line(202, outcome),
        Outcome::Invalid(reason) => match &**reason {
            Invalid::Refused(_) => partly_written(outcome, report),
            Invalid::Content(reason) if reason.is_too_large() => Answer::line(413, reason),
            reason => Answer::line(400, reason),
        },
        Outcome::Rejected { .. } => partly_written(outcome, report),
        Outcome::Retry(_) => to_write_later(),
    };
    if format == Format::RemoteWrite1 {
        return answer;
    }
    answer
        .with("X-Prometheus-Remote-Write-Samples-Written", report.written.floats.to_string())
        .with("X-Prometheus-Remote-Write-Histograms-Written", report.written.histograms.to_string())
        .with("X-Prometheus-Remote-Write-Exemplars-Written", "0")
}
