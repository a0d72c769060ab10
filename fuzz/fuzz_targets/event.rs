//! The text of one event: what is accepted has valid, unique names and at least one metric, and says the same as the
//! JSON does. The fast path means what the careful reader means.
#![no_main]

use std::collections::{BTreeMap, BTreeSet};

use libfuzzer_sys::fuzz_target;
use push_gateway::event::{Event, parse_event, parse_event_carefully};
use push_gateway_fuzz::names::{is_label_name, is_metric_name};
use remote_write::NameEscaping;
use serde_json::Value;

fuzz_target!(|text: &str| {
    for escaping in [NameEscaping::Underscores, NameEscaping::Reject] {
        let (fast, careful) = (parse_event(text, escaping), parse_event_carefully(text, escaping));
        assert_eq!(format!("{fast:?}"), format!("{careful:?}"), "the fast path means something else");
    }
    let escaped = parse_event(text, NameEscaping::Underscores);
    if let Ok(event) = &escaped {
        check(event);
    }
    if let Err(reason) = &escaped {
        let message = reason.to_string();
        assert!(message.len() < 4_000, "an error of {} bytes", message.len());
    }
    let Ok(event) = parse_event(text, NameEscaping::Reject) else { return };
    check(&event);
    let escaped = escaped.expect("an event with valid names is refused when names may be escaped");
    assert_eq!(event.labels, escaped.labels);
    assert_eq!(names(&event), names(&escaped));
    // Valid names are not touched, so the event says what a plain reading of the JSON says. That reading refuses
    // numbers beyond a double and deep nesting, which an event may have.
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

fn check(event: &Event<'_>) {
    let labels: Vec<_> = event.labels.iter().collect();
    assert!(labels.windows(2).all(|pair| pair[0].0 < pair[1].0), "not sorted and unique: {labels:?}");
    assert!(labels.iter().all(|(name, value)| is_label_name(name) && !value.is_empty()), "{labels:?}");
    assert!(labels.iter().all(|(name, _)| *name != "__name__"), "{labels:?}");
    let names = names(event);
    assert!(!names.is_empty(), "no metric");
    assert_eq!(names.len(), event.metrics.len(), "a metric is there twice");
    assert!(names.iter().all(|name| is_metric_name(name)), "{names:?}");
}

fn names<'e>(event: &'e Event<'_>) -> BTreeSet<&'e str> {
    event.metrics.iter().map(|(name, _)| name.as_str()).collect()
}
