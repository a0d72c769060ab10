//! The counts of events, whose order and repetition make no difference.

#![expect(clippy::float_cmp, reason = "counts are exact")]

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::event;

/// The values of all series, by name and own labels.
fn values(metrics: &Metrics) -> BTreeMap<String, f64> {
    let points = metrics.snapshot();
    let name = |point: &Point| {
        let labels: Vec<_> = point.labels().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{}{{{}}}", point.name.trim_start_matches("aws_lambda_"), labels.join(","))
    };
    points.points().map(|point| (name(point), point.value)).collect()
}

fn counted(events: &[&str]) -> Metrics {
    let mut metrics = Metrics::new(Some(128.0), true);
    for json in events {
        metrics.observe(&event::parse(json).expect("an event"));
    }
    metrics
}

const REPORT: &str = r#"{"time":"t","type":"platform.report","record":{"requestId":"a","status":"success","metrics":{
    "billedDurationMs":694,"durationMs":693.92,"initDurationMs":397.68,"maxMemoryUsedMB":84,"memorySizeMB":256}}}"#;

#[test]
fn a_report_is_an_invocation_in_base_units() {
    let values = values(&counted(&[REPORT]));
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
    let report = r#"{"type":"platform.report","record":{"requestId":"a","status":"error","metrics":{"memorySizeMB":128}}}"#;
    let init = r#"{"time":"t","type":"platform.initReport","record":{"phase":"init","status":"error"}}"#;
    let values = values(&counted(&[report, init]));
    assert_eq!(values["invocations_total{status=error}"], 1.0);
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

#[test]
fn the_same_report_twice_is_one_invocation() {
    let values = values(&counted(&[REPORT, REPORT]));
    assert_eq!(values["invocations_total{status=success}"], 1.0);
    assert_eq!(values["telemetry_duplicate_events_total{}"], 1.0);
    assert_eq!(values["telemetry_events_total{type=platform.report}"], 2.0);
}

/// Schema reference, `platform.runtimeDone`: on Managed Instances the spans of a response are in `platform.report`.
#[test]
fn a_span_of_a_response_counts_once() {
    let spans = r#""spans":[{"name":"responseLatency","start":"s","durationMs":100},{"name":"extensionOverhead","start":"s","durationMs":2}]"#;
    let done = format!(
        r#"{{"type":"platform.runtimeDone","record":{{"requestId":"a","status":"success",{spans}}}}}"#
    );
    let report = format!(
        r#"{{"type":"platform.report","record":{{"requestId":"a","metrics":{{"durationMs":1}},{spans}}}}}"#
    );
    for events in [vec![&*done], vec![&*report], vec![&*done, &*report]] {
        let values = values(&counted(&events));
        assert_eq!(values["response_latency_seconds_count{}"], 1.0);
        assert_eq!(values["extension_overhead_seconds_sum{}"], 0.002);
    }
}

/// Lambda, "Improving startup performance with `SnapStart`": a version is initialized once, when it is published, and restored for each environment.
#[test]
fn with_snapshots_the_restore_is_the_cold_start() {
    let init = r#"{"time":"1","type":"platform.initStart","record":{"initializationType":"snap-start","phase":"snap-start"}}"#;
    let report = r#"{"time":"2","type":"platform.initReport","record":{"initializationType":"snap-start","phase":"snap-start","status":"success","metrics":{"durationMs":900}}}"#;
    let restore =
        r#"{"time":"3","type":"platform.restoreStart","record":{"functionName":"f","functionVersion":"1"}}"#;
    let restored = r#"{"time":"4","type":"platform.restoreReport","record":{"status":"success","metrics":{"durationMs":15.19}}}"#;
    let values = values(&counted(&[init, report, restore, restored]));
    assert_eq!(values["cold_starts_total{initialization_type=snap-start}"], 1.0);
    assert_eq!(values["inits_total{phase=snap-start,status=success}"], 1.0);
    assert_eq!(values["restore_duration_seconds_count{}"], 1.0);
    assert!(!values.contains_key("init_duration_seconds_count{}"));
}

#[test]
fn every_series_belongs_to_one_family() {
    let snapshot = counted(&[REPORT]).snapshot();
    for (family, points) in &snapshot.families {
        assert!(family::FAMILIES.iter().filter(|known| known.name == family.name).count() == 1);
        for point in points {
            let parts = matches!(family.kind, Kind::Histogram | Kind::Summary);
            assert!(if parts { family.parts.contains(&point.name) } else { point.name == family.name });
        }
        assert_eq!(
            family.kind == Kind::Counter,
            family.name.strip_suffix("_total").is_some(),
            "{}",
            family.name
        );
        assert!(!family.help.contains(['\\', '\n']) && family.help.ends_with('.'), "{}", family.help);
    }
}

/// An event of few types, requests and times, so that some are repetitions.
fn any_event() -> impl Strategy<Value = String> {
    let id = 0..4;
    let status = prop_oneof!["success", "failure", "error", "timeout", "odd"];
    let ms = (0u32..2_000_000).prop_map(|ms| f64::from(ms) / 16.0);
    (0..8, id, status, ms).prop_map(|(kind, id, status, ms)| {
        // Events with the same key have the same content, as on Lambda.
        let (ms, status) = if id % 2 == 0 { (f64::from(id) * 1_000.0, "success".to_owned()) } else { (ms, status) };
        let (ms, status) = if id % 2 == 1 { (f64::from(id) * 7.0, "error".to_owned()) } else { (ms, status) };
        match kind {
            0 => format!(r#"{{"time":"{id}","type":"platform.start","record":{{"requestId":"{id}"}}}}"#),
            1 => format!(
                r#"{{"time":"{id}","type":"platform.runtimeDone","record":{{"requestId":"{id}","status":"{status}","metrics":{{"durationMs":{ms},"producedBytes":{id}}},"spans":[{{"name":"responseLatency","durationMs":{ms}}}]}}}}"#
            ),
            2 => format!(
                r#"{{"time":"{id}","type":"platform.report","record":{{"requestId":"{id}","status":"{status}","metrics":{{"durationMs":{ms},"billedDurationMs":{ms},"maxMemoryUsedMB":{id},"memorySizeMB":128}},"spans":[{{"name":"responseLatency","durationMs":{ms}}}]}}}}"#
            ),
            3 => format!(r#"{{"time":"{id}","type":"platform.initStart","record":{{"initializationType":"on-demand","phase":"init"}}}}"#),
            4 => format!(
                r#"{{"time":"{id}","type":"platform.initReport","record":{{"phase":"init","status":"{status}","metrics":{{"durationMs":{ms}}}}}}}"#
            ),
            5 => format!(r#"{{"time":"{id}","type":"platform.logsDropped","record":{{"droppedBytes":{id},"droppedRecords":1}}}}"#),
            6 => format!(r#"{{"time":"{id}","type":"platform.restoreReport","record":{{"metrics":{{"durationMs":{ms}}}}}}}"#),
            _ => format!(r#"{{"time":"{id}","type":"platform.other{id}","record":{{}}}}"#),
        }
    })
}

/// All values except those about the events themselves.
fn figures(events: &[String]) -> BTreeMap<String, f64> {
    let events: Vec<_> = events.iter().map(String::as_str).collect();
    let mut values = values(&counted(&events));
    values
        .retain(|series, _| !series.starts_with("telemetry_events") && !series.starts_with("telemetry_dup"));
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
        let (once, twice) = (figures(&events), figures(&shuffled));
        prop_assert_eq!(once.keys().collect::<Vec<_>>(), twice.keys().collect::<Vec<_>>());
        for (series, value) in &once {
            // Sums of doubles depend on their order, in the last digits.
            prop_assert!((value - twice[series]).abs() <= value.abs() * 1e-12, "{}: {} {}", series, value, twice[series]);
        }
    }
}
