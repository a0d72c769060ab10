//! What other programs need for the same push: a Pushgateway, which keeps it until it is scraped, and vmagent, which sends
//! it on with remote write. Neither is a function, so only the CPU of a push can be compared.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use local_testing::children;
use reqwest::Client;
use tokio::net::TcpListener;
use tokio::process::Child;

use crate::batch::{FULL_PUSHES, PUSH_PATH, PushFormat};
use crate::measure::count;

/// Pushes before the first that counts.
const WARM_UPS: usize = 5;

/// The time in which a program answers its first request.
const START_LIMIT: Duration = Duration::from_secs(10);

/// The time after which vmagent has sent on what it holds.
const FLUSH: Duration = Duration::from_secs(2);

/// A program that takes pushes, and what one costs it.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) format: PushFormat,
    /// User and system time for one push, in milliseconds: the mean, because the kernel counts in steps of ten.
    pub(crate) cpu_ms: f64,
}

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// It could not be started, or it ended.
    #[error("{0}: {1}")]
    Process(&'static str, io::Error),
    /// It did not take a push.
    #[error("{0} answered {1}")]
    Answer(&'static str, String),
}

/// Measures every peer that is in a folder of `path`.
pub(crate) async fn measure(path: &str, receiver_url: &str, rounds: usize) -> Result<Vec<Peer>, Error> {
    let mut peers = Vec::new();
    let scratch = std::env::temp_dir().join(format!("push-gateway-bench-{}", std::process::id()));
    for (name, push_path) in [("prometheus-pushgateway", PUSH_PATH), ("vmagent", "/api/v1/import/prometheus")]
    {
        let Some(program) = find(path, name) else {
            eprintln!("• Left out {name}: not found");
            continue;
        };
        for push in FULL_PUSHES {
            // vmagent reads text only.
            if name == "vmagent" && push.format != PushFormat::Text || push.format == PushFormat::OpenMetrics
            {
                continue;
            }
            eprintln!("• {name}, {:?}", push.format);
            let failed = |error| Error::Process(name, error);
            let port = free_port().await.map_err(failed)?;
            let child = start(name, &program, port, receiver_url, &scratch).map_err(failed)?;
            let url = format!("http://127.0.0.1:{port}{push_path}");
            let cpu_ms =
                cpu_of_a_push(name, &child, &url, push.format.content_type(), &push.body(), rounds).await?;
            peers.push(Peer { name, format: push.format, cpu_ms });
        }
    }
    let _ = std::fs::remove_dir_all(scratch);
    Ok(peers)
}

fn find(path: &str, name: &str) -> Option<PathBuf> {
    path.split(':').map(|folder| Path::new(folder).join(name)).find(|program| program.is_file())
}

fn start(
    name: &'static str,
    program: &Path,
    port: u16,
    receiver_url: &str,
    scratch: &Path,
) -> io::Result<Child> {
    let arguments = match name {
        "vmagent" => vec![
            format!("-httpListenAddr=127.0.0.1:{port}"),
            format!("-remoteWrite.url={receiver_url}"),
            format!("-remoteWrite.tmpDataPath={}", scratch.display()),
        ],
        _ => vec![format!("--web.listen-address=127.0.0.1:{port}"), "--persistence.file=".to_owned()],
    };
    children::command(program)?.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
}

async fn cpu_of_a_push(
    name: &'static str,
    child: &Child,
    url: &str,
    content_type: &str,
    body: &[u8],
    rounds: usize,
) -> Result<f64, Error> {
    let client = Client::new();
    let push = async || {
        let request = client.post(url).header("content-type", content_type).body(body.to_vec());
        let response = request.send().await.map_err(|error| error.to_string())?;
        if response.status().is_success() { Ok(()) } else { Err(response.status().to_string()) }
    };
    let started = tokio::time::Instant::now();
    while let Err(error) = push().await {
        if started.elapsed() > START_LIMIT {
            return Err(Error::Answer(name, error));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let measured = async |pushes: usize| {
        for _ in 0..pushes {
            push().await.map_err(|error| Error::Answer(name, error))?;
        }
        tokio::time::sleep(FLUSH).await;
        cpu_ms(child).map_err(|error| Error::Process(name, error))
    };
    let before = measured(WARM_UPS).await?;
    Ok((measured(rounds).await? - before) / count(rounds))
}

/// User and system time of a process so far: proc(5), the fields `utime` and `stime` of `/proc/<pid>/stat`.
fn cpu_ms(child: &Child) -> io::Result<f64> {
    const MS_PER_TICK: f64 = 10.0;
    let pid = child.id().ok_or_else(|| io::Error::other("the process ended"))?;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name of the program is in parentheses and may contain anything.
    let fields: Vec<_> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = [11, 12].map(|at| fields.get(at).and_then(|field| field.parse::<u64>().ok()));
    match ticks {
        [Some(user), Some(system)] => Ok(count(user + system) * MS_PER_TICK),
        _ => Err(io::Error::other("an unknown form of /proc/<pid>/stat")),
    }
}

async fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port())
}
