//! TLS behind a certificate authority of our own, and a proxy, in front of the scripted server.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use local_testing::scripted::{Answer, Request, ScriptedServer};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// The authority that signed the certificate of every server here.
pub(crate) const AUTHORITY: &str = include_str!("authority/root.pem");

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    url: String,
    scripted: ScriptedServer,
}

/// A proxy that takes every tunnel to one server, for any host.
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

impl Server {
    /// A server for `http://`.
    pub(crate) async fn plain(reply: impl Fn(&Request) -> (u16, String) + Send + Sync + 'static) -> Self {
        // The credentials service of an instance states the lifetime of its token.
        let lifetime = ("x-aws-ec2-metadata-token-ttl-seconds", "21600");
        let scripted = ScriptedServer::by(move |request, _| {
            let (status, body) = reply(request);
            Answer::new(status, body).header(lifetime.0, lifetime.1)
        })
        .await;
        Self { url: scripted.url(), scripted }
    }

    /// A server for `https://`.
    pub(crate) async fn tls(reply: impl Fn(&Request) -> (u16, String) + Send + Sync + 'static) -> Self {
        let Self { scripted, .. } = Self::plain(reply).await;
        let (listener, authority) = listen().await;
        let (port, acceptor) = (scripted.port(), acceptor());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    // A client that does not trust the certificate ends the handshake.
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    let mut upstream = TcpStream::connect(("127.0.0.1", port)).await.expect("the server");
                    let _ = copy_bidirectional(&mut stream, &mut upstream).await;
                });
            }
        });
        Self { url: format!("https://{authority}"), scripted }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.scripted.requests()
    }

    /// The requests for this path.
    pub(crate) fn requests_for(&self, path: &str) -> Vec<Request> {
        self.requests().into_iter().filter(|request| request.target == path).collect()
    }
}

impl Proxy {
    pub(crate) async fn to(server: &Server) -> Self {
        let (listener, authority) = listen().await;
        let upstream = server.url.split_once("://").expect("a URL").1.to_owned();
        let tunnels = Arc::<Mutex<Vec<String>>>::default();
        let journal = Arc::clone(&tunnels);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (upstream, journal) = (upstream.clone(), Arc::clone(&journal));
                tokio::spawn(async move {
                    let mut stream = BufReader::new(stream);
                    let mut head = String::new();
                    while !head.ends_with("\r\n\r\n") {
                        if stream.read_line(&mut head).await.unwrap_or_default() == 0 {
                            return;
                        }
                    }
                    let line = head.lines().next().expect("a request line").to_owned();
                    journal.lock().unwrap_or_else(PoisonError::into_inner).push(line);
                    let mut upstream = TcpStream::connect(upstream).await.expect("the server");
                    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.expect("a client");
                    // Either side may close the connection.
                    let _ = copy_bidirectional(&mut stream, &mut upstream).await;
                });
            }
        });
        Self { url: format!("http://{authority}"), tunnels }
    }

    /// The request lines.
    pub(crate) fn tunnels(&self) -> Vec<String> {
        self.tunnels.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let authority = listener.local_addr().expect("an address").to_string();
    (listener, authority)
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
