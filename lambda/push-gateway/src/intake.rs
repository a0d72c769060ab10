//! Intake: the records of a payload → samples with their origins, and the records that are invalid.
//!
//! A record is what stands or falls as a whole: a direct event, or an SQS message, whose body may hold several
//! events. Every valid event gets an origin; those of one record follow each other. A record with one invalid event is
//! invalid, and nothing of it is sent.

use std::ops::Range;

use remote_write::{Labels, LabelsId, MAX_REQUEST_BYTES, NameEscaping, Origin, Sample, SeriesBuilder};
use serde_json::value::RawValue;

use crate::event::{Event, InvalidEvent, parse_event};
use crate::payload::{Message, Payload, events_of, json_of_body};

/// A direct invoke may hold millions of things that are no events. Only the first few are told of, so no more reasons
/// are kept than there can be messages in an SQS batch, of which each one counts.
const MAX_INVALID: usize = 10_000;

/// A sample with its labels may be so large. The rest of a request is left to snappy, which makes a few dozen bytes
/// more of what it cannot compress.
const MAX_SERIES_BYTES: usize = MAX_REQUEST_BYTES - 1_000;

/// What was read of a payload.
#[derive(Debug, Default)]
pub struct Intake {
    /// The samples of all valid records.
    pub samples: SeriesBuilder,
    /// One for each record, in their order. Of a direct invoke, invalid ones are left out after the first thousands.
    pub records: Vec<Record>,
    /// How many invalid records were left out.
    pub left_out: usize,
    /// The place in the payload of each record of a direct invoke.
    pub places: Vec<usize>,
    /// How many values a double cannot hold exactly.
    pub inexact_values: usize,
    next_origin: u32,
}

/// What was read of one record.
#[derive(Debug)]
pub enum Record {
    /// Its events have these origins.
    Valid(Range<u32>),
    /// It is not sent.
    Invalid {
        /// How many events it holds, as far as that is known; at least one.
        events: usize,
        /// Which of its events is to blame, when there is a choice.
        at: Option<usize>,
        /// What is wrong with it.
        reason: InvalidEvent,
    },
}

impl Record {
    /// How many events the record holds.
    pub fn events(&self) -> usize {
        match self {
            Self::Valid(origins) => origins.len(),
            Self::Invalid { events, .. } => *events,
        }
    }
}

/// How events are turned into samples.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// What happens to names outside the charset.
    pub escaping: NameEscaping,
    /// Labels of every series that an event does not have itself.
    pub external_labels: &'a Labels<'static>,
}

impl Intake {
    /// Reads every record of `payload`. Bad ones do not keep others from being read.
    pub fn read(payload: &Payload<'_>, rules: Rules<'_>) -> Self {
        let mut intake = Self::default();
        match payload {
            Payload::Direct(events) => {
                events.iter().enumerate().for_each(|(at, event)| intake.direct(at, event, rules));
            }
            Payload::Sqs(messages) => messages.iter().for_each(|message| intake.message(message, rules)),
        }
        intake
    }

    fn direct(&mut self, at: usize, event: &RawValue, rules: Rules<'_>) {
        self.record(&[event.get()], rules);
        if self.records.len() > MAX_INVALID && matches!(self.records.last(), Some(Record::Invalid { .. })) {
            self.records.pop();
            self.left_out += 1;
        } else {
            self.places.push(at);
        }
    }

    fn message(&mut self, message: &Message<'_>, rules: Rules<'_>) {
        match message.body().and_then(json_of_body) {
            Ok(json) => match events_of(&json) {
                Ok(events) => self.record(&events, rules),
                Err(reason) => self.records.push(Record::Invalid { events: 1, at: None, reason }),
            },
            Err(reason) => self.records.push(Record::Invalid { events: 1, at: None, reason }),
        }
    }

    fn record(&mut self, events: &[&str], rules: Rules<'_>) {
        let mut valid = Vec::with_capacity(events.len());
        for (at, text) in events.iter().enumerate() {
            match self.event(text, rules) {
                Ok(event) => valid.push(event),
                Err(reason) => {
                    let at = (events.len() > 1).then_some(at);
                    self.records.push(Record::Invalid { events: events.len(), at, reason });
                    return;
                }
            }
        }
        let first = self.next_origin;
        let count = u32::try_from(valid.len()).expect("a payload of 6 MB has fewer than 2^32 events");
        for (origin, (labels, event)) in (first..).zip(&valid) {
            self.push(*labels, event, Origin(origin));
        }
        self.next_origin += count;
        self.records.push(Record::Valid(first..self.next_origin));
    }

    fn event<'e>(&mut self, text: &'e str, rules: Rules<'_>) -> Result<(LabelsId, Event<'e>), InvalidEvent> {
        let mut event = parse_event(text, rules.escaping)?;
        event.labels.add_missing(rules.external_labels);
        let labels = self.samples.labels(&event.labels);
        for (name, _) in &event.metrics {
            let needed = self.samples.smallest_request(labels, name);
            if needed > MAX_SERIES_BYTES {
                let metric = crate::text::bounded(name.as_str());
                return Err(InvalidEvent::TooLarge { metric, needed, limit: MAX_SERIES_BYTES });
            }
        }
        Ok((labels, event))
    }

    fn push(&mut self, labels: LabelsId, event: &Event<'_>, origin: Origin) {
        for (name, value) in &event.metrics {
            let series = self.samples.series(labels, name);
            self.samples.push(series, Sample::new(event.timestamp_ms, value.double), origin);
            self.inexact_values += usize::from(value.inexact);
        }
    }
}
