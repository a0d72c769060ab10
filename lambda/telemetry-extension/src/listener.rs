//! Receives deliveries of the Telemetry API, without waiting for a destination.
//!
//! Memory is bounded: a delivery that is too large is read to its end, dropped and counted. The response is 200, because
//! Lambda would repeat a rejected delivery, which never gets smaller.

use std::convert::Infallible;
use std::io;
use std::net::TcpListener as StdListener;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore};

use crate::extension_api::{BUFFER_BYTES, BUFFER_ITEMS};
use crate::intake::Intake;
use crate::schedule::Schedule;

/// "anticipate receiving payloads as large as 2 * maxBytes + metadataBytes", where the metadata of each event are its
/// time and type, below 100 bytes.
const MAX_DELIVERY: usize = 2 * BUFFER_BYTES + 100 * BUFFER_ITEMS;

/// The deliveries in memory. Lambda sends one at a time; other clients cannot use more memory than this.
const DELIVERIES_AT_ONCE: usize = 2;

/// The port that Lambda reserves.
const RESERVED_PORT: u16 = 9001;

/// The state that the listener and the loop of events share.
#[derive(Debug)]
pub struct Shared {
    state: Mutex<State>,
    /// Notified of every delivery.
    pub arrived: Notify,
    deliveries: Semaphore,
    now: fn() -> SystemTime,
}

/// The counts and the time to send them.
#[derive(Debug)]
pub struct State {
    /// The counts.
    pub intake: Intake,
    /// The time to send them.
    pub schedule: Schedule,
}

impl Shared {
    /// A state without deliveries.
    pub fn new(intake: Intake, schedule: Schedule, now: fn() -> SystemTime) -> Self {
        Self {
            state: Mutex::new(State { intake, schedule }),
            arrived: Notify::new(),
            deliveries: Semaphore::new(DELIVERIES_AT_ONCE),
            now,
        }
    }

    /// The state. Must not be held over an `await`.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Milliseconds since the epoch.
    pub fn now_ms(&self) -> u64 {
        let since = (self.now)().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    fn take(&self, body: Option<&[u8]>) {
        let now_ms = self.now_ms();
        let mut state = self.state();
        match body {
            Some(body) => state.intake.deliver(body),
            None => state.intake.metrics.observe_oversized(),
        }
        let received = state.intake.metrics.received();
        state.schedule.observe(received, now_ms);
        drop(state);
        self.arrived.notify_waiters();
    }
}

/// Opens a free port of `host` other than the reserved one, and returns it with its listener.
pub fn bind(host: &str) -> io::Result<(u16, TcpListener)> {
    let mut listener = StdListener::bind((host, 0))?;
    if listener.local_addr()?.port() == RESERVED_PORT {
        // The first listener is still open, so this is another port.
        listener = StdListener::bind((host, 0))?;
    }
    listener.set_nonblocking(true)?;
    Ok((listener.local_addr()?.port(), TcpListener::from_std(listener)?))
}

/// Receives deliveries until the process ends.
pub async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let shared = Arc::clone(&shared);
                tokio::spawn(async move {
                    let service = service_fn(|request| answer(&shared, request));
                    // Lambda repeats the delivery of a broken connection.
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "Failed to accept a connection of the Telemetry API.");
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        }
    }
}

async fn answer(shared: &Shared, request: Request<Incoming>) -> Result<Response<Empty<Bytes>>, Infallible> {
    let mut response = Response::new(Empty::new());
    if request.method() != Method::POST {
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        return Ok(response);
    }
    let _permit = shared.deliveries.acquire().await;
    match read(request.into_body()).await {
        Ok(body) => shared.take(body.as_deref()),
        // The connection broke.
        Err(_) => *response.status_mut() = StatusCode::BAD_REQUEST,
    }
    Ok(response)
}

/// The whole body, or `None` if it is too large.
async fn read(mut body: Incoming) -> Result<Option<BytesMut>, hyper::Error> {
    let mut bytes = Some(BytesMut::new());
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        bytes = bytes.filter(|bytes| bytes.len() + data.len() <= MAX_DELIVERY);
        if let Some(bytes) = &mut bytes {
            bytes.extend_from_slice(&data);
        }
    }
    Ok(bytes)
}
