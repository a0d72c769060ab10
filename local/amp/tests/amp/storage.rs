//! Options that change what is stored. `tests/cortex` has the rules of Cortex.

use std::time::Duration;

use crate::sender::{MINUTE_MS, NOW_MS, check, ph, stand_in};
use local_amp::{AmpOptions, AmpStandIn, Ingestion};

/// Prometheus, `appendable`: in order only within an hour of the head.
#[tokio::test]
async fn a_new_series_an_hour_behind_the_head_is_too_old() {
    let amp = stand_in(|options| options.max_sample_age = None).await;
    check(&amp, &[ph("other", NOW_MS, 1.0)], 200, "").await;
    check(&amp, &[ph("a", NOW_MS - 60 * MINUTE_MS, 1.0)], 200, "").await;
    check(&amp, &[ph("b", NOW_MS - 60 * MINUTE_MS - 1, 1.0)], 400, "too old sample").await;
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

/// Prometheus, `write_handler.go`: one bad sample rolls the whole request back.
#[tokio::test]
async fn prometheus_rolls_a_bad_request_back() {
    let amp = stand_in(|options| options.ingestion = Ingestion::RollBack).await;
    check(&amp, &[ph("b", NOW_MS, 1.0), ph("c", NOW_MS - 120 * MINUTE_MS, 1.0)], 400, "too old").await;
    assert_eq!(amp.sample_count(), 0);
    check(&amp, &[ph("b", NOW_MS, 1.0)], 200, "").await;
}

/// Prometheus answers success with 204.
#[tokio::test]
async fn the_status_of_success_can_be_chosen() {
    let amp = stand_in(|options: &mut AmpOptions| options.success_status = 204).await;
    check(&amp, &[ph("a", NOW_MS, 1.0)], 204, "").await;
    assert_eq!(amp.sample_count(), 1);
}
