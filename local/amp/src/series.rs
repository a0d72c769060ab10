//! Stored series: label sets with their samples.

use std::collections::BTreeMap;

use prometheus_proto::{Histogram, TimeSeries};

/// Label names and values, `__name__` among them.
pub type LabelSet = BTreeMap<String, String>;

/// Timestamps and values of one series.
pub type StoredSamples = BTreeMap<i64, f64>;

/// The floats of all series. A series that holds nothing else is not among them.
pub type StoredSeries = BTreeMap<LabelSet, StoredSamples>;

/// The native histograms of all series by timestamp.
pub type StoredHistograms = BTreeMap<LabelSet, BTreeMap<i64, Histogram>>;

/// A value of a series.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Float(f64),
    Histogram(Box<Histogram>),
}

impl Value {
    /// Prometheus, `appendable`: floats are compared bit by bit, histograms without their reset hints.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let bare = |histogram: &Histogram| Histogram { timestamp: 0, reset_hint: 0, ..histogram.clone() };
        match (self, other) {
            (Self::Float(one), Self::Float(other)) => one.to_bits() == other.to_bits(),
            (Self::Histogram(one), Self::Histogram(other)) => bare(one) == bare(other),
            _ => false,
        }
    }
}

/// One stored value.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) value: Value,
    /// The number of its chunk, if it was older than the newest of its series when it came (see `engine.rs`).
    pub(super) late_chunk: Option<usize>,
}

/// Everything that one series has, by timestamp. The newest value always came in order.
pub(super) type Entries = BTreeMap<i64, Entry>;

/// Everything that is stored, or a part of it.
pub(super) type EntriesBySeries = BTreeMap<LabelSet, Entries>;

/// The floats of one series.
pub(super) fn floats(entries: &Entries) -> StoredSamples {
    let float = |(timestamp, entry): (&i64, &Entry)| match entry.value {
        Value::Float(value) => Some((*timestamp, value)),
        Value::Histogram(_) => None,
    };
    entries.iter().filter_map(float).collect()
}

/// The native histograms of one series.
pub(super) fn histograms(entries: &Entries) -> BTreeMap<i64, Histogram> {
    let histogram = |(timestamp, entry): (&i64, &Entry)| match &entry.value {
        Value::Float(_) => None,
        Value::Histogram(histogram) => Some((*timestamp, (**histogram).clone())),
    };
    entries.iter().filter_map(histogram).collect()
}

/// The labels of a decoded series.
pub(super) fn label_set(series: &TimeSeries) -> LabelSet {
    series.labels.iter().map(|label| (label.name.clone(), label.value.clone())).collect()
}
