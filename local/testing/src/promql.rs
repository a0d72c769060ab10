//! Over 200 `PromQL` expressions for comparisons with Prometheus, and the series that they select.
//!
//! Time is fixed, so that an expression always has the same answer. Those below `# Errors` are refused.

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderValue, Method};
use prometheus_proto::histogram::{Count, ZeroCount};
use prometheus_proto::{BucketSpan, Histogram, Label, Sample, TimeSeries, WriteRequest};
use prost::Message as _;

use crate::prometheus::client::{ClientError, PrometheusClient};

/// A line is an expression, a `#` comment, or empty. Debian's Prometheus 2.42 evaluates all but the last ones.
pub const FILE: &str = include_str!("promql/expressions.txt");

/// The time of the last sample, in seconds. Queries are evaluated there.
pub const END_S: i64 = 1_700_000_000;

/// The time from the first sample to the last, in seconds.
pub const SPAN_S: i64 = 3_600;

const INTERVAL_S: i64 = 30;

/// Remote write, "Staleness markers".
const STALE_MARKER: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

/// The expressions of [`FILE`].
pub fn expressions() -> impl Iterator<Item = &'static str> {
    FILE.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Writes the series to the Prometheus at `url`.
///
/// # Errors
/// It cannot be reached.
///
/// # Panics
/// It refuses them.
pub async fn write(url: &str) -> Result<(), ClientError> {
    let client = PrometheusClient::new(url)?;
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf")),
        (CONTENT_ENCODING, HeaderValue::from_static("snappy")),
    ];
    let request = WriteRequest { timeseries: series(), metadata: Vec::new() }.encode_to_vec();
    let body = snap::raw::Encoder::new().compress_vec(&request).expect("it is less than 4 GiB");
    let answer = client.send(&Method::POST, "/api/v1/write", &headers, Bytes::from(body)).await?;
    assert!(answer.status.is_success(), "{}: {}", answer.status, String::from_utf8_lossy(&answer.body));
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "the numbers are small")]
fn series() -> Vec<TimeSeries> {
    let mut all = Vec::new();
    for (nth, (job, instance)) in
        [("api", "host-1:9100"), ("api", "host-2:9100"), ("db", "host-3:9100"), ("cache", "host-4:9100")]
            .into_iter()
            .enumerate()
    {
        let size = nth as f64 + 1.0;
        let mut add = |name: &str, more: &[(&str, &str)], value: &dyn Fn(f64) -> f64| {
            all.push(floats(name, &[&[("job", job), ("instance", instance)], more].concat(), |at| {
                Some(value(at))
            }));
        };
        add("up", &[], &|at| f64::from(at % (30.0 * size) != 0.0));
        add("build_info", &[("version", if nth % 2 == 0 { "1.0" } else { "1.1" })], &|_| 1.0);
        add("memory_used_bytes", &[], &|at| 6e8 + 1e8 * size * (at / 20.0).sin());
        add("memory_total_bytes", &[], &|_| 1e9 + 1_234.0 * size);
        if job != "api" {
            continue;
        }
        for (code, rate) in [("200", 10.0), ("404", 1.5), ("500", 0.25)] {
            for (method, share) in [("GET", 3.0), ("POST", 1.0)] {
                // It is reset in the middle.
                let labels = [("code", code), ("method", method)];
                add("http_requests_total", &labels, &|at| (at % 60.0 * rate * share * size).floor());
            }
        }
        for (bound, share) in [("0.05", 0.4), ("0.1", 0.7), ("0.5", 0.95), ("+Inf", 1.0)] {
            let name = "http_request_duration_seconds_bucket";
            add(name, &[("le", bound)], &|at| (at * 20.0 * share * size).floor());
        }
        add("http_request_duration_seconds_count", &[], &|at| at * 20.0 * size);
        add("http_request_duration_seconds_sum", &[], &|at| at * 1.7 * size);
        all.push(histograms("latency_seconds", &[("job", job), ("instance", instance)], nth as u64 + 1));
    }
    for (room, celsius) in [
        ("a b+c%20d&e=f#g", 21.5),
        ("\"quoted\" \\ back\\slash", 19.25),
        ("Größe 温度 🌡", -3.75),
        ("cellar", f64::NAN),
        ("attic", f64::INFINITY),
        ("roof", f64::NEG_INFINITY),
        ("yard", -0.0),
    ] {
        all.push(floats("temperature_celsius", &[("room", room)], |at| Some(celsius + (at / 10.0).cos())));
    }
    all.push(floats("queue_length", &[], |at| Some(at % 7.0)));
    // Gaps, and an end that is marked.
    all.push(floats("intermittent", &[("job", "batch")], |at| (at % 10.0 < 4.0).then_some(at)));
    all.push(floats("intermittent", &[("job", "ended")], |at| {
        (at <= 110.0).then_some(if at < 110.0 { at } else { STALE_MARKER })
    }));
    all
}

/// `value` has the number of the sample, from 0.
#[expect(clippy::cast_precision_loss, reason = "the numbers are small")]
fn floats(name: &str, labels: &[(&str, &str)], value: impl Fn(f64) -> Option<f64>) -> TimeSeries {
    let samples = timestamps()
        .enumerate()
        .filter_map(|(nth, timestamp)| Some(Sample { value: value(nth as f64)?, timestamp }));
    TimeSeries { labels: label_set(name, labels), samples: samples.collect(), ..TimeSeries::default() }
}

/// Counters of which `growth` observations are added to each of three buckets at a time.
#[expect(clippy::cast_precision_loss, reason = "the numbers are small")]
fn histograms(name: &str, labels: &[(&str, &str)], growth: u64) -> TimeSeries {
    let histogram = |(nth, timestamp): (usize, i64)| {
        let each = (nth as u64 + 1) * growth;
        Histogram {
            count: Some(Count::CountInt(4 * each)),
            sum: 1.9 * each as f64,
            schema: 0,
            zero_threshold: 0.001,
            zero_count: Some(ZeroCount::ZeroCountInt(each)),
            positive_spans: vec![BucketSpan { offset: -2, length: 2 }, BucketSpan { offset: 1, length: 1 }],
            positive_deltas: vec![each.cast_signed(), 0, 0],
            timestamp,
            ..Histogram::default()
        }
    };
    let histograms = timestamps().enumerate().map(histogram).collect();
    TimeSeries { labels: label_set(name, labels), histograms, ..TimeSeries::default() }
}

fn timestamps() -> impl Iterator<Item = i64> {
    (0..=SPAN_S / INTERVAL_S).map(|nth| (END_S - SPAN_S + nth * INTERVAL_S) * 1_000)
}

/// Sorted, as remote write requires.
fn label_set(name: &str, labels: &[(&str, &str)]) -> Vec<Label> {
    let mut labels = [&[("__name__", name)], labels].concat();
    labels.sort_unstable();
    labels.into_iter().map(|(name, value)| Label { name: name.to_owned(), value: value.to_owned() }).collect()
}
