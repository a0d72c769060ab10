//! Limits per second and of active series, by a clock that only the test moves.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::sender::{
    Answer, MINUTE_MS, NOW_MS, body_of, check, ph, request, send, series, stand_in, stored_ph,
};
use local_amp::proto::TimeSeries;
use local_amp::{Action, AmpOptions, Fault, Ingestion, Matcher};
use local_testing::clock::Clock;

/// Milliseconds that a test lets pass.
#[derive(Clone)]
struct Hands(Arc<AtomicI64>);

impl Hands {
    fn new() -> Self {
        Self(Arc::new(AtomicI64::new(NOW_MS)))
    }

    fn clock(&self) -> Clock {
        let hands = Arc::clone(&self.0);
        Clock::from_fn(move || hands.load(Ordering::SeqCst))
    }

    fn move_by(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

/// A series with this many samples, ending now.
fn samples(device: &str, count: i64) -> TimeSeries {
    let samples: Vec<_> = (0..count).map(|n| (NOW_MS - count + n, 1.0)).collect();
    series(&[("__name__", "ph"), ("device", device)], &samples)
}

fn rate_exceeded() -> Answer {
    (429, "{\"message\":\"Rate exceeded\"}".to_owned())
}

/// AMP quotas, "Ingestion throttling": "the entire request is rejected"; the text is in AMP troubleshooting.
#[tokio::test]
async fn a_request_over_the_ingestion_rate_is_refused_whole() {
    let amp = stand_in(|options| options.ingestion_rate = Some(500.0)).await;
    let words = "ingestion rate limit (500) exceeded while adding 501 samples and 0 metadata";
    check(&amp, &[samples("a", 500), samples("b", 1)], 429, words).await;
    assert_eq!(amp.sample_count(), 0);
    check(&amp, &[samples("a", 499), samples("b", 1)], 200, "").await;
    check(&amp, &[samples("c", 1)], 429, "(500) exceeded while adding 1 samples").await;
    assert_eq!(amp.sample_count(), 500);
}

/// AMP quotas, "Ingestion throttling": "you can use tokens as they are added to the bucket", which "can't hold more
/// than its maximum".
#[tokio::test]
async fn the_ingestion_rate_refills_up_to_one_second() {
    let hands = Hands::new();
    let clock = hands.clock();
    let amp = stand_in(|options| {
        (options.clock, options.ingestion_rate) = (clock, Some(100.0));
    })
    .await;
    check(&amp, &[samples("a", 100)], 200, "").await;
    hands.move_by(100);
    check(&amp, &[samples("b", 11)], 429, "(100) exceeded while adding 11 samples").await;
    check(&amp, &[samples("b", 5)], 200, "").await;
    hands.move_by(60_000);
    check(&amp, &[samples("c", 101)], 429, "").await;
    check(&amp, &[samples("c", 100)], 200, "").await;
    hands.move_by(-60_000);
    check(&amp, &[samples("d", 1)], 429, "").await;
    hands.move_by(60_000);
    check(&amp, &[samples("d", 1)], 429, "(100) exceeded").await;
}

/// AMP quotas: "Ingestion rate per workspace", 1,666,666.
#[tokio::test]
async fn the_ingestion_rate_is_that_of_amp_unless_set() {
    let options = AmpOptions::default();
    assert_eq!(options.ingestion_rate, Some(1_666_666.0));
    let amp = stand_in(|options| options.ingestion_rate = None).await;
    check(&amp, &[samples("a", 30_000)], 200, "").await;
}

/// AMP quotas, "Number of `RemoteWrite` API operations": 3,000 a second, checked before the signature.
#[tokio::test]
async fn calls_over_the_rate_are_refused_before_anything_else() {
    assert_eq!(AmpOptions::default().remote_write_calls_per_second, Some(3_000.0));
    let hands = Hands::new();
    let clock = hands.clock();
    let amp = stand_in(|options| {
        (options.clock, options.remote_write_calls_per_second) = (clock, Some(2.0));
        options.credentials = Some(crate::sender::credentials());
    })
    .await;
    let statuses = [403, 403, 429];
    for status in statuses {
        assert_eq!(send(request(&amp, b"no snappy".to_vec())).await.0, status);
    }
    assert_eq!(send(request(&amp, body_of(&[ph("a", NOW_MS, 1.0)]))).await, rate_exceeded());
    let last = amp.requests().pop().expect("a request");
    assert_eq!((last.status, last.violation.as_deref()), (Some(429), Some("Rate exceeded")));
    hands.move_by(500);
    assert_eq!(send(request(&amp, b"no snappy".to_vec())).await.0, 403);
    assert_eq!(send(request(&amp, b"no snappy".to_vec())).await, rate_exceeded());
}

/// The limit applies before faults.
#[tokio::test]
async fn calls_are_counted_even_if_they_meet_a_fault() {
    let amp = stand_in(|options| options.remote_write_calls_per_second = Some(1.0)).await;
    amp.set_faults(vec![Fault::times(2, Matcher::Any, Action::status(503, "busy"))]);
    check(&amp, &[ph("a", NOW_MS, 1.0)], 503, "busy").await;
    check(&amp, &[ph("a", NOW_MS, 1.0)], 429, "Rate exceeded").await;
    let amp = stand_in(|options| options.remote_write_calls_per_second = None).await;
    for _ in 0..10 {
        check(&amp, &[ph("a", NOW_MS, 1.0)], 200, "").await;
    }
}

/// AMP troubleshooting: the limit of active series is answered with 400; Cortex's ingester keeps the samples of
/// the series that exist.
#[tokio::test]
async fn a_series_over_the_limit_is_refused_and_the_others_are_kept() {
    assert_eq!(AmpOptions::default().active_series, Some(50_000_000));
    let amp = stand_in(|options| options.active_series = Some(2)).await;
    check(&amp, &[ph("a", NOW_MS, 1.0)], 200, "").await;
    let three = [ph("b", NOW_MS, 2.0), ph("c", NOW_MS, 3.0), ph("a", NOW_MS + 1, 4.0)];
    check(&amp, &three, 400, "user=ws-local: per-user series limit of 2 exceeded").await;
    assert_eq!(stored_ph(&amp, "a"), [(NOW_MS, 1.0), (NOW_MS + 1, 4.0)]);
    assert_eq!(stored_ph(&amp, "b"), [(NOW_MS, 2.0)]);
    assert_eq!(stored_ph(&amp, "c"), []);
    check(&amp, &[ph("b", NOW_MS + 1, 5.0)], 200, "").await;
}

/// Prometheus rolls the whole request back.
#[tokio::test]
async fn a_series_over_the_limit_rolls_back_where_bad_samples_do() {
    let amp = stand_in(|options| {
        (options.active_series, options.ingestion) = (Some(1), Ingestion::RollBack);
    })
    .await;
    check(&amp, &[ph("a", NOW_MS, 1.0), ph("b", NOW_MS, 1.0)], 400, "series limit of 1").await;
    assert_eq!(amp.sample_count(), 0);
}

/// AMP quotas: "A series is active if a sample has been reported in the past 2 hours".
#[tokio::test]
async fn a_series_makes_room_two_hours_after_its_last_sample() {
    let hands = Hands::new();
    let clock = hands.clock();
    let amp = stand_in(|options| {
        (options.clock, options.active_series) = (clock, Some(1));
    })
    .await;
    check(&amp, &[ph("a", NOW_MS, 1.0)], 200, "").await;
    hands.move_by(120 * MINUTE_MS);
    check(&amp, &[ph("b", NOW_MS + 120 * MINUTE_MS, 1.0)], 400, "series limit of 1").await;
    hands.move_by(1);
    check(&amp, &[ph("b", NOW_MS + 120 * MINUTE_MS, 1.0)], 200, "").await;
    check(&amp, &[ph("a", NOW_MS + 120 * MINUTE_MS, 1.0)], 400, "series limit of 1").await;
}

/// Cortex, `pkg/ha`: another replica is elected once the elected one has been silent for the failover timeout. Its last
/// request counts only if the one before it is 15 s old.
#[tokio::test]
async fn another_replica_is_elected_after_a_silence() {
    let hands = Hands::new();
    let clock = hands.clock();
    let amp = stand_in(|options| {
        (options.clock, options.ha_failover_timeout) = (clock, Some(Duration::from_secs(30)));
    })
    .await;
    let write = async |replica: &str, timestamp: i64| {
        let labels = [("__name__", "ph"), ("__replica__", replica), ("cluster", "c")];
        send(request(&amp, body_of(&[series(&labels, &[(timestamp, 1.0)])]))).await
    };
    assert_eq!(write("a", NOW_MS).await.0, 200);
    for (wait_ms, replica, status) in
        [(14_999, "a", 200), (1, "a", 200), (29_999, "b", 202), (1, "b", 200), (0, "a", 202)]
    {
        hands.move_by(wait_ms);
        assert_eq!(write(replica, NOW_MS + 1).await.0, status, "{replica} after {wait_ms} ms");
    }
    let text = "replicas did not match, rejecting sample: replica=a, elected=b";
    assert_eq!(write("a", NOW_MS + 1).await.1, text);
    assert_eq!(amp.samples_of(&[("__name__", "ph"), ("cluster", "c")]).len(), 2);
}

/// A series without stored samples does not count.
#[tokio::test]
async fn a_series_without_a_good_sample_is_not_active() {
    let amp = stand_in(|options| options.active_series = Some(2)).await;
    check(&amp, &[ph("a", NOW_MS, 1.0)], 200, "").await;
    let request = [ph("bad", NOW_MS - 61 * MINUTE_MS, 1.0), ph("b", NOW_MS, 1.0)];
    check(&amp, &request, 400, "timestamp too old").await;
    assert_eq!(stored_ph(&amp, "b"), [(NOW_MS, 1.0)]);
}
