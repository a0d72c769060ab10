//! Faults that a person types, at work.

use std::time::Duration;

use crate::reader;
use crate::sender::{NOW_MS, body_of, check, ph, request, stand_in, stored_ph, try_send, write};
use local_amp::{AmpStandIn, Fault};

async fn failing(texts: &[&str]) -> AmpStandIn {
    let amp = stand_in(|_| ()).await;
    amp.set_faults(texts.iter().map(|text| text.parse::<Fault>().expect(text)).collect());
    amp
}

#[tokio::test]
async fn statuses_come_one_after_the_other_and_end() {
    let amp = failing(&["503:2", "429:1"]).await;
    for status in [503, 503, 429] {
        check(&amp, &[ph("a", NOW_MS, 1.0)], status, "answered as told").await;
    }
    assert_eq!(amp.sample_count(), 0);
    check(&amp, &[ph("a", NOW_MS, 1.0)], 200, "").await;
}

#[tokio::test]
async fn a_label_restricts_a_fault_to_the_requests_that_hold_it() {
    let amp = failing(&["500@device=bad"]).await;
    check(&amp, &[ph("a", NOW_MS, 1.0)], 200, "").await;
    check(&amp, &[ph("b", NOW_MS, 1.0), ph("bad", NOW_MS, 1.0)], 500, "").await;
}

#[tokio::test]
async fn a_refused_series_costs_itself_alone_and_is_used_up_only_by_itself() {
    let amp = failing(&["refuse:1@device=bad"]).await;
    check(&amp, &[ph("a", NOW_MS, 1.0)], 200, "").await;
    check(&amp, &[ph("b", NOW_MS, 1.0), ph("bad", NOW_MS, 1.0)], 400, "series refused as told").await;
    assert_eq!(stored_ph(&amp, "b"), [(NOW_MS, 1.0)]);
    assert_eq!(stored_ph(&amp, "bad"), []);
    check(&amp, &[ph("bad", NOW_MS, 1.0)], 200, "").await;
}

#[tokio::test]
async fn a_lost_answer_is_that_of_a_stored_request() {
    let amp = failing(&["drop:1"]).await;
    try_send(request(&amp, body_of(&[ph("a", NOW_MS, 1.0)]))).await.expect_err("no answer");
    assert_eq!(stored_ph(&amp, "a"), [(NOW_MS, 1.0)]);
}

#[tokio::test]
async fn a_slow_answer_comes_and_is_the_usual_one() {
    let amp = failing(&["slow=50ms:1"]).await;
    let patience = Duration::from_millis(10);
    let sample = [ph("a", NOW_MS, 1.0)];
    let mut slow = Box::pin(write(&amp, &sample));
    assert!(tokio::time::timeout(patience, &mut slow).await.is_err());
    assert_eq!(slow.await.0, 200);
    assert_eq!(amp.sample_count(), 1);
}

/// Queries have to show what a fault did.
#[tokio::test]
async fn faults_do_not_concern_the_read_api() {
    let amp = failing(&["503", "hang"]).await;
    assert_eq!(reader::get(&amp, "metadata", &[]).await.0, 200);
    check(&amp, &[ph("a", NOW_MS, 1.0)], 503, "").await;
    assert_eq!(amp.requests().len(), 1, "the journal is about write requests");
}
