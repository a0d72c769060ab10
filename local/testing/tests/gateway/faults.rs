//! A receiver that fails for a while, or in part: what it does not take is given back, and nothing else.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use local_amp::{Action, Fault, Matcher, ReceivedRequest};
use local_testing::clock::Clock;

use crate::support::{NOW_MS, Setup, Stage, event, large_event, one_event_each};

/// Fails the first requests like this, and expects everything to be delivered.
async fn is_survived(times: u32, action: Action) -> Vec<ReceivedRequest> {
    let stage = Setup::new().timeout_s(6).start().await;
    is_survived_by(stage, times, action).await
}

async fn is_survived_by(mut stage: Stage, times: u32, action: Action) -> Vec<ReceivedRequest> {
    stage.fail(Fault::times(times, Matcher::Any, action));
    assert_eq!(stage.bodies(&one_event_each(5)).await, [0; 0]);
    assert_eq!(stage.amp.sample_count(), 5);
    stage.assert_nothing_overlapped();
    let requests = stage.amp.requests();
    assert_eq!(requests.len(), times as usize + 1);
    requests
}

/// Fails every request like this, and expects everything to be given back in time.
async fn is_given_back(action: Action) -> Vec<ReceivedRequest> {
    let mut stage = Setup::new().timeout_s(2).start().await;
    stage.fail(Fault::always(Matcher::Any, action));
    assert_eq!(stage.bodies(&one_event_each(5)).await, [0, 1, 2, 3, 4]);
    stage.assert_nothing_overlapped();
    stage.amp.requests()
}

/// 5xx is in `spec`.
#[tokio::test]
async fn a_408_and_a_429_without_retry_after_are_retried() {
    for code in [408, 429] {
        is_survived(2, Action::status(code, "ingestion rate limit")).await;
    }
}

#[tokio::test]
async fn retries_go_on_until_the_time_is_up() {
    for code in [503, 408, 429] {
        let requests = is_given_back(Action::status(code, "")).await;
        assert!((3..100).contains(&requests.len()), "{code}: {} requests", requests.len());
    }
}

#[tokio::test]
async fn a_retry_after_in_seconds_is_waited_for() {
    for code in [429, 503] {
        let requests = is_survived(1, Action::retry_after(code, "1")).await;
        let waited = requests[1].began_at - requests[0].ended_at.expect("it was answered");
        assert!(waited >= Duration::from_millis(990), "{waited:?}");
    }
}

#[tokio::test]
async fn a_retry_after_date_is_waited_for() {
    let stage = Setup::new().timeout_s(6).start().await;
    let now = u64::try_from(Clock::system().now_ms()).expect("a time after 1970");
    // Dates have whole seconds: between two and three from now.
    let date = SystemTime::UNIX_EPOCH + Duration::from_secs(now / 1_000 + 3);
    let action = Action::retry_after(429, &httpdate::fmt_http_date(date));
    let requests = is_survived_by(stage, 1, action).await;
    let waited = requests[1].began_at - requests[0].ended_at.expect("it was answered");
    assert!(waited >= Duration::from_millis(500), "{waited:?}");
}

#[tokio::test]
async fn a_retry_after_in_the_past_or_invalid_is_ignored() {
    for value in ["0", "Sun, 06 Nov 1994 08:49:37 GMT", "soon"] {
        is_survived(1, Action::retry_after(503, value)).await;
    }
}

#[tokio::test]
async fn a_retry_after_beyond_the_deadline_is_not_waited_for() {
    for value in ["3600", "18446744073709551616", "Fri, 31 Dec 9999 23:59:59 GMT"] {
        assert_eq!(is_given_back(Action::retry_after(429, value)).await.len(), 1, "{value}");
    }
}

#[tokio::test]
async fn a_receiver_that_hangs_is_tried_a_second_time() {
    is_survived(1, Action::Hang).await;
    let requests = is_given_back(Action::Hang).await;
    assert!(requests.len() >= 2, "{} requests", requests.len());
}

#[tokio::test]
async fn an_error_whose_body_never_ends_is_an_error() {
    let interval = Duration::from_millis(50);
    let requests = is_given_back(Action::SlowTrickle { code: 503, interval }).await;
    assert!(requests.len() >= 2, "{} requests", requests.len());
    assert_eq!(is_given_back(Action::SlowTrickle { code: 403, interval }).await.len(), 1);
}

#[tokio::test]
async fn a_reset_connection_is_made_again() {
    is_survived(2, Action::Reset).await;
    is_given_back(Action::Reset).await;
}

#[tokio::test]
async fn a_lost_answer_neither_loses_nor_doubles_samples() {
    is_survived(2, Action::AcceptThenDrop).await;
    let mut stage = Setup::new().timeout_s(2).start().await;
    stage.fail(Fault::always(Matcher::Any, Action::AcceptThenDrop));
    assert_eq!(stage.bodies(&one_event_each(3)).await, [0, 1, 2]);
    assert_eq!(stage.amp.sample_count(), 3);
    stage.amp.set_faults(Vec::new());
    assert_eq!(stage.bodies(&one_event_each(3)).await, [0; 0], "a redelivery is accepted");
}

/// Events with label sets so large that they need several requests.
fn large_events() -> Vec<String> {
    let long = "x".repeat(5_000);
    (0..600).map(|at| large_event(at, &long, NOW_MS + at, at)).collect()
}

/// The places of the events in a request.
fn places(request: &ReceivedRequest) -> Vec<usize> {
    let sets = request.label_sets();
    sets.iter().map(|set| set["device"].parse().expect("a number")).collect()
}

#[tokio::test]
async fn a_failed_request_costs_only_its_own_messages() {
    for action in [Action::status(503, ""), Action::Hang, Action::status(403, ""), Action::Reset] {
        let mut stage = Setup::new().timeout_s(3).start().await;
        let bodies = large_events();
        stage.fail(Fault::always(Matcher::series("device", "333"), action.clone()));
        let returned = stage.bodies(&bodies).await;
        let requests = stage.amp.requests();
        let failed: BTreeSet<_> = requests.iter().filter(|r| !r.is_delivered()).flat_map(places).collect();
        let stored: BTreeSet<_> = requests.iter().filter(|r| r.is_delivered()).flat_map(places).collect();
        assert!(failed.contains(&333) && failed.len() < 400, "{action:?}: {} failed", failed.len());
        let never_stored = failed.difference(&stored).copied().collect::<Vec<_>>();
        assert_eq!(returned, never_stored, "{action:?}");
        assert_eq!(stored.len() + returned.len(), 600, "{action:?}");
        assert_eq!(stage.amp.sample_count(), stored.len(), "{action:?}");
        stage.assert_nothing_overlapped();
    }
}

#[tokio::test]
async fn several_requests_travel_at_once_but_not_many() {
    let mut stage = Stage::start().await;
    stage.fail(Fault::always(Matcher::Any, Action::Delay(Duration::from_millis(200))));
    let long = "x".repeat(6_000);
    let bodies: Vec<_> = (0..900).map(|at| large_event(at, &long, NOW_MS + at, at)).collect();
    assert_eq!(stage.bodies(&bodies).await, [0; 0]);
    let requests = stage.amp.requests();
    assert!(requests.len() >= 6, "{} requests", requests.len());
    let at_once = |request: &ReceivedRequest| {
        let is_in_flight = |other: &&ReceivedRequest| {
            other.began <= request.began && other.ended.is_none_or(|ended| ended > request.began)
        };
        requests.iter().filter(is_in_flight).count()
    };
    let most = requests.iter().map(at_once).max();
    assert!(most > Some(1) && most <= Some(8), "{most:?} of {} requests at once", requests.len());
    assert!(stage.amp.connections() <= 8, "{} connections", stage.amp.connections());
}

#[tokio::test]
async fn a_connection_is_kept_over_invocations_and_errors() {
    let mut stage = Stage::start().await;
    for code in [200, 400, 403, 503] {
        stage.fail(Fault::times(1, Matcher::Any, Action::status(code, "a short reason")));
        stage.invoke(event("a", NOW_MS, 1)).await;
    }
    assert_eq!(stage.amp.connections(), 1);
}

/// A later request of the same series would make the failed samples out of order.
#[tokio::test]
async fn nothing_later_of_a_series_is_sent_after_a_failure() {
    let mut stage = Setup::new().timeout_s(3).start().await;
    let events: Vec<_> = (0..70_000)
        .map(|at| format!(r#"{{"dimensions":{{}},"timestamp":{},"metrics":{{"m":{at}.5}}}}"#, NOW_MS + at))
        .collect();
    stage.fail(Fault::always(Matcher::Any, Action::status(403, "not you")));
    let (kind, _) = stage.error(format!("[{}]", events.join(","))).await;
    assert_eq!(kind, "WriteFailed");
    assert_eq!(stage.amp.requests().len(), 1, "the second request of the series is not sent");
}
