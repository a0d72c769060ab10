//! Reads the records of an envelope into series.
//!
//! A record with one invalid point is invalid, and nothing of it is sent. Of OTLP and of a write request, whose senders learn
//! what becomes of a part, the valid points are sent. Every point that is sent has an origin, and those of one record are
//! consecutive.

use std::collections::HashSet;
use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

use formats::{Body, Format, InvalidEvent, Refused, Rules};
use remote_write::{MAX_REQUEST_BYTES, NotAdded, Series, SeriesBuilder};

use crate::delivery::Delivery;
use crate::envelopes::sqs::attributes::InvalidAttribute;
use crate::envelopes::{Envelope, Payload, Record};
use crate::outcome::{Invalid, Outcome, Reason};
use crate::push_times::Push;
use crate::report::DataPoints;

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
    /// The origins of its points, or its outcome if none is sent.
    pub points: Result<Range<u32>, Outcome>,
    /// The number of these points that are data points of OTLP, which come first.
    pub data_points: usize,
    /// Whether its points do not depend on each other, and its sender learns what becomes of a part.
    has_parts: bool,
    /// Why some of its points have no origin; [`Invalid::Refused`].
    pub refused: Option<Rc<Invalid>>,
}

/// What was added of a record.
struct Added {
    origins: Range<u32>,
    data_points: usize,
    refused: Option<Invalid>,
}

/// Whether the points of a body do not depend on each other, and its sender learns what becomes of a part.
fn has_parts(format: Format) -> bool {
    format.is_otlp() || format.is_remote_write()
}

impl Records {
    /// Reads every record of `envelope`. Invalid ones do not affect others. `default_format` is that of messages that say
    /// none.
    pub fn read(envelope: &Envelope<'_>, default_format: Format, rules: Rules<'_>) -> (Self, Series) {
        let (mut all, mut samples) = (Self::default(), SeriesBuilder::default());
        let mut waiting = HashSet::new();
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
            let points = match &record.group {
                // Nothing of it is sent before an earlier record of its group.
                Some(group) if waiting.contains(group) => Err(Outcome::Retry(Reason::BehindGroup.into())),
                _ => all.add(&record, push.as_deref(), Rules { received_ms, ..rules }, &mut samples),
            };
            if let (Some(group), Err(Outcome::Retry(_))) = (&record.group, &points) {
                waiting.insert(group.clone());
            }
            let (points, data_points, refused) = match points {
                Ok(Added { origins, data_points, refused }) => {
                    (Ok(origins), data_points, refused.map(Rc::new))
                }
                Err(outcome) => (Err(outcome), 0, None),
            };
            if points.as_ref().is_err_and(Outcome::is_invalid) {
                if is_full {
                    all.left_out += 1;
                    continue;
                }
                all.invalid += 1;
            }
            all.records.push(ReadRecord {
                index: record.index,
                group: record.group,
                push,
                points,
                data_points,
                has_parts: has_parts(record.format),
                refused,
            });
        }
        (all, samples.group())
    }

    /// The number of invalid records.
    pub fn invalid(&self) -> usize {
        self.invalid + self.left_out
    }

    /// Reads a record and adds its points, if all of them are valid. Of OTLP and of a write request, adds those that are, and
    /// returns why others are not. If the points are too many beside those of other records, the record has to come again.
    fn add(
        &mut self,
        record: &Record<'_>,
        push: Option<&Push>,
        rules: Rules<'_>,
        samples: &mut SeriesBuilder,
    ) -> Result<Added, Outcome> {
        let payload = record.body.as_ref().map_err(Clone::clone)?;
        let (received_ms, limit) = (rules.received_ms, rules.max_future);
        let ahead = u64::try_from(received_ms.saturating_sub(rules.now_ms)).unwrap_or_default();
        if Duration::from_millis(ahead) > limit {
            return Err(InvalidAttribute::Future { received_ms, limit }.into());
        }
        let pushed = push.map(|push| push.succeeded(rules.external_labels));
        let rules = Rules { grouping: &record.grouping, ..rules };
        formats::read(record.format, &payload.body(), rules, |content| {
            let mut refused = content.refused;
            let has_others = !samples.is_empty();
            let not_added = |at: usize, events: usize, reason| match reason {
                NotAdded::TooMany if has_others => Outcome::Retry(Reason::NoRoom(reason).into()),
                reason => formats::Invalid::from(InvalidEvent::from(reason).at(at, events)).into(),
            };
            let mut data_points = content.data_points;
            let origins = if has_parts(record.format) {
                // The points of `target_info`, which come after the data points, are not counted.
                let counted = if record.format.is_otlp() { data_points } else { content.points.len() };
                let (mut points, mut first) = (0, None);
                let origins = samples.add_each(content.points, |at, collision| {
                    points += usize::from(at < counted);
                    first.get_or_insert(collision);
                });
                let origins = origins.map_err(|reason| not_added(0, 1, reason))?;
                data_points = data_points.saturating_sub(points);
                refused.extend(first.map(|reason| Refused { points, reason: reason.to_string() }));
                origins
            } else {
                let points = content.points;
                samples
                    .add(points.iter().chain(&pushed))
                    .map_err(|(at, reason)| not_added(at, points.len(), reason))?
            };
            self.inexact_values += content.inexact_values;
            self.exemplars += content.exemplars;
            samples.describe(content.metadata);
            let refused = (!refused.is_empty()).then_some(Invalid::Refused(refused));
            Ok(Added { origins, data_points, refused })
        })
    }

    /// The record of each origin, by the first origin of the record.
    pub fn record_of(&self) -> Vec<u32> {
        let points = self.records.iter().filter_map(|record| record.points.clone().ok());
        points.flat_map(|origins| std::iter::repeat_n(origins.start, origins.len())).collect()
    }

    /// The records whose points do not depend on each other, by the first origin of the record.
    pub fn with_parts(&self) -> HashSet<u32> {
        let records = self.records.iter().filter(|record| record.has_parts);
        records.filter_map(|record| Some(record.points.as_ref().ok()?.start)).collect()
    }

    /// The data points of OTLP.
    pub fn data_points(&self, delivery: &Delivery) -> DataPoints {
        let mut data_points = DataPoints::default();
        for record in &self.records {
            let origins = record.points.clone().into_iter().flatten().take(record.data_points);
            data_points.all += record.refused() + record.data_points;
            data_points.rejected += record.refused() + delivery.rejected(origins);
        }
        data_points
    }

    /// The outcome of each record. Behind a record of a group that could not be delivered, all
    /// later ones of the group wait, so that the group keeps its order.
    pub fn outcomes(&self, delivery: &Delivery) -> Vec<Outcome> {
        let mut blocked = HashSet::new();
        let outcome = |record: &ReadRecord| {
            let outcome = match (&record.points, &record.refused) {
                (Err(outcome), _) => outcome.clone(),
                (Ok(origins), None) if record.has_parts => delivery.outcome_of_points(origins.clone()),
                (Ok(origins), None) => delivery.outcome(origins.clone()),
                // A record that cannot be delivered now comes again with its refused points.
                (Ok(origins), Some(reason)) => delivery
                    .retry(origins.clone())
                    .unwrap_or_else(|| Outcome::Invalid(record.with_rejected(origins, reason, delivery))),
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
    /// The number of its events, as far as it is known; at least one if none is sent.
    pub fn events(&self) -> usize {
        match &self.points {
            Ok(origins) => origins.len() + self.refused(),
            Err(Outcome::Invalid(reason)) => reason.events(),
            Err(_) => 1,
        }
    }

    /// Why some of its points are refused, and why the receiver rejects others.
    fn with_rejected(&self, origins: &Range<u32>, refused: &Rc<Invalid>, delivery: &Delivery) -> Rc<Invalid> {
        let outcome = delivery.outcome_of_points(origins.clone());
        let (Invalid::Refused(reasons), true) = (&**refused, outcome.is_rejected()) else {
            return Rc::clone(refused);
        };
        // Other points than data points of OTLP are of `target_info`.
        let counted = if self.data_points == 0 { origins.len() } else { self.data_points };
        let points = delivery.rejected(origins.clone().take(counted));
        let rejected = Refused { points, reason: outcome.to_string() };
        Rc::new(Invalid::Refused(reasons.iter().cloned().chain([rejected]).collect()))
    }

    /// The number of points that are refused while the others are not.
    pub fn refused(&self) -> usize {
        self.refused.as_ref().map_or(0, |reason| reason.events())
    }
}
