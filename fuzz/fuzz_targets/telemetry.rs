//! Compares the metrics of a delivery of the Telemetry API, in every form in which they are sent, with a plain reading of
//! its JSON and with a repetition of the delivery.
#![no_main]

use libfuzzer_sys::fuzz_target;
use push_gateway_fuzz::request;
use remote_write::Version;
use serde_json::Value;
use telemetry_extension::destination::timeline::TimedPoint;
use telemetry_extension::intake::Intake;
use telemetry_extension::metrics::{Kind, Metrics, Point, Snapshot};
use telemetry_extension::series::Samples;
use telemetry_extension::{exposition, json_events};

fuzz_target!(|body: &[u8]| {
    let mut intake = Intake::new(Metrics::new(Some(128.0), true));
    intake.deliver(body);
    let snapshot = intake.metrics.snapshot();
    if let Ok(Value::Array(events)) = serde_json::from_slice(body) {
        // A plain reading rejects numbers beyond a double and deep nesting, which concern single events.
        assert_eq!(intake.metrics.received(), events.len() as u64);
        for kind in ["function", "extension"] {
            // An event with a duplicate key is invalid, but the plain reading takes the last of its values.
            let most = events.iter().filter(|event| event["type"] == kind).count();
            let most = u32::try_from(most).map_or(f64::INFINITY, f64::from);
            assert!(value(&snapshot, "aws_lambda_telemetry_events_total", kind) <= most);
        }
    }
    check(&snapshot);
    let before = figures(&snapshot);
    intake.deliver(body);
    // A leading blank makes the bytes differ, so that the events are recognized one by one.
    intake.deliver(&[b" ", body].concat());
    assert_eq!(figures(&intake.metrics.snapshot()), before, "a repetition was counted");
});

/// The value of a series without own labels, or with one of this value.
fn value(snapshot: &Snapshot, name: &str, label: &str) -> f64 {
    let found = snapshot.points().find(|p| p.name == name && p.labels().all(|(_, value)| value == label));
    found.map_or(0.0, |point| point.value)
}

/// Everything but what is about the events themselves.
fn figures(snapshot: &Snapshot) -> Vec<Point> {
    snapshot.points().filter(|point| !point.name.starts_with("aws_lambda_telemetry_")).copied().collect()
}

/// What is counted is finite, buckets ascend to their count, and every form can be read.
fn check(snapshot: &Snapshot) {
    assert!(snapshot.points().all(|point| point.value.is_finite() && point.value >= 0.0));
    for (family, points) in &snapshot.families {
        if family.kind == Kind::Histogram {
            let (buckets, rest) = points.split_at(points.len() - 2);
            assert!(buckets.windows(2).all(|pair| pair[0].value <= pair[1].value), "{buckets:?}");
            assert_eq!(buckets.last().map(|bucket| bucket.value), Some(rest[1].value));
        }
    }
    let labels = [("function".to_owned(), "shop".to_owned())];
    let text = exposition::text(snapshot, &labels);
    let lines = text.lines().filter(|line| !line.starts_with('#')).count();
    assert_eq!(lines, snapshot.points().count());
    let mut samples = Samples::new(&labels);
    let mut events = json_events::Events::new(&labels);
    let timed = |&point: &Point| TimedPoint { point, timestamp_ms: 1_000 };
    let points: Vec<_> = snapshot.points().map(timed).collect();
    samples.extend(&points);
    events.extend(&points);
    samples.end(snapshot, 1_001);
    let series = samples.group();
    let encoded = series.encode(series.samples(), Version::V1);
    assert_eq!(request::checked(&encoded).timeseries.len(), lines);
    let events: Vec<Value> = serde_json::from_slice(&events.json()).expect("an array");
    let metrics = events.iter().filter_map(|event| event["metrics"].as_object());
    assert!(metrics.flat_map(|metrics| metrics.values()).filter(|value| value.is_number()).count() == lines);
}
