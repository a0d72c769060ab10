//! The reader against a scripted server: parameters in URL or form, and incomplete responses.

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws::{Cause, Client, Endpoint, Network, Reader, World};
use tokio::time::Instant;

use support::{Received, Reply};

const WORLD: World = World { now: aws::now, random: || 0.0 };

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone";
const BROKEN: &str = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nbreaks";

/// Sends these responses in turn, each on a connection of its own, and returns the URL of the API with the requests.
async fn serve(replies: &[&str]) -> (String, Arc<Mutex<Vec<Received>>>) {
    let replies = replies.iter().map(|reply| Reply::BytesAndClose((*reply).into())).collect();
    let (address, requests) = support::script(replies).await;
    (format!("http://{address}/workspaces/ws-1/"), requests)
}

fn reader(url: &str) -> Reader {
    let client = Arc::new(Client::new(None, &Network::default(), WORLD).for_queries());
    Reader::new(client, Endpoint::parse(url).unwrap(), None, "test/1", 100)
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

#[tokio::test]
async fn long_parameters_are_sent_in_a_form() {
    let (url, seen) = serve(&[OK]).await;
    let reader = reader(&url);
    reader.get_or_post("/api/v1/query", &[("query", "a b+c".to_owned())], soon()).await.unwrap();
    let long = "a b+c".repeat(1_000);
    reader.get_or_post("/api/v1/query", &[("query", long)], soon()).await.unwrap();
    reader.get("/api/v1/labels", &[], soon()).await.unwrap();
    let seen = seen.lock().unwrap();
    let line = |at: usize| seen[at].head.lines().next().unwrap();
    assert_eq!(line(0), "GET /workspaces/ws-1/api/v1/query?query=a%20b%2Bc HTTP/1.1");
    assert_eq!(line(1), "POST /workspaces/ws-1/api/v1/query HTTP/1.1");
    assert!(seen[1].head.contains("content-type: application/x-www-form-urlencoded\r\n"));
    assert_eq!(seen[1].body, format!("query={}", "a%20b%2Bc".repeat(1_000)));
    assert_eq!(line(2), "GET /workspaces/ws-1/api/v1/labels HTTP/1.1");
}

#[tokio::test]
async fn a_query_with_an_incomplete_response_is_sent_again() {
    let (url, seen) = serve(&[BROKEN, BROKEN, OK]).await;
    let response = reader(&url).get("/api/v1/query", &[], soon()).await.unwrap();
    assert_eq!((&response.body[..], response.attempts.count), (&b"done"[..], 3));
    assert_eq!(seen.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn incomplete_responses_alone_are_a_failure() {
    let (url, _) = serve(&[BROKEN]).await;
    let deadline = Instant::now() + Duration::from_millis(100);
    let failure = reader(&url).get("/api/v1/query", &[], deadline).await.unwrap_err();
    assert!(matches!(failure.cause, Cause::Network(_)), "{failure}");
}

#[tokio::test]
async fn a_url_that_is_too_long_is_not_sent() {
    let (url, seen) = serve(&[OK]).await;
    let parameters = [("match[]", "a".repeat(70_000))];
    let failure = reader(&url).get("/api/v1/labels", &parameters, soon()).await.unwrap_err();
    assert!(matches!(failure.cause, Cause::Network(_)));
    assert_eq!((failure.attempts.count, seen.lock().unwrap().len()), (0, 0));
}
