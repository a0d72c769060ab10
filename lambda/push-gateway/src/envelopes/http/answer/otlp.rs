//! Answers to OTLP, in the encoding of the request: <https://opentelemetry.io/docs/specs/otlp/#otlphttp-response>.
//!
//! A client sends again what is answered 503, and nothing that is answered 200 or 400. So the answer to a part that
//! was refused is a success with the number of its data points.

use formats::Format;
use http_endpoint::Answer;
use serde_json::json;

use super::NOT_NOW;
use crate::content_type::content_type;
use crate::outcome::{Invalid, Outcome};
use crate::report::{DataPoints, Report};

/// The seconds after which an exporter may try again, which gives up ten seconds after its first attempt.
const RETRY_AFTER: &str = "1";

/// The answer to a request whose body was in `format`.
pub(super) fn answer(format: Format, outcome: &Outcome, report: &Report) -> Answer {
    let DataPoints { all, rejected } = report.data_points;
    match outcome {
        Outcome::Delivered | Outcome::Deduplicated | Outcome::Spilled => success(format, 0, ""),
        Outcome::Rejected { .. } | Outcome::Invalid(_) if rejected < all => {
            success(format, rejected, &outcome.to_string())
        }
        Outcome::Invalid(reason) if matches!(&**reason, Invalid::Content(reason) if reason.is_too_large()) => {
            error(format, 413, reason)
        }
        Outcome::Rejected { .. } | Outcome::Invalid(_) => error(format, 400, outcome),
        Outcome::Retry(_) => error(format, 503, &NOT_NOW).with("Retry-After", RETRY_AFTER),
    }
}

/// An error, with a message `google.rpc.Status`.
pub(super) fn error(format: Format, status: u16, text: &dyn std::fmt::Display) -> Answer {
    // `google.rpc.Code`: INVALID_ARGUMENT, UNAVAILABLE.
    let code = if status < 500 { 3 } else { 14 };
    let text = text.to_string();
    if format == Format::OtlpJson {
        return Answer::json(status, json!({"code": code, "message": text}).to_string());
    }
    protobuf(status, message(code, &text))
}

/// A message `ExportMetricsServiceResponse`.
fn success(format: Format, rejected: usize, text: &str) -> Answer {
    let is_partial = rejected > 0 || !text.is_empty();
    if format == Format::OtlpJson {
        // 64-bit integers are strings in JSON.
        let partial = json!({"rejectedDataPoints": rejected.to_string(), "errorMessage": text});
        let response = if is_partial { json!({"partialSuccess": partial}) } else { json!({}) };
        return Answer::json(200, response.to_string());
    }
    let mut response = Vec::new();
    if is_partial {
        put_bytes(&mut response, 1, &message(rejected as u64, text));
    }
    protobuf(200, response)
}

fn protobuf(status: u16, message: Vec<u8>) -> Answer {
    Answer::binary(status, content_type(Format::Otlp), message)
}

/// A message with a number as field 1 and a text as field 2, as both `Status` and `ExportMetricsPartialSuccess` have.
fn message(number: u64, text: &str) -> Vec<u8> {
    let mut message = Vec::new();
    if number > 0 {
        message.push(1 << 3);
        put_varint(&mut message, number);
    }
    put_bytes(&mut message, 2, text.as_bytes());
    message
}

fn put_bytes(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    out.push(field << 3 | 2);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}
