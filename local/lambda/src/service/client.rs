//! A client of the invoke API without TLS, for an event source that runs beside the functions.

use bytes::Bytes;
use http::{Method, StatusCode};
use http_body_util::{BodyExt as _, Full};

use crate::bodies::{HttpClient, http_client};
use crate::event_source::Invoked;

/// Why the function was not invoked.
#[derive(Debug, thiserror::Error)]
#[error("cannot invoke {url}: {why}")]
pub struct InvokeError {
    url: String,
    why: String,
}

/// A client for one function. Clones share their connections.
#[derive(Debug, Clone)]
pub struct LambdaClient {
    url: String,
    http: HttpClient,
}

impl LambdaClient {
    /// A client for `function` at `endpoint`.
    pub fn new(endpoint: &str, function: &str) -> Self {
        let url = format!("{}/2015-03-31/functions/{function}/invocations", endpoint.trim_end_matches('/'));
        Self { url, http: http_client() }
    }

    /// Invokes the function and waits for its answer.
    ///
    /// # Errors
    /// The API cannot be reached, or it rejects the request.
    pub async fn invoke(&self, payload: Bytes) -> Result<Invoked, InvokeError> {
        let failed = |why: String| InvokeError { url: self.url.clone(), why };
        let request = http::Request::builder().method(Method::POST).uri(&self.url).body(Full::new(payload));
        let request = request.map_err(|error| failed(error.to_string()))?;
        let response = self.http.request(request).await.map_err(|error| failed(error.to_string()))?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| failed(error.to_string()))?.to_bytes();
        match head.status {
            StatusCode::TOO_MANY_REQUESTS => Ok(Invoked::Throttled),
            StatusCode::OK if head.headers.contains_key("x-amz-function-error") => Ok(Invoked::FunctionError),
            StatusCode::OK => Ok(Invoked::Response(body)),
            status => Err(failed(format!("{status} {}", String::from_utf8_lossy(&body)))),
        }
    }
}
