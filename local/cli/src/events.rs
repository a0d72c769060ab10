//! Events as producers send them, with the samples that must be stored of each.

use std::collections::BTreeSet;

use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use local_amp::{LabelSet, StoredSeries};
use local_lambda::sqs::{Sqs, SqsError};
use serde_json::{Map, Value, json};

/// SQS: messages in one `SendMessageBatch`.
const MAX_ENTRIES: usize = 10;

/// One event.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) body: String,
    /// The samples that it must become; none if it must become a dead letter.
    samples: Vec<(LabelSet, i64, f64)>,
    is_copy: bool,
}

/// Why an event must become a dead letter.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Flaw {
    CutOff,
    NotANumber,
    TooOld,
}

impl Flaw {
    pub(crate) const ALL: [Self; 3] = [Self::CutOff, Self::NotANumber, Self::TooOld];
}

impl Event {
    /// An event of a device, with two metrics and their values as text.
    pub(crate) fn new(device: &str, timestamp: i64, metrics: [(&str, String); 2]) -> Self {
        let sample = |(name, value): &(&str, String)| {
            let labels = [("__name__", *name), ("device", device)];
            let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
            (labels, timestamp, value.parse().expect("the values of the local events are numbers"))
        };
        let samples = metrics.iter().map(sample).collect();
        let metrics: Map<String, Value> =
            metrics.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        let body = json!({ "dimensions": { "device": device }, "timestamp": timestamp, "metrics": metrics });
        Self { body: body.to_string(), samples, is_copy: false }
    }

    /// An event that can never be written. Its timestamp makes the body unique.
    pub(crate) fn flawed(flaw: Flaw, device: &str, timestamp: i64) -> Self {
        const TWO_HOURS_MS: i64 = 7_200_000;
        let (timestamp, value) = match flaw {
            Flaw::CutOff => (timestamp, "14.3"),
            Flaw::NotANumber => (timestamp, "12hello"),
            Flaw::TooOld => (timestamp - TWO_HOURS_MS, "13.9"),
        };
        let mut body = json!({
            "dimensions": { "device": device },
            "timestamp": timestamp,
            "metrics": { "temperature": value },
        })
        .to_string();
        if matches!(flaw, Flaw::CutOff) {
            body.truncate(body.len() - 3);
        }
        Self { body, samples: Vec::new(), is_copy: false }
    }

    /// The same event, sent a second time.
    pub(crate) fn copy(&self) -> Self {
        Self { is_copy: true, ..self.clone() }
    }
}

/// Everything that SQS or the function accepted.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    /// The samples that must be stored.
    pub(crate) samples: StoredSeries,
    /// Events that must be stored, each counted once.
    pub(crate) events: u64,
    /// The bodies that must become dead letters.
    pub(crate) flawed: BTreeSet<String>,
    /// Second copies of messages.
    pub(crate) copies: u64,
}

impl Sent {
    pub(crate) fn messages(&self) -> u64 {
        self.events + self.flawed.len() as u64 + self.copies
    }

    pub(crate) fn note(&mut self, event: &Event) {
        if event.is_copy {
            self.copies += 1;
        } else if event.samples.is_empty() {
            self.flawed.insert(event.body.clone());
        } else {
            self.events += 1;
        }
        for (labels, timestamp, value) in &event.samples {
            self.samples.entry(labels.clone()).or_default().insert(*timestamp, *value);
        }
    }

    /// Sends events to a queue and notes those that SQS accepted.
    pub(crate) async fn send(
        &mut self,
        sqs: &Sqs,
        queue_url: &str,
        events: &[Event],
    ) -> Result<(), SqsError> {
        for events in events.chunks(MAX_ENTRIES) {
            let entries = events.iter().enumerate().map(|(id, event)| {
                let entry =
                    SendMessageBatchRequestEntry::builder().id(id.to_string()).message_body(&event.body);
                entry.build().expect("id and body are set")
            });
            let request = sqs.client().send_message_batch().queue_url(queue_url);
            let answer = request.set_entries(Some(entries.collect())).send().await;
            for accepted in answer.map_err(SqsError::of("SendMessageBatch"))?.successful() {
                if let Some(event) = accepted.id().parse().ok().and_then(|id: usize| events.get(id)) {
                    self.note(event);
                }
            }
        }
        Ok(())
    }
}
