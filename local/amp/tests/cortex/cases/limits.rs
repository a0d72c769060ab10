//! Limits of a workspace, and the HA tracker.

use local_amp::proto::{MetricMetadata, TimeSeries};

use crate::case::{Case, Tenant, case};
use crate::request::{Request, Times};

use super::histograms::{h, integer, with_exemplar};

pub(super) fn cases(t: Times) -> Vec<Case> {
    [rates(t), series(t), ha_tracker(t)].into_iter().flatten().collect()
}

/// The series `m{i="0"}` to `m{i="<count>"}`.
fn many(t: Times, first: usize, count: usize) -> Vec<TimeSeries> {
    (first..first + count).map(|n| t.with("i", &n.to_string())).collect()
}

fn rates(t: Times) -> Vec<Case> {
    let rate = |name| case(name).limits(Tenant::Rate10);
    let metadata =
        |name: &str| MetricMetadata { metric_family_name: name.to_owned(), ..MetricMetadata::default() };
    let eight: Vec<_> = (-8..0).map(|offset| (offset, 1.0)).collect();
    let mut nine = many(t, 0, 9);
    nine.extend([t.named("a.b", &[(0, 1.0)]), t.named("a.c", &[(0, 1.0)])]);
    let mut with_histograms = many(t, 0, 6);
    with_histograms.extend((0..5).map(|n| {
        let mut series = h(t, integer(t));
        series.labels.extend(t.with("i", &n.to_string()).labels.into_iter().skip(1));
        series
    }));
    vec![
        rate("rate limit 10/s: 11 samples")
            .write(many(t, 0, 11))
            .answers(429, "ingestion rate limit (10) exceeded while adding 11 samples and 0 metadata"),
        rate("rate limit 10/s: 8 then 8")
            .write(many(t, 0, 8))
            .write(many(t, 8, 8))
            .answers(429, "ingestion rate limit (10) exceeded while adding 8 samples and 0 metadata")
            .stores(
                "m{i=0} +0s=1 | m{i=1} +0s=1 | m{i=2} +0s=1 | m{i=3} +0s=1 | m{i=4} +0s=1 | m{i=5} +0s=1 | m{i=6} \
                 +0s=1 | m{i=7} +0s=1",
            ),
        rate("rate limit 10/s: 11 samples, 2 of them invalid")
            .write(nine)
            .refuses("sample invalid metric name: \"a.b\"")
            .stores(
                "m{i=0} +0s=1 | m{i=1} +0s=1 | m{i=2} +0s=1 | m{i=3} +0s=1 | m{i=4} +0s=1 | m{i=5} +0s=1 | m{i=6} \
                 +0s=1 | m{i=7} +0s=1 | m{i=8} +0s=1",
            ),
        rate("rate limit 10/s: 5 NH + 6 samples")
            .write(with_histograms)
            .answers(429, "ingestion rate limit (10) exceeded while adding 11 samples and 0 metadata"),
        rate("rate limit 10/s: 9 samples + 2 metadata")
            .send(Request::with_metadata(many(t, 0, 9), vec![metadata("m"), metadata("n")]))
            .answers(429, "ingestion rate limit (10) exceeded while adding 9 samples and 2 metadata"),
        // An exemplar for each series.
        rate("rate limit 10/s: 9 samples + 2 exemplars")
            .send(with_exemplar(vec![t.m(&eight), t.n(&[(0, 1.0)])], Some(("t", "a")), t.now_ms))
            .answers(429, "ingestion rate limit (10) exceeded while adding 9 samples and 0 metadata"),
    ]
}

fn series(t: Times) -> Vec<Case> {
    let limit = "per-user series limit of 1 exceeded, please contact administrator to raise it (local limit: 1 global \
                 limit: 0 actual local limit: 1)";
    let one = |name| case(name).limits(Tenant::OneSeries);
    vec![
        one("series limit 1: two series")
            .write([t.m(&[(0, 1.0)]), t.n(&[(0, 1.0)])])
            .refuses(limit)
            .stores("m +0s=1"),
        one("series limit 1: one old one new one dup")
            .write([t.m(&[(0, 1.0)])])
            .write([t.m(&[(1_000, 2.0)]), t.n(&[(0, 1.0)]), t.m(&[(0, 3.0)])])
            .refuses(limit)
            .stores("m +0s=1 +1s=2"),
    ]
}

fn ha_tracker(t: Times) -> Vec<Case> {
    let ha = |name| case(name).limits(Tenant::HaTracker);
    let of = |replica: &str, offset: i64| {
        t.series(&[("__name__", "m"), ("__replica__", replica), ("cluster", "c")], &[(offset, 1.0)])
    };
    let refused = "replicas did not match, rejecting sample: replica=b, elected=a";
    vec![
        ha("HA: the label of the elected replica is removed")
            .write([of("a", 0), t.n(&[(0, 1.0)])])
            .stores("m{cluster=c} +0s=1 | n +0s=1"),
        ha("HA: another replica")
            .write([of("a", 0)])
            .write([of("b", 1_000)])
            .answers(202, refused)
            .stores("m{cluster=c} +0s=1"),
        ha("HA: plain series beside another replica's")
            .write([of("a", 0)])
            .write([of("b", 1_000), t.n(&[(0, 1.0)])])
            .answers(202, refused)
            .stores("m{cluster=c} +0s=1"),
        ha("HA: a plain series before another replica's")
            .write([of("a", 0)])
            .write([t.n(&[(0, 1.0)]), of("b", 1_000)])
            .stores("m{__replic…=b,cluster=c} +1s=1 | m{cluster=c} +0s=1 | n +0s=1"),
        ha("HA: a replica of another cluster")
            .write([of("a", 0)])
            .write([t.series(&[("__name__", "m"), ("__replica__", "b"), ("cluster", "d")], &[(0, 1.0)])])
            .stores("m{cluster=c} +0s=1 | m{cluster=d} +0s=1"),
        ha("HA: a refused request of the first replica elects it")
            .write([of("a", 0)])
            .write([of("a", -7_200_000)])
            .refuses("timestamp too old: ")
            .stores("m{cluster=c} +0s=1"),
        case("HA labels without a tracker").write([of("a", 0)]).stores("m{__replic…=a,cluster=c} +0s=1"),
    ]
}
