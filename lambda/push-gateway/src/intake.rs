//! Intake: the records of a payload → samples with their origins, and the records that are invalid.
//!
//! A record is what stands or falls as a whole: a direct event, or an SQS message, whose body may hold several
//! events. Every valid event gets an origin; those of one record follow each other. A record with one invalid event is
//! invalid, and nothing of it is sent.

use std::ops::Range;

use remote_write::{Labels, LabelsId, MAX_REQUEST_BYTES, NameEscaping, Origin, Sample, SeriesBuilder};

use crate::event::{Event, InvalidEvent, parse_escaped_event, parse_event};
use crate::payload::wrapped::{Wrapped, wrapped};
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
    /// How many values a double cannot hold exactly.
    pub inexact_values: usize,
    next_origin: u32,
    invalid: usize,
}

/// One record.
#[derive(Debug)]
pub struct Record {
    /// Its place in the payload.
    pub place: usize,
    /// What was read of it.
    pub read: Read,
}

/// What was read of one record.
#[derive(Debug)]
pub enum Read {
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
        match &self.read {
            Read::Valid(origins) => origins.len(),
            Read::Invalid { events, .. } => *events,
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
                for (place, event) in events.iter().enumerate() {
                    // Of millions of numbers, making up a reason for each takes most of the time.
                    if intake.invalid == MAX_INVALID && !event.get().starts_with('{') {
                        intake.left_out += 1;
                        continue;
                    }
                    let mut read = intake.record(&[event.get()], rules);
                    if events.len() == 1 {
                        read = intake.unwrapped(read, event.get(), rules);
                    }
                    intake.add(place, read, Some(MAX_INVALID));
                }
            }
            Payload::Sqs(messages) => {
                for (place, message) in messages.iter().enumerate() {
                    let read = intake.message(message, rules);
                    // Every message has to be answered for, however many are invalid.
                    intake.add(place, read, None);
                }
            }
        }
        intake
    }

    fn add(&mut self, place: usize, read: Read, max_invalid: Option<usize>) {
        if matches!(read, Read::Invalid { .. }) {
            if Some(self.invalid) == max_invalid {
                self.left_out += 1;
                return;
            }
            self.invalid += 1;
        }
        self.records.push(Record { place, read });
    }

    fn message(&mut self, message: &Message<'_>, rules: Rules<'_>) -> Read {
        let invalid = |reason| Read::Invalid { events: 1, at: None, reason };
        if let Some(event) = message.escaped_body().and_then(|body| parse_escaped_event(body, rules.escaping))
        {
            return match self.labelled(event, rules) {
                Ok(event) => self.valid(&[event]),
                Err(reason) => invalid(reason),
            };
        }
        match message.body().and_then(json_of_body) {
            Ok(json) => {
                let read = self.events(&json, rules);
                self.unwrapped(read, &json, rules)
            }
            Err(reason) => invalid(reason),
        }
    }

    /// What `json` holds, which was first read as an event: the same, unless it is invalid and turns out to be a wrapper.
    fn unwrapped(&mut self, read: Read, json: &str, rules: Rules<'_>) -> Read {
        if matches!(read, Read::Valid(_)) {
            return read;
        }
        let Some(Wrapped { by, json }) = wrapped(json) else { return read };
        let read = match json {
            Ok(json) => self.events(&json, rules),
            Err(reason) => Read::Invalid { events: 1, at: None, reason },
        };
        match read {
            Read::Invalid { events, at, reason } => {
                Read::Invalid { events, at, reason: InvalidEvent::Wrapped { by, reason: Box::new(reason) } }
            }
            valid @ Read::Valid(_) => valid,
        }
    }

    /// Reads a text that is one event or an array of them.
    fn events(&mut self, json: &str, rules: Rules<'_>) -> Read {
        match events_of(json) {
            Ok(events) => self.record(&events, rules),
            Err(reason) => Read::Invalid { events: 1, at: None, reason },
        }
    }

    fn record(&mut self, events: &[&str], rules: Rules<'_>) -> Read {
        let mut valid = Vec::with_capacity(events.len());
        for (at, text) in events.iter().enumerate() {
            let event = parse_event(text, rules.escaping).and_then(|event| self.labelled(event, rules));
            match event {
                Ok(event) => valid.push(event),
                Err(reason) => {
                    let at = (events.len() > 1).then_some(at);
                    return Read::Invalid { events: events.len(), at, reason };
                }
            }
        }
        self.valid(&valid)
    }

    /// Gives the events of a valid record their origins and takes their samples.
    fn valid(&mut self, events: &[(LabelsId, Event<'_>)]) -> Read {
        let first = self.next_origin;
        let count = u32::try_from(events.len()).expect("a payload of 6 MB has fewer than 2^32 events");
        for (origin, (labels, event)) in (first..).zip(events) {
            self.push(*labels, event, Origin(origin));
        }
        self.next_origin += count;
        Read::Valid(first..self.next_origin)
    }

    /// Interns the label set of an event, with the external labels.
    fn labelled<'e>(
        &mut self,
        mut event: Event<'e>,
        rules: Rules<'_>,
    ) -> Result<(LabelsId, Event<'e>), InvalidEvent> {
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
        self.samples.reserve(event.metrics.len());
        for (name, value) in &event.metrics {
            let series = self.samples.series(labels, name);
            self.samples.push(series, Sample::new(event.timestamp_ms, value.double), origin);
            self.inexact_values += usize::from(value.inexact);
        }
    }
}
