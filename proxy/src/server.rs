//! Connections by HTTP/1.1 with keep-alive, and their graceful end.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::proxy::Proxy;

/// The number of connections at a time; more of them wait.
const MAX_CONNECTIONS: usize = 1_024;

/// How long a connection may be idle or take to send the head of a request: longer than clients keep idle connections, so that
/// none is closed while a request is on its way. Go programs keep them for 90 s, Prometheus for 5 minutes.
const IDLE: Duration = Duration::from_mins(10);

/// The memory of a connection for what it reads, which also limits the head of a request, in bytes.
const BUFFER: usize = 64 * 1_024;

/// How long requests in progress may take after the signal to stop.
const STOP: Duration = Duration::from_secs(30);

/// The wait after an error of the listener, such as too many open files.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves `proxy` until `stop` completes. Then it accepts no connection, and waits for the requests in progress.
pub async fn serve(listener: TcpListener, proxy: Arc<Proxy>, stop: impl Future<Output = ()>) {
    let (stopping, _) = watch::channel(());
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await.expect("the semaphore is never closed");
            (listener.accept().await, place)
        };
        tokio::select! {
            () = &mut stop => break,
            Some(_) = connections.join_next() => {}
            (accepted, place) = accepted => match accepted {
                Ok((stream, _)) => {
                    let connection = connection(stream, Arc::clone(&proxy), stopping.subscribe());
                    connections.spawn(async move {
                        connection.await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "A connection could not be accepted.");
                    sleep(PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    stopping.send_replace(());
    let ended = timeout(STOP, async { while connections.join_next().await.is_some() {} });
    if ended.await.is_err() {
        tracing::warn!(connections = connections.len(), "Requests in progress were given up.");
    }
}

async fn connection(stream: TcpStream, proxy: Arc<Proxy>, mut stopping: watch::Receiver<()>) {
    // Without this, Nagle's algorithm and delayed acknowledgements add 40 ms to a response in two segments.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let proxy = Arc::clone(&proxy);
        async move { Ok::<_, Infallible>(proxy.handle(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        _ = stopping.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "A connection ended early.");
    }
}
