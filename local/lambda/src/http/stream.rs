//! The answer of a function that streams. Source: Lambda Developer Guide, "Building a custom runtime for AWS Lambda", "Response
//! streaming".

use std::io;

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use local_testing::http_server::{Reply, ResponseBody};
use serde_json::{Map, Value};
use tokio::sync::oneshot;

use super::{Endpoint, answer};
use crate::runtime::{Invocation, ResponseStream};

/// The content type of a response that begins with a status and headers in JSON.
const HTTP_RESPONSE: &str = "application/vnd.awslambda.http-integration-response";

/// What ends them.
const SEPARATOR: [u8; 8] = [0; 8];

/// The answer for a response; `None` if it does not begin as it should.
pub(super) async fn of(
    endpoint: &Endpoint,
    mut stream: ResponseStream,
    invocation: oneshot::Receiver<Invocation>,
) -> Option<Response<ResponseBody>> {
    if stream.content_type.as_ref().is_none_or(|content_type| content_type != HTTP_RESPONSE) {
        return Some(of_bytes(body(Bytes::new(), stream, invocation)));
    }
    let mut beginning = BytesMut::new();
    let end = loop {
        if let Some(end) = beginning.windows(SEPARATOR.len()).position(|bytes| bytes == SEPARATOR) {
            break end;
        }
        beginning.extend_from_slice(&stream.chunks.recv().await?);
    };
    let head: Map<String, Value> = serde_json::from_slice(&beginning.split_to(end)).ok()?;
    let first = beginning.freeze().slice(SEPARATOR.len()..);
    let mut response = Response::new(body(first, stream, invocation));
    *response.status_mut() = head.get("statusCode").map_or(Some(StatusCode::OK), answer::status)?;
    *response.headers_mut() = answer::headers(endpoint, &head)?;
    Some(response)
}

/// The answer for a response that the function returned whole.
pub(super) fn whole(response: Bytes) -> Response<ResponseBody> {
    of_bytes(Reply::full(StatusCode::OK, response).into_body())
}

fn of_bytes(body: ResponseBody) -> Response<ResponseBody> {
    let mut response = Response::new(body);
    let content_type = HeaderValue::from_static("application/octet-stream");
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

/// `first` and what arrives after it. It breaks off if the invocation fails.
fn body(first: Bytes, stream: ResponseStream, invocation: oneshot::Receiver<Invocation>) -> ResponseBody {
    let frames = stream::unfold(Some((Some(first), stream, invocation)), async |state| {
        let (first, mut stream, invocation) = state?;
        let chunk = match first {
            Some(first) => Some(first),
            None => stream.chunks.recv().await,
        };
        if let Some(chunk) = chunk {
            return Some((Ok(Frame::data(chunk)), Some((None, stream, invocation))));
        }
        let is_complete = invocation.await.is_ok_and(|invocation| invocation.response().is_some());
        (!is_complete).then(|| (Err(io::Error::other("the function failed")), None))
    });
    StreamBody::new(frames).boxed()
}
