//! Random metrics by OTLP, to Prometheus's own receiver and to the gateway, which writes to another Prometheus: both store the
//! same, or differ by a rule that has a reason.

mod cases;
mod random;
mod rules;

use std::collections::BTreeMap;
use std::path::PathBuf;

use local_amp::proto::otlp::{ExportMetricsServiceRequest, ExportMetricsServiceResponse};
use local_testing::clock::Clock;
use local_testing::prometheus::Prometheus;
use local_testing::prometheus::client::PrometheusClient;
use prost::Message as _;

use crate::gateway::{Gateway, post};
use crate::results::Results;
use crate::stored::{self, Stored};
use cases::Written;
use random::{BAD_KEYS, KEY};

/// Metrics, of which one in eight is alone in a request, with a fault.
const METRICS: usize = 10_000;

const SEED: u64 = 17;

const PROTOBUF: &str = "application/x-protobuf";

/// Differences that are shown, and lines of each.
const SHOWN: usize = 30;

/// Prometheus 3, with a client.
struct Receiver {
    prometheus: Prometheus,
    client: PrometheusClient,
}

impl Receiver {
    async fn start() -> Self {
        let program =
            std::env::var_os("PROMETHEUS3").map(PathBuf::from).expect("PROMETHEUS3: a Prometheus 3");
        let prometheus = Prometheus::start_with_otlp(&program).await.expect("it starts");
        let client = PrometheusClient::new(prometheus.url()).expect("a base URL");
        Self { prometheus, client }
    }

    /// Everything that it has, by the label [`KEY`].
    async fn stored(&self) -> BTreeMap<String, Stored> {
        let end_s = Clock::system().now_ms() / 1_000 + 60;
        let mut stored = BTreeMap::<_, Stored>::new();
        // An answer is limited in length.
        for part in ["=~\".*0\"", "=~\".*[1-3]\"", "=~\".*[4-6]\"", "=~\".*[7-9]\"", "!~\".*[0-9]\""] {
            let selector = format!("{{{KEY}{part},__name__!=\"\"}}");
            let samples = stored::samples(&self.client, &selector, end_s).await;
            let stale = stored::series(&self.client, &selector, end_s).await;
            let stale = stale.into_iter().filter(|labels| !samples.contains_key(labels));
            let stale: Vec<_> = stale.map(|labels| (labels, BTreeMap::new())).collect();
            for (labels, samples) in samples.into_iter().chain(stale) {
                let number = labels.get(KEY).cloned().unwrap_or_default();
                stored.entry(number).or_default().insert(labels, samples);
            }
        }
        stored
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Prometheus 3: npm run conformance"]
async fn random_metrics_are_stored_as_by_prometheus() {
    let (theirs, ours) = (Receiver::start().await, Receiver::start().await);
    let gateway = Gateway::start(&format!("{}/api/v1/write", ours.prometheus.url()), "2.0").await;
    let requests = random::requests(SEED, Clock::system().now_ms(), METRICS);
    let mut accepted = Vec::new();
    for generated in &requests {
        let body = generated.request.encode_to_vec();
        let (status, _) = post(&theirs.client, "/api/v1/otlp/v1/metrics", PROTOBUF, body.clone()).await;
        // The data points of such a resource are compared with what Prometheus makes of them without the key.
        if let Some(request) = without_bad_keys(&generated.request).filter(|_| status != 200) {
            post(&theirs.client, "/api/v1/otlp/v1/metrics", PROTOBUF, request.encode_to_vec()).await;
        }
        let answer = gateway.post("/v1/metrics", PROTOBUF, body).await;
        accepted.push([status == 200, is_accepted(&generated.request, answer)]);
        assert!(generated.is_hostile || accepted.last() == Some(&[true; 2]), "{status} {generated:?}");
    }
    let (mut theirs, mut ours) = (theirs.stored().await, ours.stored().await);
    let mut rules = rules::Used::default();
    let mut differences = Vec::new();
    for (number, case) in cases::cases(&requests) {
        let [is_accepted, is_ours_accepted] = accepted[case.request];
        let mut expected = Written { is_accepted, series: theirs.remove(&number).unwrap_or_default() };
        let mut found =
            Written { is_accepted: is_ours_accepted, series: ours.remove(&number).unwrap_or_default() };
        // A series exists before its samples are refused.
        let refused = [&mut expected, &mut found].into_iter().filter(|written| !written.is_accepted);
        for written in refused.filter(|_| !case.has_bad_key()) {
            written.series.retain(|_, samples| !samples.is_empty());
        }
        rules.apply(&case, &mut expected, &mut found);
        if expected != found {
            differences.push(format!("{number}: {}\n{case:?}", difference(&expected, &found)));
        }
    }
    assert!(theirs.is_empty() && ours.is_empty(), "series of no metric: {theirs:?} {ours:?}");
    let mut results = Results::new("otlp");
    let count = differences.len();
    differences.truncate(SHOWN);
    let result =
        if count == 0 { Ok(()) } else { Err(format!("{count} differ\n{}", differences.join("\n\n"))) };
    results.add(format!("{METRICS} random metrics"), result);
    rules.add_to(&mut results);
    results.finish();
}

/// `request` without the keys of resources that have no valid character, if there is one.
fn without_bad_keys(request: &ExportMetricsServiceRequest) -> Option<ExportMetricsServiceRequest> {
    let mut changed = request.clone();
    for resource in changed.resource_metrics.iter_mut().filter_map(|resource| resource.resource.as_mut()) {
        resource.attributes.retain(|attribute| !BAD_KEYS.contains(&&*attribute.key));
    }
    (changed != *request).then_some(changed)
}

/// Whether the gateway has accepted all of `request`.
fn is_accepted(request: &ExportMetricsServiceRequest, (status, body): (u16, bytes::Bytes)) -> bool {
    if status != 200 {
        assert_eq!(status, 400, "{request:?}");
        return false;
    }
    let response = ExportMetricsServiceResponse::decode(body).expect("a response");
    response.partial_success.is_none_or(|partial| partial.rejected_data_points == 0)
}

fn difference(expected: &Written, found: &Written) -> String {
    let mut lines = Vec::new();
    if expected.is_accepted != found.is_accepted {
        lines.push(format!("accepted: expected {}, got {}", expected.is_accepted, found.is_accepted));
    }
    for (which, these, others) in [("expected", expected, found), ("got", found, expected)] {
        for (labels, samples) in &these.series {
            if others.series.get(labels) != Some(samples) {
                lines.push(format!("{which} {labels:?} {samples:?}"));
            }
        }
    }
    lines.truncate(SHOWN);
    lines.join("\n")
}
