//! One running agent, and the little HTTP that it is spoken to with.
//!
//! In: its program and a folder for its data. Out: its address, once it is ready. It ends with the value.

use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use local_testing::children;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Child;
use tokio::time::Instant;

use super::Kind;

/// How long one may take to start.
const READY_LIMIT: Duration = Duration::from_secs(20);

/// A running agent.
#[derive(Debug)]
pub(super) struct Agent {
    /// Its process.
    pub(super) id: u32,
    /// Where it listens.
    pub(super) address: String,
    _process: Child,
}

impl Agent {
    /// Starts it and waits until it is ready.
    pub(super) async fn start(
        kind: Kind,
        program: &Path,
        folder: &Path,
        receiver_url: &str,
    ) -> io::Result<Self> {
        let address = format!("127.0.0.1:{}", free_port().await?);
        let arguments = match kind.program {
            "vmagent" => vmagent(folder, &address, receiver_url),
            _ => prometheus(folder, &address, receiver_url)?,
        };
        let mut process = children::command(program)?
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let began = Instant::now();
        loop {
            if let Ok((200, _)) = http(&address, "GET", kind.ready, "", b"").await {
                let id = process.id().ok_or_else(|| io::Error::other("it ended"))?;
                return Ok(Self { id, address, _process: process });
            }
            if let Some(status) = process.try_wait()? {
                return Err(io::Error::other(format!("it ended before it was ready: {status}")));
            }
            if began.elapsed() > READY_LIMIT {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "it was never ready"));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn vmagent(folder: &Path, address: &str, receiver_url: &str) -> Vec<String> {
    vec![
        format!("-remoteWrite.url={receiver_url}"),
        format!("-remoteWrite.tmpDataPath={}", folder.display()),
        format!("-httpListenAddr={address}"),
    ]
}

/// A second is the flush interval of vmagent, too.
fn prometheus(folder: &Path, address: &str, receiver_url: &str) -> io::Result<Vec<String>> {
    let config = folder.join("prometheus.yml");
    let queue = "queue_config: {batch_send_deadline: 1s}";
    std::fs::write(&config, format!("remote_write:\n  - url: {receiver_url}\n    {queue}\n"))?;
    Ok(vec![
        "--enable-feature=agent".to_owned(),
        format!("--config.file={}", config.display()),
        format!("--storage.agent.path={}", folder.join("data").display()),
        format!("--web.listen-address={address}"),
        "--web.enable-remote-write-receiver".to_owned(),
    ])
}

async fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0)).await?.local_addr()?.port())
}

/// One request on a connection of its own: the status and the body of the answer.
pub(super) async fn http(
    address: &str,
    method: &str,
    path: &str,
    headers: &str,
    body: &[u8],
) -> io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address).await?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no HTTP answer"))?;
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    Ok((status, body.unwrap_or_default()))
}
