//! An HTTP server whose responses a test scripts, down to the bytes.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A request as received.
#[derive(Debug)]
pub(crate) struct Received {
    /// The number of its connection, from 1.
    pub(crate) connection: usize,
    /// The path with the query.
    pub(crate) path: String,
    /// Request line and headers.
    pub(crate) head: String,
    /// With the sizes of its chunks and the trailers, if it has chunks.
    pub(crate) body: String,
}

/// The response to a request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// Sends these bytes.
    Bytes(Vec<u8>),
    /// Sends these bytes and closes the connection.
    BytesAndClose(Vec<u8>),
    /// Closes the connection without a response.
    Close,
    /// Never responds.
    Hang,
}

/// Starts a server and returns its address.
pub(crate) async fn serve(reply: impl FnMut(Received) -> Reply + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    let reply = Arc::new(Mutex::new(reply));
    tokio::spawn(async move {
        for connection in 1.. {
            let Ok((stream, _)) = listener.accept().await else { return };
            let reply = Arc::clone(&reply);
            let reply = move |received| reply.lock().unwrap_or_else(PoisonError::into_inner)(received);
            tokio::spawn(respond(stream, connection, reply));
        }
    });
    address
}

/// Starts a server that sends these responses in turn, then the last one again. Returns its address and the requests.
pub(crate) async fn script(replies: Vec<Reply>) -> (String, Arc<Mutex<Vec<Received>>>) {
    let requests = Arc::new(Mutex::new(Vec::new()));
    let received = Arc::clone(&requests);
    let address = serve(move |request| {
        let mut received = received.lock().unwrap_or_else(PoisonError::into_inner);
        received.push(request);
        replies[received.len().min(replies.len()) - 1].clone()
    });
    (address.await, requests)
}

async fn respond(stream: TcpStream, connection: usize, reply: impl Fn(Received) -> Reply) {
    let mut stream = BufReader::new(stream);
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if stream.read_until(b'\n', &mut head).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        stream.read_exact(&mut body).await.expect("a body");
        if head.contains("transfer-encoding: chunked") {
            while !body.ends_with(b"\r\n\r\n") {
                stream.read_until(b'\n', &mut body).await.expect("chunks");
            }
        }
        let path = head.split(' ').nth(1).expect("a request line").to_owned();
        let body = String::from_utf8(body).expect("UTF-8");
        match reply(Received { connection, path, head, body }) {
            Reply::Bytes(bytes) => stream.write_all(&bytes).await.expect("a client"),
            Reply::BytesAndClose(bytes) => return stream.write_all(&bytes).await.expect("a client"),
            Reply::Close => return,
            Reply::Hang => std::future::pending().await,
        }
        stream.flush().await.expect("a client");
    }
}
