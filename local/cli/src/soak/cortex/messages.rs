//! The messages of the audit with the samples that must be stored of each, worked out without code of the gateway.

use std::collections::HashSet;

use fastrand::Rng;
use serde_json::{Map, Value, json};

/// Names that are the same after escaping, and the metric that they become.
pub(super) const COLLIDING: [&str; 3] = ["cpu.load", "cpu-load", CPU_LOAD];
pub(super) const TEMPERATURE: &str = "temperature";
pub(super) const COUNT: &str = "count";
pub(super) const CPU_LOAD: &str = "cpu_load";

/// One message in this many is flawed, sent twice, a pair whose names collide, late, an array of events.
const FLAWED: u32 = 200;
const TWICE: u32 = 100;
const PAIR: u32 = 200;
const LATE: u32 = 20;
const ARRAY: u32 = 10;

const MAX_LATE_MS: i64 = 20_000;
const TWO_HOURS_MS: i64 = 7_200_000;
const AHEAD_MS: i64 = 300_000;

/// One metric of one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Series {
    pub(super) device: u32,
    pub(super) metric: &'static str,
}

/// A series and a timestamp in milliseconds since the epoch.
pub(super) type Instant = (Series, i64);

/// A message.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) body: String,
    pub(super) kind: Kind,
    /// All samples of a valid message; of a flawed one, those that Cortex may keep.
    pub(super) samples: Vec<(Instant, f64)>,
    /// Its oldest timestamp.
    pub(super) timestamp_ms: i64,
}

/// The expected outcome of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Valid,
    /// Valid with this metric name, unless a record of its invocation has another of [`COLLIDING`].
    Colliding(&'static str),
    Flawed(Flaw),
}

/// Why a message must become a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    CutOff,
    NotANumber,
    Ahead,
    TooOld,
    LongName,
    ManyLabels,
    LongLabels,
}

impl Flaw {
    const ALL: [Self; 7] = [
        Self::CutOff,
        Self::NotANumber,
        Self::Ahead,
        Self::TooOld,
        Self::LongName,
        Self::ManyLabels,
        Self::LongLabels,
    ];

    /// The reason of the dead letter, and a part of its detail.
    pub(super) fn expected(self) -> (&'static str, &'static str) {
        match self {
            Self::CutOff => ("invalid", "invalid JSON"),
            Self::NotANumber => ("invalid", "expected a number"),
            Self::Ahead => ("invalid", "ahead of"),
            Self::TooOld => ("rejected", "timestamp too old"),
            Self::LongName => ("rejected", "label value too long"),
            Self::ManyLabels => ("rejected", "too many labels"),
            Self::LongLabels => ("rejected", "labels size bytes exceeded"),
        }
    }
}

/// Generates messages. No two of them have an instant in common, except for copies and pairs.
#[derive(Debug)]
pub(super) struct Generator {
    devices: u32,
    rng: Rng,
    used: HashSet<(u32, i64)>,
}

impl Generator {
    pub(super) fn new(devices: u32, rng: Rng) -> Self {
        Self { devices, rng, used: HashSet::new() }
    }

    /// The next messages: usually one.
    pub(super) fn next(&mut self, now_ms: i64) -> Vec<Message> {
        let device = self.rng.u32(..self.devices);
        if self.rng.u32(..FLAWED) == 0 {
            let flaw = self.rng.choice(Flaw::ALL).expect("there are several");
            return vec![self.flawed(flaw, device, now_ms)];
        }
        if self.rng.u32(..PAIR) == 0 {
            return self.pair(device, now_ms);
        }
        let count = if self.rng.u32(..ARRAY) == 0 { self.rng.usize(2..=5) } else { 1 };
        let late = if self.rng.u32(..LATE) == 0 { self.rng.i64(0..MAX_LATE_MS) } else { 0 };
        let events: Vec<Event> = (0..count).map(|_| self.event(device, now_ms - late)).collect();
        let message = message(Kind::Valid, &events);
        let copies = if self.rng.u32(..TWICE) == 0 { 2 } else { 1 };
        vec![message; copies]
    }

    /// Two messages whose names collide, in half of all cases for the same instant.
    fn pair(&mut self, device: u32, now_ms: i64) -> Vec<Message> {
        let mut names = COLLIDING;
        self.rng.shuffle(&mut names);
        let first = self.timestamp(device, now_ms);
        let second = if self.rng.bool() { first } else { self.timestamp(device, now_ms) };
        let mut one = |name, at| {
            let metrics = vec![(name, CPU_LOAD, self.rng.f64())];
            message(Kind::Colliding(name), &[Event { device, at, metrics }])
        };
        vec![one(names[0], first), one(names[1], second)]
    }

    fn flawed(&mut self, flaw: Flaw, device: u32, now_ms: i64) -> Message {
        let (good, other) = (self.event(device, now_ms), self.event(device, now_ms));
        let mut bad = other.to_json();
        match flaw {
            Flaw::CutOff => {}
            Flaw::NotANumber => bad["metrics"][TEMPERATURE] = "12hello".into(),
            Flaw::Ahead => bad["timestamp"] = (now_ms + AHEAD_MS).into(),
            Flaw::TooOld => bad["timestamp"] = (good.at - TWO_HOURS_MS).into(),
            Flaw::LongName => bad["metrics"]["n".repeat(2_049)] = 1.into(),
            Flaw::ManyLabels => add_labels(&mut bad, 150, 1),
            Flaw::LongLabels => add_labels(&mut bad, 10, 800),
        }
        // The gateway sends nothing of an invalid event. Of a rejected one, Cortex keeps the series without a flaw.
        let samples = match flaw {
            Flaw::CutOff | Flaw::NotANumber | Flaw::Ahead | Flaw::TooOld => Vec::new(),
            Flaw::LongName => [good.samples(), other.samples()].concat(),
            Flaw::ManyLabels | Flaw::LongLabels => good.samples(),
        };
        let events = if flaw == Flaw::TooOld { vec![bad] } else { vec![good.to_json(), bad] };
        let timestamp_ms = if flaw == Flaw::TooOld { good.at - TWO_HOURS_MS } else { good.at };
        let mut body = Value::Array(events).to_string();
        if flaw == Flaw::CutOff {
            body.truncate(body.len() - 5);
        }
        Message { body, kind: Kind::Flawed(flaw), samples, timestamp_ms }
    }

    fn event(&mut self, device: u32, at: i64) -> Event {
        let at = self.timestamp(device, at);
        let metrics = [TEMPERATURE, COUNT].map(|metric| (metric, metric, self.value()));
        Event { device, at, metrics: metrics.into() }
    }

    /// The first millisecond from `at` on that the device has not used.
    fn timestamp(&mut self, device: u32, mut at: i64) -> i64 {
        while !self.used.insert((device, at)) {
            at += 1;
        }
        at
    }

    /// Any bit pattern, or one with a special form.
    fn value(&mut self) -> f64 {
        match self.rng.u8(..16) {
            0 => f64::from_bits(self.rng.u64(..)),
            1 => -0.0,
            2 => f64::from_bits(self.rng.u64(..1 << 52)),
            3 => f64::from(self.rng.i32(..)),
            _ => self.rng.f64() * 100.0,
        }
    }
}

/// One event: a device at a time, with names of metrics as sent, as stored, and values.
#[derive(Debug)]
struct Event {
    device: u32,
    at: i64,
    metrics: Vec<(&'static str, &'static str, f64)>,
}

impl Event {
    fn samples(&self) -> Vec<(Instant, f64)> {
        let sample =
            |&(_, metric, value): &(_, _, _)| ((Series { device: self.device, metric }, self.at), value);
        self.metrics.iter().map(sample).collect()
    }

    fn to_json(&self) -> Value {
        let metrics = self.metrics.iter().map(|(name, _, value)| ((*name).to_owned(), text(*value).into()));
        let metrics: Map<String, Value> = metrics.collect();
        json!({ "dimensions": { "device": device(self.device) }, "timestamp": self.at, "metrics": metrics })
    }
}

/// The value of the label `device`.
pub(super) fn device(number: u32) -> String {
    format!("device-{number}")
}

fn message(kind: Kind, events: &[Event]) -> Message {
    let samples = events.iter().flat_map(Event::samples).collect();
    let body = match events {
        [event] => event.to_json(),
        events => events.iter().map(Event::to_json).collect(),
    };
    let timestamp_ms = events.iter().map(|event| event.at).min().unwrap_or_default();
    Message { body: body.to_string(), kind, samples, timestamp_ms }
}

fn add_labels(event: &mut Value, count: usize, bytes: usize) {
    for number in 0..count {
        event["dimensions"][format!("label{number}")] = "v".repeat(bytes).into();
    }
}

fn text(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        format!("{value:e}")
    }
}
