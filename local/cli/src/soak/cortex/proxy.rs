//! A proxy between the functions and Cortex, which loses answers and refuses requests.
//!
//! It passes on one request at a time. If several writers had written to a series at once, the log of Cortex could have
//! their samples in another order than its memory, and samples that are out of order in the log alone would be lost when
//! Cortex is killed.

use std::io;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use fastrand::Rng;
use http::{Request, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use local_testing::http_server::{HttpServer, Reply};
use local_testing::prometheus::client::{ClientError, PrometheusClient};

/// Of this many requests one is stored and not answered.
const LOST: u32 = 20;

/// A proxy; it ends with this value.
#[derive(Debug)]
pub(super) struct Proxy {
    server: HttpServer,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    client: PrometheusClient,
    one_at_a_time: tokio::sync::Mutex<()>,
    rng: Mutex<Rng>,
    /// The status of all answers; 0 passes requests on.
    status: AtomicU16,
    requests: AtomicU32,
    refused: AtomicU32,
    lost: AtomicU32,
}

/// Counts of requests.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counts {
    pub(super) requests: u32,
    /// Answered by the proxy, with 429 or 503.
    pub(super) refused: u32,
    /// Stored without an answer.
    pub(super) lost: u32,
}

/// Why there is no proxy.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProxyError {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("the proxy before cortex cannot listen")]
    Port(#[from] io::Error),
}

impl Proxy {
    pub(super) async fn start(remote_write_url: &str, rng: Rng) -> Result<Self, ProxyError> {
        let shared = Arc::new(Shared {
            client: PrometheusClient::new(remote_write_url)?,
            one_at_a_time: tokio::sync::Mutex::default(),
            rng: Mutex::new(rng),
            status: AtomicU16::default(),
            requests: AtomicU32::default(),
            refused: AtomicU32::default(),
            lost: AtomicU32::default(),
        });
        let of_server = Arc::clone(&shared);
        let server = HttpServer::start(0, move |request, _| {
            let shared = Arc::clone(&of_server);
            // A function that is killed closes its connection, and its request is passed on to the end nevertheless.
            let answering = tokio::spawn(async move { shared.answer(request).await });
            async move { answering.await.ok().flatten().unwrap_or(Reply::Close) }
        });
        Ok(Self { server: server.await?, shared })
    }

    pub(super) fn remote_write_url(&self) -> String {
        format!("http://{}/api/v1/remote_write", self.server.address())
    }

    /// Answers all requests with `status` from now on, or passes them on again.
    pub(super) fn refuse(&self, status: Option<StatusCode>) {
        self.shared.status.store(status.map_or(0, |status| status.as_u16()), Ordering::Relaxed);
    }

    pub(super) fn counts(&self) -> Counts {
        let count = |count: &AtomicU32| count.load(Ordering::Relaxed);
        let Shared { requests, refused, lost, .. } = &*self.shared;
        Counts { requests: count(requests), refused: count(refused), lost: count(lost) }
    }
}

impl Shared {
    /// Nothing if Cortex cannot be reached.
    async fn answer(&self, request: Request<Incoming>) -> Option<Reply> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let (head, body) = request.into_parts();
        let body = body.collect().await.ok()?.to_bytes();
        if let Ok(status) = StatusCode::from_u16(self.status.load(Ordering::Relaxed)) {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return Some(Reply::Answer(Reply::full(status, "")));
        }
        let of_connection = [header::HOST, header::CONTENT_LENGTH, header::CONNECTION];
        let headers = head.headers.iter().filter(|(name, _)| !of_connection.contains(name));
        let headers: Vec<_> = headers.map(|(name, value)| (name.clone(), value.clone())).collect();
        let _turn = self.one_at_a_time.lock().await;
        let answer = self.client.send(&head.method, "", &headers, body).await.ok()?;
        let number = self.rng.lock().unwrap_or_else(PoisonError::into_inner).u32(..LOST);
        if number == 0 {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return Some(Reply::Reset);
        }
        Some(Reply::Answer(Reply::full(answer.status, answer.body)))
    }
}
