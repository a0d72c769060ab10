//! What other programs need for the same push: a Pushgateway, which keeps it until it is scraped, Prometheus, which stores
//! it, and vmagent and a collector of OpenTelemetry, which send it on with remote write. None is a function, so only the
//! CPU of a push can be compared.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};
use local_testing::children;
use local_testing::prometheus::client::PrometheusClient;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::Child;

use crate::measure::count;
use crate::push::{FULL_PUSHES, PUSH_PATH, Push, PushFormat};

/// Pushes before the first that counts.
const WARM_UPS: usize = 5;

/// The time in which a program answers its first request.
const START_LIMIT: Duration = Duration::from_secs(10);

/// The time after which vmagent and the collector have sent on what they hold.
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

/// A program that may be found.
struct Program {
    name: &'static str,
    /// The formats that it takes, with their paths.
    formats: &'static [(PushFormat, &'static str)],
    /// A text in its help without which it is too old.
    needs: &'static str,
}

const PROGRAMS: [Program; 4] = [
    Program {
        name: "prometheus-pushgateway",
        formats: &[(PushFormat::Text, PUSH_PATH), (PushFormat::Protobuf, PUSH_PATH)],
        needs: "",
    },
    Program {
        name: "vmagent",
        formats: &[
            (PushFormat::Text, "/api/v1/import/prometheus"),
            (PushFormat::Otlp, "/opentelemetry/v1/metrics"),
            (PushFormat::RemoteWrite1, "/api/v1/write"),
        ],
        needs: "",
    },
    Program {
        name: "prometheus",
        formats: &[
            (PushFormat::Otlp, "/api/v1/otlp/v1/metrics"),
            (PushFormat::RemoteWrite1, "/api/v1/write"),
            (PushFormat::RemoteWrite2, "/api/v1/write"),
        ],
        // Version 2 has none, and neither has Debian's version 3.
        needs: "web.enable-otlp-receiver",
    },
    Program {
        name: "otelcol",
        formats: &[(PushFormat::Otlp, "/v1/metrics"), (PushFormat::OtlpJson, "/v1/metrics")],
        needs: "",
    },
];

/// Measures every program that is in a folder of `path`.
pub(crate) async fn measure(path: &str, receiver_url: &str, rounds: usize) -> Result<Vec<Peer>, Error> {
    let mut peers = Vec::new();
    for Program { name, formats, needs } in PROGRAMS {
        let failed = |error| Error::Process(name, error);
        let Some(program) = find(path, name, needs).await.map_err(failed)? else {
            eprintln!("• Left out {name}: not found, or too old");
            continue;
        };
        for &(format, push_path) in formats {
            eprintln!("• {name}, {}", format.name());
            let push = FULL_PUSHES.into_iter().find(|push| push.format == format);
            let body = push.map(Push::body).unwrap_or_default();
            let scratch = TempDir::new().map_err(failed)?;
            let port = free_port().await.map_err(failed)?;
            let child = start(name, &program, port, receiver_url, scratch.path()).map_err(failed)?;
            let url = format!("http://127.0.0.1:{port}");
            let cpu_ms = cpu_of_a_push(name, &child, &url, push_path, (format, body), rounds).await?;
            peers.push(Peer { name, format, cpu_ms });
        }
    }
    Ok(peers)
}

/// The program of that name whose help contains `needs`.
async fn find(path: &str, name: &str, needs: &str) -> io::Result<Option<PathBuf>> {
    let found =
        path.split(':').map(|folder| Path::new(folder).join(name)).filter(|program| program.is_file());
    for program in found {
        if needs.is_empty() {
            return Ok(Some(program));
        }
        let help = children::command(&program)?.arg("--help").output().await?;
        let text = [help.stdout, help.stderr].concat();
        if String::from_utf8_lossy(&text).contains(needs) {
            return Ok(Some(program));
        }
    }
    Ok(None)
}

fn start(
    name: &'static str,
    program: &Path,
    port: u16,
    receiver_url: &str,
    scratch: &Path,
) -> io::Result<Child> {
    let address = format!("127.0.0.1:{port}");
    let file = scratch.join("config.yml");
    let arguments = match name {
        "vmagent" => vec![
            format!("-httpListenAddr={address}"),
            format!("-remoteWrite.url={receiver_url}"),
            format!("-remoteWrite.tmpDataPath={}", scratch.display()),
        ],
        "prometheus" => {
            std::fs::write(&file, "")?;
            vec![
                format!("--config.file={}", file.display()),
                format!("--storage.tsdb.path={}", scratch.join("data").display()),
                format!("--web.listen-address={address}"),
                "--web.enable-remote-write-receiver".to_owned(),
                "--web.enable-otlp-receiver".to_owned(),
            ]
        }
        "otelcol" => {
            std::fs::write(&file, collector(&address, receiver_url))?;
            vec![format!("--config={}", file.display())]
        }
        _ => vec![format!("--web.listen-address={address}"), "--persistence.file=".to_owned()],
    };
    children::command(program)?.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
}

/// The configuration of a collector that sends on by remote write.
fn collector(address: &str, receiver_url: &str) -> String {
    format!(
        "receivers: {{otlp: {{protocols: {{http: {{endpoint: '{address}'}}}}}}}}\n\
         exporters: {{prometheusremotewrite: {{endpoint: '{receiver_url}'}}}}\n\
         service:\n  telemetry: {{metrics: {{level: none}}}}\n  pipelines:\n    \
         metrics: {{receivers: [otlp], exporters: [prometheusremotewrite]}}\n"
    )
}

async fn cpu_of_a_push(
    name: &'static str,
    child: &Child,
    url: &str,
    path: &str,
    (format, body): (PushFormat, Vec<u8>),
    rounds: usize,
) -> Result<f64, Error> {
    let client = PrometheusClient::new(url).map_err(|error| Error::Answer(name, error.to_string()))?;
    let headers = format.headers().iter();
    let headers: Vec<_> = headers
        .map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect();
    let body = Bytes::from(body);
    let push = async || {
        let answer = client.send(&Method::POST, path, &headers, body.clone()).await;
        let status = answer.map_err(|error| error.to_string())?.status;
        if status.is_success() { Ok(()) } else { Err(status.to_string()) }
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
