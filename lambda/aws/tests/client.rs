//! The client against a server that follows a script: what is sent again, when, and when it stops.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws::{Cause, Client, Endpoint, Failure, Network, RemoteWrite, Request, Response, Scope, World};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, future};
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;

#[expect(clippy::disallowed_methods, reason = "the edge of the test")]
fn now() -> SystemTime {
    SystemTime::now()
}

/// No jitter at all: the longest waits.
const WORLD: World = World { now, random: || 1.0 };

/// Serves one answer after the other on one listener, repeating the last, and remembers when requests came.
async fn serve(answers: &'static [&'static str]) -> (String, Arc<Mutex<Vec<Instant>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/write", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let times = Arc::clone(&seen);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let times = Arc::clone(&times);
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                    let count = {
                        let mut times = times.lock().unwrap();
                        times.push(Instant::now());
                        times.len()
                    };
                    let answer = answers[(count - 1).min(answers.len() - 1)];
                    if stream.write_all(answer.as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    (uri, seen)
}

fn request(uri: &str) -> Request {
    Request {
        method: http::Method::POST,
        uri: uri.parse().unwrap(),
        headers: Vec::new(),
        body: Bytes::from_static(b"body"),
        scope: None,
        wanted_body: 100,
    }
}

async fn send(uri: &str, millis: u64) -> Result<Response, Failure> {
    let client = Client::new(None, &Network::default(), WORLD);
    client.send(&request(uri), Instant::now() + Duration::from_millis(millis)).await
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone";
const BAD: &str = "HTTP/1.1 400 Bad Request\r\ncontent-length: 3\r\n\r\nbad";
const BUSY: &str = "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n";
const LATER: &str = "HTTP/1.1 429 Slow Down\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n";
const MUCH_LATER: &str = "HTTP/1.1 429 Slow Down\r\nretry-after: 3600\r\ncontent-length: 5\r\n\r\nlimit";

#[tokio::test]
async fn transient_answers_are_followed_by_another_attempt() {
    let (uri, seen) = serve(&[BUSY, BUSY, OK]).await;
    let answer = send(&uri, 5_000).await.unwrap();
    assert_eq!((answer.status, &answer.body[..], answer.attempts.count), (200, &b"done"[..], 3));
    assert_eq!(seen.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn a_final_answer_is_never_asked_for_twice() {
    let (uri, seen) = serve(&[BAD, OK]).await;
    let answer = send(&uri, 5_000).await.unwrap();
    assert_eq!((answer.to_string(), answer.attempts.count), ("400 bad".to_owned(), 1));
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn retry_after_is_waited_for() {
    let (uri, seen) = serve(&[LATER, OK]).await;
    assert_eq!(send(&uri, 10_000).await.unwrap().status, 200);
    let seen = seen.lock().unwrap();
    assert!(seen[1] - seen[0] >= Duration::from_secs(1), "{:?}", seen[1] - seen[0]);
}

#[tokio::test]
async fn a_wait_past_the_deadline_is_not_waited_for() {
    let (uri, seen) = serve(&[MUCH_LATER]).await;
    let started = Instant::now();
    let sent = send(&uri, 60_000).await;
    assert!(started.elapsed() < Duration::from_secs(30));
    let failure = sent.unwrap_err().to_string();
    assert!(failure.starts_with("the answer was 429 limit (1 attempt in "), "{failure}");
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn connections_are_kept_alive_over_requests() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/write", listener.local_addr().unwrap());
    let accepted = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut buffer = [0; 4096];
        for _ in 0..3 {
            assert!(stream.read(&mut buffer).await.unwrap() > 0);
            stream.write_all(OK.as_bytes()).await.unwrap();
        }
    });
    let client = Client::new(None, &Network::default(), WORLD);
    for _ in 0..3 {
        let sent = client.send(&request(&uri), Instant::now() + Duration::from_secs(5)).await;
        assert_eq!(sent.unwrap().status, 200);
    }
    accepted.await.unwrap();
}

/// The clock moves only while everything waits, so that a busy machine takes no part of the time.
#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_is_given_up_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/write", listener.local_addr().unwrap());
    let started = Instant::now();
    let sent = send(&uri, 400).await;
    assert!(started.elapsed() <= Duration::from_millis(400), "{:?}", started.elapsed());
    let failure = sent.unwrap_err();
    assert!(matches!(failure.cause, Cause::TimedOut), "{failure}");
    assert!(failure.attempts.count >= 2, "{failure}");
    assert!(
        failure.attempts.elapsed >= Duration::from_millis(200),
        "the first one alone had as much: {failure}"
    );
    assert!(
        failure.to_string().starts_with("no answer (") && failure.to_string().contains("in 0."),
        "{failure}"
    );
}

/// A write that is given back uses up one of the few deliveries of its message.
#[tokio::test]
async fn a_write_is_attempted_until_the_deadline_whatever_fails() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/write", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await;
        }
    });
    let sent = send(&uri, 2_000).await;
    let failure = sent.unwrap_err();
    assert!(matches!(failure.cause, Cause::Network(_)) && failure.attempts.count > 3, "{failure}");
}

#[tokio::test]
async fn the_last_answer_before_a_failure_is_reported() {
    let (uri, _) = serve(&[BUSY, ""]).await;
    let failure = send(&uri, 2_000).await.unwrap_err();
    assert!(matches!(failure.cause, Cause::TimedOut), "{failure}");
    assert!(failure.to_string().ends_with("; the last answer was 503"), "{failure}");
}

/// The receivers in Prometheus's own tests have such URLs.
#[tokio::test]
async fn a_receiver_named_without_a_path_is_written_to_at_its_root() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let endpoint = Endpoint::parse(&url).unwrap().for_remote_write().unwrap();
    let head = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).await.unwrap();
        stream.write_all(OK.as_bytes()).await.unwrap();
        String::from_utf8_lossy(&buffer[..read]).into_owned()
    });
    let client = Client::new(None, &Network::default(), WORLD);
    let request = RemoteWrite::new(endpoint, None, "test/1").request(Bytes::from_static(b"body"));
    let response = client.send(&request, Instant::now() + Duration::from_secs(5)).await.unwrap();
    assert!(response.is_success(), "{response:?}");
    let head = head.await.unwrap();
    assert!(head.starts_with("POST / HTTP/1.1\r\n"), "{head}");
}

#[tokio::test]
async fn a_closed_port_is_a_network_failure_that_names_the_host_alone() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    drop(listener);
    let failure = send(&format!("http://{host}/secret?secret"), 200).await.unwrap_err();
    assert!(matches!(&failure.cause, Cause::Network(text) if text.contains("refused")), "{failure}");
    assert!(failure.to_string().starts_with(&format!("{host}: ")), "{failure}");
    assert!(!failure.to_string().contains("secret"), "{failure}");
}

#[tokio::test]
async fn there_is_no_attempt_without_time() {
    let (uri, seen) = serve(&[OK]).await;
    let failure = send(&uri, 0).await.unwrap_err();
    assert!(matches!(failure.cause, Cause::OutOfTime));
    assert_eq!((failure.attempts.count, seen.lock().unwrap().len()), (0, 0));
}

/// Gives out credentials that expire in `valid`, and counts how often it is asked.
#[derive(Debug)]
struct Expiring {
    valid: Duration,
    asked: Arc<Mutex<u32>>,
}

impl ProvideCredentials for Expiring {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        *self.asked.lock().unwrap() += 1;
        let expiry = Some(now() + self.valid);
        future::ProvideCredentials::ready(Ok(Credentials::new("key", "secret", None, expiry, "test")))
    }
}

#[tokio::test]
async fn credentials_are_remembered_until_shortly_before_they_expire() {
    let (uri, _) = serve(&[OK]).await;
    let scope = Some(Scope { region: "eu-west-1".to_owned(), service: "aps" });
    for (valid, expected) in [(Duration::from_mins(10), 1), (Duration::from_secs(30), 3)] {
        let asked = Arc::new(Mutex::new(0));
        let client = Client::with_credentials(Expiring { valid, asked: Arc::clone(&asked) }, WORLD);
        for _ in 0..3 {
            let request = Request { scope: scope.clone(), ..request(&uri) };
            client.send(&request, Instant::now() + Duration::from_secs(5)).await.unwrap();
        }
        assert_eq!(*asked.lock().unwrap(), expected, "{valid:?}");
    }
}

/// Has no credentials.
#[derive(Debug)]
struct Nothing;

impl ProvideCredentials for Nothing {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let result: provider::Result = Err(CredentialsError::not_loaded("the environment is empty"));
        future::ProvideCredentials::ready(result)
    }
}

#[tokio::test]
async fn nothing_is_sent_without_credentials() {
    let (uri, seen) = serve(&[OK]).await;
    let client = Client::with_credentials(Nothing, WORLD);
    let scope = Some(Scope { region: "eu-west-1".to_owned(), service: "aps" });
    let request = Request { scope, ..request(&uri) };
    let sent = client.send(&request, Instant::now() + Duration::from_secs(30)).await;
    let failure = sent.unwrap_err();
    assert!(failure.to_string().contains("no AWS credentials"), "{failure}");
    assert!(failure.to_string().contains("the environment is empty"), "{failure}");
    assert_eq!((failure.attempts.count, seen.lock().unwrap().len()), (0, 0));
}
