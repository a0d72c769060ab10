//! The stand-in by itself.

use std::time::Duration;

use local_amp::proto::Histogram;
use local_amp::proto::histogram::{Count, ZeroCount};
use local_amp::{AmpOptions, AmpStandIn};
use local_testing::clock::Clock;

use crate::case::{Case, Found, Stored, Tenant, Value, render};

/// Sends the requests of a case to a workspace of its own, whose clock stands still.
pub(crate) async fn run(case: &Case, now_ms: i64) -> Found {
    let amp = AmpStandIn::start(options(case, now_ms)).await.expect("a free port");
    let (mut statuses, mut text) = (Vec::new(), String::new());
    for request in &case.requests {
        let answer = request.send(&amp.remote_write_url(), None).await;
        statuses.push(answer.0);
        text = answer.1;
    }
    Found { statuses, text, stored: stored(&amp, now_ms) }
}

fn options(case: &Case, now_ms: i64) -> AmpOptions {
    let mut options = AmpOptions {
        workspace: case.tenant(),
        strict: false,
        clock: Clock::fixed(now_ms),
        ..AmpOptions::default()
    };
    match case.limits {
        Tenant::Default => {}
        Tenant::NoWindow => options.out_of_order_window = Duration::ZERO,
        Tenant::Rate10 => options.ingestion_rate = Some(10.0),
        Tenant::OneSeries => options.active_series = Some(1),
        Tenant::HaTracker => options.ha_failover_timeout = Some(Duration::from_secs(30)),
    }
    options
}

fn stored(amp: &AmpStandIn, now_ms: i64) -> String {
    /// Prometheus, `model/value`: a query does not return this NaN.
    const STALE: u64 = 0x7ff0_0000_0000_0002;
    let mut stored = Stored::new();
    for (labels, samples) in amp.series() {
        let samples = samples.into_iter().filter(|(_, value)| value.to_bits() != STALE);
        stored.entry(labels).or_default().extend(samples.map(|(at, value)| (at, Value::Float(value))));
    }
    for (labels, histograms) in amp.histograms() {
        let histograms = histograms.iter().map(|(at, value)| (*at, histogram(value)));
        stored.entry(labels).or_default().extend(histograms);
    }
    render(now_ms, &stored)
}

/// As a query returns it: with populated buckets only.
fn histogram(histogram: &Histogram) -> Value {
    let (count, is_float) = match histogram.count {
        Some(Count::CountInt(count)) => (f64::from(u32::try_from(count).expect("a small count")), false),
        Some(Count::CountFloat(count)) => (count, true),
        None => (0.0, false),
    };
    let populated = if is_float {
        histogram
            .positive_counts
            .iter()
            .chain(&histogram.negative_counts)
            .filter(|count| **count > 0.0)
            .count()
    } else {
        let absolute = |deltas: &[i64]| {
            deltas
                .iter()
                .scan(0, |count, delta| {
                    *count += delta;
                    Some(*count)
                })
                .filter(|count| *count > 0)
                .count()
        };
        absolute(&histogram.positive_deltas) + absolute(&histogram.negative_deltas)
    };
    let zero = match histogram.zero_count {
        Some(ZeroCount::ZeroCountInt(count)) => count > 0,
        Some(ZeroCount::ZeroCountFloat(count)) => count > 0.0,
        None => false,
    };
    Value::Histogram(count, populated + usize::from(zero))
}
