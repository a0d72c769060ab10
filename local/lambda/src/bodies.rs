//! Bodies of requests and answers.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Collected, Limited};
use hyper::body::Incoming;
use local_testing::http_server::{Reply, ResponseBody};
use serde_json::Value;

/// The body of a request, unless it has more than `limit` bytes.
pub(crate) async fn read(body: Incoming, limit: usize) -> Option<Bytes> {
    Limited::new(body, limit).collect().await.ok().map(Collected::to_bytes)
}

/// An answer in JSON.
pub(crate) fn json_response(status: StatusCode, body: &Value) -> Response<ResponseBody> {
    let mut response = Reply::full(status, body.to_string());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
