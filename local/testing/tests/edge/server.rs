//! Servers that answer as a test says and write down what they were asked: with TLS behind an authority of one's own, or
//! without; and a proxy in front of them.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _,
    BufReader, copy_bidirectional,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// The authority that signed the certificate of every server here.
pub(crate) const AUTHORITY: &str = include_str!("authority/root.pem");

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) target: String,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// A proxy that takes every tunnel to one server, whatever host it is for.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) url: String,
    tunnels: Arc<Mutex<Vec<String>>>,
}

/// The path of the file that holds [`AUTHORITY`], or of another one beside it.
pub(crate) fn file(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/edge/authority").join(name);
    path.to_str().expect("UTF-8").to_owned()
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value)
    }
}

impl Server {
    /// A server for `https://`.
    pub(crate) async fn tls(reply: impl Fn(&Seen) -> (u16, String) + Send + Sync + 'static) -> Self {
        Self::start(Some(acceptor()), reply).await
    }

    /// A server for `http://`.
    pub(crate) async fn plain(reply: impl Fn(&Seen) -> (u16, String) + Send + Sync + 'static) -> Self {
        Self::start(None, reply).await
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The requests for this path.
    pub(crate) fn seen_at(&self, path: &str) -> Vec<Seen> {
        self.seen().into_iter().filter(|seen| seen.target == path).collect()
    }

    async fn start(
        tls: Option<TlsAcceptor>,
        reply: impl Fn(&Seen) -> (u16, String) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let scheme = if tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}", listener.local_addr().expect("an address"));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (journal, reply) = (Arc::clone(&seen), Arc::new(reply));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, journal, reply) = (tls.clone(), Arc::clone(&journal), Arc::clone(&reply));
                tokio::spawn(async move {
                    match tls {
                        // A client that does not trust us goes away during the handshake.
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, &journal, &*reply).await;
                            }
                        }
                        None => serve(stream, &journal, &*reply).await,
                    }
                });
            }
        });
        Self { url, seen }
    }
}

impl Proxy {
    pub(crate) async fn to(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let upstream = server.url.split_once("://").expect("a URL").1.to_owned();
        let tunnels = Arc::new(Mutex::new(Vec::new()));
        let journal = Arc::clone(&tunnels);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (upstream, journal) = (upstream.clone(), Arc::clone(&journal));
                tokio::spawn(async move {
                    let mut stream = BufReader::new(stream);
                    let Some(head) = head(&mut stream).await else { return };
                    let line = head.lines().next().expect("a request line").to_owned();
                    journal.lock().unwrap_or_else(PoisonError::into_inner).push(line);
                    let mut upstream = TcpStream::connect(upstream).await.expect("the server");
                    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.expect("a client");
                    // Either side may go away.
                    let _ = copy_bidirectional(&mut stream, &mut upstream).await;
                });
            }
        });
        Self { url, tunnels }
    }

    /// The request lines.
    pub(crate) fn tunnels(&self) -> Vec<String> {
        self.tunnels.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn acceptor() -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_file(file("server.pem")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(file("server.key")).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("protocol versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a certificate and its key");
    TlsAcceptor::from(Arc::new(config))
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    journal: &Mutex<Vec<Seen>>,
    reply: &(dyn Fn(&Seen) -> (u16, String) + Send + Sync),
) {
    let mut stream = BufReader::new(stream);
    while let Some(head) = head(&mut stream).await {
        let mut lines = head.lines();
        let mut words = lines.next().expect("a request line").split(' ').map(str::to_owned);
        let target = words.nth(1).expect("a target");
        let headers: Vec<_> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut seen = Seen { target, headers, body: Vec::new() };
        seen.body = vec![0; seen.header("content-length").parse().unwrap_or(0)];
        if stream.read_exact(&mut seen.body).await.is_err() {
            return;
        }
        let (status, body) = reply(&seen);
        journal.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
        // An instance's service says so how long its token is good.
        let head = "x-aws-ec2-metadata-token-ttl-seconds: 21600";
        let answer =
            format!("HTTP/1.1 {status} Said\r\n{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        if stream.write_all(answer.as_bytes()).await.is_err() || stream.flush().await.is_err() {
            return;
        }
    }
}

/// A request line and headers; nothing at the end of the connection.
async fn head(stream: &mut (impl AsyncBufRead + Unpin)) -> Option<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    Some(head)
}
