//! Writes snapshots as an array of JSON events for the push gateway.
//!
//! An event has all metrics with the same labels. The format has no stale marker: a series becomes stale five minutes after
//! its last sample.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::destination::timeline::TimedPoint;
use crate::metrics::OwnLabels;

/// Values by metric.
type Values = BTreeMap<&'static str, f64>;

/// Collects events.
#[derive(Debug)]
pub struct Events<'a> {
    common: &'a [(String, String)],
    /// By time and own labels.
    events: BTreeMap<(i64, OwnLabels), Values>,
}

impl<'a> Events<'a> {
    /// Events with the `common` labels.
    pub fn new(common: &'a [(String, String)]) -> Self {
        Self { common, events: BTreeMap::new() }
    }

    /// Adds values.
    pub fn extend(&mut self, points: &[TimedPoint]) {
        for TimedPoint { point, timestamp_ms } in points {
            self.events.entry((*timestamp_ms, point.labels)).or_default().insert(point.name, point.value);
        }
    }

    /// The events as JSON, earlier ones first.
    pub fn json(&self) -> Vec<u8> {
        let event = |((timestamp, labels), metrics): (&(i64, OwnLabels), &Values)| {
            let common = self.common.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            let own = labels.iter().copied().filter(|(name, _)| !name.is_empty());
            let dimensions: BTreeMap<_, _> = common.chain(own).collect();
            json!({ "dimensions": dimensions, "timestamp": timestamp, "metrics": metrics })
        };
        self.events.iter().map(event).collect::<Value>().to_string().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;

    /// The push gateway's README, "Events": `dimensions`, `timestamp` in milliseconds, `metrics`.
    #[test]
    fn metrics_with_the_same_labels_are_one_event() {
        let snapshot = Metrics::new(Some(128.0), false).snapshot();
        let common = [("function".to_owned(), "shop".to_owned())];
        let mut events = Events::new(&common);
        let timed = |&point| TimedPoint { point, timestamp_ms: 1_676_398_017_000 };
        events.extend(&snapshot.points().map(timed).collect::<Vec<_>>());
        let events: Vec<Value> = serde_json::from_slice(&events.json()).unwrap();
        let plain = events.iter().find(|event| event["dimensions"].as_object().unwrap().len() == 1).unwrap();
        assert_eq!(plain["timestamp"], 1_676_398_017_000_i64);
        assert_eq!(plain["metrics"]["aws_lambda_memory_size_bytes"], 134_217_728.0);
        assert_eq!(plain["metrics"]["aws_lambda_duration_seconds_count"], 0.0);
        let bucket = events.iter().find(|event| event["dimensions"]["le"] == "0.005").unwrap();
        assert_eq!(bucket["metrics"].as_object().unwrap().len(), 2, "duration and billed duration");
        let metrics = events.iter().map(|event| event["metrics"].as_object().unwrap().len()).sum::<usize>();
        assert_eq!(metrics, snapshot.points().count());
    }
}
