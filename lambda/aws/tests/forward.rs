//! Requests that are passed on: which attempts are repeated, and credentials that are replaced or shown.

mod support;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws::{Client, Failure, Forwarded, Repeat, Scope, World};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response};
use http_body_util::BodyExt as _;
use tokio::time::Instant;

use support::{Received, Reply};

const WORLD: World = World { now: aws::now, random: || 0.0 };

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone";

/// The keys that the source returns in turn, and then the last one again.
#[derive(Debug)]
struct Rotating {
    keys: &'static [&'static str],
    fetched: Arc<Mutex<usize>>,
}

impl ProvideCredentials for Rotating {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let mut fetched = self.fetched.lock().unwrap();
        let key = self.keys[(*fetched).min(self.keys.len() - 1)];
        *fetched += 1;
        let token = format!("token-of-{key}");
        future::ProvideCredentials::ready(Ok(Credentials::new(key, "secret", Some(token), None, "test")))
    }
}

/// A client, and the number of times that its credentials were fetched.
fn client(keys: &'static [&'static str]) -> (Client, Arc<Mutex<usize>>) {
    let fetched = Arc::new(Mutex::new(0));
    (Client::with_credentials(Rotating { keys, fetched: Arc::clone(&fetched) }, WORLD), fetched)
}

fn request(address: &str, repeat: Repeat) -> Forwarded {
    Forwarded {
        method: Method::POST,
        uri: format!("http://{address}/path").parse().unwrap(),
        signed_headers: HeaderMap::from_iter([(http::header::CONTENT_TYPE, HeaderValue::from_static("a/b"))]),
        unsigned_headers: HeaderMap::from_iter([(http::header::ACCEPT, HeaderValue::from_static("c/d"))]),
        body: Bytes::from_static(b"body"),
        scope: Some(Scope { region: "eu-west-1".to_owned(), service: "aps" }),
        kind: "write",
        repeat,
    }
}

async fn forward(client: &Client, request: &Forwarded) -> Result<(u16, String), Failure> {
    let response = client.forward(request, Instant::now() + Duration::from_secs(10)).await?;
    Ok((response.status().as_u16(), text(response).await))
}

async fn text(response: Response<aws::StreamedBody>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

/// Accepts signatures of `key` only, and explains others as AMP does, with the signed headers.
fn accepts(key: &'static str) -> impl FnMut(Received) -> Reply + Send + 'static {
    move |received| {
        if received.head.contains(&format!("Credential={key}/")) {
            return Reply::Bytes(OK.into());
        }
        let token = received.head.lines().find(|line| line.starts_with("x-amz-security-token")).unwrap();
        let body = format!("{{\"message\":\"The Canonical String should have been 'POST\\n{token}\\n'\"}}");
        let length = body.len();
        Reply::Bytes(format!("HTTP/1.1 403 Forbidden\r\ncontent-length: {length}\r\n\r\n{body}").into())
    }
}

#[tokio::test]
async fn accept_headers_are_sent_and_not_signed() {
    let (address, requests) = support::script(vec![Reply::Bytes(OK.into())]).await;
    let sent = forward(&client(&["key"]).0, &request(&address, Repeat::Unsent)).await.unwrap();
    assert_eq!(sent, (200, "done".to_owned()));
    let requests = requests.lock().unwrap();
    assert!(requests[0].head.contains("accept: c/d\r\n"), "{}", requests[0].head);
    let signed = "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token,";
    assert!(requests[0].head.contains(signed), "{}", requests[0].head);
}

#[tokio::test]
async fn a_rejected_key_is_replaced_without_a_failure() {
    let address = support::serve(accepts("new")).await;
    let (client, fetched) = client(&["old", "new"]);
    assert_eq!(forward(&client, &request(&address, Repeat::Unsent)).await.unwrap().0, 200);
    assert_eq!(forward(&client, &request(&address, Repeat::Unsent)).await.unwrap().0, 200);
    assert_eq!(*fetched.lock().unwrap(), 2);
}

#[tokio::test]
async fn a_missing_permission_does_not_fetch_keys_each_time() {
    let address = support::serve(accepts("another")).await;
    let (client, fetched) = client(&["key"]);
    for _ in 0..5 {
        assert_eq!(forward(&client, &request(&address, Repeat::Unanswered)).await.unwrap().0, 403);
    }
    assert_eq!(*fetched.lock().unwrap(), 2);
}

#[tokio::test]
async fn a_missing_permission_does_not_delay_other_requests() {
    let address = support::serve(accepts("new")).await;
    let (client, _) = client(&["old", "old", "new"]);
    let rules = Forwarded { kind: "rules", ..request(&address, Repeat::Unanswered) };
    assert_eq!(forward(&client, &rules).await.unwrap().0, 403);
    assert_eq!(forward(&client, &request(&address, Repeat::Unsent)).await.unwrap().0, 200);
}

/// Has credentials once, for a minute.
#[derive(Debug)]
struct Once {
    fetched: Arc<Mutex<usize>>,
}

impl ProvideCredentials for Once {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let mut fetched = self.fetched.lock().unwrap();
        *fetched += 1;
        let expiry = Some(aws::now() + Duration::from_mins(1));
        let token = Some("token".to_owned());
        future::ProvideCredentials::ready(match *fetched {
            1 => Ok(Credentials::new("key", "secret", token, expiry, "test")),
            _ => Err(CredentialsError::not_loaded("none")),
        })
    }
}

/// When the credentials of `Once` should be renewed and are valid, and when they have expired.
#[tokio::test]
async fn requests_share_a_failure_to_fetch_credentials() {
    static LATER: AtomicU64 = AtomicU64::new(0);
    let world = World { now: || aws::now() + Duration::from_secs(LATER.load(Ordering::Relaxed)), ..WORLD };
    let address = support::serve(accepts("key")).await;
    let fetched = Arc::new(Mutex::new(0));
    let client = Client::with_credentials(Once { fetched: Arc::clone(&fetched) }, world);
    let request = request(&address, Repeat::Unsent);
    for (seconds, is_sent, expected) in [(0, true, 1), (45, true, 2), (70, false, 3)] {
        LATER.store(seconds, Ordering::Relaxed);
        let (one, other) = tokio::join!(forward(&client, &request), forward(&client, &request));
        assert_eq!((one.is_ok(), other.is_ok()), (is_sent, is_sent), "{seconds}");
        assert_eq!(*fetched.lock().unwrap(), expected, "{seconds}");
    }
}

#[tokio::test]
async fn an_error_shows_no_session_token() {
    let address = support::serve(accepts("another")).await;
    let (status, body) = forward(&client(&["key"]).0, &request(&address, Repeat::Unsent)).await.unwrap();
    assert_eq!(status, 403);
    assert!(body.contains("x-amz-security-token: (hidden)") && !body.contains("token-of-key"), "{body}");
}

#[tokio::test]
async fn an_encoded_rejection_is_left_out() {
    let reply = "HTTP/1.1 403 x\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\ntext";
    let (address, _) = support::script(vec![Reply::Bytes(reply.into())]).await;
    let (client, _) = client(&["key"]);
    let request = request(&address, Repeat::Unsent);
    let response = client.forward(&request, Instant::now() + Duration::from_secs(10)).await.unwrap();
    assert!(!response.headers().contains_key("content-encoding"));
    assert_eq!(text(response).await, "");
}

#[tokio::test]
async fn a_long_error_is_complete() {
    let body = "x".repeat(100_000);
    let reply = format!("HTTP/1.1 422 x\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let (address, _) = support::script(vec![Reply::Bytes(reply.into())]).await;
    let sent = forward(&client(&["key"]).0, &request(&address, Repeat::Unsent)).await.unwrap();
    assert_eq!(sent, (422, body));
}

#[tokio::test]
async fn only_a_request_without_effect_is_repeated() {
    for (repeat, expected) in [(Repeat::Unsent, 1), (Repeat::Unanswered, 2)] {
        let (address, requests) = support::script(vec![Reply::Close, Reply::Bytes(OK.into())]).await;
        let sent = forward(&client(&["key"]).0, &request(&address, repeat)).await;
        assert_eq!(sent.is_ok(), repeat == Repeat::Unanswered, "{sent:?}");
        assert_eq!(requests.lock().unwrap().len(), expected, "{repeat:?}");
    }
}

#[tokio::test]
async fn an_error_of_the_server_is_a_response() {
    let (address, requests) =
        support::script(vec![Reply::Bytes("HTTP/1.1 503 x\r\ncontent-length: 0\r\n\r\n".into())]).await;
    let sent = forward(&client(&["key"]).0, &request(&address, Repeat::Unanswered)).await.unwrap();
    assert_eq!((sent.0, requests.lock().unwrap().len()), (503, 1));
}

#[tokio::test]
async fn a_renewal_is_due_before_requests_need_it() {
    #[derive(Debug)]
    struct Lasting(Duration);
    impl ProvideCredentials for Lasting {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            let expiry = Some(aws::now() + self.0);
            future::ProvideCredentials::ready(Ok(Credentials::new("key", "secret", None, expiry, "test")))
        }
    }
    for (lifetime, expected) in [(3_600, 3_240), (900, 540), (60, 15), (2, 0)] {
        let client = Client::with_credentials(Lasting(Duration::from_secs(lifetime)), WORLD);
        let before = aws::now();
        let due = client.renew_credentials().await.unwrap().due.unwrap();
        let due = due.duration_since(before).unwrap().as_secs();
        assert!((expected..=expected + 1).contains(&due), "{lifetime}: {due}");
    }
}
