//! `increase` on a real Prometheus over simulated environments within the last hour, compared with their invocations.

use std::collections::BTreeMap;
use std::time::Duration;

use aws::{Client, Endpoint, Network, World};
use local_testing::prometheus::{self, Prometheus};
use serde_json::Value;
use telemetry_extension::config;
use telemetry_extension::destination::{Destination, Dispatch, Identity};
use telemetry_extension::event;
use telemetry_extension::metrics::Metrics;

use crate::host::now_ms;
use crate::http_client;

const INVOCATIONS: &str = "aws_lambda_invocations_total";

/// The dispatches of an environment: seconds after the start, and the number of invocations until then.
type Environment = Vec<(i64, usize)>;

/// The time from the start until now, in seconds.
const BEGAN: i64 = 3_300;

async fn prometheus() -> Prometheus {
    let program = Prometheus::find().expect("a program `prometheus` in PATH, or its path in PROMETHEUS");
    Prometheus::start(&program, 0).await.expect("prometheus")
}

/// The result of a query: a vector or a matrix. `path` may have further parameters.
async fn api(prometheus: &Prometheus, path: &str, query: &str) -> Vec<Value> {
    let encoded = query.bytes().fold(String::new(), |url, byte| format!("{url}%{byte:02X}"));
    let answer = http_client::get(&format!("{}/api/v1/{path}query={encoded}", prometheus.url())).await;
    let mut answer: Value = serde_json::from_str(&answer).expect("JSON");
    serde_json::from_value(answer["data"]["result"].take()).expect("a vector or a matrix")
}

/// The number in a pair of a time and a value.
fn number(pair: &Value) -> f64 {
    pair[1].as_str().expect("a text").parse().expect("a number")
}

/// Remote write, unsigned, for the environment with this number.
pub(crate) fn destination(url: &str, number: usize) -> Destination {
    let endpoint = Endpoint::parse(url).expect("a URL");
    let client = Client::new(None, &Network::default(), World { now: aws::now, random: || 0.5 });
    let instance = format!("{number:08x}");
    let labels = vec![("instance".to_owned(), instance.clone())];
    let identity = Identity { labels, function: "shop".to_owned(), instance };
    Destination::new(config::Destination::RemoteWrite { endpoint, scope: None }, client, identity)
}

/// Counts invocations of 80 ms.
pub(crate) fn observe(metrics: &mut Metrics, ids: std::ops::Range<usize>) {
    for id in ids {
        let report = format!(
            r#"{{"type":"platform.report","record":{{"requestId":"{id}","status":"success","metrics":{{"durationMs":80,"billedDurationMs":80}}}}}}"#
        );
        metrics.observe(&event::parse(&report).expect("an event"));
    }
}

/// Writes all dispatches, the last ones with stale markers. Returns the start, in seconds since the epoch.
async fn write(prometheus: &Prometheus, environments: &[Environment]) -> i64 {
    let began = i64::try_from(now_ms() / 1_000).expect("a time") - BEGAN;
    for (number, dispatches) in environments.iter().enumerate() {
        let mut destination = destination(&format!("{}/api/v1/write", prometheus.url()), number);
        let (mut metrics, mut counted) = (Metrics::new(Some(128.0), false), 0);
        for (at, (second, invocations)) in dispatches.iter().enumerate() {
            observe(&mut metrics, counted..*invocations);
            counted = *invocations;
            let dispatch = Dispatch {
                snapshot: metrics.snapshot(),
                now_ms: (began + second) * 1_000 + 500,
                is_last: at + 1 == dispatches.len(),
                deadline: tokio::time::Instant::now() + Duration::from_mins(1),
            };
            destination.dispatch(&dispatch).await.expect("it is delivered");
        }
    }
    began
}

/// Sixty environments that end within 40 s with one dispatch.
fn short() -> Vec<Environment> {
    (0..60).map(|n| vec![(n * 37 % 600 + 2 + n * 7 % 38, usize::try_from(1 + n * 5 % 9).unwrap())]).collect()
}

/// Environments that are idle for five minutes before they end, after invocations every `seconds`. The report of each arrives
/// with the next one.
fn idle_at_the_end(seconds: i64, invocations: i64, at_once: usize) -> Vec<Environment> {
    let environment = |n: i64| {
        let count = |k: i64| usize::try_from(k).unwrap() * at_once;
        let busy = (1..invocations).map(|k| (n * 17 + k * (seconds + n % 3), count(k)));
        busy.chain([(n * 17 + invocations * seconds + 330, count(invocations))]).collect()
    };
    (0..20).map(environment).collect()
}

fn truth(environments: &[Environment]) -> f64 {
    let all: usize = environments.iter().map(|dispatches| dispatches.last().expect("an end").1).sum();
    f64::from(u32::try_from(all).expect("few"))
}

/// The values of the one series of a range query, at times in seconds since the epoch.
async fn range(prometheus: &Prometheus, query: &str, start: i64, end: i64, step: i64) -> Vec<f64> {
    let path = format!("query_range?start={start}&end={end}&step={step}&");
    let result = api(prometheus, &path, query).await;
    let [series] = result.as_slice() else { panic!("{query}: {result:?}") };
    series["values"].as_array().expect("pairs").iter().map(number).collect()
}

/// The least and the greatest sum of the increases of adjacent windows of this number of seconds, over eight phases.
async fn sums(prometheus: &Prometheus, metric: &str, window: i64, began: i64) -> (f64, f64) {
    let mut sums = Vec::new();
    for phase in 0..8 {
        let query = format!("sum(increase({metric}[{window}s]))");
        let start = began + phase * window / 8;
        sums.push(range(prometheus, &query, start, start + BEGAN + window, window).await.iter().sum::<f64>());
    }
    (sums.iter().copied().fold(f64::MAX, f64::min), sums.iter().copied().fold(0.0, f64::max))
}

#[tokio::test]
async fn increases_over_short_environments_are_right() {
    let prometheus = prometheus().await;
    let environments = short();
    let truth = truth(&environments);
    let began = write(&prometheus, &environments).await;
    for metric in
        [INVOCATIONS, "aws_lambda_duration_seconds_count", r#"aws_lambda_duration_seconds_bucket{le="0.1"}"#]
    {
        for window in [60, 120, 300, 900] {
            let (least, greatest) = sums(&prometheus, metric, window, began).await;
            println!("{metric}[{window}s]: {:.3} to {:.3} of the truth", least / truth, greatest / truth);
            assert!(least >= truth && greatest <= 1.06 * truth, "{least} to {greatest}, truth {truth}");
        }
    }
    // Each single window too.
    for phase in [0, 20, 40] {
        let query = format!("sum(increase({INVOCATIONS}[60s]))");
        let found = range(&prometheus, &query, began + phase + 60, began + phase + 540, 60).await;
        let expected: Vec<f64> = (0..9)
            .map(|window| began_in(&environments, phase + window * 60, phase + window * 60 + 60))
            .collect();
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            assert!(*found >= *expected && *found <= 1.06 * expected, "{found}, truth {expected}");
        }
    }
    // The exact number, and the samples of the steps.
    let exact = format!("sum(last_over_time({INVOCATIONS}[1h]))");
    assert_eq!(number(&api(&prometheus, "query?", &exact).await[0]["value"]).to_bits(), truth.to_bits());
    let found =
        prometheus::samples(prometheus.url(), r#"{instance="00000000"}"#, Duration::from_hours(1)).await;
    let found = found.expect("samples");
    let (series, samples) = (found.len(), found.values().map(BTreeMap::len).sum::<usize>());
    println!("an environment of {series} series has {samples} samples and as many markers as series");
    // All series but one gauge begin with a zero. One invocation of 80 ms: its status; in each of the two durations 12
    // of the 16 buckets, the sum and the count.
    let (zeros, rose) = (series - 1, 1 + 2 * (12 + 2));
    assert_eq!(samples, series + zeros + 10 * rose, "{series} series");
}

fn began_in(environments: &[Environment], from: i64, to: i64) -> f64 {
    let within = environments.iter().filter(|dispatches| (from..to).contains(&dispatches[0].0));
    truth(&within.cloned().collect::<Vec<_>>())
}

/// A dispatch after a gap is alone in its window.
#[tokio::test]
async fn increases_over_idle_environments_are_right() {
    for (seconds, invocations, at_once) in [(150, 12, 1), (62, 20, 30)] {
        let prometheus = prometheus().await;
        let environments = idle_at_the_end(seconds, invocations, at_once);
        let truth = truth(&environments);
        let began = write(&prometheus, &environments).await;
        for window in [300, 900] {
            let (least, greatest) = sums(&prometheus, INVOCATIONS, window, began).await;
            println!(
                "every {seconds} s [{window}s]: {:.3} to {:.3} of the truth",
                least / truth,
                greatest / truth
            );
            assert!(least >= 0.95 * truth && greatest <= 1.1 * truth, "{least} to {greatest}, truth {truth}");
        }
    }
}
