//! An HTTP server in the process of a test.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// Starts a server and returns its authority. Where `respond` returns `None` the connection breaks.
pub(crate) async fn serve<F, R>(respond: F) -> String
where
    F: Fn(Request<Bytes>) -> R + Send + Sync + 'static,
    R: Future<Output = Option<Response<Full<Bytes>>>> + Send,
{
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let authority = listener.local_addr().expect("an address").to_string();
    let respond = Arc::new(respond);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let respond = Arc::clone(&respond);
            tokio::spawn(async move {
                let service = service_fn(|request: Request<hyper::body::Incoming>| async {
                    let (head, body) = request.into_parts();
                    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
                    let response = respond(Request::from_parts(head, body)).await;
                    response.ok_or_else(|| io::Error::other("broken by the test"))
                });
                let connection = hyper::server::conn::http1::Builder::new();
                let _ = connection.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    authority
}

pub(crate) fn response(status: u16, body: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::copy_from_slice(body.as_bytes())));
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    response
}

/// A header as text, empty if the request has none.
pub(crate) fn header<'a>(request: &'a Request<Bytes>, name: &str) -> &'a str {
    request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
