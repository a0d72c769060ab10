//! Answers of a storage that a real Prometheus does not give on demand.

use std::sync::Mutex;
use std::time::Duration;

use local_amp::{AmpOptions, AmpStandIn};
use local_testing::scripted::{Answer, ScriptedServer};
use tokio::sync::oneshot;

use crate::prometheus::in_front_of;
use crate::reader::get;
use crate::sender::{NOW_MS, body_of, check, ph, request, stand_in, stored_ph, try_send, write};

/// A status that is not a success and not an error in the data makes the receiver unavailable.
#[tokio::test]
async fn errors_of_the_storage_are_answered_with_503() {
    let long = "x".repeat(5_000);
    let storage =
        ScriptedServer::in_order([500, 502, 302].map(|status| Answer::new(status, long.clone())).into())
            .await;
    let amp = in_front_of(&storage.url(), |_| ()).await;
    for status in [500, 502, 302] {
        let answer = write(&amp, &[ph("a", NOW_MS, 1.0)]).await;
        assert_eq!(answer, (503, format!("prometheus answered {status}: {}", "x".repeat(1_000))));
    }
    assert_eq!(amp.sample_count(), 0);
}

#[tokio::test]
async fn a_refusal_by_the_storage_keeps_its_status() {
    let answers = vec![Answer::new(404, "no receiver"), Answer::new(422, "no"), Answer::close()];
    let storage = ScriptedServer::in_order(answers).await;
    let amp = in_front_of(&storage.url(), |_| ()).await;
    check(&amp, &[ph("a", NOW_MS, 1.0)], 404, "prometheus answered 404: no receiver").await;
    check(&amp, &[ph("a", NOW_MS, 1.0)], 422, "prometheus answered 422: no").await;
    check(&amp, &[ph("a", NOW_MS, 1.0)], 503, "cannot be reached").await;
    assert_eq!(amp.sample_count(), 0);
}

async fn until(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), waiting).await.expect("the condition holds in time");
}

/// Memory has the samples that the storage has, even if the sender went away.
#[tokio::test]
async fn a_request_is_ingested_even_if_its_sender_goes_away() {
    let (go_on, permission) = oneshot::channel::<()>();
    let permission = Mutex::new(Some(permission));
    let storage = ScriptedServer::start(move |_, _| {
        let permission = permission.lock().expect("no panic").take();
        async move {
            permission.expect("one request").await.expect("the test goes on");
            Answer::new(204, "")
        }
    })
    .await;
    let amp = in_front_of(&storage.url(), |_| ()).await;
    let sender = tokio::spawn(try_send(request(&amp, body_of(&[ph("a", NOW_MS, 1.0)]))));
    until(|| !storage.requests().is_empty()).await;
    sender.abort();
    until(|| amp.requests()[0].ended.is_some()).await;
    assert_eq!(amp.sample_count(), 0, "the storage has not answered yet");
    go_on.send(()).expect("the storage waits");
    until(|| amp.sample_count() > 0).await;
    assert_eq!(stored_ph(&amp, "a"), [(NOW_MS, 1.0)]);
}

#[tokio::test]
async fn an_answer_keeps_its_status_and_content_type() {
    let answer = Answer::new(422, "{}").header("content-type", "text/x-test");
    let storage = ScriptedServer::in_order(vec![answer]).await;
    let amp = in_front_of(&storage.url(), |_| ()).await;
    assert_eq!(get(&amp, "query", &[("query", "a")]).await, (422, serde_json::json!({})));
    let response = reqwest::get(amp.query_url()).await.expect("an answer");
    assert_eq!(response.headers()["content-type"], "text/x-test");
}

#[tokio::test]
async fn an_invalid_base_url_is_refused_at_the_start() {
    for url in ["", "prometheus", "127.0.0.1:9090", "https://127.0.0.1:9090", "http://", "http://a:9090/?x=1"]
    {
        let options = AmpOptions { prometheus: Some(url.to_owned()), ..AmpOptions::default() };
        let error = AmpStandIn::start(options).await.expect_err(url);
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains("is not a base URL of Prometheus"), "{error}");
    }
    stand_in(|options| options.prometheus = Some("http://127.0.0.1:9090/prefix/".to_owned())).await;
}
