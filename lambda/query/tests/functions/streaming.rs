//! The binary behind a function URL that streams: what arrives when, what is left of it in memory, and what a caller gets of an
//! answer that breaks off.

use std::collections::VecDeque;
use std::io::{self, Read as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use flate2::read::GzDecoder;
use futures_util::{StreamExt as _, stream};
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HOST};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt, Empty, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper_util::rt::TokioIo;
use local_lambda::http::{Endpoint, HttpServer, Kind};
use local_lambda::runtime::{FunctionOptions, RoleCredentials};
use local_lambda::service::{Pool, PoolEvent};
use local_testing::clock::Clock;
use local_testing::http_server::{HttpServer as Server, Reply, ResponseBody};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::http_api::event;
use crate::support::{TOKEN, binary, credentials};

const MIB: usize = 1 << 20;

/// Of the function.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A function URL in front of a workspace whose answers the test sends part by part.
struct Streaming {
    url: HttpServer,
    function: Pool,
    logs: Arc<Mutex<Vec<String>>>,
    _workspace: Server,
}

impl Streaming {
    /// The workspace gives these answers in this order.
    async fn start(bodies: Vec<ResponseBody>) -> Self {
        let bodies = Mutex::new(VecDeque::from(bodies));
        let workspace = Server::start(0, move |_, _| {
            let body = bodies.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            async {
                let mut response = Response::new(body.expect("an answer"));
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                Reply::Answer(response)
            }
        })
        .await
        .expect("a free port");
        let mut options = FunctionOptions::new(binary())
            .env("_HANDLER", "api")
            .env("HTTP_AUTH", "none")
            .env("RESPONSE_STREAMING", "true")
            .env("WORKSPACE_URL", format!("http://{}", workspace.address()));
        options.credentials = RoleCredentials::Environment(credentials());
        options.timeout = TIMEOUT;
        let logs = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&logs);
        let function = Pool::new(options, 1, move |event| {
            if let PoolEvent::Invocation { invocation, .. } = event {
                seen.lock().unwrap_or_else(PoisonError::into_inner).extend(invocation.logs.iter().cloned());
            }
        });
        let endpoint = Endpoint { streams: true, ..Endpoint::new(Kind::FunctionUrl) };
        let url = HttpServer::start(0, endpoint, function.clone(), Clock::system()).await;
        Self { url: url.expect("a free port"), function, logs, _workspace: workspace }
    }

    async fn get(&self, accept_encoding: &'static str) -> Response<Incoming> {
        let address = self.url.url().replace("http://", "");
        let stream = TcpStream::connect(&address).await.expect("it listens");
        let connected = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = connected.expect("HTTP");
        tokio::spawn(connection);
        let request = http::Request::get("/api/v1/query?query=up")
            .header(HOST, address)
            .header(ACCEPT_ENCODING, accept_encoding)
            .body(Empty::<Bytes>::new());
        sender.send_request(request.expect("a request")).await.expect("an answer")
    }

    /// The peak memory of the function in kilobytes.
    fn peak_kb(&self) -> u64 {
        let pid = self.function.environments()[0].pid.expect("it runs");
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a line");
        peak.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    fn log(&self) -> String {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner).join("\n")
    }
}

/// A body whose parts are sent through the channel.
fn parts() -> (mpsc::Sender<io::Result<Bytes>>, ResponseBody) {
    let (sender, receiver) = mpsc::channel(4);
    let parts = stream::unfold(receiver, async |mut parts| Some((parts.recv().await?, parts)));
    (sender, BodyExt::boxed(StreamBody::new(parts.map(|part| part.map(Frame::data)))))
}

/// A body of these parts.
fn body_of(parts: Vec<io::Result<Bytes>>) -> ResponseBody {
    BodyExt::boxed(StreamBody::new(stream::iter(parts).map(|part| part.map(Frame::data))))
}

fn broken() -> io::Result<Bytes> {
    Err(io::Error::other("the connection breaks"))
}

/// Bytes that differ and do not compress well.
fn noise(length: usize) -> Bytes {
    let mut random = fastrand::Rng::with_seed(7);
    std::iter::repeat_with(|| random.alphanumeric() as u8).take(length).collect()
}

/// Reads until `length` bytes have arrived.
async fn read(answer: &mut Response<Incoming>, length: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < length {
        let frame = answer.frame().await.expect("more").expect("a frame");
        bytes.extend_from_slice(&frame.into_data().expect("data"));
    }
    bytes
}

#[tokio::test]
async fn the_first_bytes_arrive_before_the_last_are_sent() {
    let (sender, body) = parts();
    let streaming = Streaming::start(vec![body]).await;
    let sent = noise(8 * MIB);
    sender.send(Ok(sent.slice(..2 * MIB))).await.expect("a reader");
    let mut answer = streaming.get("identity").await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()[CONTENT_TYPE], "application/json");
    let mut received = read(&mut answer, MIB).await;
    sender.send(Ok(sent.slice(2 * MIB..))).await.expect("a reader");
    drop(sender);
    received.extend_from_slice(&answer.collect().await.expect("the rest").to_bytes());
    assert!(received == sent, "{} of {} bytes", received.len(), sent.len());
}

#[tokio::test]
async fn a_long_answer_is_compressed_for_callers_that_accept_it() {
    let sent = noise(3 * MIB);
    for length in [3 * MIB, MIB, MIB - 1] {
        let part = sent.slice(..length);
        let streaming = Streaming::start(vec![body_of(vec![Ok(part.clone())])]).await;
        let answer = streaming.get("gzip").await;
        let is_compressed = answer.headers().contains_key(CONTENT_ENCODING);
        assert_eq!(is_compressed, length >= MIB);
        let body = answer.collect().await.expect("an end").to_bytes();
        let mut received = Vec::new();
        if is_compressed {
            GzDecoder::new(&body[..]).read_to_end(&mut received).expect("gzip");
        } else {
            received.extend_from_slice(&body);
        }
        assert!(received == part, "{} of {length} bytes", received.len());
    }
}

#[tokio::test]
async fn an_answer_larger_than_the_memory_is_passed_on() {
    const PARTS: usize = 160;
    let part = noise(MIB);
    let streaming = Streaming::start(vec![body_of((0..PARTS).map(|_| Ok(part.clone())).collect())]).await;
    let mut answer = streaming.get("identity").await;
    let mut received = 0;
    while let Some(frame) = answer.frame().await {
        received += frame.expect("a frame").into_data().expect("data").len();
    }
    assert_eq!(received, PARTS * MIB);
    let peak = streaming.peak_kb();
    assert!(peak < 48 * 1_024, "{peak} kB");
}

#[tokio::test]
async fn an_answer_that_breaks_off_early_is_requested_again() {
    let sent = noise(MIB + 1);
    let bodies = vec![body_of(vec![Ok(sent.slice(..1_000)), broken()]), body_of(vec![Ok(sent.clone())])];
    let streaming = Streaming::start(bodies).await;
    let received = streaming.get("identity").await.collect().await.expect("an end").to_bytes();
    assert!(received == sent, "{} bytes", received.len());
}

/// HTTP has no other way to tell a caller: what it has is not all.
#[tokio::test]
async fn an_answer_that_breaks_off_late_breaks_off_for_the_caller() {
    for accept_encoding in ["identity", "gzip"] {
        let bodies = vec![body_of(vec![Ok(noise(2 * MIB)), broken()]), body_of(vec![Ok(noise(2 * MIB))])];
        let streaming = Streaming::start(bodies).await;
        assert!(streaming.get(accept_encoding).await.collect().await.is_err());
        assert_eq!(streaming.function.counts().errors, 1);
        let log = streaming.log();
        assert!(log.contains("The response was cut off.") && log.contains("127.0.0.1:"), "{log}");
        assert!(streaming.get(accept_encoding).await.collect().await.is_ok());
    }
}

/// By the trailers, without a function URL.
#[tokio::test]
async fn an_answer_that_breaks_off_is_an_error_of_the_invocation() {
    let bodies = vec![body_of(vec![Ok(noise(2 * MIB)), broken()]), body_of(vec![Ok(noise(2 * MIB))])];
    let streaming = Streaming::start(bodies).await;
    let event = event("GET", "/api/v1/query", "query=up", "").to_string();
    let failed = streaming.function.invoke(event.clone().into(), None).await.expect("an environment");
    let (kind, message) = failed.function_error().expect("an error");
    assert!(kind == "IncompleteResponse" && message.contains("127.0.0.1:"), "{kind}: {message}");
    let whole = streaming.function.invoke(event.into(), None).await.expect("an environment");
    assert!(whole.response().is_some_and(|response| response.len() > 2 * MIB), "{:?}", whole.outcome);
}

/// It is shorter than what arrived, but all of it.
#[tokio::test]
async fn a_long_answer_that_repeats_the_session_token_is_complete() {
    let sent = [TOKEN.as_bytes(), &noise(3 * MIB)].concat();
    let streaming = Streaming::start(vec![body_of(vec![Ok(sent.clone().into())])]).await;
    let received = streaming.get("identity").await.collect().await.expect("an end").to_bytes();
    assert!(received.ends_with(&sent[TOKEN.len()..]), "{} bytes", received.len());
    assert!(!received.starts_with(TOKEN.as_bytes()));
}

/// Lambda would kill the process at the timeout. A workspace stops sending, and another one does not.
#[tokio::test]
async fn an_answer_without_an_end_breaks_off_before_the_timeout() {
    for stops in [true, false] {
        let (sender, body) = parts();
        let streaming = Streaming::start(vec![body]).await;
        let sending = tokio::spawn(async move {
            let part = noise(MIB);
            for nth in 0.. {
                if stops && nth == 2 {
                    std::future::pending::<()>().await;
                }
                if sender.send(Ok(part.clone())).await.is_err() {
                    return;
                }
            }
        });
        let mut answer = streaming.get("identity").await;
        let end = loop {
            match answer.frame().await {
                // Slow enough for the limit of 200 MB, and fast enough to reach the end in time.
                Some(Ok(_)) => tokio::time::sleep(Duration::from_millis(5)).await,
                end => break end,
            }
        };
        assert!(end.is_some_and(|end| end.is_err()), "stops: {stops}");
        sending.abort();
        let log = streaming.log();
        assert!(log.contains("cut off") && log.contains("did not arrive in time"), "{log}");
        assert!(streaming.function.environments()[0].pid.is_some(), "stops: {stops}");
    }
}
