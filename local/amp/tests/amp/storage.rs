//! Rules that need the memory of the workspace: order, duplicates, the out-of-order window, partial ingestion.

use std::time::Duration;

use crate::sender::{MINUTE_MS, NOW_MS, check, ph, series, stand_in, stored_ph, write};
use local_amp::{AmpOptions, AmpStandIn, Ingestion};

/// Prometheus, `appendable`: the same timestamp with the same value is accepted (a retried request).
#[tokio::test]
async fn the_same_sample_again_changes_nothing() {
    let amp = stand_in(|_| ()).await;
    check(&amp, &[ph("a", NOW_MS, 7.0)], 200, "").await;
    check(&amp, &[ph("a", NOW_MS, 7.0)], 200, "").await;
    assert_eq!(stored_ph(&amp, "a"), [(NOW_MS, 7.0)]);
}

/// Prometheus, `appendable`: values are compared bit by bit.
#[tokio::test]
async fn the_same_timestamp_with_another_value_is_refused() {
    let amp = stand_in(|_| ()).await;
    check(&amp, &[ph("a", NOW_MS, 1.0)], 200, "").await;
    let words =
        "err: duplicate sample for timestamp 1676398017000; overrides not allowed: existing 1, new value 1.0";
    check(&amp, &[ph("a", NOW_MS, 1.0 + f64::EPSILON)], 400, words).await;
    check(&amp, &[ph("a", NOW_MS, f64::NAN)], 400, "new value NaN").await;
    assert_eq!(stored_ph(&amp, "a"), [(NOW_MS, 1.0)]);
}

/// Prometheus, `appendable`: only the newest sample of a series is compared. A late one replaces what came in order, and
/// the first late one stays.
#[tokio::test]
async fn a_late_sample_is_stored_once_whatever_is_there() {
    let amp = stand_in(|_| ()).await;
    let stored = async |samples: &[(i64, f64)]| {
        for (ago, value) in samples {
            check(&amp, &[ph("a", NOW_MS - ago, *value)], 200, "").await;
        }
        stored_ph(&amp, "a")
    };
    assert_eq!(stored(&[(10, 1.0), (0, 2.0), (10, 3.0)]).await, [(NOW_MS - 10, 3.0), (NOW_MS, 2.0)]);
    assert_eq!(
        stored(&[(10, 4.0), (20, 5.0), (20, 6.0)]).await[..2],
        [(NOW_MS - 20, 5.0), (NOW_MS - 10, 3.0)]
    );
}

/// AMP, "out-of-order time window", 60 s by default.
#[tokio::test]
async fn an_older_sample_within_the_window_is_accepted() {
    let amp = stand_in(|_| ()).await;
    check(&amp, &[ph("a", NOW_MS, 2.0)], 200, "").await;
    check(&amp, &[ph("a", NOW_MS - MINUTE_MS, 1.0)], 200, "").await;
    check(&amp, &[ph("a", NOW_MS - MINUTE_MS - 1, 0.0)], 400, "err: too old sample").await;
    assert_eq!(stored_ph(&amp, "a"), [(NOW_MS - MINUTE_MS, 1.0), (NOW_MS, 2.0)]);
}

/// Prometheus, `appendable`: the window is measured from the newest sample of the whole workspace.
#[tokio::test]
async fn the_window_is_measured_from_the_head_of_the_workspace() {
    let amp = stand_in(|_| ()).await;
    check(&amp, &[ph("a", NOW_MS - 5 * MINUTE_MS, 1.0)], 200, "").await;
    check(&amp, &[ph("other", NOW_MS, 1.0)], 200, "").await;
    check(&amp, &[ph("a", NOW_MS - 5 * MINUTE_MS - 1, 0.0)], 400, "too old sample").await;
}

/// Prometheus, `appendable`: newer than the series' own last sample is in order, however old by the head.
#[tokio::test]
async fn a_sample_after_the_series_last_one_is_in_order() {
    let amp = stand_in(|_| ()).await;
    check(&amp, &[ph("other", NOW_MS, 1.0)], 200, "").await;
    check(&amp, &[ph("a", NOW_MS - 30 * MINUTE_MS, 1.0)], 200, "").await;
    check(&amp, &[ph("a", NOW_MS - 29 * MINUTE_MS, 2.0)], 200, "").await;
}

/// Prometheus, `appendable`: in order only within an hour of the head.
#[tokio::test]
async fn a_new_series_an_hour_behind_the_head_is_too_old() {
    let amp = stand_in(|options| options.max_sample_age = None).await;
    check(&amp, &[ph("other", NOW_MS, 1.0)], 200, "").await;
    check(&amp, &[ph("a", NOW_MS - 60 * MINUTE_MS, 1.0)], 200, "").await;
    check(&amp, &[ph("b", NOW_MS - 60 * MINUTE_MS - 1, 1.0)], 400, "too old sample").await;
}

/// Prometheus, `appendable`: what is already written is "too old" once it lies behind the window.
#[tokio::test]
async fn the_same_sample_again_behind_the_window_is_too_old() {
    let amp = stand_in(|_| ()).await;
    let (old, new) = (NOW_MS - 2 * MINUTE_MS, NOW_MS);
    let both = [series(&[("__name__", "ph")], &[(old, 1.0), (new, 2.0)])];
    check(&amp, &both, 200, "").await;
    check(&amp, &both, 400, "too old sample").await;
}

/// AMP, "out-of-order time window": 0 disables it.
#[tokio::test]
async fn without_a_window_any_older_sample_is_out_of_order() {
    let amp = stand_in(|options| options.out_of_order_window = Duration::ZERO).await;
    check(&amp, &[ph("a", NOW_MS, 2.0)], 200, "").await;
    check(&amp, &[ph("a", NOW_MS - 1, 1.0)], 400, "err: out of order sample").await;
    check(&amp, &[ph("b", NOW_MS - 1, 1.0)], 200, "").await;
}

/// AMP, "out-of-order time window": "it can be configured up to a maximum of 600 seconds".
#[tokio::test]
async fn a_window_over_600_seconds_is_refused_at_the_start() {
    let with =
        |seconds| AmpOptions { out_of_order_window: Duration::from_secs(seconds), ..AmpOptions::default() };
    for seconds in [0, 60, 600] {
        AmpStandIn::start(with(seconds)).await.expect("a window that AMP allows");
    }
    let error = AmpStandIn::start(with(601)).await.expect_err("too long a window");
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    assert_eq!(error.to_string(), "out-of-order window: expected 0 to 600 s, got 601 s");
}

/// Remote write 1.0: samples of different series have no order among them.
#[tokio::test]
async fn series_may_come_in_any_order() {
    let amp = stand_in(|options| options.out_of_order_window = Duration::ZERO).await;
    check(&amp, &[ph("b", NOW_MS, 1.0), ph("a", NOW_MS - 5 * MINUTE_MS, 1.0)], 200, "").await;
    assert_eq!(amp.sample_count(), 2);
}

/// Cortex, `ingester.go`: "we actually ingested all samples which haven't failed", then 400 with the first error.
#[tokio::test]
async fn amp_keeps_the_good_samples_of_a_bad_request() {
    let amp = stand_in(|_| ()).await;
    write(&amp, &[ph("a", NOW_MS, 1.0)]).await;
    let mixed = [
        ph("b", NOW_MS, 1.0),
        series(&[("__name__", "ph"), ("device", "a")], &[(NOW_MS, 9.0), (NOW_MS + 1, 2.0)]),
        ph("c", NOW_MS - 120 * MINUTE_MS, 1.0),
    ];
    check(&amp, &mixed, 400, "duplicate sample").await;
    assert_eq!(stored_ph(&amp, "a"), [(NOW_MS, 1.0), (NOW_MS + 1, 2.0)]);
    assert_eq!(stored_ph(&amp, "b"), [(NOW_MS, 1.0)]);
    assert_eq!(stored_ph(&amp, "c"), []);
}

/// Cortex, `distributor.go`: validation drops a series with all its samples.
#[tokio::test]
async fn one_sample_that_is_too_old_drops_its_whole_series() {
    let amp = stand_in(|_| ()).await;
    let samples = [(NOW_MS - 120 * MINUTE_MS, 1.0), (NOW_MS, 2.0)];
    check(&amp, &[series(&[("__name__", "ph")], &samples)], 400, "timestamp too old").await;
    assert_eq!(amp.sample_count(), 0);
}

/// Prometheus, `write_handler.go`: one bad sample rolls the whole request back.
#[tokio::test]
async fn prometheus_rolls_a_bad_request_back() {
    let amp = stand_in(|options| options.ingestion = Ingestion::RollBack).await;
    check(&amp, &[ph("b", NOW_MS, 1.0), ph("c", NOW_MS - 120 * MINUTE_MS, 1.0)], 400, "too old").await;
    assert_eq!(amp.sample_count(), 0);
    check(&amp, &[ph("b", NOW_MS, 1.0)], 200, "").await;
}

/// Prometheus answers success with 204, Cortex sometimes with 202.
#[tokio::test]
async fn the_status_of_success_can_be_chosen() {
    let amp = stand_in(|options: &mut AmpOptions| options.success_status = 204).await;
    check(&amp, &[ph("a", NOW_MS, 1.0)], 204, "").await;
    assert_eq!(amp.sample_count(), 1);
}
