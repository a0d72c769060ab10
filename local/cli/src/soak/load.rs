//! The load: events of many devices at a steady rate, out of order, some flawed and some sent twice.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;
use local_lambda::sqs::{Sqs, SqsError};
use local_testing::clock::Clock;
use tokio::time::{Interval, MissedTickBehavior};

use crate::events::{Event, Flaw, Sent};
use crate::stack::Stack;

const TICK: Duration = Duration::from_millis(100);

/// One event in this many is flawed; one in this many is sent twice.
const FLAWED: u32 = 200;
const TWICE: u32 = 100;

/// Sends events at a steady rate.
pub(super) struct Load {
    sqs: Sqs,
    queue_url: String,
    devices: u32,
    clock: Clock,
    rng: Rng,
    interval: Interval,
    per_tick: f64,
    /// Events that are due, with the fraction of the next one.
    due: f64,
    last_timestamps: BTreeMap<u32, i64>,
    sent: Sent,
}

impl Load {
    pub(super) fn new(stack: &Stack, rate: u32, devices: u32, rng: Rng, clock: Clock) -> Self {
        let mut interval = tokio::time::interval(TICK);
        interval.set_missed_tick_behavior(MissedTickBehavior::Burst);
        Self {
            sqs: stack.sqs().clone(),
            queue_url: stack.endpoints().queue_url.clone(),
            devices,
            clock,
            rng,
            interval,
            per_tick: f64::from(rate) * TICK.as_secs_f64(),
            due: 0.0,
            last_timestamps: BTreeMap::new(),
            sent: Sent::default(),
        }
    }

    pub(super) fn sent(&self) -> &Sent {
        &self.sent
    }

    /// Waits for the next tick and sends the events that are due, shuffled.
    pub(super) async fn tick(&mut self) -> Result<(), SqsError> {
        self.interval.tick().await;
        self.due += self.per_tick;
        let mut events = Vec::new();
        while self.due >= 1.0 {
            self.due -= 1.0;
            let event = self.event();
            if self.rng.u32(..TWICE) == 0 {
                events.push(event.copy());
            }
            events.push(event);
        }
        self.rng.shuffle(&mut events);
        self.sent.send(&self.sqs, &self.queue_url, &events).await
    }

    fn event(&mut self) -> Event {
        let number = self.rng.u32(..self.devices);
        let timestamp = self.clock.now_ms().max(self.last_timestamps.get(&number).map_or(0, |last| last + 1));
        self.last_timestamps.insert(number, timestamp);
        let device = format!("device-{number}");
        if self.rng.u32(..FLAWED) == 0 {
            let flaw = self.rng.choice(Flaw::ALL).expect("there are several");
            return Event::flawed(flaw, &device, timestamp);
        }
        let temperature = format!("{:.4}", 10.0 + 10.0 * self.rng.f64());
        let count = self.rng.u32(..1_000_000).to_string();
        Event::new(&device, timestamp, [("temperature", temperature), ("count", count)])
    }
}
