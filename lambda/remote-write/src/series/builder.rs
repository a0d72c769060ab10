//! Collects points and interns their label sets.

use std::hash::BuildHasher;
use std::ops::Range;

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};

use super::table::{LabelSetEntry, LabelsId, ReplicaId, SeriesEntry, Table};
use super::{Series, SeriesId};
use crate::given_names::GivenNames;
use crate::labels::Labels;
use crate::metadata::{Families, Metadata};
use crate::name::{Collision, METRIC_NAME_LABEL};
use crate::sample::{Origin, Point, Sample};
use crate::wire;

/// The labels of a replica in an HA pair.
const REPLICA_LABELS: [&str; 2] = ["__replica__", "cluster"];

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
