//! Reads series into points, one for each sample, so that a receiver's rejection concerns a sample alone.

use std::borrow::Cow;
use std::mem::{Discriminant, discriminant};

use remote_write::{LabelName, Labels, METRIC_NAME_LABEL, MetricName, Point, Value};

use crate::exposition::native::checked;
use crate::limits::{TooMany, count_of};
use crate::text::truncated;
use crate::wire::InvalidWire;
use crate::wire::{Field, Fields};
use crate::{Content, Refused, Rules};

use super::families::{Families, Family};
use super::sample::{self, Read, buckets, is_stale};
use super::symbols::Symbols;
use super::{InvalidRequest, InvalidSeries};

/// Reads the series of a request.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    rules: Rules<'a>,
    points: Vec<Point<'a>>,
    /// The number of samples, and that of their labels and buckets.
    samples: usize,
    size: usize,
    /// The number of series.
    series: usize,
    /// The labels of a series, as they are sent; kept for its memory.
    labels: Vec<(&'a str, &'a str)>,
    /// The symbols of a series; kept for its memory.
    symbols: Vec<u64>,
    /// What is refused, by the kind of reason.
    refused: Vec<(Discriminant<InvalidSeries>, Refused)>,
    exemplars: usize,
    pub(super) families: Families<'a>,
}

/// The numbers of the fields of a series.
struct Tags {
    samples: u64,
    histograms: u64,
    exemplars: u64,
}

const TAGS_1: Tags = Tags { samples: 2, exemplars: 3, histograms: 4 };
const TAGS_2: Tags = Tags { samples: 2, histograms: 3, exemplars: 4 };

impl<'a> Reader<'a> {
    pub(super) fn new(rules: Rules<'a>) -> Self {
        Self {
            rules,
            points: Vec::new(),
            samples: 0,
            size: 0,
            series: 0,
            labels: Vec::new(),
            symbols: Vec::new(),
            refused: Vec::new(),
            exemplars: 0,
            families: Families::default(),
        }
    }

    /// Reads `TimeSeries { repeated Label labels = 1; … }` of version 1.0.
    pub(super) fn series_1(&mut self, message: &'a [u8]) -> Result<(), InvalidRequest> {
        self.labels.clear();
        let mut valid = Ok(());
        let mut samples = 0;
        let mut fields = Fields::of(message);
        while let Some((tag, field)) = fields.next()? {
            match tag {
                1 => {
                    let (name, value) = label(field.bytes()?)?;
                    match str::from_utf8(name).and_then(|name| Ok((name, str::from_utf8(value)?))) {
                        Ok(label) => self.labels.push(label),
                        Err(_) => valid = Err(InvalidSeries::NotUtf8),
                    }
                    TooMany::check(0, self.labels.len())?;
                }
                tag => samples += usize::from(self.counts(tag, &TAGS_1)),
            }
        }
        self.add(message, &TAGS_1, samples, valid)
    }

    /// Reads `TimeSeries { repeated uint32 labels_refs = 1; …; Metadata metadata = 5; }` of version 2.0.
    pub(super) fn series_2(
        &mut self,
        message: &'a [u8],
        symbols: &Symbols<'a>,
    ) -> Result<(), InvalidRequest> {
        self.symbols.clear();
        let mut family = Family::default();
        let mut samples = 0;
        let mut fields = Fields::of(message);
        while let Some((tag, field)) = fields.next()? {
            match tag {
                1 => field.push_unsigned(&mut self.symbols)?,
                5 => family = Family::of_series(field.bytes()?, symbols)?,
                tag => samples += usize::from(self.counts(tag, &TAGS_2)),
            }
        }
        let valid = self.resolve(symbols);
        let name = self.name().filter(|_| valid.is_ok() && samples > 0);
        self.add(message, &TAGS_2, samples, valid)?;
        name.map_or(Ok(()), |name| self.families.add_of_series(name, family))
    }

    /// Makes labels of the symbols of a series.
    fn resolve(&mut self, symbols: &Symbols<'a>) -> Result<(), InvalidSeries> {
        self.labels.clear();
        let (pairs, rest) = self.symbols.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(InvalidSeries::Odd(self.symbols.len()));
        }
        for &[name, value] in pairs {
            self.labels.push((symbols.get(name)?, symbols.get(value)?));
        }
        Ok(())
    }

    /// Whether a field is a sample. Counts exemplars.
    fn counts(&mut self, tag: u64, tags: &Tags) -> bool {
        self.exemplars += usize::from(tag == tags.exemplars);
        tag == tags.samples || tag == tags.histograms
    }

    /// Adds the points of a series, which has this number of samples, or refuses them.
    fn add(
        &mut self,
        message: &'a [u8],
        tags: &Tags,
        mut samples: usize,
        valid: Result<(), InvalidSeries>,
    ) -> Result<(), InvalidRequest> {
        let at = self.series;
        self.series += 1;
        if samples == 0 {
            return Ok(());
        }
        self.samples += samples;
        self.size += count_of(self.labels.iter().copied()) * samples;
        TooMany::check(self.samples, self.size)?;
        let (name, mut labels) = match valid.and_then(|()| self.name_and_labels()) {
            Ok(both) => both,
            Err(reason) => {
                self.refuse(at, samples, &reason);
                return Ok(());
            }
        };
        let mut fields = Fields::of(message);
        while let Some((tag, field)) = fields.next()? {
            if tag != tags.samples && tag != tags.histograms {
                continue;
            }
            let Read { value, timestamp_ms, start_ms } = self.value(field, tag == tags.histograms)?;
            samples -= 1;
            let labels = if samples == 0 { std::mem::take(&mut labels) } else { labels.clone() };
            let added = value.and_then(|value| {
                let mut point =
                    Point { labels, timestamp_ms, start_ms, metrics: vec![(name.clone(), value)] };
                self.rules.apply(&mut point).map_err(InvalidSeries::Point)?;
                Ok(point)
            });
            match added {
                Ok(point) => self.points.push(point),
                Err(reason) => self.refuse(at, 1, &reason),
            }
        }
        Ok(())
    }

    /// Reads a sample, or why it is refused.
    fn value(
        &mut self,
        field: Field<'a>,
        is_histogram: bool,
    ) -> Result<Read<Result<Value, InvalidSeries>>, InvalidRequest> {
        let message = field.bytes()?;
        if !is_histogram {
            let Read { value, timestamp_ms, start_ms } = sample::float(message)?;
            return Ok(Read { value: Ok(value), timestamp_ms, start_ms });
        }
        let Read { value, timestamp_ms, start_ms } = sample::histogram(message)?;
        self.size += buckets(&value);
        TooMany::check(0, self.size)?;
        let value = if is_stale(value.sum) {
            Ok(Value::stale_histogram())
        } else {
            checked(value).map(Value::histogram).map_err(InvalidSeries::Histogram)
        };
        Ok(Read { value, timestamp_ms, start_ms })
    }

    fn name(&self) -> Option<&'a str> {
        let mut names = self.labels.iter().filter(|(name, _)| *name == METRIC_NAME_LABEL);
        names.next().map(|&(_, value)| value).filter(|name| !name.is_empty())
    }

    fn name_and_labels(&self) -> Result<(MetricName<'a>, Labels<'a>), InvalidSeries> {
        let escaping = self.rules.escaping;
        let metric = self.name().ok_or(InvalidSeries::NoName)?;
        let metric = MetricName::new(metric, escaping).map_err(InvalidSeries::Metric)?;
        let mut labels = Vec::with_capacity(self.labels.len() - 1);
        let mut names = 0;
        for &(name, value) in &self.labels {
            if name == METRIC_NAME_LABEL {
                names += 1;
            } else {
                let name = LabelName::new(name, escaping).map_err(InvalidSeries::Label)?;
                labels.push((name, Cow::Borrowed(value)));
            }
        }
        if names > 1 {
            return Err(InvalidSeries::Duplicate(METRIC_NAME_LABEL.to_owned()));
        }
        let labels = Labels::new(labels).map_err(|collision| {
            if collision.first == collision.second {
                InvalidSeries::Duplicate(collision.first)
            } else {
                InvalidSeries::Collision(collision)
            }
        })?;
        Ok((metric, labels))
    }

    /// Refuses `points` of the series at the index `at`.
    fn refuse(&mut self, at: usize, points: usize, reason: &InvalidSeries) {
        let kind = discriminant(reason);
        if let Some((_, refused)) = self.refused.iter_mut().find(|(known, _)| *known == kind) {
            refused.points += points;
            return;
        }
        let name = self.name().map_or_else(String::new, |name| format!(" of {:?}", truncated(name)));
        self.refused.push((kind, Refused { points, reason: format!("series {at}{name}: {reason}") }));
    }

    /// Calls `take` with what was read.
    pub(super) fn give<T, E>(self, take: impl FnOnce(Content<'_, '_>) -> Result<T, E>) -> Result<T, E> {
        take(Content {
            points: &self.points,
            metadata: self.families.metadata(self.rules.escaping),
            exemplars: self.exemplars,
            refused: self.refused.into_iter().map(|(_, refused)| refused).collect(),
            ..Content::default()
        })
    }
}

/// Reads `Label { string name = 1; string value = 2; }`.
fn label(message: &[u8]) -> Result<(&[u8], &[u8]), InvalidWire> {
    let (mut name, mut value): (&[u8], &[u8]) = (&[], &[]);
    let mut fields = Fields::of(message);
    while let Some((tag, field)) = fields.next()? {
        match tag {
            1 => name = field.bytes()?,
            2 => value = field.bytes()?,
            _ => {}
        }
    }
    Ok((name, value))
}
