//! The counts of events, whose order and repetition make no difference.

#![expect(clippy::float_cmp, reason = "counts are exact")]

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::event;

/// The values of all series, by name and own labels.
fn values(metrics: &Metrics) -> BTreeMap<String, f64> {
    let name = |point: &Point| {
        let labels: Vec<_> = point.labels().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{}{{{}}}", point.name.trim_start_matches("aws_lambda_"), labels.join(","))
    };
    metrics.snapshot().points().map(|point| (name(point), point.value)).collect()
}

fn counted(events: &[impl AsRef<str>]) -> Metrics {
    let mut metrics = Metrics::new(Some(128.0), true);
    for json in events {
        metrics.observe(&event::parse(json.as_ref()).expect("an event"));
    }
    metrics
}

#[test]
fn a_report_is_an_invocation_in_base_units() {
    let values = values(&counted(&[
        r#"{"type":"platform.report","record":{"requestId":"a","status":"success","metrics":{
        "billedDurationMs":694,"durationMs":693.92,"initDurationMs":397.68,"maxMemoryUsedMB":84,"memorySizeMB":256}}}"#,
    ]));
    for (series, expected) in [
        ("invocations_total{status=success}", 1.0),
        ("invocations_total{status=timeout}", 0.0),
        ("duration_seconds_bucket{le=0.5}", 0.0),
        ("duration_seconds_bucket{le=1.0}", 1.0),
        ("duration_seconds_bucket{le=+Inf}", 1.0),
        ("duration_seconds_sum{}", 0.693_92),
        ("billed_duration_seconds_sum{}", 0.694),
        ("memory_size_bytes{}", 268_435_456.0),
        ("max_memory_used_bytes{}", 88_080_384.0),
        ("report_duration_seconds_count{}", 1.0),
        ("report_init_duration_seconds_sum{}", 0.397_68),
        ("report_memory_size_bytes_sum{}", 268_435_456.0),
        ("telemetry_events_total{type=platform.report}", 1.0),
    ] {
        let value = values[series];
        assert!((value - expected).abs() <= expected * 1e-12, "{series} is {value}");
    }
    assert!(!values.contains_key("invocations_total{status=other}"));
}

#[test]
fn a_report_without_a_duration_is_an_invocation() {
    let report = r#"{"type":"platform.report","record":{"requestId":"a","status":"crashed","metrics":{"memorySizeMB":128}}}"#;
    let init = r#"{"time":"t","type":"platform.initReport","record":{"phase":"init","status":"error"}}"#;
    let values = values(&counted(&[report, init]));
    assert_eq!(values["invocations_total{status=other}"], 1.0, "a status that is not in the schema");
    assert_eq!(values["duration_seconds_count{}"], 0.0);
    assert_eq!(values["inits_total{phase=init,status=error}"], 1.0);
    assert!(!values.contains_key("init_duration_seconds_count{}"));
}

#[test]
fn counters_of_alerts_start_with_zero() {
    let values = values(&Metrics::new(None, false));
    for series in [
        "invocations_total{status=success}",
        "invocations_total{status=failure}",
        "invocations_total{status=error}",
        "invocations_total{status=timeout}",
        "duration_seconds_count{}",
        "logs_dropped_records_total{}",
        "telemetry_invalid_events_total{}",
        "telemetry_dispatches_total{outcome=failed}",
    ] {
        assert_eq!(values.get(series).copied(), Some(0.0), "{series}");
    }
    assert!(values.keys().all(|series| !series.starts_with("report_")), "summaries are off");
    assert!(!values.contains_key("memory_size_bytes{}"), "a gauge has no value before it is known");
}

/// Schema reference, `platform.runtimeDone`: on Managed Instances the spans of a response are in `platform.report`.
#[test]
fn a_span_of_a_response_counts_once() {
    let spans = r#""spans":[{"name":"responseLatency","start":"s","durationMs":100},{"name":"extensionOverhead","start":"s","durationMs":2}]"#;
    let event = |kind| format!(r#"{{"type":"{kind}","record":{{"requestId":"a",{spans}}}}}"#);
    let (done, report) = (event("platform.runtimeDone"), event("platform.report"));
    for events in [vec![&*done], vec![&*report], vec![&*done, &*report]] {
        let values = values(&counted(&events));
        assert_eq!(values["response_latency_seconds_count{}"], 1.0);
        assert_eq!(values["extension_overhead_seconds_sum{}"], 0.002);
    }
}

/// Lambda, "Improving startup performance with `SnapStart`": a version is initialized once, when it is published, and restored for each environment.
#[test]
fn with_snapshots_the_restore_is_the_cold_start() {
    let values = values(&counted(&[
        r#"{"time":"1","type":"platform.initStart","record":{"initializationType":"snap-start","phase":"snap-start"}}"#,
        r#"{"time":"2","type":"platform.initReport","record":{"phase":"snap-start","status":"success","metrics":{"durationMs":900}}}"#,
        r#"{"time":"3","type":"platform.restoreStart","record":{"functionName":"f","functionVersion":"1"}}"#,
        r#"{"time":"4","type":"platform.restoreReport","record":{"status":"success","metrics":{"durationMs":15.19}}}"#,
    ]));
    assert_eq!(values["cold_starts_total{initialization_type=snap-start}"], 1.0);
    assert_eq!(values["inits_total{phase=snap-start,status=success}"], 1.0);
    assert_eq!(values["restore_duration_seconds_count{}"], 1.0);
    assert!(!values.contains_key("init_duration_seconds_count{}"));
}

/// Prometheus, "Histograms and summaries": buckets are cumulative, their bounds inclusive, and the last is +Inf.
#[test]
fn buckets_are_cumulative_and_inclusive() {
    let mut snapshot = Snapshot::empty();
    for value in [0.0, 100.0, 100.5, 7e6] {
        snapshot.observe(&f::RESPONSE_SIZE, Some(value));
    }
    let points: Vec<_> = snapshot.points().map(|point| (point.labels[0].1, point.value)).collect();
    assert_eq!(points[..2], [("100.0", 2.0), ("1000.0", 3.0)]);
    assert_eq!(points[5..], [("6e+06", 3.0), ("+Inf", 4.0), ("", 7_000_200.5), ("", 4.0)]);
}

#[test]
fn names_and_help_follow_the_practices_of_prometheus() {
    for family in family::FAMILIES {
        assert_eq!(family.kind == Kind::Counter, family.name.ends_with("_total"), "{}", family.name);
        assert!(!family.help.contains(['\\', '\n']) && family.help.ends_with('.'), "{}", family.help);
    }
}

/// An event of few types, requests and times, so that some are repetitions. Events with the same key have the same content,
/// as on Lambda.
fn any_event() -> impl Strategy<Value = String> {
    (0..8, 0..4).prop_map(|(kind, id)| {
        let ms = f64::from(id) * 500.0;
        let status = ["success", "failure", "error", "odd"][usize::try_from(id).unwrap_or_default()];
        let (kind, record) = match kind {
            0 => ("start", String::new()),
            1 => (
                "runtimeDone",
                format!(r#","metrics":{{"producedBytes":{id}}},"spans":[{{"name":"responseLatency","durationMs":{ms}}}]"#),
            ),
            2 => (
                "report",
                format!(
                    r#","metrics":{{"durationMs":{ms},"maxMemoryUsedMB":{id},"memorySizeMB":128}},"spans":[{{"name":"responseLatency","durationMs":{ms}}}]"#
                ),
            ),
            3 => ("initStart", r#","initializationType":"on-demand""#.to_owned()),
            4 => ("initReport", format!(r#","phase":"init","metrics":{{"durationMs":{ms}}}"#)),
            5 => ("logsDropped", format!(r#","droppedBytes":{id},"droppedRecords":1"#)),
            6 => ("restoreReport", format!(r#","metrics":{{"durationMs":{ms}}}"#)),
            _ => ("other", String::new()),
        };
        format!(
            r#"{{"time":"{id}","type":"platform.{kind}","record":{{"requestId":"{id}","status":"{status}"{record}}}}}"#
        )
    })
}

/// All values except those about the events themselves.
fn figures(events: &[String]) -> BTreeMap<String, f64> {
    let mut values = values(&counted(events));
    values.retain(|series, _| !series.starts_with("telemetry_"));
    values
}

proptest! {
    #[test]
    fn order_and_repetition_of_events_make_no_difference(
        (events, shuffled) in proptest::collection::vec(any_event(), 0..40).prop_flat_map(|events| {
            let twice: Vec<_> = events.iter().chain(&events).cloned().collect();
            (Just(events), Just(twice).prop_shuffle())
        })
    ) {
        // The sums are exact, because every duration is a multiple of half a second.
        prop_assert_eq!(figures(&events), figures(&shuffled));
    }
}
