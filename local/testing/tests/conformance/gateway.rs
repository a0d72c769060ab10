//! The gateway behind a function URL.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, header};
use local_lambda::http::{Endpoint, HttpServer, Kind};
use local_lambda::runtime::FunctionOptions;
use local_lambda::service::{Pool, PoolEvent};
use local_testing::clock::Clock;
use local_testing::prometheus::client::{Answer, PrometheusClient};

/// The function with its URL.
#[derive(Debug)]
pub(crate) struct Gateway {
    _url: HttpServer,
    client: PrometheusClient,
    logs: Arc<Mutex<Vec<String>>>,
}

impl Gateway {
    /// A gateway that writes to `remote_write_url`, with `protocol` as `REMOTE_WRITE_PROTOCOL`.
    pub(crate) async fn start(remote_write_url: &str, protocol: &str) -> Self {
        let options = FunctionOptions::new(function_binary())
            .env("REMOTE_WRITE_URL", remote_write_url)
            .env("REMOTE_WRITE_AUTH", "none")
            .env("REMOTE_WRITE_PROTOCOL", protocol)
            .env("HTTP_AUTH", "none");
        let logs = Arc::<Mutex<Vec<String>>>::default();
        let log = Arc::clone(&logs);
        let function = Pool::new(options, 1, move |event| {
            if let PoolEvent::Invocation { invocation, .. } = event {
                log.lock().unwrap_or_else(PoisonError::into_inner).extend(invocation.logs.iter().cloned());
            }
        });
        let endpoint = Endpoint::new(Kind::FunctionUrl);
        let url = HttpServer::start(0, endpoint, function, Clock::system()).await.expect("a free port");
        let client = PrometheusClient::new(&url.url()).expect("a base URL");
        Self { _url: url, client, logs }
    }

    /// Sends a request, and returns its status and body.
    pub(crate) async fn post(&self, path: &str, content_type: &'static str, body: Vec<u8>) -> (u16, Bytes) {
        post(&self.client, path, content_type, body).await
    }

    /// As [`Self::post`], with further headers.
    pub(crate) async fn post_with(
        &self,
        path: &str,
        content_type: &'static str,
        body: Vec<u8>,
        more: &[(&'static str, &'static str)],
    ) -> (u16, Bytes) {
        send(&self.client, path, content_type, body, more).await
    }

    /// The lines of its log since the last call.
    pub(crate) fn take_logs(&self) -> Vec<String> {
        std::mem::take(&mut self.logs.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Sends a request to `client`, and returns its status and body.
pub(crate) async fn post(
    client: &PrometheusClient,
    path: &str,
    content_type: &'static str,
    body: Vec<u8>,
) -> (u16, Bytes) {
    send(client, path, content_type, body, &[]).await
}

async fn send(
    client: &PrometheusClient,
    path: &str,
    content_type: &'static str,
    body: Vec<u8>,
    more: &[(&'static str, &'static str)],
) -> (u16, Bytes) {
    let mut headers = vec![(header::CONTENT_TYPE, HeaderValue::from_static(content_type))];
    headers.extend(
        more.iter().map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))),
    );
    let answer = client.send(&Method::POST, path, &headers, body.into()).await;
    let Answer { status, body, .. } = answer.expect("an answer");
    (status.as_u16(), body)
}

fn function_binary() -> PathBuf {
    let usual = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/release/push-gateway");
    let path = std::env::var_os("PUSH_GATEWAY_BINARY").map_or_else(usual, PathBuf::from);
    let build = "build it with `cargo build --release -p push-gateway`, or set PUSH_GATEWAY_BINARY";
    assert!(path.is_file(), "{} is missing: {build}", path.display());
    path
}
