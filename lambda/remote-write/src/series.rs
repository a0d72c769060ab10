//! Groups points into series, one per label set, with samples ascending in time.
//!
//! Label sets are interned as the bytes of their protobuf fields. These bytes are canonical (sorted names, every text
//! after its length), so equal bytes mean equal label sets. They are written once, however many samples and metrics
//! share them. A request of 1.0 copies them as they are; one of 2.0 has a symbol for each of their texts.

use std::borrow::Cow;
use std::hash::BuildHasher;
use std::ops::Range;

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};

use crate::given_names::GivenNames;
use crate::labels::Labels;
use crate::metadata::{Families, Metadata};
use crate::name::{Collision, METRIC_NAME_LABEL};
use crate::sample::{Origin, Point, Sample};
use crate::wire::{self, LabelFields};

/// A label set that a [`SeriesBuilder`] has interned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LabelsId(u32);

/// A replica of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct ReplicaId(u32);

/// A series, by its index among the series of a [`SeriesBuilder`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesId(u32);

/// The limit of the bytes of all label sets and metric names. Every bucket of a histogram has the labels of its point, so a
/// payload of 6 MB can name label sets of gigabytes.
const MAX_LABEL_BYTES: usize = 32 << 20;

/// The limit of samples. Compressed messages of one batch can have many millions; these take 70 MB until they are written.
const MAX_SAMPLES: usize = 1_000_000;

/// The reason why points are not added.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAdded {
    /// Escaping would make a series of the names of a point that other names already have.
    #[error(transparent)]
    Collision(#[from] Collision),
    /// More samples or labels than an invocation may hold.
    #[error(
        "expected at most {MAX_SAMPLES} samples with {MAX_LABEL_BYTES} bytes of labels in an invocation, got more"
    )]
    TooMany,
}

/// Collects points in the order of their arrival.
#[derive(Debug, Default)]
pub struct SeriesBuilder {
    table: Table,
    labels_by_fields: HashTable<LabelsId>,
    series_by_key: HashTable<SeriesId>,
    /// By the values of its labels.
    replicas: HashMap<[String; 2], ReplicaId>,
    hasher: DefaultHashBuilder,
    /// The fields of the label set that is looked up; kept for its memory.
    scratch: Vec<u8>,
    given_names: GivenNames,
    samples: Vec<Sample>,
    starts: Vec<i64>,
    points: u32,
    families: Families,
}

/// The sizes of the lists of a [`SeriesBuilder`].
struct Size {
    bytes: usize,
    label_sets: usize,
    series: usize,
    given_names: (usize, usize),
    samples: usize,
    points: u32,
}

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

/// Label sets and series, by id.
#[derive(Debug, Default)]
struct Table {
    bytes: Vec<u8>,
    label_sets: Vec<LabelSetEntry>,
    series: Vec<SeriesEntry>,
}

/// The labels of a replica in an HA pair.
const REPLICA_LABELS: [&str; 2] = ["__replica__", "cluster"];

#[derive(Debug)]
struct LabelSetEntry {
    /// The replica that the series are of, if they are of an HA pair.
    replica: Option<ReplicaId>,
    /// The protobuf fields of all labels, in `Table::bytes`.
    fields: Range<usize>,
    /// The number of these bytes that come before `__name__`.
    name_at: usize,
}

#[derive(Debug)]
struct SeriesEntry {
    labels: LabelsId,
    /// The start of the metric name in `Table::bytes`, and its length: half the size of a range, and there may be
    /// hundreds of thousands of series.
    name_at: u32,
    name_len: u32,
}

impl SeriesId {
    /// The index, below [`Series::count`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl SeriesBuilder {
    /// Adds the samples of all `points`, or none, and returns their origins. Of samples with the same series and timestamp,
    /// the one that is added last supersedes the others.
    ///
    /// # Errors
    /// [`NotAdded`], with the index of the point.
    pub fn add<'p, 'a: 'p>(
        &mut self,
        points: impl IntoIterator<Item = &'p Point<'a>>,
    ) -> Result<Range<u32>, (usize, NotAdded)> {
        let before = self.size();
        let points = points.into_iter();
        self.reserve(points.size_hint().0);
        for (at, point) in points.enumerate() {
            if let Err(reason) = self.add_point(point) {
                self.shrink(&before);
                return Err((at, reason));
            }
        }
        Ok(before.points..self.points)
    }

    /// Adds the samples of `points` as [`Self::add`] does, except for points whose names collide with others, for which it
    /// calls `refuse` with the index. Returns the origins of those that it added.
    ///
    /// # Errors
    /// [`NotAdded::TooMany`], and none is added.
    pub fn add_each<'p, 'a: 'p>(
        &mut self,
        points: &'p [Point<'a>],
        mut refuse: impl FnMut(usize, Collision),
    ) -> Result<Range<u32>, NotAdded> {
        let start = self.size();
        self.reserve(points.len());
        for (at, point) in points.iter().enumerate() {
            let before = self.size();
            match self.add_point(point) {
                Ok(()) => {}
                Err(NotAdded::Collision(collision)) => {
                    self.shrink(&before);
                    refuse(at, collision);
                }
                Err(NotAdded::TooMany) => {
                    self.shrink(&start);
                    return Err(NotAdded::TooMany);
                }
            }
        }
        Ok(start.points..self.points)
    }

    fn add_point(&mut self, point: &Point<'_>) -> Result<(), NotAdded> {
        if self.samples.len() + point.metrics.len() > MAX_SAMPLES {
            return Err(NotAdded::TooMany);
        }
        let origin = Origin(self.points);
        self.points += 1;
        if point.start_ms != 0 && point.start_ms < point.timestamp_ms {
            self.starts.resize(origin.0 as usize, 0);
            self.starts.push(point.start_ms);
        }
        let labels = self.labels(&point.labels, None);
        let mut given_labels = self.given_names.labels(point);
        // Growing step by step would hold each list twice.
        self.samples.reserve(point.metrics.len());
        self.table.series.reserve(point.metrics.len());
        for (name, value) in &point.metrics {
            let labels = match value.bound() {
                None => labels,
                bound => self.labels(&point.labels, bound),
            };
            if self.table.bytes.len() > MAX_LABEL_BYTES {
                return Err(NotAdded::TooMany);
            }
            let known = self.table.series.len();
            let series = self.series(labels, name.as_str());
            if self.table.series.len() == known {
                self.given_names.check(series, name, &given_labels)?;
            } else {
                self.given_names.note(series, name, &mut given_labels);
            }
            self.samples.push(Sample {
                series,
                origin,
                timestamp_ms: point.timestamp_ms,
                value: value.sample().clone(),
            });
        }
        Ok(())
    }

    /// Makes room for the series of `points`, because growing step by step would hash all of them again each time.
    fn reserve(&mut self, points: usize) {
        let Self { table, labels_by_fields, series_by_key, hasher, .. } = self;
        labels_by_fields.reserve(points, |id| hasher.hash_one(table.label_fields(*id)));
        series_by_key.reserve(points, |id| hasher.hash_one(table.series_key(*id)));
    }

    fn size(&self) -> Size {
        Size {
            bytes: self.table.bytes.len(),
            label_sets: self.table.label_sets.len(),
            series: self.table.series.len(),
            given_names: self.given_names.mark(),
            samples: self.samples.len(),
            points: self.points,
        }
    }

    /// Removes everything beyond `size`.
    fn shrink(&mut self, size: &Size) {
        let Self { table, labels_by_fields, series_by_key, hasher, .. } = self;
        for id in (size.series..table.series.len()).map(|index| SeriesId(id_from(index))) {
            let hash = hasher.hash_one(table.series_key(id));
            if let Ok(entry) = series_by_key.find_entry(hash, |known| *known == id) {
                entry.remove();
            }
        }
        for id in (size.label_sets..table.label_sets.len()).map(|index| LabelsId(id_from(index))) {
            let hash = hasher.hash_one(table.label_fields(id));
            if let Ok(entry) = labels_by_fields.find_entry(hash, |known| *known == id) {
                entry.remove();
            }
        }
        table.series.truncate(size.series);
        table.label_sets.truncate(size.label_sets);
        table.bytes.truncate(size.bytes);
        self.given_names.truncate(size.given_names);
        self.samples.truncate(size.samples);
        self.starts.truncate(size.points as usize);
        self.points = size.points;
    }

    /// Whether it has no points.
    pub fn is_empty(&self) -> bool {
        self.points == 0
    }

    /// Adds metadata of metric families; of several for one family the last that is added counts.
    pub fn describe(&mut self, metadata: impl IntoIterator<Item = Metadata>) {
        metadata.into_iter().for_each(|metadata| self.families.add(metadata));
    }

    /// Groups the samples by series.
    pub fn group(self) -> Series {
        let Self { table, samples: arrived, starts, replicas, families, .. } = self;
        let mut samples = by_series(&arrived, table.series.len());
        drop(arrived);
        for run in samples.chunk_by_mut(|a, b| a.series == b.series) {
            // Stable, so that equal timestamps stay in the order of arrival.
            run.sort_by_key(|sample| sample.timestamp_ms);
        }
        Series { table, samples, starts, has_replicas: !replicas.is_empty(), families }
    }

    /// Interns a label set, with another label in place of any with its name; equal label sets get equal ids.
    fn labels(&mut self, labels: &Labels<'_>, bound: Option<(&str, &str)>) -> LabelsId {
        let Self { table, labels_by_fields, hasher, scratch, replicas, .. } = self;
        scratch.clear();
        let mut name_at = 0;
        let is_before = |&(name, _): &(&str, &str)| bound.is_none_or(|(bound, _)| name < bound);
        let is_after = |&(name, _): &(&str, &str)| bound.is_some_and(|(bound, _)| name > bound);
        let before = labels.iter().take_while(is_before);
        for (name, value) in before.chain(bound).chain(labels.iter().filter(is_after)) {
            wire::put_label(scratch, name.as_bytes(), value.as_bytes());
            if name < METRIC_NAME_LABEL {
                name_at = scratch.len();
            }
        }
        let hash = hasher.hash_one(&**scratch);
        let equal = |id: &LabelsId| table.label_fields(*id) == &**scratch;
        if let Some(known) = labels_by_fields.find(hash, equal) {
            return *known;
        }
        let id = LabelsId(id_from(table.label_sets.len()));
        let fields = append(&mut table.bytes, scratch);
        let next = ReplicaId(id_from(replicas.len()));
        let replica = replica_of(labels).map(|replica| *replicas.entry(replica).or_insert(next));
        table.label_sets.push(LabelSetEntry { replica, fields, name_at });
        labels_by_fields.insert_unique(hash, id, |id| hasher.hash_one(table.label_fields(*id)));
        id
    }

    /// Interns the series of a metric under an interned label set.
    fn series(&mut self, labels: LabelsId, name: &str) -> SeriesId {
        let Self { table, series_by_key, hasher, .. } = self;
        let key = (labels.0, name.as_bytes());
        let hash = hasher.hash_one(key);
        if let Some(known) = series_by_key.find(hash, |id| table.series_key(*id) == key) {
            return *known;
        }
        let id = SeriesId(id_from(table.series.len()));
        let name = append(&mut table.bytes, name.as_bytes());
        let (name_at, name_len) = (id_from(name.start), id_from(name.len()));
        table.series.push(SeriesEntry { labels, name_at, name_len });
        series_by_key.insert_unique(hash, id, |id| hasher.hash_one(table.series_key(*id)));
        id
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

impl Table {
    fn label_fields(&self, labels: LabelsId) -> &[u8] {
        &self.bytes[self.label_sets[labels.0 as usize].fields.clone()]
    }

    fn series_key(&self, series: SeriesId) -> (u32, &[u8]) {
        let entry = &self.series[series.0 as usize];
        (entry.labels.0, self.name(entry))
    }

    fn name(&self, entry: &SeriesEntry) -> &[u8] {
        &self.bytes[entry.name_at as usize..][..entry.name_len as usize]
    }
}

/// The values of the labels of a replica, if `labels` has both.
fn replica_of(labels: &Labels<'_>) -> Option<[String; 2]> {
    let value = |wanted| labels.iter().find(|&(name, _)| name == wanted).map(|(_, value)| value.to_owned());
    let [replica, cluster] = REPLICA_LABELS.map(value);
    Some([replica?, cluster?])
}

/// Orders samples by series and keeps those of one series in the order of arrival: a counting sort, because ids are
/// dense.
fn by_series(samples: &[Sample], series: usize) -> Vec<Sample> {
    let mut place = vec![0_u32; series + 1];
    for sample in samples {
        place[sample.series.0 as usize + 1] += 1;
    }
    for id in 0..series {
        place[id + 1] += place[id];
    }
    let mut order = vec![0_u32; samples.len()];
    for (at, sample) in (0..).zip(samples) {
        let place = &mut place[sample.series.0 as usize];
        order[*place as usize] = at;
        *place += 1;
    }
    order.into_iter().map(|at| samples[at as usize].clone()).collect()
}

fn append(bytes: &mut Vec<u8>, more: &[u8]) -> Range<usize> {
    let start = bytes.len();
    bytes.extend_from_slice(more);
    start..bytes.len()
}

fn id_from(index: usize) -> u32 {
    u32::try_from(index).expect("a payload of 6 MB has fewer than 2^32 series and bytes of names")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LabelName, MetricName, NameEscaping, Value};

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
