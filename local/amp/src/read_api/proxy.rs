//! Queries that Prometheus answers.
//!
//! In: an admitted request. Out: Prometheus's status, content type and body as they are.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;

use super::Endpoint;
use super::api_error::ApiError;
use local_testing::http_server::{Reply, ResponseBody};
use local_testing::prometheus::client::{ClientError, PrometheusClient};

/// Passes a request on: method, query string, body, content type.
pub(super) async fn ask(
    prometheus: &PrometheusClient,
    endpoint: &Endpoint,
    head: &Parts,
    body: Bytes,
) -> Result<http::Response<ResponseBody>, ApiError> {
    let mut path = endpoint.path();
    if let Some(query) = head.uri.query() {
        path.push('?');
        path.push_str(query);
    }
    let content_type = head.headers.get(CONTENT_TYPE).map(|value| (CONTENT_TYPE, value.clone()));
    let headers: Vec<_> = content_type.into_iter().collect();
    let answer = prometheus.send(&head.method, &path, &headers, body).await;
    let answer =
        answer.map_err(|error: ClientError| ApiError::unavailable(format!("prometheus: {error}")))?;
    let mut response = Reply::full(answer.status, answer.body);
    if let Some(content_type) = answer.content_type {
        response.headers_mut().insert(CONTENT_TYPE, content_type);
    }
    Ok(response)
}
