//! Splits a delivery, a JSON array, into events and counts them.
//!
//! Invalid events are counted and do not affect others. Nothing is copied that is only counted.

use std::fmt;

use serde::Deserializer as _;
use serde::de::{SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::event;
use crate::metrics::Metrics;
use crate::seen::Seen;

/// Counts deliveries.
#[derive(Debug)]
pub struct Intake {
    /// The counts so far.
    pub metrics: Metrics,
    deliveries: Seen,
}

impl Intake {
    /// Counts into `metrics`.
    pub fn new(metrics: Metrics) -> Self {
        Self { metrics, deliveries: Seen::default() }
    }

    /// Counts one delivery. A body with the same bytes as an earlier one is a delivery that Lambda repeated: its events have
    /// times, so two deliveries are never the same.
    pub fn deliver(&mut self, body: &[u8]) {
        let is_new = self.deliveries.insert(body);
        // Log lines may have any bytes, and an invalid one must not affect the other events.
        let body = String::from_utf8_lossy(body);
        if !is_new {
            self.metrics.observe_repeated(count(&body));
            return;
        }
        let mut json = serde_json::Deserializer::from_str(&body);
        let visitor = Each(|json| match event::parse(json) {
            Ok(event) => self.metrics.observe(&event),
            Err(error) => {
                tracing::debug!(%error, "Invalid event of the Telemetry API.");
                self.metrics.observe_invalid();
            }
        });
        if json.deserialize_seq(visitor).and_then(|()| json.end()).is_err() {
            // Not an array, or an incomplete one, whose events still count.
            self.metrics.observe_invalid();
        }
    }
}

fn count(body: &str) -> u64 {
    let mut events = 0;
    let _ = serde_json::Deserializer::from_str(body).deserialize_seq(Each(|_| events += 1));
    events
}

/// Passes each element of an array to a function.
struct Each<F>(F);

impl<'de, F: FnMut(&'de str)> Visitor<'de> for Each<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut events: A) -> Result<(), A::Error> {
        while let Some(event) = events.next_element::<&RawValue>()? {
            (self.0)(event.get());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
