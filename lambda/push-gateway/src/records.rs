//! Reads the records of an envelope into series.
//!
//! A record stands or falls as a whole. Every point of a valid record has an origin, and those of one record are
//! consecutive. A record with one invalid point is invalid, and nothing of it is sent.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

use formats::{Body, Format, InvalidEvent, Rules};
use remote_write::{MAX_REQUEST_BYTES, Metadata, Series, SeriesBuilder};

use crate::delivery::Delivery;
use crate::envelopes::sqs::attributes::InvalidAttribute;
use crate::envelopes::{Envelope, Payload, Record};
use crate::outcome::{Invalid, Outcome, Reason};
use crate::push_times::Push;

/// The number of invalid records of a direct invoke whose reasons are kept. It may have millions, of which only the first
/// few are shown; of an SQS batch, which has at most this many records, each one counts.
const MAX_INVALID: usize = 10_000;

/// The size limit of a sample with its labels. The rest of a request is for snappy, which adds a few dozen bytes to what
/// it cannot compress.
pub const MAX_SAMPLE_BYTES: usize = MAX_REQUEST_BYTES - 1_000;

/// The records of an envelope.
#[derive(Debug, Default)]
pub struct Records {
    /// The records in their order, without invalid ones of a direct invoke after the first 10,000.
    pub records: Vec<ReadRecord>,
    /// The number of invalid records that were left out.
    pub left_out: usize,
    /// The number of values that a float64 cannot hold exactly.
    pub inexact_values: usize,
    /// The number of exemplars, which are not written.
    pub exemplars: usize,
    invalid: usize,
    /// The metadata of the metric families, by family.
    metadata: HashMap<String, Metadata>,
}

/// A record that was read.
#[derive(Debug)]
pub struct ReadRecord {
    /// Its index in the envelope.
    pub index: usize,
    /// The group within which records keep their order.
    pub group: Option<String>,
    /// Its path and time, if it is a push.
    pub push: Option<Box<Push>>,
    /// The origins of its points, or the reason why it is invalid.
    pub points: Result<Range<u32>, Rc<Invalid>>,
}

impl Records {
    /// Reads every record of `envelope`. Invalid ones do not affect others. `default_format` is that of messages that say
    /// none.
    pub fn read(envelope: &Envelope<'_>, default_format: Format, rules: Rules<'_>) -> (Self, Series) {
        let (mut all, mut samples) = (Self::default(), SeriesBuilder::default());
        let keeps_all = matches!(envelope, Envelope::Sqs(_));
        for record in envelope.records(default_format) {
            let is_full = !keeps_all && all.invalid == MAX_INVALID;
            // Formatting a reason for each of millions of numbers would take most of the time.
            if is_full
                && matches!(record.body, Ok(Payload::Borrowed(Body::Element(text))) if !text.starts_with('{'))
            {
                all.left_out += 1;
                continue;
            }
            let received_ms = record.received_ms.unwrap_or(rules.now_ms);
            let push = Push::of(&record.grouping, received_ms);
            let points = all.add(&record, push.as_deref(), Rules { received_ms, ..rules }, &mut samples);
            let points = points.map_err(Rc::new);
            if points.is_err() {
                if is_full {
                    all.left_out += 1;
                    continue;
                }
                all.invalid += 1;
            }
            all.records.push(ReadRecord { index: record.index, group: record.group, push, points });
        }
        (all, samples.group())
    }

    /// The number of invalid records.
    pub fn invalid(&self) -> usize {
        self.invalid + self.left_out
    }

    /// Reads a record and adds its points, if all of them are valid.
    fn add(
        &mut self,
        record: &Record<'_>,
        push: Option<&Push>,
        rules: Rules<'_>,
        samples: &mut SeriesBuilder,
    ) -> Result<Range<u32>, Invalid> {
        let payload = record.body.as_ref().map_err(Clone::clone)?;
        let (received_ms, limit) = (rules.received_ms, rules.max_future);
        let ahead = u64::try_from(received_ms.saturating_sub(rules.now_ms)).unwrap_or_default();
        if Duration::from_millis(ahead) > limit {
            return Err(InvalidAttribute::Future { received_ms, limit }.into());
        }
        let pushed = push.map(|push| push.succeeded(rules.external_labels));
        let rules = Rules { grouping: &record.grouping, ..rules };
        formats::read(record.format, &payload.body(), rules, |content| {
            let collision = |(at, collision)| {
                formats::Invalid::from(InvalidEvent::from(collision).at(at, content.points.len()))
            };
            let origins = samples.add(content.points.iter().chain(&pushed)).map_err(collision)?;
            self.inexact_values += content.inexact_values;
            self.exemplars += content.exemplars;
            self.metadata.extend(content.metadata.into_iter().map(|one| (one.family.clone(), one)));
            Ok(origins)
        })
    }

    /// Takes the metadata of the metric families: of each, what arrived last.
    pub fn take_metadata(&mut self) -> Vec<Metadata> {
        std::mem::take(&mut self.metadata).into_values().collect()
    }

    /// The record of each origin, by the first origin of the record.
    pub fn record_of(&self) -> Vec<u32> {
        let points = self.records.iter().filter_map(|record| record.points.clone().ok());
        points.flat_map(|origins| std::iter::repeat_n(origins.start, origins.len())).collect()
    }

    /// The outcome of each record. Behind a record of a group that could not be delivered, all
    /// later ones of the group wait, so that the group keeps its order.
    pub fn outcomes(&self, delivery: &Delivery) -> Vec<Outcome> {
        let mut blocked = HashSet::new();
        let outcome = |record: &ReadRecord| {
            let outcome = match &record.points {
                Err(reason) => Outcome::Invalid(reason.clone()),
                Ok(origins) => delivery.outcome(origins.clone()),
            };
            match &record.group {
                Some(group) if blocked.contains(group) => Outcome::Retry(Reason::BehindGroup.into()),
                Some(group) if outcome.is_retry() => {
                    blocked.insert(group.clone());
                    outcome
                }
                _ => outcome,
            }
        };
        self.records.iter().map(outcome).collect()
    }
}

impl ReadRecord {
    /// The number of its events, as far as it is known; at least one if it is invalid.
    pub fn events(&self) -> usize {
        match &self.points {
            Ok(origins) => origins.len(),
            Err(reason) => reason.events(),
        }
    }
}
