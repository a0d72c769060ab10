//! The text of one event. An accepted event has valid, unique names and at least one metric, with the values of the JSON.
//! The fast path agrees with the careful reader.
#![no_main]

use std::collections::{BTreeMap, BTreeSet};

use formats::event::{parse_event, parse_event_carefully};
use libfuzzer_sys::fuzz_target;
use push_gateway_fuzz::names::{is_label_name, is_metric_name};
use remote_write::{NameEscaping, Point};
use serde_json::Value;

fuzz_target!(|text: &str| {
    for escaping in [NameEscaping::Underscores, NameEscaping::Values, NameEscaping::Reject] {
        let (fast, careful) = (parse_event(text, escaping), parse_event_carefully(text, escaping));
        assert_eq!(format!("{fast:?}"), format!("{careful:?}"), "the fast path differs");
    }
    let escaped = parse_event(text, NameEscaping::Underscores);
    if let Ok(event) = &escaped {
        check(&event.point);
    }
    if let Err(reason) = &escaped {
        let message = reason.to_string();
        assert!(message.len() < 4_000, "an error of {} bytes", message.len());
    }
    let Ok(event) = parse_event(text, NameEscaping::Reject) else { return };
    let event = event.point;
    check(&event);
    let escaped = escaped.expect("an event with valid names is rejected when names may be escaped").point;
    assert_eq!(event.labels, escaped.labels);
    assert_eq!(names(&event), names(&escaped));
    // Valid names do not change, so the event has what a generic JSON parser reads. That parser rejects numbers beyond a
    // float64 and deep nesting, which an event may have.
    if let Ok(json) = serde_json::from_str::<Value>(text) {
        let dimensions: BTreeMap<_, _> = json["dimensions"]
            .as_object()
            .expect("dimensions are an object")
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str().expect("dimensions are strings")))
            .filter(|(_, value)| !value.is_empty())
            .collect();
        assert_eq!(event.labels.iter().collect::<Vec<_>>(), dimensions.into_iter().collect::<Vec<_>>());
        let metrics = json["metrics"].as_object().expect("metrics are an object");
        assert_eq!(names(&event), metrics.keys().map(String::as_str).collect());
    }
});

fn check(event: &Point<'_>) {
    let labels: Vec<_> = event.labels.iter().collect();
    assert!(labels.windows(2).all(|pair| pair[0].0 < pair[1].0), "not sorted and unique: {labels:?}");
    assert!(labels.iter().all(|(name, value)| is_label_name(name) && !value.is_empty()), "{labels:?}");
    assert!(labels.iter().all(|(name, _)| *name != "__name__"), "{labels:?}");
    let names = names(event);
    assert!(!names.is_empty(), "no metric");
    let given: BTreeSet<_> = event.metrics.iter().map(|(name, _)| name.given()).collect();
    assert_eq!(given.len(), event.metrics.len(), "a duplicate metric");
    assert!(names.iter().all(|name| is_metric_name(name)), "{names:?}");
}

fn names<'e>(event: &'e Point<'_>) -> BTreeSet<&'e str> {
    event.metrics.iter().map(|(name, _)| name.as_str()).collect()
}
