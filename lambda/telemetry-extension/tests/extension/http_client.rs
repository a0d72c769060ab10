//! One HTTP request.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

/// Sends a request and returns status and body of the response.
pub(crate) async fn send(request: http::Request<impl Into<Bytes>>) -> Result<(u16, Bytes), String> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let response = client.request(request.map(|body| Full::new(body.into()))).await;
    let response = response.map_err(|error| error.to_string())?;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.map_err(|error| error.to_string())?;
    Ok((status, body.to_bytes()))
}

/// The body of the response to a `GET`, whose status must be 200.
pub(crate) async fn get(url: &str) -> String {
    let request = http::Request::get(url).body(String::new()).expect("a request");
    let (status, body) = send(request).await.expect("an answer");
    assert_eq!(status, 200, "{url}");
    String::from_utf8(body.to_vec()).expect("text")
}
