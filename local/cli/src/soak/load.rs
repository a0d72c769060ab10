//! The load: events of many devices, a few of them poison, some sent twice, none in order.
//!
//! In: a rate, the time. Out: messages in the queue, and a record of what each of them must become.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::stack::Stack;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use local_amp::{LabelSet, StoredSeries};
use local_lambda::sqs::{Sqs, SqsError};
use local_testing::clock::Clock;
use serde_json::json;
use tokio::time::{Interval, MissedTickBehavior};

use crate::noise::Noise;

const TICK: Duration = Duration::from_millis(100);

/// One message in this many is poison; one in this many is sent twice.
const POISON: u64 = 200;
const TWICE: u64 = 100;

/// SQS: messages in one `SendMessageBatch`.
const MAX_ENTRIES: usize = 10;

/// Sends messages at a steady rate.
pub(super) struct Load {
    sqs: Sqs,
    queue_url: String,
    devices: u32,
    clock: Clock,
    interval: Interval,
    per_tick: f64,
    /// Messages that a tick owes, in fractions of one.
    owed: f64,
    last_timestamps: BTreeMap<u32, i64>,
    sent: Sent,
}

/// Everything that SQS accepted.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// The samples that must be stored.
    pub(super) samples: StoredSeries,
    /// How many good events that were, each counted once.
    pub(super) events: u64,
    /// The bodies that must become dead letters.
    pub(super) poison: BTreeSet<String>,
    /// Second copies of messages.
    pub(super) copies: u64,
}

impl Sent {
    pub(super) fn messages(&self) -> u64 {
        self.events + self.poison.len() as u64 + self.copies
    }
}

/// A message before it is sent.
#[derive(Debug, Clone)]
struct Message {
    body: String,
    /// What it must become; nothing for poison.
    samples: Vec<(LabelSet, i64, f64)>,
    is_copy: bool,
}

impl Load {
    pub(super) fn new(stack: &Stack, rate: u32, devices: u32, clock: Clock) -> Self {
        let mut interval = tokio::time::interval(TICK);
        interval.set_missed_tick_behavior(MissedTickBehavior::Burst);
        Self {
            sqs: stack.sqs().clone(),
            queue_url: stack.endpoints().queue_url.clone(),
            devices,
            clock,
            interval,
            per_tick: f64::from(rate) * TICK.as_secs_f64(),
            owed: 0.0,
            last_timestamps: BTreeMap::new(),
            sent: Sent::default(),
        }
    }

    pub(super) fn sent(&self) -> &Sent {
        &self.sent
    }

    /// Waits for the next tick and sends what is due, shuffled.
    pub(super) async fn tick(&mut self, noise: &mut Noise) -> Result<(), SqsError> {
        self.interval.tick().await;
        self.owed += self.per_tick;
        let mut messages = Vec::new();
        while self.owed >= 1.0 {
            self.owed -= 1.0;
            let message = self.message(noise);
            if noise.one_in(TWICE) {
                messages.push(Message { is_copy: true, ..message.clone() });
            }
            messages.push(message);
        }
        noise.shuffle(&mut messages);
        for batch in messages.chunks(MAX_ENTRIES) {
            self.send(batch).await?;
        }
        Ok(())
    }

    async fn send(&mut self, messages: &[Message]) -> Result<(), SqsError> {
        let entries = messages.iter().enumerate().map(|(id, message)| {
            let entry =
                SendMessageBatchRequestEntry::builder().id(id.to_string()).message_body(&message.body);
            entry.build().expect("id and body are set")
        });
        let request = self.sqs.client().send_message_batch().queue_url(&self.queue_url);
        let answer = request.set_entries(Some(entries.collect())).send().await;
        let answer = answer.map_err(SqsError::of("SendMessageBatch"))?;
        for accepted in answer.successful() {
            if let Some(message) = accepted.id().parse().ok().and_then(|id: usize| messages.get(id)) {
                self.sent.note(message);
            }
        }
        Ok(())
    }

    fn message(&mut self, noise: &mut Noise) -> Message {
        let device = u32::try_from(noise.below(self.devices.into())).unwrap_or_default();
        let now_ms = self.clock.now_ms();
        let last = self.last_timestamps.entry(device).or_default();
        *last = now_ms.max(*last + 1);
        let timestamp = *last;
        if noise.one_in(POISON) {
            return poison(device, timestamp, noise);
        }
        let (temperature, count) = (format!("{:.4}", 15.0 + 5.0 * noise.next()), noise.below(1_000_000));
        let device = format!("device-{device}");
        let body = json!({
            "dimensions": { "device": device },
            "timestamp": timestamp,
            "metrics": { "soak_temperature": temperature, "soak_count": count.to_string() },
        });
        let labels = |name: &str| {
            let pairs = [("__name__", name), ("device", &device)];
            pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
        };
        let samples = vec![
            (labels("soak_temperature"), timestamp, temperature.parse().expect("it was written as a number")),
            (labels("soak_count"), timestamp, count.to_string().parse().expect("it was written as a number")),
        ];
        Message { body: body.to_string(), samples, is_copy: false }
    }
}

/// What can never be written: for its form, for a value, for its age. The timestamp makes each body one of a kind.
fn poison(device: u32, timestamp: i64, noise: &mut Noise) -> Message {
    let event = |timestamp: i64, value: &str| {
        json!({
            "dimensions": { "device": format!("device-{device}"), "sent": timestamp.to_string() },
            "timestamp": timestamp,
            "metrics": { "soak_temperature": value },
        })
        .to_string()
    };
    let body = match noise.below(3) {
        0 => {
            let mut cut_off = event(timestamp, "14.3");
            cut_off.truncate(cut_off.len() - 3);
            cut_off
        }
        1 => event(timestamp, "12hello"),
        _ => event(timestamp - 7_200_000, "13.9"),
    };
    Message { body, samples: Vec::new(), is_copy: false }
}

impl Sent {
    fn note(&mut self, message: &Message) {
        if message.is_copy {
            self.copies += 1;
        } else if message.samples.is_empty() {
            self.poison.insert(message.body.clone());
        } else {
            self.events += 1;
        }
        for (labels, timestamp, value) in &message.samples {
            self.samples.entry(labels.clone()).or_default().insert(*timestamp, *value);
        }
    }
}
