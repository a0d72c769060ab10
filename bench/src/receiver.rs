//! The receiver: a process of its own that answers 200 to everything, so that none of its work is counted as the
//! function's. To a GET it says how many bytes of write requests it has received.
//!
//! It is this program once more, started with a hidden command. It ends when its standard input does, which is when
//! the benchmark ends, however that comes about.

use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

/// The name of the hidden command.
pub(crate) const COMMAND: &str = "receiver";

/// The bytes of all write requests so far.
static RECEIVED: AtomicU64 = AtomicU64::new(0);

/// A running receiver; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Receiver {
    /// Where samples are to be written.
    pub(crate) url: String,
    /// Where it listens.
    pub(crate) address: String,
    _process: Child,
}

impl Receiver {
    /// Starts `program`, which is this program, as a receiver.
    pub(crate) async fn start(program: &Path) -> io::Result<Self> {
        let mut process = Command::new(program)
            .arg(COMMAND)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stdout = process.stdout.take().expect("it is piped");
        let mut address = String::new();
        BufReader::new(stdout).read_line(&mut address).await?;
        let address = address.trim().to_owned();
        let url = format!("http://{address}/workspaces/ws-bench/api/v1/remote_write");
        Ok(Self { url, address, _process: process })
    }
}

/// Answers until standard input ends.
pub(crate) async fn run() -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("{}", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service_fn(answer));
            tokio::spawn(connection);
        }
    });
    tokio::io::stdin().read_to_end(&mut Vec::new()).await.map(drop)
}

/// 200 once all of the body is here.
async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.method() == Method::GET {
        let received = RECEIVED.load(Ordering::Relaxed).to_string();
        return Ok(Response::new(received.into()));
    }
    let mut body = request.into_body();
    while let Some(Ok(frame)) = body.frame().await {
        let bytes = frame.data_ref().map_or(0, Bytes::len);
        RECEIVED.fetch_add(bytes as u64, Ordering::Relaxed);
    }
    Ok(Response::new(Full::default()))
}
