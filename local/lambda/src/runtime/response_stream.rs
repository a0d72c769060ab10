//! Responses that are passed on as they arrive. Source: Lambda Developer Guide, "Response streaming for Lambda functions" and
//! "Building a custom runtime for AWS Lambda".

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::sync::{mpsc, oneshot};

use super::api::error_report;

/// "The default maximum response payload size for streamed responses is 200 MB."
const MAX_BYTES: usize = 200 * 1_024 * 1_024;

/// The chunks that may wait for their reader.
const WAITING: usize = 16;

/// A response as it arrives.
#[derive(Debug)]
pub struct ResponseStream {
    /// The content type that the runtime announced.
    pub content_type: Option<HeaderValue>,
    /// The bytes, up to the end or the failure of the invocation.
    pub chunks: mpsc::Receiver<Bytes>,
}

/// Whether the runtime streams a response.
pub(super) fn is_streamed(headers: &HeaderMap) -> bool {
    headers.get("lambda-runtime-function-response-mode").is_some_and(|mode| mode == "streaming")
}

/// Passes on a response until its end. Returns its length and, if it fails, the error report. A reader that has gone changes
/// nothing.
pub(super) async fn pass_on(
    headers: &HeaderMap,
    mut body: Incoming,
    to: oneshot::Sender<ResponseStream>,
) -> (usize, Option<Bytes>) {
    let (sender, chunks) = mpsc::channel(WAITING);
    let _ = to.send(ResponseStream { content_type: headers.get(header::CONTENT_TYPE).cloned(), chunks });
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return (bytes, Some(error_report("Runtime.TruncatedResponse", "the response has no end")));
        };
        match frame.into_data() {
            Ok(chunk) => {
                bytes += chunk.len();
                if bytes > MAX_BYTES {
                    let report =
                        error_report("Function.ResponseSizeTooLarge", "response payload size exceeded");
                    return (bytes, Some(report));
                }
                let _ = sender.send(chunk).await;
            }
            Err(frame) => {
                if let Some(report) = frame.trailers_ref().and_then(reported) {
                    return (bytes, Some(report));
                }
            }
        }
    }
    (bytes, None)
}

/// The error report in the trailers of a response.
pub(super) fn reported(trailers: &HeaderMap) -> Option<Bytes> {
    let kind = trailers.get("lambda-runtime-function-error-type")?;
    let report =
        trailers.get("lambda-runtime-function-error-body").and_then(|body| STANDARD.decode(body).ok());
    Some(report.map_or_else(|| error_report(&String::from_utf8_lossy(kind.as_bytes()), ""), Bytes::from))
}
