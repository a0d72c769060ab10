//! The client against a scripted server: which requests are sent again, when, and when it gives up.

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws::{Cause, Client, Endpoint, Failure, Network, RemoteWrite, Request, Response, Scope, World};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, future};
use bytes::Bytes;
use remote_write::Version;
use tokio::net::TcpListener;
use tokio::time::Instant;

use support::Reply;

/// Without jitter: the longest waits.
const WORLD: World = World { now: aws::now, random: || 1.0 };

/// Sends these responses in turn and returns the URL, with the times of the requests.
async fn serve(replies: &'static [&'static str]) -> (String, Arc<Mutex<Vec<Instant>>>) {
    let times = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&times);
    let address = support::serve(move |_| {
        let mut times = seen.lock().unwrap();
        times.push(Instant::now());
        Reply::Bytes(replies[times.len().min(replies.len()) - 1].into())
    });
    (format!("http://{}/write", address.await), times)
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
async fn a_503_is_followed_by_another_attempt() {
    let (uri, seen) = serve(&[BUSY, BUSY, OK]).await;
    let answer = send(&uri, 5_000).await.unwrap();
    assert_eq!((answer.status, &answer.body[..], answer.attempts.count), (200, &b"done"[..], 3));
    assert_eq!(seen.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn a_final_response_is_not_requested_again() {
    let (uri, seen) = serve(&[BAD, OK]).await;
    let answer = send(&uri, 5_000).await.unwrap();
    assert_eq!((answer.to_string(), answer.attempts.count), ("400 bad".to_owned(), 1));
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn retry_after_delays_the_next_attempt() {
    let (uri, seen) = serve(&[LATER, OK]).await;
    assert_eq!(send(&uri, 10_000).await.unwrap().status, 200);
    let seen = seen.lock().unwrap();
    assert!(seen[1] - seen[0] >= Duration::from_secs(1), "{:?}", seen[1] - seen[0]);
}

#[tokio::test]
async fn a_retry_after_past_the_deadline_ends_the_attempts() {
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
    let (address, requests) = support::script(vec![Reply::Bytes(OK.into())]).await;
    let client = Client::new(None, &Network::default(), WORLD);
    for _ in 0..3 {
        let request = request(&format!("http://{address}/write"));
        client.send(&request, Instant::now() + Duration::from_secs(5)).await.unwrap();
    }
    let connections: Vec<_> = requests.lock().unwrap().iter().map(|request| request.connection).collect();
    assert_eq!(connections, [1, 1, 1]);
}

/// The clock moves only while everything waits, so a busy machine does not use up the time.
#[tokio::test(start_paused = true)]
async fn a_server_that_never_responds_is_given_up_in_time() {
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
        "half of it for the first attempt: {failure}"
    );
    assert!(
        failure.to_string().starts_with("no answer (") && failure.to_string().contains("in 0."),
        "{failure}"
    );
}

/// A write that is given back uses up one of the few deliveries of its message.
#[tokio::test]
async fn a_write_is_attempted_until_the_deadline() {
    let address = support::serve(|_| Reply::Close).await;
    let failure = send(&format!("http://{address}/write"), 2_000).await.unwrap_err();
    assert!(matches!(failure.cause, Cause::Network(_)) && failure.attempts.count > 3, "{failure}");
}

#[tokio::test]
async fn the_last_response_before_a_failure_is_reported() {
    let (uri, _) = serve(&[BUSY, ""]).await;
    let failure = send(&uri, 2_000).await.unwrap_err();
    assert!(matches!(failure.cause, Cause::TimedOut), "{failure}");
    assert!(failure.to_string().ends_with("; the last answer was 503"), "{failure}");
}

/// Receivers in the tests of Prometheus have such URLs.
#[tokio::test]
async fn a_receiver_without_a_path_is_written_to_at_its_root() {
    let (address, requests) = support::script(vec![Reply::Bytes(OK.into())]).await;
    let endpoint = Endpoint::parse(&format!("http://{address}")).unwrap();
    let client = Client::new(None, &Network::default(), WORLD);
    let request =
        RemoteWrite::new(endpoint, None, "test/1").request(Bytes::from_static(b"body"), Version::V1);
    client.send(&request, Instant::now() + Duration::from_secs(5)).await.unwrap();
    let head = &requests.lock().unwrap()[0].head;
    assert!(head.starts_with("POST / HTTP/1.1\r\n"), "{head}");
}

#[tokio::test]
async fn a_network_failure_names_the_host_alone() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    drop(listener);
    let failure = send(&format!("http://{host}/secret?secret"), 200).await.unwrap_err();
    assert!(matches!(&failure.cause, Cause::Network(text) if text.contains("refused")), "{failure}");
    assert!(failure.to_string().starts_with(&format!("{host}: ")), "{failure}");
    assert!(!failure.to_string().contains("secret"), "{failure}");
}

#[tokio::test]
async fn without_time_nothing_is_sent() {
    let (uri, seen) = serve(&[OK]).await;
    let failure = send(&uri, 0).await.unwrap_err();
    assert!(matches!(failure.cause, Cause::OutOfTime));
    assert_eq!((failure.attempts.count, seen.lock().unwrap().len()), (0, 0));
}

/// Returns credentials that expire in `valid`, and counts the requests for them.
#[derive(Debug)]
struct Expiring {
    valid: Duration,
    requests: Arc<Mutex<u32>>,
}

impl ProvideCredentials for Expiring {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        *self.requests.lock().unwrap() += 1;
        let expiry = Some(aws::now() + self.valid);
        future::ProvideCredentials::ready(Ok(Credentials::new("key", "secret", None, expiry, "test")))
    }
}

#[tokio::test]
async fn credentials_are_cached_while_requests_can_use_them() {
    let (uri, _) = serve(&[OK]).await;
    let scope = Some(Scope { region: "eu-west-1".to_owned(), service: "aps" });
    for (valid, expected) in [(Duration::from_mins(10), 1), (Duration::from_secs(30), 1), (Duration::ZERO, 3)]
    {
        let requests = Arc::new(Mutex::new(0));
        let client = Client::with_credentials(Expiring { valid, requests: Arc::clone(&requests) }, WORLD);
        for _ in 0..3 {
            let request = Request { scope: scope.clone(), ..request(&uri) };
            client.send(&request, Instant::now() + Duration::from_secs(5)).await.unwrap();
        }
        assert_eq!(*requests.lock().unwrap(), expected, "{valid:?}");
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

#[tokio::test]
async fn a_request_has_the_headers_of_its_version() {
    let written = "HTTP/1.1 204 x\r\nX-Prometheus-Remote-Write-Samples-Written: 0\r\n\
                   X-Prometheus-Remote-Write-Histograms-Written: 2\r\ncontent-length: 0\r\n\r\n";
    let replies = vec![Reply::Bytes(OK.into()), Reply::Bytes(written.into())];
    let (address, requests) = support::script(replies).await;
    let receiver = RemoteWrite::new(Endpoint::parse(&format!("http://{address}")).unwrap(), None, "test/1");
    let client = Client::new(None, &Network::default(), WORLD);
    for (version, content_type, number, expected) in [
        (Version::V1, "application/x-protobuf", "0.1.0", None),
        (Version::V2, "application/x-protobuf;proto=io.prometheus.write.v2.Request", "2.0.0", Some(2)),
    ] {
        let request = receiver.request(Bytes::from_static(b"body"), version);
        let response = client.send(&request, Instant::now() + Duration::from_secs(5)).await.unwrap();
        assert_eq!(response.written, expected);
        let head = requests.lock().unwrap().last().unwrap().head.to_ascii_lowercase();
        assert!(head.contains(&format!("content-type: {}\r\n", content_type.to_ascii_lowercase())), "{head}");
        assert!(head.contains(&format!("x-prometheus-remote-write-version: {number}\r\n")), "{head}");
    }
}
