//! Measures a built proxy against its budgets: credentials that rotate every second, a response of 1 GB, and a steady load.
//!
//! `cargo run --release -p prometheus-sigv4-proxy --example measure_proxy -- <PROXY> [SECONDS OF LOAD]`. The proxy takes credentials
//! from a container endpoint in this process, and passes requests on to the stand-in for AMP, which verifies signatures.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Method, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame};
use local_amp::{AmpOptions, AmpStandIn, Credentials};
use local_testing::children;
use local_testing::http_server::{HttpServer, Reply};
use local_testing::prometheus::client::PrometheusClient;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Child;
use tokio::time::{Instant, interval, sleep};

const ROTATION: Duration = Duration::from_secs(1);
const REQUESTS: usize = 10_000;
const AT_ONCE: usize = 8;
/// So that the requests last for ten rotations.
const PACE: Duration = Duration::from_millis(8);

const RESPONSE_BYTES: usize = 1_000_000_000;
const MAX_RSS_KB: u64 = 32 * 1_024;

const LOAD_PER_SECOND: u32 = 500;
const DEFAULT_LOAD_SECONDS: u64 = 60;

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args_os().skip(1);
    let program = PathBuf::from(arguments.next().ok_or("usage: measure_proxy <PROXY> [SECONDS OF LOAD]")?);
    let seconds = arguments.next().map(|text| text.to_string_lossy().parse()).transpose()?;
    println!("binary: {} bytes", std::fs::metadata(&program)?.len());
    rotation(&program).await?;
    long_response(&program).await?;
    load(&program, seconds.unwrap_or(DEFAULT_LOAD_SECONDS)).await
}

/// A proxy in a process of its own.
struct Proxy {
    child: Child,
    address: String,
    client: PrometheusClient,
    /// The source of its credentials.
    _source: HttpServer,
}

type Keys = Arc<Mutex<Credentials>>;

impl Proxy {
    async fn start(program: &Path, url: &str, keys: Keys) -> Result<Self, Failure> {
        let source = HttpServer::start(0, move |_, _| {
            let keys = keys.lock().unwrap_or_else(PoisonError::into_inner).clone();
            async move { Reply::Answer(Reply::full(StatusCode::OK, document(&keys))) }
        })
        .await?;
        let address = format!("127.0.0.1:{}", local_testing::scripted::closed_port()?);
        let mut command = children::command(program)?;
        command
            .args(["--url", url, "--region", "eu-west-1", "--listen", &address])
            .env_clear()
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("http://{}/", source.address()))
            .env("RUST_LOG", "warn");
        let client = PrometheusClient::new(&format!("http://{address}"))?;
        let proxy = Self { child: command.spawn()?, address, client, _source: source };
        while proxy.client.send(&Method::GET, "/-/healthy", &[], Bytes::new()).await.is_err() {
            sleep(Duration::from_millis(10)).await;
        }
        Ok(proxy)
    }

    /// The status of an empty write request.
    async fn write(client: &PrometheusClient) -> Result<u16, Failure> {
        let header = |name: HeaderName, value| (name, HeaderValue::from_static(value));
        let headers = [
            header(CONTENT_TYPE, "application/x-protobuf"),
            header(CONTENT_ENCODING, "snappy"),
            header(HeaderName::from_static("x-prometheus-remote-write-version"), "0.1.0"),
        ];
        let empty = Bytes::from_static(&[0]);
        Ok(client.send(&Method::POST, "/api/v1/remote_write", &headers, empty).await?.status.as_u16())
    }

    /// A figure of `/proc/<pid>/status` in kB.
    fn kilobytes(&self, name: &str) -> Result<u64, Failure> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id().ok_or("it ended")?))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("no such figure")?;
        Ok(line.trim_matches(|c: char| !c.is_ascii_digit()).parse()?)
    }

    /// CPU time so far, in clock ticks of 10 ms.
    fn cpu(&self) -> Result<Duration, Failure> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id().ok_or("it ended")?))?;
        let fields: Vec<&str> =
            stat.rsplit_once(')').ok_or("an unknown format")?.1.split_whitespace().collect();
        let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        Ok(Duration::from_millis(ticks * 10))
    }
}

/// The answer of a container endpoint.
fn document(keys: &Credentials) -> String {
    let expiry = keys.expiry().and_then(|expiry| expiry.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    json!({
        "AccessKeyId": keys.access_key_id(),
        "SecretAccessKey": keys.secret_access_key(),
        "Token": keys.session_token(),
        "Expiration": rfc3339(expiry),
    })
    .to_string()
}

fn rfc3339(since_epoch: Duration) -> String {
    let seconds = i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).unwrap_or_default().to_string()
}

fn keys(number: u64, lifetime: Duration) -> Credentials {
    let token = Some(format!("token-{number}"));
    let expiry = Some(now() + lifetime);
    Credentials::new(format!("KEY{number}"), format!("secret-{number}"), token, expiry, "measure")
}

#[expect(clippy::disallowed_methods, reason = "a measurement has no other clock")]
fn now() -> SystemTime {
    SystemTime::now()
}

/// The receiver accepts the keys of before for 50 ms only, so some requests are signed too late.
async fn rotation(program: &Path) -> Result<(), Failure> {
    let first = keys(0, ROTATION * 2);
    let options = AmpOptions { journal_limit: 0, credentials: Some(first.clone()), ..AmpOptions::default() };
    let amp = Arc::new(AmpStandIn::start(options).await?);
    let current: Keys = Arc::new(Mutex::new(first));
    let proxy = Proxy::start(program, amp.endpoint().trim_end_matches('/'), Arc::clone(&current)).await?;
    let rotating = {
        let (amp, current) = (Arc::clone(&amp), Arc::clone(&current));
        tokio::spawn(async move {
            for number in 1.. {
                sleep(ROTATION).await;
                let next = keys(number, ROTATION * 2);
                let last = current.lock().unwrap_or_else(PoisonError::into_inner).clone();
                amp.accept_credentials(vec![last, next.clone()]);
                *current.lock().unwrap_or_else(PoisonError::into_inner) = next.clone();
                sleep(Duration::from_millis(50)).await;
                amp.accept_credentials(vec![next]);
            }
        })
    };
    let mut senders = tokio::task::JoinSet::new();
    for _ in 0..AT_ONCE {
        let client = proxy.client.clone();
        senders.spawn(async move {
            let mut failed = 0;
            for _ in 0..REQUESTS / AT_ONCE {
                failed += usize::from(Proxy::write(&client).await? != 200);
                sleep(PACE).await;
            }
            Ok::<_, Failure>(failed)
        });
    }
    let mut failed = 0;
    while let Some(sender) = senders.join_next().await {
        failed += sender??;
    }
    rotating.abort();
    println!("credentials that rotate every second: {failed} of {REQUESTS} requests failed (at most 0)");
    Ok(())
}

/// A body of zeros.
struct Zeros(usize);

impl Body for Zeros {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        static PART: [u8; 64 * 1_024] = [b'0'; 64 * 1_024];
        if self.0 == 0 {
            return Poll::Ready(None);
        }
        let part = &PART[..PART.len().min(self.0)];
        self.0 -= part.len();
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(part)))))
    }
}

async fn long_response(program: &Path) -> Result<(), Failure> {
    let workspace = HttpServer::start(0, |_, _| async {
        Reply::Answer(Response::new(Zeros(RESPONSE_BYTES).boxed()))
    })
    .await?;
    let keys = Arc::new(Mutex::new(keys(0, Duration::from_hours(1))));
    let proxy = Proxy::start(program, &format!("http://{}", workspace.address()), keys).await?;
    let started = Instant::now();
    let mut stream = TcpStream::connect(&proxy.address).await?;
    stream.write_all(b"GET /api/v1/query HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
    let mut part = vec![0; 256 * 1_024];
    let mut received = 0;
    loop {
        match stream.read(&mut part).await? {
            0 => break,
            length => received += length,
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    if received < RESPONSE_BYTES {
        return Err(format!("the response has only {received} bytes").into());
    }
    let peak = proxy.kilobytes("VmHWM:")?;
    println!("peak memory, a response of {RESPONSE_BYTES} bytes in {seconds:.1} s: {peak} kB (at most {MAX_RSS_KB})");
    Ok(())
}

async fn load(program: &Path, seconds: u64) -> Result<(), Failure> {
    let options = AmpOptions {
        journal_limit: 0,
        credentials: Some(keys(0, Duration::from_hours(24))),
        ..AmpOptions::default()
    };
    let current = Arc::new(Mutex::new(options.credentials.clone().ok_or("it is set above")?));
    let amp = AmpStandIn::start(options).await?;
    let proxy = Proxy::start(program, amp.endpoint().trim_end_matches('/'), current).await?;
    let mut pace = interval(Duration::from_secs(1) / LOAD_PER_SECOND);
    let mut requests = tokio::task::JoinSet::new();
    let mut latencies = Vec::new();
    let (mut failed, mut after_warming_up) = (0_u64, 0);
    let total = seconds * u64::from(LOAD_PER_SECOND);
    let cpu = proxy.cpu()?;
    for number in 0..total {
        pace.tick().await;
        let client = proxy.client.clone();
        requests.spawn(async move {
            let started = Instant::now();
            let status = Proxy::write(&client).await;
            (status.is_ok_and(|status| status == 200), started.elapsed())
        });
        while let Some(done) = requests.try_join_next() {
            let (is_ok, latency) = done?;
            failed += u64::from(!is_ok);
            latencies.push(latency);
        }
        if number == total / 10 {
            after_warming_up = proxy.kilobytes("VmRSS:")?;
        }
    }
    let per_request = (proxy.cpu()? - cpu).as_secs_f64() * 1e6 / f64::from(u32::try_from(total)?);
    let growth = proxy.kilobytes("VmRSS:")?.saturating_sub(after_warming_up);
    latencies.sort();
    let [median, late] = [50, 99].map(|percent| latencies[latencies.len() * percent / 100].as_secs_f64() * 1e3);
    println!(
        "{LOAD_PER_SECOND} requests a second for {seconds} s: {failed} failed (at most 0), {per_request:.0} µs CPU each, \
         {median:.2} ms (median) and {late:.2} ms (99 %), memory {after_warming_up} kB, grown by {growth} kB"
    );
    Ok(())
}
