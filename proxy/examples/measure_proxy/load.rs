//! A steady load, sent whether or not earlier requests are answered.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use local_testing::prometheus::client::PrometheusClient;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval};

use crate::Failure;

/// A request that is sent again and again.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) headers: Vec<(http::HeaderName, http::HeaderValue)>,
    pub(crate) body: Bytes,
}

/// What was seen.
#[derive(Debug, Default)]
pub(crate) struct Results {
    pub(crate) failed: usize,
    latencies: Vec<Duration>,
}

impl Results {
    /// The median and the 99th percentile of the latency, in milliseconds.
    pub(crate) fn latencies_ms(&mut self) -> [f64; 2] {
        self.latencies.sort_unstable();
        [50, 99].map(|percent| {
            let at = self.latencies.len() * percent / 100;
            self.latencies.get(at).map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e3)
        })
    }

    pub(crate) fn count(&self) -> usize {
        self.latencies.len()
    }

    pub(crate) fn add(&mut self, more: Self) {
        self.failed += more.failed;
        self.latencies.extend(more.latencies);
    }
}

/// Sends `total` requests, `per_second` of them a second, and calls `each_second` before those of every second.
pub(crate) async fn send(
    client: &PrometheusClient,
    request: &Request,
    (per_second, seconds): (u32, u32),
    mut each_second: impl FnMut(u32) -> Result<(), Failure>,
) -> Result<Results, Failure> {
    let mut pace = interval(Duration::from_secs(1) / per_second);
    let mut requests = JoinSet::new();
    let mut results = Results::default();
    for second in 0..seconds {
        each_second(second)?;
        for _ in 0..per_second {
            pace.tick().await;
            let (client, request) = (client.clone(), request.clone());
            requests.spawn(async move {
                let started = Instant::now();
                let answer = client.send(&request.method, request.path, &request.headers, request.body).await;
                (answer.is_ok_and(|answer| answer.status == 200), started.elapsed())
            });
            while let Some(done) = requests.try_join_next() {
                results.note(done?);
            }
        }
    }
    while let Some(done) = requests.join_next().await {
        results.note(done?);
    }
    Ok(results)
}

impl Results {
    fn note(&mut self, (is_ok, latency): (bool, Duration)) {
        self.failed += usize::from(!is_ok);
        self.latencies.push(latency);
    }
}
