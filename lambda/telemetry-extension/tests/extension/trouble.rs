//! Destinations that are down or slow, lose responses or reject data: the function continues, and the last counts are right.

use std::time::Duration;

use local_amp::{Action, AmpOptions, AmpStandIn, Fault, Matcher};
use telemetry_extension::destination::Dispatch;
use telemetry_extension::metrics::Metrics;

use crate::host::{Host, now_ms};
use crate::rates::{destination, observe};
use crate::remote_write::{amp, assert_valid, host, last, values};

async fn invoke_times(host: &mut Host, times: usize) {
    for _ in 0..times {
        host.invoke_and_report("success").await;
    }
}

fn successes(amp: &AmpStandIn) -> Vec<f64> {
    values(amp, "invocations_total", "success")
}

#[tokio::test]
async fn nothing_is_lost_while_the_destination_is_down() {
    let amp = amp().await;
    let mut host = host(&amp).await;
    amp.go_down();
    invoke_times(&mut host, 10).await;
    amp.come_back().await.expect("its port");
    assert!(host.shut_down().await.success());
    assert_valid(&amp);
    let mut successes = successes(&amp);
    successes.dedup();
    assert_eq!(successes, [0.0, 10.0]);
    let failed = last(&amp, "telemetry_dispatches_total", "failed");
    assert!(failed.is_some_and(|failed| failed >= 1.0), "{failed:?}");
}

/// No invocation dispatches until the backoff has passed.
#[tokio::test]
async fn a_failure_is_not_repeated_at_every_invocation() {
    let amp = amp().await;
    amp.set_faults(vec![Fault::always(Matcher::Any, Action::status(503, "later"))]);
    let mut host = host(&amp).await;
    invoke_times(&mut host, 20).await;
    let requests = amp.requests().len();
    assert!((1..=8).contains(&requests), "{requests} requests");
    amp.set_faults(Vec::new());
    assert!(host.shut_down().await.success());
    assert_eq!(successes(&amp).last(), Some(&20.0));
}

/// Idle connections break while the sandbox is frozen.
#[tokio::test]
async fn a_broken_connection_is_not_a_failure() {
    let amp = amp().await;
    let mut host = host(&amp).await;
    invoke_times(&mut host, 3).await;
    amp.set_faults(vec![Fault::times(1, Matcher::Any, Action::Reset)]);
    invoke_times(&mut host, 1).await;
    amp.go_down();
    amp.come_back().await.expect("its port");
    invoke_times(&mut host, 1).await;
    assert!(host.shut_down().await.success());
    assert_valid(&amp);
    assert_eq!(successes(&amp).last(), Some(&5.0));
    let failed = last(&amp, "telemetry_dispatches_total", "failed");
    assert_eq!(failed, Some(0.0));
}

/// A slow dispatch continues during later invocations, and there is no second one.
#[tokio::test]
async fn a_slow_response_counts() {
    let amp = amp().await;
    amp.set_faults(vec![Fault::times(1, Matcher::Any, Action::Delay(Duration::from_secs(1)))]);
    let mut host = host(&amp).await;
    invoke_times(&mut host, 2).await;
    while amp.sample_count() == 0 {
        host.invoke().await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    invoke_times(&mut host, 2).await;
    let total = host.invoke().await;
    host.deliver(&crate::host::invocation(&total, "success")).await;
    assert!(host.shut_down().await.success());
    assert_valid(&amp);
    assert_eq!(successes(&amp).last(), Some(&5.0));
}

/// A zero whose response was lost is repeated unchanged before any other sample of its series.
#[tokio::test]
async fn zeros_are_repeated_unchanged_until_there_is_a_response() {
    let amp = amp().await;
    amp.set_faults(vec![Fault::times(1, Matcher::Any, Action::AcceptThenDrop)]);
    let mut host = host(&amp).await;
    while amp.requests().len() < 3 {
        host.invoke_and_report("success").await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(host.shut_down().await.success());
    assert_valid(&amp);
    let requests = amp.requests();
    let series = |at: usize| requests[at].request.clone().expect("it can be decoded").timeseries.clone();
    assert!(series(0) == series(1) && series(1).iter().flat_map(|s| &s.samples).all(|s| s.value == 0.0));
    assert!(successes(&amp).is_sorted());
}

#[tokio::test]
async fn rejected_values_are_superseded() {
    let amp = amp().await;
    amp.set_faults(vec![Fault::times(2, Matcher::Any, Action::status(400, "out of bounds"))]);
    let mut host = host(&amp).await;
    invoke_times(&mut host, 2).await;
    amp.set_faults(Vec::new());
    invoke_times(&mut host, 1).await;
    assert!(host.shut_down().await.success());
    assert_eq!(successes(&amp).last(), Some(&3.0));
    let rejected = last(&amp, "telemetry_dispatches_total", "rejected");
    assert_eq!(rejected, Some(1.0));
}

#[tokio::test]
async fn a_success_that_stores_nothing_is_a_failure() {
    let amp = amp().await;
    amp.set_faults(vec![
        Fault::times(1, Matcher::Any, Action::status(200, "Prometheus Server is Ready.")),
        Fault::times(1, Matcher::Any, Action::status(202, "")),
    ]);
    let mut host = host(&amp).await;
    while amp.requests().len() < 3 {
        invoke_times(&mut host, 1).await;
    }
    assert!(host.shut_down().await.success());
    assert_eq!(last(&amp, "telemetry_dispatches_total", "failed"), Some(2.0));
}

/// The received counts of three dispatches within two seconds, with 1, 3 and 3 invocations, the second with faults.
async fn counts_with(faults: &[Fault]) -> Vec<f64> {
    let options =
        AmpOptions { credentials: None, out_of_order_window: Duration::ZERO, ..AmpOptions::default() };
    let amp = AmpStandIn::start(options).await.expect("a free port");
    let mut destination = destination(&amp.remote_write_url(), 1);
    let mut metrics = Metrics::new(None, false);
    let began = i64::try_from(now_ms()).expect("a time") - 10_000;
    for (at, ids, faults) in [(0, 0..1, &[][..]), (1_000, 1..3, faults), (2_000, 3..3, &[])] {
        amp.set_faults(faults.to_vec());
        observe(&mut metrics, ids);
        let dispatch = Dispatch {
            snapshot: metrics.snapshot(),
            now_ms: began + at,
            is_last: false,
            deadline: tokio::time::Instant::now() + Duration::from_mins(1),
        };
        assert_eq!(destination.dispatch(&dispatch).await.is_ok(), faults.is_empty());
    }
    assert_valid(&amp);
    successes(&amp)
}

/// A step is sent with its value, and is not repeated if it may have been delivered.
#[tokio::test]
async fn a_step_is_repeated_only_if_its_dispatch_has_failed() {
    let step = |value, next| [vec![value; 10], vec![next]].concat();
    let first = [vec![0.0], step(0.0, 1.0)].concat();
    let later = Fault::times(1, Matcher::Any, Action::status(503, "later"));
    let failed = counts_with(std::slice::from_ref(&later)).await;
    assert_eq!(failed, [first.clone(), step(1.0, 3.0)].concat());
    let unknown = counts_with(&[Fault::times(1, Matcher::Any, Action::AcceptThenDrop), later]).await;
    assert_eq!(unknown, [first, vec![3.0, 3.0]].concat());
}

/// Extensions API, "Shutdown phase": after 2,000 ms extensions are killed.
#[tokio::test]
async fn a_shutdown_ends_in_time_without_a_response() {
    let amp = amp().await;
    amp.set_faults(vec![Fault::always(Matcher::Any, Action::Hang)]);
    let mut host = host(&amp).await;
    invoke_times(&mut host, 2).await;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(2);
    let ended = tokio::time::timeout_at(deadline, host.shut_down()).await;
    assert!(ended.expect("it would have been killed").success());
}
