//! Collects samples as points, with the labels of the path in place of the body's.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::hash::{BuildHasher, Hasher};

use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};

use remote_write::{BOUNDS, Collision, LabelName, Labels, MetricName, MetricType, Point, Value};

use super::InvalidExposition;
use super::go::{float, quoted};
use crate::Rules;
use crate::limits::{TooMany, count_of, labels_in};

/// A label of a sample.
pub(super) type Label<'a> = (LabelName<'a>, Cow<'a, str>);

/// The reason why a sample cannot be added.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotAdded {
    #[error(transparent)]
    Collision(#[from] Collision),
    #[error(transparent)]
    TooMany(#[from] TooMany),
}

/// The samples of a body.
#[derive(Debug)]
pub(super) struct Samples<'a> {
    rules: Rules<'a>,
    points: Vec<Point<'a>>,
    /// The labels of the path.
    grouping: Vec<Label<'a>>,
    /// The number of samples, and that of their labels and buckets.
    size: (usize, usize),
    /// The hashes of metric name, labels and timestamp of every sample. Keyed at random.
    seen: HashTable<u64>,
    hasher: DefaultHashBuilder,
    /// The first reason why the samples do not go together. A line that is invalid comes before it.
    inconsistent: Option<InvalidExposition>,
    /// The number of values that a float64 cannot hold exactly.
    pub(super) inexact_values: usize,
    /// The number of exemplars.
    pub(super) exemplars: usize,
}

impl<'a> Samples<'a> {
    pub(super) fn new(rules: Rules<'a>) -> Self {
        Self {
            rules,
            points: Vec::new(),
            grouping: rules
                .grouping
                .iter()
                .map(|(name, value)| (name.clone(), Cow::Borrowed(&**value)))
                .collect(),
            seen: HashTable::new(),
            size: (0, 0),
            hasher: DefaultHashBuilder::default(),
            inconsistent: None,
            inexact_values: 0,
            exemplars: 0,
        }
    }

    pub(super) fn rules(&self) -> Rules<'a> {
        self.rules
    }

    /// Adds a sample, whose labels have unique names, and which counts since `start_ms` (0 is unknown). A second sample with
    /// its name, labels and timestamp is an error; that of a histogram or summary (without `metric_type`) supersedes the
    /// first, as in the Pushgateway.
    ///
    /// # Errors
    /// Escaping makes the names of two labels the same, or there are too many samples or labels.
    pub(super) fn add(
        &mut self,
        name: MetricName<'a>,
        labels: &[Label<'a>],
        timestamp_ms: Option<i64>,
        start_ms: i64,
        value: Value,
        metric_type: Option<MetricType>,
    ) -> Result<(), NotAdded> {
        let labels = self.labels(labels)?;
        let long = labels_in(name.given().len());
        self.size = (self.size.0 + 1, self.size.1 + count_of(labels.iter()) + long);
        TooMany::check(self.size.0, self.size.1)?;
        let timestamp_ms = timestamp_ms.unwrap_or(self.rules.received_ms);
        let is_first = self.is_first(&name, &labels, timestamp_ms);
        if self.inconsistent.is_none() {
            let invalid = labels.iter().map(|(name, _)| name).find(|name| name.starts_with("__"));
            let reason = match (invalid, is_first, metric_type) {
                (Some(label), ..) => format!("has a label with an invalid name: {label}"),
                (_, false, Some(_)) => "was collected before with the same name and label values".to_owned(),
                _ => String::new(),
            };
            if !reason.is_empty() {
                let metric = shown(&labels, metric_type, &value);
                let name = quoted(name.given());
                self.inconsistent(format!("collected metric {name} {{ {metric}}} {reason}"));
            }
        }
        let (labels, value) = if metric_type.is_none() { with_bound(labels, value) } else { (labels, value) };
        match self.points.last_mut() {
            Some(last)
                if is_first
                    && (last.timestamp_ms, last.start_ms) == (timestamp_ms, start_ms)
                    && last.labels == labels =>
            {
                last.metrics.push((name, value));
            }
            _ => self.points.push(Point { labels, timestamp_ms, start_ms, metrics: vec![(name, value)] }),
        }
        Ok(())
    }

    /// Counts the buckets of a native histogram.
    pub(super) fn count_buckets(&mut self, buckets: usize) -> Result<(), TooMany> {
        self.size.1 += buckets;
        TooMany::check(self.size.0, self.size.1)
    }

    /// Whether a reason is known why the samples do not go together.
    pub(super) fn is_inconsistent(&self) -> bool {
        self.inconsistent.is_some()
    }

    /// Notes that the samples do not go together, for `reason`.
    pub(super) fn inconsistent(&mut self, reason: String) {
        self.inconsistent.get_or_insert(InvalidExposition::Inconsistent(reason));
    }

    /// A metric with these labels, for an error.
    ///
    /// # Errors
    /// [`Collision`], as in [`Samples::add`].
    pub(super) fn shown(&self, labels: &[Label<'a>]) -> Result<String, Collision> {
        Ok(shown(&self.labels(labels)?, None, &Value::float(0.0)))
    }

    /// The points, with external labels.
    pub(super) fn points(mut self) -> Result<Vec<Point<'a>>, InvalidExposition> {
        if let Some(reason) = self.inconsistent {
            return Err(reason);
        }
        for point in &mut self.points {
            self.rules.apply(point)?;
        }
        Ok(self.points)
    }

    /// `own` without those that the path has, and these.
    fn labels(&self, own: &[Label<'a>]) -> Result<Labels<'a>, Collision> {
        let grouping = &self.grouping;
        let mut labels = Vec::with_capacity(own.len() + grouping.len());
        let is_own =
            |(name, _): &&Label<'a>| grouping.iter().all(|(other, _)| name.as_str() != other.as_str());
        labels.extend(own.iter().filter(is_own).cloned());
        labels.extend_from_slice(grouping);
        Labels::new(labels)
    }

    /// Notes a sample; whether it is the first with this name, labels and timestamp.
    fn is_first(&mut self, name: &MetricName<'a>, labels: &Labels<'a>, timestamp_ms: i64) -> bool {
        let mut hasher = self.hasher.build_hasher();
        hasher.write_i64(timestamp_ms);
        // No text contains the byte between them.
        let mut text = |text: &str| {
            hasher.write(text.as_bytes());
            hasher.write_u8(0xff);
        };
        text(name.as_str());
        for (name, value) in labels.iter() {
            text(name);
            text(value);
        }
        let hash = hasher.finish();
        match self.seen.entry(hash, |known| *known == hash, |known| *known) {
            Entry::Occupied(_) => false,
            Entry::Vacant(place) => {
                place.insert(hash);
                true
            }
        }
    }
}

/// Moves the bound of a bucket or quantile from the labels to its value, so that all series of a histogram are of one point.
fn with_bound(mut labels: Labels<'_>, value: Value) -> (Labels<'_>, Value) {
    let bound = BOUNDS.iter().find_map(|&name| Some((name, labels.remove(name)?)));
    let value = match bound {
        Some((name, bound)) => value.with_bound(name, bound.into_owned()),
        None => value,
    };
    (labels, value)
}

/// A metric as Go prints its message, with the label `instance` that the Pushgateway adds.
fn shown(labels: &Labels<'_>, metric_type: Option<MetricType>, value: &Value) -> String {
    let mut labels: Vec<_> = labels.iter().collect();
    if labels.iter().all(|&(name, _)| name != "instance") {
        labels.push(("instance", ""));
        labels.sort_unstable();
    }
    let mut shown = String::new();
    for (name, value) in labels {
        let _ = write!(shown, "label:{{name:{} value:{}}} ", quoted(name), quoted(value));
    }
    let kind = match metric_type {
        Some(MetricType::Counter) => "counter",
        Some(MetricType::Gauge) => "gauge",
        Some(_) => "untyped",
        None => return shown,
    };
    let value = match value.as_float() {
        Some(value) if value.is_nan() => "nan".to_owned(),
        Some(f64::INFINITY) => "inf".to_owned(),
        Some(f64::NEG_INFINITY) => "-inf".to_owned(),
        Some(value) => float(value),
        None => return shown,
    };
    let _ = write!(shown, "{kind}:{{value:{value}}}");
    shown
}
