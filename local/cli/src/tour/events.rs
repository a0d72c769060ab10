//! What the tour sends: the README's example, an array, and a busy queue with three messages that cannot arrive.
//!
//! In: the time. Out: [`Delivery`]s whose every event knows which samples it must become. The same noise every
//! time, so that two tours differ only in their time.

use std::collections::BTreeMap;

use bytes::Bytes;
use local_amp::LabelSet;
use local_lambda::sqs::{QueueMessage, sqs_event};
use serde_json::{Map, Value, json};

use crate::noise::Noise;

/// Messages per pond in the batch, and the time between them: eight and a half minutes in all, as when a queue has
/// waited for its function.
const READINGS: u16 = 170;
pub(crate) const INTERVAL_MS: i64 = 3_000;

/// Fish ponds and their mean temperatures.
const PONDS: [(&str, f64); 6] =
    [("north", 14.3), ("south", 15.1), ("east", 13.2), ("west", 14.8), ("mill", 11.9), ("quarry", 9.4)];

/// How events are handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Single,
    Array,
    Batch,
}

/// The payload of one invocation.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) name: &'static str,
    pub(crate) messages: Vec<Message>,
    shape: Shape,
}

/// One event as it is sent.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) queued: QueueMessage,
    /// The samples it must become; none for what is no event.
    pub(crate) samples: Vec<(LabelSet, i64, f64)>,
    /// Why it must not arrive; `None` if it must.
    pub(crate) flaw: Option<Flaw>,
}

/// What is wrong with an event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flaw {
    /// For a person.
    pub(crate) text: &'static str,
    /// The attribute `reason` that its dead letter must have.
    pub(crate) reason: &'static str,
}

impl Delivery {
    /// The bytes that the function is given.
    pub(crate) fn payload(&self, queue_arn: &str) -> Bytes {
        let bodies: Vec<&str> = self.messages.iter().map(|message| message.queued.body.as_str()).collect();
        match self.shape {
            Shape::Single => bodies.concat().into(),
            Shape::Array => format!("[{}]", bodies.join(",")).into(),
            Shape::Batch => {
                let queued: Vec<QueueMessage> = self.messages.iter().map(|m| m.queued.clone()).collect();
                sqs_event(queue_arn, &queued)
            }
        }
    }
}

/// All invocations of the tour, in their order.
pub(crate) fn deliveries(now_ms: i64) -> Vec<Delivery> {
    vec![one_event(now_ms), an_array(now_ms), a_batch(now_ms)]
}

fn one_event(now_ms: i64) -> Delivery {
    let event = Event::new(&[("customerId", "customer1")], now_ms, &[("temperature", "14.3"), ("ph", "6.7")]);
    Delivery { name: "one event", messages: vec![event.into_message(0)], shape: Shape::Single }
}

fn an_array(now_ms: i64) -> Delivery {
    let readings = [("19.8", "7.1"), ("20.1", "7.1"), ("20.6", "7.0")];
    let messages = (1_u16..).zip(readings).map(|(number, (temperature, ph))| {
        let timestamp = now_ms - 1_000 * (3 - i64::from(number));
        let metrics = [("temperature", temperature), ("ph", ph)];
        Event::new(&[("customerId", "customer2")], timestamp, &metrics).into_message(number.into())
    });
    Delivery { name: "an array of 3", messages: messages.collect(), shape: Shape::Array }
}

fn a_batch(now_ms: i64) -> Delivery {
    let mut noise = Noise::new(0x2545_f491_4f6c_dd1d);
    let mut messages = Vec::new();
    for reading in 0..READINGS {
        let timestamp = now_ms - i64::from(READINGS - reading) * INTERVAL_MS;
        for (pond, mean) in PONDS {
            let number = 100 + messages.len() as u64;
            messages.push(pond_event(pond, mean, reading, timestamp, &mut noise).into_message(number));
        }
    }
    messages.extend(flawed(now_ms));
    noise.shuffle(&mut messages);
    Delivery { name: "an SQS batch", messages, shape: Shape::Batch }
}

/// A reading of one pond: the day's course as a slow wave, and the noise of cheap sensors.
fn pond_event(pond: &str, mean: f64, reading: u16, timestamp: i64, noise: &mut Noise) -> Event {
    let phase = f64::from(reading) / f64::from(READINGS) * std::f64::consts::TAU + mean;
    let temperature = format!("{:.2}", mean + 1.5 * phase.sin() + 0.2 * noise.next());
    let ph = format!("{:.2}", 6.9 + 0.3 * (phase * 1.7).cos() + 0.05 * noise.next());
    let dimensions = [("customerId", "customer3"), ("pond", pond)];
    Event::new(&dimensions, timestamp, &[("temperature", &temperature), ("ph", &ph)])
}

/// Three messages that cannot become samples: the first two by themselves, the third by the receiver's rules.
fn flawed(now_ms: i64) -> [Message; 3] {
    let dimensions = [("customerId", "customer3"), ("pond", "north")];
    let cut_off = Message {
        queued: QueueMessage::new(10, r#"{"dimensions":{"customerId":"customer3"},"timest"#, now_ms),
        samples: Vec::new(),
        flaw: Some(Flaw { text: "JSON that was cut off", reason: "invalid" }),
    };
    let mut no_number = Event::new(&dimensions, now_ms, &[("temperature", "12hello")]).into_message(11);
    no_number.flaw = Some(Flaw { text: "temperature \"12hello\"", reason: "invalid" });
    let mut too_old =
        Event::new(&dimensions, now_ms - 7_200_000, &[("temperature", "13.9")]).into_message(12);
    too_old.flaw = Some(Flaw { text: "a reading two hours old", reason: "rejected" });
    [cut_off, no_number, too_old]
}

/// An event of the function's contract.
struct Event {
    dimensions: BTreeMap<String, String>,
    timestamp: i64,
    metrics: Vec<(String, String)>,
}

impl Event {
    fn new(dimensions: &[(&str, &str)], timestamp: i64, metrics: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self {
            dimensions: dimensions.iter().map(owned).collect(),
            timestamp,
            metrics: metrics.iter().map(owned).collect(),
        }
    }

    fn into_message(self, number: u64) -> Message {
        let metrics: Map<String, Value> =
            self.metrics.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        let body = json!({
            "dimensions": self.dimensions,
            "timestamp": self.timestamp,
            "metrics": metrics,
        });
        let samples = self.metrics.iter().filter_map(|(name, text)| {
            let mut labels = self.dimensions.clone();
            labels.insert("__name__".to_owned(), name.clone());
            Some((labels, self.timestamp, text.parse().ok()?))
        });
        let samples = samples.collect();
        let queued = QueueMessage::new(number, body.to_string(), self.timestamp);
        Message { queued, samples, flaw: None }
    }
}
