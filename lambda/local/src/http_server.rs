//! A small HTTP/1.1 server on 127.0.0.1 whose handler also decides how a connection ends.
//!
//! In: requests of any client. Out: whatever the handler answers, or an abrupt end of the connection. The server
//! and all its connections die with the [`HttpServer`] value.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// The body of an answer: in one piece, or never ending.
pub(crate) type ResponseBody = BoxBody<Bytes, io::Error>;

/// How one request ends.
#[derive(Debug)]
pub(crate) enum Reply {
    /// An answer.
    Answer(http::Response<ResponseBody>),
    /// The connection is closed without an answer (FIN).
    Close,
    /// The connection is reset without an answer (RST).
    Reset,
}

impl Reply {
    /// An answer in one piece.
    pub(crate) fn full(status: http::StatusCode, body: impl Into<Bytes>) -> http::Response<ResponseBody> {
        let mut response =
            http::Response::new(Full::new(body.into()).map_err(|never| match never {}).boxed());
        *response.status_mut() = status;
        response
    }
}

/// A running server.
#[derive(Debug)]
pub(crate) struct HttpServer {
    address: SocketAddr,
    connections: Arc<AtomicU64>,
    accepting: JoinHandle<()>,
}

impl HttpServer {
    /// Listens on a port of 127.0.0.1 (0 takes a free one); `handle` is given each request and the number of its
    /// connection.
    pub(crate) async fn start<H, F>(port: u16, handle: H) -> io::Result<Self>
    where
        H: Fn(http::Request<Incoming>, u64) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Reply> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let connections = Arc::new(AtomicU64::new(0));
        let accepting = tokio::spawn(accept(listener, handle, Arc::clone(&connections)));
        Ok(Self { address, connections, accepting })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many TCP connections were accepted so far.
    pub(crate) fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        // The connections live in a set inside this task and are aborted with it.
        self.accepting.abort();
    }
}

async fn accept<H, F>(listener: TcpListener, handle: H, connections: Arc<AtomicU64>)
where
    H: Fn(http::Request<Incoming>, u64) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Reply> + Send + 'static,
{
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // A failed accept concerns one client (it may be gone already), never the server.
                let Ok((stream, _)) = accepted else { continue };
                let number = connections.fetch_add(1, Ordering::Relaxed);
                open.spawn(serve(stream, handle.clone(), number));
            }
            Some(_) = open.join_next() => {}
        }
    }
}

async fn serve<H, F>(stream: TcpStream, handle: H, number: u64)
where
    H: Fn(http::Request<Incoming>, u64) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Reply> + Send + 'static,
{
    // Without this, Nagle's algorithm and delayed acknowledgements add 40 ms to an answer in two segments.
    let _ = stream.set_nodelay(true);
    let reset = Arc::new(AtomicBool::new(false));
    let io = TokioIo::new(Resettable { stream, reset: Arc::clone(&reset) });
    let service = service_fn(move |request| {
        let answering = handle(request, number);
        let reset = Arc::clone(&reset);
        async move {
            match answering.await {
                Reply::Answer(response) => Ok(response),
                Reply::Close => Err(io::Error::other("told to close the connection")),
                Reply::Reset => {
                    reset.store(true, Ordering::Relaxed);
                    Err(io::Error::other("told to reset the connection"))
                }
            }
        }
    });
    // An error here is a client that went away, or one of the two ends above: both are wanted.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(io, service).await;
}

/// A TCP stream that sends RST instead of FIN when it is dropped after `reset` was set.
struct Resettable {
    stream: TcpStream,
    reset: Arc<AtomicBool>,
}

impl Drop for Resettable {
    fn drop(&mut self) {
        if self.reset.load(Ordering::Relaxed) {
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Resettable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Resettable {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.reset.load(Ordering::Relaxed) {
            // A FIN before the RST would let the client see a clean end first.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
