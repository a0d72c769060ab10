//! An HTTP server that replies by script and records its requests.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    /// With lower-case names.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// A reply of the server.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// A status and a body.
    Body(u16, String),
    /// A 200 with this content type and body.
    Typed(String, String),
    /// A 200 whose body ends before its announced length.
    BreakOff(String),
    /// The connection is closed without a response.
    Drop,
    /// The response never comes.
    Hang,
}

impl Reply {
    pub(crate) fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::Body(status, body.to_string())
    }

    /// An empty vector.
    pub(crate) fn empty() -> Self {
        Self::Body(200, r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#.to_owned())
    }
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    /// Replies by the request and its number, from 0.
    pub(crate) async fn by(reply: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (journal, reply) = (Arc::clone(&seen), Arc::new(reply));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (journal, reply) = (Arc::clone(&journal), Arc::clone(&reply));
                tokio::spawn(async move { serve(stream, &journal, &*reply).await });
            }
        });
        Self { url, seen }
    }

    /// Replies in this order, and repeats the last one.
    pub(crate) async fn in_order(replies: Vec<Reply>) -> Self {
        Self::by(move |_, count| replies[count.min(replies.len() - 1)].clone()).await
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The value of a parameter in the URL or in the form body, decoded by the rules of the URL standard.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let form = if self.method == "POST" {
            self.body.as_str()
        } else {
            self.target.split_once('?').map_or("", |(_, query)| query)
        };
        form_urlencoded::parse(form.as_bytes()).find(|(n, _)| n == name).map(|(_, value)| value.into_owned())
    }
}

async fn serve(
    stream: TcpStream,
    journal: &Mutex<Vec<Seen>>,
    reply: &(dyn Fn(&Seen, usize) -> Reply + Send + Sync),
) {
    let mut stream = BufReader::new(stream);
    while let Some(seen) = read(&mut stream).await {
        let reply = {
            let mut journal = journal.lock().unwrap_or_else(PoisonError::into_inner);
            let reply = reply(&seen, journal.len());
            journal.push(seen);
            reply
        };
        let (status, content_type, body, missing) = match reply {
            Reply::Body(status, body) => (status, "application/json".to_owned(), body, 0),
            Reply::Typed(content_type, body) => (200, content_type, body, 0),
            Reply::BreakOff(body) => (200, "application/json".to_owned(), body, 1),
            Reply::Drop => return,
            Reply::Hang => return std::future::pending().await,
        };
        let length = body.len() + missing;
        let head = format!(
            "HTTP/1.1 {status} Scripted\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\r\n"
        );
        let written = async {
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(body.as_bytes()).await?;
            stream.flush().await
        };
        if written.await.is_err() || missing > 0 {
            return;
        }
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Seen> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
    let mut parts = line.split(' ');
    let (method, target) = (parts.next()?.to_owned(), parts.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0)];
    stream.read_exact(&mut body).await.ok()?;
    Some(Seen { method, target, headers, body: String::from_utf8(body).ok()? })
}
