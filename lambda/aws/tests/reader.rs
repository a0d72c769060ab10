//! The reader against a server that follows a script: where parameters travel, and what a query's answer has to be.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aws::{Cause, Client, Endpoint, Network, Reader, World};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;

#[expect(clippy::disallowed_methods, reason = "the edge of the test")]
fn now() -> SystemTime {
    SystemTime::now()
}

const WORLD: World = World { now, random: || 0.0 };

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone";
const BROKEN: &str = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nbreaks";

/// Serves one answer for each connection, repeating the last, and remembers what came over them.
async fn serve(answers: &'static [&'static str]) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/workspaces/ws-1/", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let requests = Arc::clone(&seen);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = String::new();
            let mut buffer = [0; 4096];
            loop {
                let read = stream.read(&mut buffer).await.unwrap();
                request.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
                let Some((head, body)) = request.split_once("\r\n\r\n") else { continue };
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                    break;
                }
            }
            let count = {
                let mut requests = requests.lock().unwrap();
                requests.push(request);
                requests.len()
            };
            stream.write_all(answers[(count - 1).min(answers.len() - 1)].as_bytes()).await.unwrap();
        }
    });
    (url, seen)
}

fn reader(url: &str) -> Reader {
    let client = Arc::new(Client::new(None, &Network::default(), WORLD).for_queries());
    Reader::new(client, Endpoint::parse(url).unwrap(), None, "test/1", 100)
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

#[tokio::test]
async fn short_parameters_travel_in_the_url_and_long_ones_in_a_form() {
    let (url, seen) = serve(&[OK]).await;
    let reader = reader(&url);
    reader.get_or_post("/api/v1/query", &[("query", "a b+c".to_owned())], soon()).await.unwrap();
    let long = "a b+c".repeat(1_000);
    reader.get_or_post("/api/v1/query", &[("query", long)], soon()).await.unwrap();
    reader.get("/api/v1/labels", &[], soon()).await.unwrap();
    let seen = seen.lock().unwrap();
    assert!(seen[0].starts_with("GET /workspaces/ws-1/api/v1/query?query=a%20b%2Bc HTTP/1.1"), "{}", seen[0]);
    assert!(seen[1].starts_with("POST /workspaces/ws-1/api/v1/query HTTP/1.1"), "{}", &seen[1][..80]);
    assert!(seen[1].contains("content-type: application/x-www-form-urlencoded\r\n"));
    assert!(seen[1].ends_with(&format!("\r\n\r\nquery={}", "a%20b%2Bc".repeat(1_000))));
    assert!(seen[2].starts_with("GET /workspaces/ws-1/api/v1/labels HTTP/1.1"), "{}", seen[2]);
}

#[tokio::test]
async fn the_answer_to_a_query_that_breaks_off_is_asked_for_again() {
    let (url, seen) = serve(&[BROKEN, BROKEN, OK]).await;
    let response = reader(&url).get("/api/v1/query", &[], soon()).await.unwrap();
    assert_eq!((&response.body[..], response.attempts.count), (&b"done"[..], 3));
    assert_eq!(seen.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn a_query_whose_answers_all_break_off_has_no_answer() {
    let (url, _) = serve(&[BROKEN]).await;
    let deadline = Instant::now() + Duration::from_millis(100);
    let failure = reader(&url).get("/api/v1/query", &[], deadline).await.unwrap_err();
    assert!(matches!(failure.cause, Cause::Network(_)), "{failure}");
}

#[tokio::test]
async fn a_url_that_is_too_long_is_refused_and_not_sent() {
    let (url, seen) = serve(&[OK]).await;
    let parameters = [("match[]", "a".repeat(70_000))];
    let failure = reader(&url).get("/api/v1/labels", &parameters, soon()).await.unwrap_err();
    assert!(matches!(failure.cause, Cause::Network(_)));
    assert_eq!((failure.attempts.count, seen.lock().unwrap().len()), (0, 0));
}
