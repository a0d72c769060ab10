//! Intake: the body of a delivery → the metrics. Pure, and without a copy of anything that is only counted.
//!
//! In: a body that is bounded already, a JSON array of events as it should be. Nothing can fail: what is no event is
//! counted as that, and one bad event spoils no other.

use std::fmt;

use serde::Deserializer as _;
use serde::de::{SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::event;
use crate::metrics::Metrics;
use crate::seen::Seen;

/// What takes deliveries in.
#[derive(Debug)]
pub struct Intake {
    /// What was counted so far.
    pub metrics: Metrics,
    deliveries: Seen,
}

impl Intake {
    /// Counts into `metrics`.
    pub fn new(metrics: Metrics) -> Self {
        Self { metrics, deliveries: Seen::default() }
    }

    /// Takes in the body of one delivery. A body that came before, byte by byte, is a delivery that Lambda repeated:
    /// its events hold times, so two deliveries are never alike.
    pub fn deliver(&mut self, body: &[u8]) {
        let is_new = self.deliveries.insert(body);
        // Log lines are whatever a function writes: one invalid byte must not end the reading of all other events.
        let body = String::from_utf8_lossy(body);
        if !is_new {
            self.metrics.observe_repeated(count(&body));
            return;
        }
        let mut json = serde_json::Deserializer::from_str(&body);
        let visitor = Each(|json| match event::parse(json) {
            Ok(event) => self.metrics.observe(&event),
            Err(error) => {
                tracing::debug!(%error, "An event of the Telemetry API is not understood.");
                self.metrics.observe_invalid();
            }
        });
        if json.deserialize_seq(visitor).and_then(|()| json.end()).is_err() {
            // No array, or one that breaks off: what came before the break counts.
            self.metrics.observe_invalid();
        }
    }
}

fn count(body: &str) -> u64 {
    let mut events = 0;
    let _ = serde_json::Deserializer::from_str(body).deserialize_seq(Each(|_| events += 1));
    events
}

/// Hands each element of an array to a function, one after the other.
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
