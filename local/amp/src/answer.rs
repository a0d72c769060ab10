//! A refusal on its way to the sender: a status and AMP's error message.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};

use local_testing::http_server::{Reply, ResponseBody};

/// The answer to a request that is not accepted, or of which a part is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) text: String,
    /// The numbers of written samples that a receiver of 2.0 reports with it.
    pub(super) written: Written,
    json: bool,
}

/// The numbers that a receiver of remote write 2.0 reports ("Required Written Response Headers").
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) samples: usize,
    pub(super) histograms: usize,
    pub(super) exemplars: usize,
}

impl Written {
    /// Adds the headers.
    pub(super) fn note(self, headers: &mut HeaderMap) {
        for (name, count) in [
            ("x-prometheus-remote-write-samples-written", self.samples),
            ("x-prometheus-remote-write-histograms-written", self.histograms),
            ("x-prometheus-remote-write-exemplars-written", self.exemplars),
        ] {
            headers.insert(name, HeaderValue::from(count));
        }
    }
}

impl Refusal {
    /// Plain text, as the write path answers it: ended by a line feed, as Go's `http.Error` does.
    pub(super) fn text(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, text: text.into(), written: Written::default(), json: false }
    }

    /// `{"message": …}`, as AWS answers before a request reaches the write path.
    pub(super) fn json(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, text: message.into(), written: Written::default(), json: true }
    }

    pub(super) fn forbidden(message: impl Into<String>) -> Self {
        Self::json(StatusCode::FORBIDDEN, message)
    }

    pub(super) fn bad_request(text: impl Into<String>) -> Self {
        Self::text(StatusCode::BAD_REQUEST, text)
    }

    pub(super) fn into_response(self) -> Response<ResponseBody> {
        let (body, content_type) = if self.json {
            (serde_json::json!({ "message": self.text }).to_string(), "application/json")
        } else {
            (format!("{}\n", self.text), "text/plain; charset=utf-8")
        };
        let mut response = Reply::full(self.status, Bytes::from(body));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        response
    }
}
