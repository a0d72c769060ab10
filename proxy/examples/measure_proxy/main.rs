//! Measures a built proxy against its budgets: credentials that rotate every second, a response of 1 GB, and a steady load.
//! With `--peer` it compares it with `aws-sigv4-proxy` instead.
//!
//! `cargo run --release -p prometheus-sigv4-proxy --example measure_proxy -- --help`. The proxy takes credentials from a
//! container endpoint in this process, and passes requests on to the stand-in for AMP, which verifies signatures.

mod compare;
mod load;
mod subject;

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use clap::Parser;
use http::{Method, Response};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame};
use local_amp::{AmpOptions, AmpStandIn};
use local_testing::http_server::{HttpServer, Reply};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use load::Request;
use subject::{Keys, Program, Subject, keys, write};

const ROTATION: Duration = Duration::from_secs(1);
const REQUESTS: usize = 10_000;
const AT_ONCE: usize = 8;
/// So that the requests last for ten rotations.
const PACE: Duration = Duration::from_millis(8);

const RESPONSE_BYTES: usize = 1_000_000_000;
const MAX_RSS_KB: u64 = 32 * 1_024;

const LOAD_PER_SECOND: u32 = 500;

type Failure = Box<dyn Error + Send + Sync>;

/// Measures prometheus-sigv4-proxy.
#[derive(Debug, Parser)]
struct Arguments {
    /// A release build of the proxy
    proxy: PathBuf,
    /// A build of <https://github.com/awslabs/aws-sigv4-proxy> to compare it with
    #[arg(long)]
    peer: Option<PathBuf>,
    /// How long each load lasts
    #[arg(long, default_value_t = 60)]
    seconds: u32,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    let program = Program::Own(arguments.proxy.clone());
    if let Some(peer) = arguments.peer {
        return compare::run(&[program, Program::Awslabs(peer)], arguments.seconds).await;
    }
    println!("binary: {} bytes", std::fs::metadata(&arguments.proxy)?.len());
    rotation(&program).await?;
    long_response(&program).await?;
    steady_load(&program, arguments.seconds).await
}

fn host_of(amp: &AmpStandIn) -> Result<String, Failure> {
    Ok(amp.endpoint().parse::<http::Uri>()?.authority().ok_or("no host")?.to_string())
}

/// The receiver accepts the keys of before for 50 ms only, so some requests are signed too late.
async fn rotation(program: &Program) -> Result<(), Failure> {
    let first = keys(0, ROTATION * 2);
    let options = AmpOptions { journal_limit: 0, credentials: Some(first.clone()), ..AmpOptions::default() };
    let amp = Arc::new(AmpStandIn::start(options).await?);
    let current: Keys = Arc::new(Mutex::new(first));
    let subject = Subject::start(program, &host_of(&amp)?, Arc::clone(&current)).await?;
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
    let mut senders = JoinSet::new();
    for _ in 0..AT_ONCE {
        let client = subject.client.clone();
        senders.spawn(async move {
            let mut failed = 0;
            for _ in 0..REQUESTS / AT_ONCE {
                failed += usize::from(write(&client).await? != 200);
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

async fn long_response(program: &Program) -> Result<(), Failure> {
    let server =
        HttpServer::start(0, |_, _| async { Reply::Answer(Response::new(Zeros(RESPONSE_BYTES).boxed())) })
            .await?;
    let keys = Arc::new(Mutex::new(keys(0, Duration::from_hours(1))));
    let subject = Subject::start(program, &server.address().to_string(), keys).await?;
    let started = Instant::now();
    let mut stream = TcpStream::connect(&subject.address).await?;
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
    let peak = subject.kilobytes("VmHWM:")?;
    println!(
        "peak memory, a response of {RESPONSE_BYTES} bytes in {seconds:.1} s: {peak} kB (at most {MAX_RSS_KB})"
    );
    Ok(())
}

/// Prints the memory every 10 s.
async fn steady_load(program: &Program, seconds: u32) -> Result<(), Failure> {
    let keys = keys(0, Duration::from_hours(24));
    let options = AmpOptions { journal_limit: 0, credentials: Some(keys.clone()), ..AmpOptions::default() };
    let amp = AmpStandIn::start(options).await?;
    let subject = Subject::start(program, &host_of(&amp)?, Arc::new(Mutex::new(keys))).await?;
    let request = Request {
        method: Method::POST,
        path: "/api/v1/remote_write",
        headers: subject::WRITE_HEADERS.to_vec(),
        body: Bytes::from_static(subject::EMPTY_WRITE),
    };
    let cpu = subject.cpu()?;
    let mut memory = Vec::new();
    let mut results = load::send(&subject.client, &request, (LOAD_PER_SECOND, seconds), |second| {
        if second % 10 == 0 {
            let resident = subject.kilobytes("VmRSS:")?;
            println!("{second} s: {resident} kB");
            memory.push(resident);
        }
        Ok(())
    })
    .await?;
    let count = u32::try_from(results.count())?;
    let per_request = subject.cpu()?.saturating_sub(cpu).as_secs_f64() * 1e6 / f64::from(count);
    let after_a_tenth = memory.get(memory.len() / 10).copied().unwrap_or_default();
    let [median, late] = results.latencies_ms();
    let end = subject.kilobytes("VmRSS:")?;
    println!(
        "{LOAD_PER_SECOND} requests a second for {seconds} s: {} failed (at most 0), {per_request:.0} µs CPU each, \
         {median:.2} ms (median) and {late:.2} ms (99 %), memory {after_a_tenth} kB after a tenth of the time and {end} kB at the end",
        results.failed,
    );
    Ok(())
}
