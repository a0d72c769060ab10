//! A real Pushgateway, and an HTTP client that sends targets as they are.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use local_testing::children;
use local_testing::scripted::closed_port;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Child;

use crate::requests::Request;

/// An answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The header `Allow`.
    pub(crate) allow: Option<String>,
    pub(crate) body: String,
}

/// A running Pushgateway.
#[derive(Debug)]
pub(crate) struct Pushgateway {
    pub(crate) address: String,
    _child: Child,
}

impl Pushgateway {
    pub(crate) async fn start(program: &Path) -> Self {
        // It cannot choose a port itself. If another program takes this one first, it ends and is started again.
        for _ in 0..10 {
            let address = format!("127.0.0.1:{}", closed_port().expect("a free port"));
            let mut child = children::command(program)
                .expect("a command")
                .arg(format!("--web.listen-address={address}"))
                .args(["--persistence.file=", "--web.enable-admin-api"])
                .stderr(Stdio::null())
                .spawn()
                .expect("the server starts");
            let wipe = wipe();
            while child.try_wait().expect("a child").is_none() {
                if send(&address, &wipe).await.is_ok() && child.try_wait().expect("a child").is_none() {
                    return Self { address, _child: child };
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        panic!("the server ended ten times before it was ready");
    }

    /// The answer to a request, from a gateway without groups unless the request continues another.
    pub(crate) async fn answer(&mut self, request: &Request) -> Answer {
        if !request.continues {
            let wiped = send(&self.address, &wipe()).await.expect("an answer");
            assert_eq!(wiped.status, 202, "{wiped:?}");
        }
        let answer = send(&self.address, request).await.expect("an answer");
        if answer.body.contains("base64") {
            // Version 1.5.1 keeps a lock after such an error, and answers no further push.
            *self = Self::start(&program()).await;
        }
        answer
    }
}

fn wipe() -> Request {
    Request::new("wipe", "PUT", "/api/v1/admin/wipe")
}

/// Sends the request as it is on a connection of its own.
pub(crate) async fn send(address: &str, request: &Request) -> std::io::Result<Answer> {
    let headers = request.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
    let head = format!(
        "{} {} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{}Content-Length: {}\r\n\r\n",
        request.method,
        request.target,
        headers.collect::<Vec<_>>().concat(),
        request.body.len()
    );
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(&[head.as_bytes(), &request.body].concat()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(std::io::ErrorKind::UnexpectedEof)?;
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
    let headers: Vec<_> = lines.filter_map(|line| line.split_once(": ")).collect();
    let header = |name: &str| {
        headers
            .iter()
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| (*value).to_owned())
    };
    Ok(Answer {
        status: status.ok_or(std::io::ErrorKind::InvalidData)?,
        allow: header("allow"),
        body: if header("transfer-encoding").is_some() { without_chunks(body) } else { body.to_owned() },
    })
}

/// The body of an answer in chunks, each after its length and before an end of line.
fn without_chunks(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((length, rest)) = body.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).expect("a length");
        whole += &rest[..length];
        body = rest[length..].trim_start_matches("\r\n");
    }
    whole
}

/// The program of the Pushgateway.
pub(crate) fn program() -> PathBuf {
    let path = std::env::var_os("PUSHGATEWAY").unwrap_or_else(|| "/usr/bin/prometheus-pushgateway".into());
    let path = PathBuf::from(path);
    assert!(
        path.is_file(),
        "{} is missing: apt-get install prometheus-pushgateway, or set PUSHGATEWAY",
        path.display()
    );
    path
}
