//! The answer of the workspace, byte for byte, within Lambda's limit; errors in the form of Prometheus's HTTP API.
//!
//! <https://prometheus.io/docs/prometheus/latest/querying/api/#format-overview>

use std::io::Write as _;

use aws::{Failure, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use http_endpoint::Answer;
use serde_json::json;

use crate::api::MAX_BODY;
use crate::error::{Error, is_error};
use crate::truncation::size_in_string;

pub(super) const JSON: &str = "application/json";

/// Bytes of a response besides the body: the status and the headers.
const MARGIN: usize = 4_096;

/// The answer to a request that was passed on. `accept_encoding` is the header of the caller, and `max_bytes` what the service
/// passes on.
pub(crate) fn of(
    result: Result<Response, Failure>,
    accept_encoding: Option<&str>,
    max_bytes: usize,
) -> Answer {
    let pass = |response: &Response| pass(response, accept_encoding, max_bytes - MARGIN);
    match result {
        Ok(response) if response.is_success() || is_error(&response) => pass(&response),
        Ok(response) => failed(&Error::from(&response)),
        Err(failure) => match failure.response() {
            Some(response) if is_error(response) => pass(response),
            _ => failed(&Error::from(failure)),
        },
    }
}

/// An error in the form of Prometheus.
pub(crate) fn error(status: u16, error_type: &str, message: &str) -> Answer {
    Answer::json(status, json!({"status": "error", "errorType": error_type, "error": message}).to_string())
}

fn failed(reason: &Error) -> Answer {
    let error_type = match (reason.error_type(), reason.status()) {
        (Some(given), _) => given,
        (None, 404) => "not_found",
        (None, 422) => "execution",
        (None, 400..=499) => "bad_data",
        (None, 502 | 503) => "unavailable",
        (None, 504) => "timeout",
        (None, _) => "internal",
    };
    error(reason.status(), error_type, &reason.to_string())
}

/// A response as it is, compressed if that is the only way to return it.
fn pass(response: &Response, accept_encoding: Option<&str>, max_bytes: usize) -> Answer {
    let Response { status, content_type, body, .. } = response;
    let content_type = content_type.as_deref().unwrap_or(JSON).to_owned();
    if body.len() > MAX_BODY {
        return too_large(&format!("more than {MAX_BODY} bytes"), max_bytes, false);
    }
    if let Ok(text) = str::from_utf8(body)
        && size_in_string(text) <= max_bytes
    {
        return Answer::text(*status, text.to_owned()).of_type(content_type);
    }
    let accepts_gzip = accepts_gzip(accept_encoding);
    if accepts_gzip {
        let compressed = gzip(body);
        // Three bytes are four in base64.
        if compressed.len() <= max_bytes / 4 * 3 {
            let answer = Answer::binary(*status, content_type, compressed);
            return answer.with("Content-Encoding", "gzip").with("Vary", "Accept-Encoding");
        }
    }
    too_large(&format!("{} bytes", body.len()), max_bytes, !accepts_gzip)
}

/// 422, as Prometheus answers a query that would load too many samples.
fn too_large(size: &str, max_bytes: usize, try_gzip: bool) -> Answer {
    let hint = if try_gzip { ", or accept gzip" } else { "" };
    let message = format!(
        "the result has {size}, and at most {max_bytes} can be returned: aggregate, take topk(10, ...), a larger step or a \
         shorter range{hint}"
    );
    error(422, "execution", &message)
}

/// `Accept-Encoding` (RFC 9110, section 12.5.3): whether gzip is named with a weight that is not 0.
pub(super) fn accepts_gzip(header: Option<&str>) -> bool {
    header.unwrap_or_default().split(',').any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.trim().parse::<f64>().ok());
        name.trim().eq_ignore_ascii_case("gzip") && weight.is_none_or(|weight| weight > 0.0)
    })
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let compressed = encoder.write_all(body).and_then(|()| encoder.finish());
    compressed.expect("memory accepts every byte")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws::{Attempts, Cause};
    use serde_json::Value;

    use super::*;

    const MAX_BYTES: usize = 1_000_000;

    fn response(status: u16, body: impl Into<Vec<u8>>) -> Response {
        let attempts = Attempts { count: 1, elapsed: Duration::from_millis(10) };
        Response { attempts, ..Response::new(status, body.into()) }
    }

    fn answer_of(result: Result<Response, Failure>, accept_encoding: Option<&str>) -> Answer {
        of(result, accept_encoding, MAX_BYTES + MARGIN)
    }

    fn json(answer: &Answer) -> Value {
        serde_json::from_slice(answer.body()).unwrap()
    }

    #[test]
    fn answers_of_prometheus_are_passed_on_unchanged() {
        for (status, body) in [
            (200, r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#),
            (400, r#"{"status":"error","errorType":"bad_data","error":"1:1: parse error"}"#),
            (422, r#"{"status":"error","errorType":"execution","error":"too many samples"}"#),
        ] {
            let answer = answer_of(Ok(response(status, body)), None);
            assert_eq!((answer.status, answer.body()), (status, body.as_bytes()));
        }
        let timeout = r#"{"status":"error","errorType":"timeout","error":"query timed out"}"#;
        let answer = answer_of(Err(Failure::answered(response(503, timeout))), None);
        assert_eq!((answer.status, answer.body()), (503, timeout.as_bytes()));
    }

    #[test]
    fn other_errors_are_put_in_the_form_of_prometheus() {
        for (result, status, error_type, message) in [
            (Ok(response(403, r#"{"message":"denied"}"#)), 403, "bad_data", "denied"),
            (Err(Cause::TimedOut.into()), 504, "timeout", "the request failed: no answer"),
            (
                Err(Cause::Network("h: refused".to_owned()).into()),
                502,
                "unavailable",
                "the request failed: h: r",
            ),
            (Err(Failure::answered(response(503, "busy"))), 503, "unavailable", "busy (1 attempt in 0.01 s)"),
        ] {
            let answer = answer_of(result, None);
            let json = json(&answer);
            assert_eq!(answer.status, status, "{json}");
            assert_eq!(
                (json["status"].as_str(), json["errorType"].as_str()),
                (Some("error"), Some(error_type))
            );
            assert!(json["error"].as_str().unwrap().starts_with(message), "{json}");
        }
    }

    #[test]
    fn a_large_result_is_compressed_or_an_error() {
        let large = "[".repeat(MAX_BYTES + 1);
        let answer = answer_of(Ok(response(200, large.clone())), Some("br;q=1.0, GZIP ;q=0.5"));
        assert!(answer.status == 200 && answer.body().len() < 100_000);
        for refused in [None, Some("br"), Some("gzip;q=0")] {
            let answer = answer_of(Ok(response(200, large.clone())), refused);
            assert_eq!((answer.status, json(&answer)["errorType"].clone()), (422, "execution".into()));
            let message = str::from_utf8(answer.body()).unwrap();
            assert!(message.contains("1000001 bytes") && message.contains("gzip"));
        }
        // Each quote takes two bytes.
        let quotes = "\"".repeat(MAX_BYTES / 2 + 1);
        assert_eq!(answer_of(Ok(response(200, quotes)), None).status, 422);
        assert_eq!(answer_of(Ok(response(200, vec![b' '; MAX_BODY + 1])), Some("gzip")).status, 422);
    }
}
