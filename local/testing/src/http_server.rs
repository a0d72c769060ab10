//! A small HTTP/1.1 server on 127.0.0.1 whose handler also decides how a connection ends.
//!
//! The server and all its connections end with the [`HttpServer`] value; it can be down for a while before that.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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

/// The body of an answer: complete, or a stream.
pub type ResponseBody = BoxBody<Bytes, io::Error>;

/// How one request ends.
#[derive(Debug)]
pub enum Reply {
    /// An answer.
    Answer(http::Response<ResponseBody>),
    /// The connection is closed without an answer (FIN).
    Close,
    /// The connection is reset without an answer (RST).
    Reset,
}

impl Reply {
    /// A complete answer.
    pub fn full(status: http::StatusCode, body: impl Into<Bytes>) -> http::Response<ResponseBody> {
        let mut response =
            http::Response::new(Full::new(body.into()).map_err(|never| match never {}).boxed());
        *response.status_mut() = status;
        response
    }
}

type Answering = Pin<Box<dyn Future<Output = Reply> + Send>>;

/// Answers a request, given the number of its connection.
type Handler = Arc<dyn Fn(http::Request<Incoming>, u64) -> Answering + Send + Sync>;

/// A server with a fixed address, at which it listens or not.
pub struct HttpServer {
    address: SocketAddr,
    connections: Arc<AtomicU64>,
    handler: Handler,
    listening: Mutex<Option<Listening>>,
}

impl HttpServer {
    /// Listens on a port of 127.0.0.1 (0 takes a free one); `handle` gets each request and the number of its connection.
    ///
    /// # Errors
    /// The port cannot be opened.
    pub async fn start<H, F>(port: u16, handle: H) -> io::Result<Self>
    where
        H: Fn(http::Request<Incoming>, u64) -> F + Send + Sync + 'static,
        F: Future<Output = Reply> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let server = Self {
            address: listener.local_addr()?,
            connections: Arc::default(),
            handler: Arc::new(move |request, connection| Box::pin(handle(request, connection)) as Answering),
            listening: Mutex::default(),
        };
        *server.listening() = Some(server.listen(listener));
        Ok(server)
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many TCP connections were accepted.
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// Refuses connections from now on and closes those that are open.
    pub fn go_down(&self) {
        self.listening().take();
    }

    /// Listens again at the same address, unless it does already.
    ///
    /// # Errors
    /// The port is in use.
    pub async fn come_back(&self) -> io::Result<()> {
        if self.listening().is_some() {
            return Ok(());
        }
        let listener = TcpListener::bind(self.address).await?;
        *self.listening() = Some(self.listen(listener));
        Ok(())
    }

    fn listening(&self) -> MutexGuard<'_, Option<Listening>> {
        self.listening.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listen(&self, listener: TcpListener) -> Listening {
        let socket = Arc::new(ListeningSocket(Mutex::new(Some(listener))));
        let accepting = accept(Arc::clone(&socket), Arc::clone(&self.handler), Arc::clone(&self.connections));
        Listening { socket, accepting: tokio::spawn(accepting) }
    }
}

impl fmt::Debug for HttpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpServer").field("address", &self.address).finish_non_exhaustive()
    }
}

/// A listening server; dropping it closes it.
struct Listening {
    socket: Arc<ListeningSocket>,
    accepting: JoinHandle<()>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        // Connections after this line are refused, even if the task below ends later.
        self.socket.close();
        // The connections live in a set inside this task and are aborted with it.
        self.accepting.abort();
    }
}

/// A socket that can be closed while a task waits for a connection.
struct ListeningSocket(Mutex<Option<TcpListener>>);

impl ListeningSocket {
    /// The next connection; an error once the socket is closed.
    fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<TcpStream>> {
        match &*self.lock() {
            Some(listener) => listener.poll_accept(context).map_ok(|(stream, _)| stream),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    fn is_closed(&self) -> bool {
        self.lock().is_none()
    }

    fn close(&self) {
        self.lock().take();
    }

    fn lock(&self) -> MutexGuard<'_, Option<TcpListener>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn accept(socket: Arc<ListeningSocket>, handler: Handler, connections: Arc<AtomicU64>) {
    let mut open = JoinSet::new();
    while !socket.is_closed() {
        tokio::select! {
            accepted = poll_fn(|context| socket.poll_accept(context)) => {
                // A failed accept concerns one client, not the server.
                let Ok(stream) = accepted else { continue };
                let number = connections.fetch_add(1, Ordering::Relaxed);
                open.spawn(serve(stream, Arc::clone(&socket), Arc::clone(&handler), number));
            }
            Some(_) = open.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, socket: Arc<ListeningSocket>, handler: Handler, number: u64) {
    // Without this, Nagle's algorithm and delayed acknowledgements add 40 ms to an answer in two segments.
    let _ = stream.set_nodelay(true);
    let reset = Arc::new(AtomicBool::new(false));
    let io = TokioIo::new(Resettable { stream, reset: Arc::clone(&reset) });
    let service = service_fn(move |request| {
        // A connection of a server that has gone down may exist a moment longer, but is not served.
        let answering = (!socket.is_closed()).then(|| handler(request, number));
        let reset = Arc::clone(&reset);
        async move {
            let Some(answering) = answering else { return Err(io::Error::other("gone down")) };
            match answering.await {
                Reply::Answer(response) => Ok(response),
                Reply::Close => Err(io::Error::other("the handler closes the connection")),
                Reply::Reset => {
                    reset.store(true, Ordering::Relaxed);
                    Err(io::Error::other("the handler resets the connection"))
                }
            }
        }
    });
    // An error here is a client that disconnected, or one of the two ends above.
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
