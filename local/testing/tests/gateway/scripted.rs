//! A server that answers what a test tells it, for answers that neither the stand-in nor moto gives.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// Starts a server that answers each body with a status and a body; returns its URL without a path.
pub(crate) async fn server(answer: impl Fn(&Bytes) -> (u16, String) + Send + Sync + 'static) -> String {
    slow_server(Duration::ZERO, answer).await
}

/// The same for a server that takes each body at once and answers after `delay`.
pub(crate) async fn slow_server(
    delay: Duration,
    answer: impl Fn(&Bytes) -> (u16, String) + Send + Sync + 'static,
) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let answer = Arc::clone(&answer);
            let service = service_fn(move |request: http::Request<Incoming>| {
                let answer = Arc::clone(&answer);
                async move {
                    let body = request.into_body().collect().await.map(http_body_util::Collected::to_bytes);
                    let (status, text) = answer(&body.unwrap_or_default());
                    tokio::time::sleep(delay).await;
                    let mut response = http::Response::new(Full::new(Bytes::from(text)));
                    *response.status_mut() = http::StatusCode::from_u16(status).expect("a status");
                    Ok::<_, Infallible>(response)
                }
            });
            tokio::spawn(
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service),
            );
        }
    });
    url
}
