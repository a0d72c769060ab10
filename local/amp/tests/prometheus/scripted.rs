//! A storage that answers what a test wants, where a real Prometheus does not on demand.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::reader::get;
use crate::sender::{NOW_MS, body_of, check, ph, request, stand_in, stored_ph, try_send};
use crate::support::in_front_of;
use local_amp::{AmpOptions, AmpStandIn};

/// Answers one request of each connection with the next text and closes it; then it is gone.
async fn storage(answers: Vec<String>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        for answer in answers {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            read_request(&mut stream).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    url
}

/// Reads one request to its end: a connection closed before that would be reset.
async fn read_request(stream: &mut TcpStream) {
    let mut received = Vec::new();
    while !is_whole(&received) {
        assert!(stream.read_buf(&mut received).await.expect("a sender") > 0, "the sender went away");
    }
}

fn is_whole(received: &[u8]) -> bool {
    let Some(head_end) = received.windows(4).position(|end| end == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&received[..head_end]).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    received.len() >= head_end + 4 + length.unwrap_or(0)
}

fn answer(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// A status below 400 that is no success and one above 499 are the storage's trouble, not the sender's.
#[tokio::test]
async fn what_a_broken_storage_says_is_told_with_503() {
    let long = "x".repeat(5_000);
    let statuses = ["500 Internal Server Error", "502 Bad Gateway", "302 Found"];
    let url = storage(statuses.iter().map(|status| answer(status, &long)).collect()).await;
    let amp = in_front_of(&url, |_| ()).await;
    for status in statuses {
        let code = &status[..3];
        let (got, words) = crate::sender::write(&amp, &[ph("a", NOW_MS, 1.0)]).await;
        assert_eq!((got, words), (503, format!("prometheus answered {code}: {}", "x".repeat(1_000))));
    }
    assert_eq!(amp.sample_count(), 0);
}

#[tokio::test]
async fn a_refusal_by_the_storage_keeps_its_status() {
    let url =
        storage(vec![answer("404 Not Found", "no receiver"), answer("422 X", "no"), String::new()]).await;
    let amp = in_front_of(&url, |_| ()).await;
    check(&amp, &[ph("a", NOW_MS, 1.0)], 404, "prometheus answered 404: no receiver").await;
    check(&amp, &[ph("a", NOW_MS, 1.0)], 422, "prometheus answered 422: no").await;
    check(&amp, &[ph("a", NOW_MS, 1.0)], 503, "cannot be reached").await;
    assert_eq!(amp.sample_count(), 0);
}

/// Waits for what must come.
async fn until(it_is_so: impl Fn() -> bool) {
    let coming = async {
        while !it_is_so() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), coming).await.expect("it never came");
}

/// A sender that does not wait any longer changes nothing: memory has what the storage has.
#[tokio::test]
async fn a_request_whose_sender_went_away_is_ingested_to_its_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let amp = in_front_of(&url, |_| ()).await;
    let (reached, writing) = oneshot::channel();
    let (go_on, told) = oneshot::channel::<()>();
    let storage = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        read_request(&mut stream).await;
        reached.send(()).expect("a listener");
        told.await.expect("a word");
        stream.write_all(answer("204 No Content", "").as_bytes()).await.expect("a reader");
    });
    let sender = tokio::spawn(try_send(request(&amp, body_of(&[ph("a", NOW_MS, 1.0)]))));
    writing.await.expect("a request");
    sender.abort();
    until(|| amp.requests()[0].ended.is_some()).await;
    assert_eq!(amp.sample_count(), 0, "the storage has not answered yet");
    go_on.send(()).expect("a storage");
    storage.await.expect("no panic");
    until(|| amp.sample_count() > 0).await;
    assert_eq!(stored_ph(&amp, "a"), [(NOW_MS, 1.0)]);
}

/// What the storage says to a question is passed on with its content type.
#[tokio::test]
async fn an_answer_keeps_its_status_and_content_type() {
    let text =
        "HTTP/1.1 422 X\r\ncontent-type: text/x-test\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";
    let amp = in_front_of(&storage(vec![text.to_owned(), text.to_owned()]).await, |_| ()).await;
    assert_eq!(get(&amp, "query", &[("query", "a")]).await, (422, serde_json::json!({})));
    let response = reqwest::get(amp.query_url()).await.expect("an answer");
    assert_eq!(response.headers()["content-type"], "text/x-test");
}

#[tokio::test]
async fn what_is_no_base_url_is_refused_at_the_start() {
    for url in ["", "prometheus", "127.0.0.1:9090", "https://127.0.0.1:9090", "http://", "http://a:9090/?x=1"]
    {
        let options = AmpOptions { prometheus: Some(url.to_owned()), ..AmpOptions::default() };
        let error = AmpStandIn::start(options).await.expect_err(url);
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains("is no base URL of a Prometheus"), "{error}");
    }
    stand_in(|options| options.prometheus = Some("http://127.0.0.1:9090/prefix/".to_owned())).await;
}
