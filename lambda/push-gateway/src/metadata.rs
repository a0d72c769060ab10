//! Sends the metadata of metric families (type, help, unit) to the receiver.
//!
//! A receiver keeps metadata for a while only and forgets it with a restart, so an environment sends that of a family
//! with its first push, and again after five minutes or when it has changed. It travels in requests of its own, after
//! the samples: a receiver that rejects metadata has stored them already. A request of remote write 2.0 has it itself.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws::{Failure, Response};
use remote_write::{EncodedRequest, Metadata};
use tokio::time::Instant;

use crate::delivery::{Meaning, classify};

/// After this time metadata is sent again.
const INTERVAL: Duration = Duration::from_mins(5);

/// After a failure nothing is sent for this time.
const PAUSE: Duration = Duration::from_mins(1);

/// AMP quotas, "Active metrics with metadata": more are dropped by the receiver.
const MAX_FAMILIES: usize = 20_000;

/// The families of one request, each of at most a kilobyte: it stays below AMP's limit of 1 MB.
const FAMILIES_PER_REQUEST: usize = 800;

/// The metadata that this environment has sent.
#[derive(Debug, Default)]
pub struct SentMetadata(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// By family.
    sent: HashMap<String, (Metadata, Instant)>,
    /// Until when nothing is sent, after a failure.
    paused_until: Option<Instant>,
}

impl SentMetadata {
    /// Sends what of `families` is due. A failure is logged and changes nothing for the samples.
    pub async fn send<'m>(
        &self,
        families: impl Iterator<Item = &'m Metadata>,
        now: Instant,
        send: impl AsyncFn(EncodedRequest) -> Result<Response, Failure>,
    ) {
        for due in self.due(families, now).chunks(FAMILIES_PER_REQUEST) {
            let error = match send(Metadata::encode(due.to_vec())).await {
                Ok(response) if classify(response.status) == Meaning::Written => None,
                Ok(response) => Some(response.to_string()),
                Err(failure) => Some(failure.to_string()),
            };
            self.note(due, now, error.is_some());
            if let Some(error) = error {
                tracing::warn!(families = due.len(), error, "Metadata could not be sent.");
                break;
            }
        }
    }

    /// The families that have to be sent now, at most as many as the receiver keeps.
    fn due<'m>(&self, families: impl Iterator<Item = &'m Metadata>, now: Instant) -> Vec<Metadata> {
        let state = self.state();
        if state.paused_until.is_some_and(|until| now < until) {
            return Vec::new();
        }
        let is_due = |metadata: &&Metadata| match state.sent.get(&metadata.family) {
            Some((sent, at)) => sent != *metadata || now.duration_since(*at) >= INTERVAL,
            None => state.sent.len() < MAX_FAMILIES,
        };
        families.filter(is_due).take(MAX_FAMILIES).cloned().collect()
    }

    fn note(&self, sent: &[Metadata], now: Instant, has_failed: bool) {
        let mut state = self.state();
        if has_failed {
            state.paused_until = Some(now + PAUSE);
        } else {
            state.sent.extend(sent.iter().map(|one| (one.family.clone(), (one.clone(), now))));
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use remote_write::MetricType;

    use super::*;

    fn metadata(family: &str, help: &str) -> Metadata {
        Metadata {
            metric_type: MetricType::Gauge.into(),
            family: family.to_owned(),
            help: help.to_owned(),
            unit: String::new(),
        }
    }

    /// Sends `families` at `now`, and returns the number of requests.
    async fn send(state: &SentMetadata, families: &[Metadata], now: Instant, status: u16) -> usize {
        let requests = Mutex::new(0);
        let answer = async |_: EncodedRequest| {
            *requests.lock().unwrap() += 1;
            Ok(Response::new(status, ""))
        };
        state.send(families.iter(), now, answer).await;
        requests.into_inner().unwrap()
    }

    #[tokio::test]
    async fn metadata_is_sent_first_when_changed_and_every_5_minutes() {
        let (state, start) = (SentMetadata::default(), Instant::now());
        let a = [metadata("a", "A.")];
        assert_eq!(send(&state, &a, start, 200).await, 1);
        assert_eq!(send(&state, &a, start + Duration::from_secs(299), 200).await, 0);
        assert_eq!(send(&state, &[metadata("a", "B.")], start + Duration::from_secs(299), 200).await, 1);
        assert_eq!(send(&state, &[metadata("b", "A.")], start + Duration::from_secs(299), 200).await, 1);
        assert_eq!(send(&state, &[metadata("b", "A.")], start + Duration::from_secs(599), 200).await, 1);
        assert_eq!(send(&state, &[], start, 200).await, 0);
    }

    #[tokio::test]
    async fn after_a_failure_nothing_is_sent_for_a_minute() {
        let (state, start) = (SentMetadata::default(), Instant::now());
        let many: Vec<_> = (0..2_000).map(|at| metadata(&format!("m{at}"), "")).collect();
        assert_eq!(send(&state, &many, start, 429).await, 1, "the first failure ends it");
        assert_eq!(send(&state, &many, start + Duration::from_secs(59), 200).await, 0);
        assert_eq!(send(&state, &many, start + Duration::from_mins(1), 200).await, 3);
    }
}
