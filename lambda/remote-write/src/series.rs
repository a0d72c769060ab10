//! Groups points into series, one per label set, with samples ascending in time.
//!
//! Label sets are interned as the bytes of their protobuf fields. These bytes are canonical (sorted names, every text
//! after its length), so equal bytes mean equal label sets. They are written once, however many samples and metrics
//! share them. A request of 1.0 copies them as they are; one of 2.0 has a symbol for each of their texts.

mod builder;
mod table;

use std::borrow::Cow;

use hashbrown::HashMap;

use crate::metadata::{Families, Metadata};
use crate::sample::Sample;
use crate::wire::LabelFields;
pub use builder::{NotAdded, SeriesBuilder};
pub(crate) use table::LabelsId;
use table::{ReplicaId, Table};

/// A series, by its index among the series of a [`SeriesBuilder`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesId(u32);

/// Samples grouped by series, each series ascending in time.
///
/// Samples of one series with the same timestamp are all here, in the order of their arrival: the last one is
/// written and supersedes the others. They are kept because whether the last one can be written depends on
/// its origin, and the others' origins have outcomes too.
#[derive(Debug)]
pub struct Series {
    table: Table,
    samples: Vec<Sample>,
    /// By origin: since when the samples count, in milliseconds since the epoch; 0 is unknown, as is one that is missing.
    starts: Vec<i64>,
    /// Whether any series is of a replica.
    has_replicas: bool,
    families: Families,
}

impl SeriesId {
    /// The index, below [`Series::count`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl Series {
    /// All samples: by series, then by timestamp, then by arrival.
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// The number of samples that have a start timestamp, for which 1.0 has no place.
    pub fn start_timestamps(&self) -> usize {
        self.samples.iter().filter(|sample| self.start_ms(sample) != 0).count()
    }

    /// Since when a sample counts, in milliseconds since the Unix epoch; 0 is unknown.
    pub(crate) fn start_ms(&self, sample: &Sample) -> i64 {
        self.starts.get(sample.origin.0 as usize).copied().unwrap_or_default()
    }

    /// The number of series.
    pub fn count(&self) -> usize {
        self.table.series.len()
    }

    /// The metadata of the metric families, within AMP's limit of their size.
    pub fn metadata(&self) -> impl Iterator<Item = &Metadata> {
        self.families.iter()
    }

    /// The metadata of the family of a series.
    pub(crate) fn metadata_of(&self, series: SeriesId) -> Option<&Metadata> {
        self.families.of(self.table.name(&self.table.series[series.0 as usize]))
    }

    /// Whether a series has the labels `cluster` and `__replica__`, by which Cortex and AMP accept one replica of each
    /// cluster (<https://cortexmetrics.io/docs/guides/ha-pair-handling/>).
    pub fn has_replica(&self, series: SeriesId) -> bool {
        self.replica(series).is_some()
    }

    /// Divides `samples`, in the order of [`Series::samples`], into those of each cluster and replica and all others. A
    /// receiver that does not accept a replica drops the whole request whose first series is of it.
    pub fn by_replica<'s>(&self, samples: &'s [Sample]) -> Vec<Cow<'s, [Sample]>> {
        if !self.has_replicas {
            return vec![Cow::Borrowed(samples)];
        }
        let mut groups: HashMap<Option<ReplicaId>, Vec<Sample>> = HashMap::new();
        for run in samples.chunk_by(|a, b| a.series == b.series) {
            groups.entry(self.replica(run[0].series)).or_default().extend_from_slice(run);
        }
        let mut groups: Vec<_> = groups.into_values().collect();
        groups.sort_unstable_by_key(|group| group[0].series);
        groups.into_iter().map(Cow::Owned).collect()
    }

    fn replica(&self, series: SeriesId) -> Option<ReplicaId> {
        let labels = self.table.series[series.0 as usize].labels;
        self.table.label_sets[labels.0 as usize].replica
    }

    /// The label fields of a series.
    pub(crate) fn label_fields(&self, series: SeriesId) -> LabelFields<'_> {
        let entry = &self.table.series[series.0 as usize];
        let fields = self.table.label_fields(entry.labels);
        let (before_name, after_name) =
            fields.split_at(self.table.label_sets[entry.labels.0 as usize].name_at);
        LabelFields { set: entry.labels, before_name, name: self.table.name(entry), after_name }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LabelName, Labels, MetricName, NameEscaping, Point, Value};

    fn point<'a>(labels: &[(&'a str, &'a str)], metrics: &[&'a str], timestamp_ms: i64) -> Point<'a> {
        let label = |&(n, v)| (LabelName::new(n, NameEscaping::Reject).unwrap(), Cow::Borrowed(v));
        let metric = |&n| (MetricName::new(n, NameEscaping::Reject).unwrap(), Value::float(0.0));
        Point {
            labels: Labels::new(labels.iter().map(label).collect()).unwrap(),
            timestamp_ms,
            metrics: metrics.iter().map(metric).collect(),
            ..Point::default()
        }
    }

    fn series_of(points: &[Point<'_>]) -> usize {
        let mut builder = SeriesBuilder::default();
        builder.add(points).unwrap();
        builder.group().count()
    }

    #[test]
    fn the_order_of_labels_makes_no_difference() {
        let (ab, ba) = ([("a", "1"), ("b", "2")], [("b", "2"), ("a", "1")]);
        assert_eq!(series_of(&[point(&ab, &["up"], 0), point(&ba, &["up"], 1)]), 1);
    }

    #[test]
    fn label_sets_with_the_same_joined_text_stay_apart() {
        let sets: [&[(&str, &str)]; 5] =
            [&[], &[("a", "1b2")], &[("a", "1"), ("b", "2")], &[("a1", "b2")], &[("a", "1"), ("b2", "x")]];
        assert_eq!(series_of(&sets.map(|set| point(set, &["up", "down"], 0))), 10);
    }

    #[test]
    fn samples_ascend_and_equal_timestamps_keep_their_order() {
        let mut builder = SeriesBuilder::default();
        for (metric, timestamp_ms) in [("up", 3), ("down", 2), ("up", 1), ("up", 3), ("down", -1), ("up", 2)]
        {
            builder.add(&[point(&[], &[metric], timestamp_ms)]).unwrap();
        }
        let grouped = builder.group();
        assert_eq!(grouped.count(), 2);
        let seen: Vec<_> =
            grouped.samples().iter().map(|s| (s.series.0, s.timestamp_ms, s.origin.0)).collect();
        assert_eq!(seen, [(0, 1, 2), (0, 2, 5), (0, 3, 0), (0, 3, 3), (1, -1, 4), (1, 2, 1)]);
    }
}
