//! Series: samples with their origins → [`Series`], one per label set, samples ascending in time.
//!
//! Label sets are interned in the form in which they travel: the bytes of a label set's protobuf fields are written
//! once, however many samples and metrics share it, and are its key as well. They are canonical (sorted names,
//! every text behind its length), so equal bytes mean equal label sets.

use std::hash::BuildHasher;
use std::ops::Range;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::labels::Labels;
use crate::name::{METRIC_NAME_LABEL, MetricName};
use crate::sample::{Origin, Sample};
use crate::wire::{self, LabelFields};

/// A set of labels that a [`SeriesBuilder`] has interned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LabelsId(u32);

/// A series that a [`SeriesBuilder`] has interned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesId(u32);

/// A sample, the series that it belongs to, and where it came from.
#[derive(Clone, Copy, Debug)]
pub struct SeriesSample {
    /// The series of the sample.
    pub series: SeriesId,
    /// The input that brought the sample.
    pub origin: Origin,
    /// The sample itself.
    pub sample: Sample,
}

/// Collects samples in the order of their arrival.
#[derive(Debug, Default)]
pub struct SeriesBuilder {
    table: Table,
    labels_by_fields: HashTable<LabelsId>,
    series_by_key: HashTable<SeriesId>,
    hasher: DefaultHashBuilder,
    /// The fields of the label set that is looked up; kept for its memory.
    scratch: Vec<u8>,
    samples: Vec<SeriesSample>,
}

/// Samples grouped by series, each series ascending in time.
///
/// Samples of one series with the same timestamp are all here, in the order of their arrival: the last one is
/// written, the others are superseded by it. They are kept because whether the last one may be written depends on
/// its origin, and their own origins have to learn what became of them.
#[derive(Debug)]
pub struct Series {
    table: Table,
    samples: Vec<SeriesSample>,
}

/// What is known of label sets and series, by id.
#[derive(Debug, Default)]
struct Table {
    bytes: Vec<u8>,
    label_sets: Vec<LabelSetEntry>,
    series: Vec<SeriesEntry>,
}

#[derive(Debug)]
struct LabelSetEntry {
    /// The protobuf fields of all labels, in `Table::bytes`.
    fields: Range<usize>,
    /// How many of these bytes come before the place of `__name__`.
    name_at: usize,
}

#[derive(Debug)]
struct SeriesEntry {
    labels: LabelsId,
    /// Where the metric name starts in `Table::bytes`, and its length: half the size of a range, and there may be
    /// hundreds of thousands of series.
    name_at: u32,
    name_len: u32,
}

impl SeriesBuilder {
    /// Interns a label set; equal label sets get equal ids.
    pub fn labels(&mut self, labels: &Labels<'_>) -> LabelsId {
        let Self { table, labels_by_fields, hasher, scratch, .. } = self;
        scratch.clear();
        let mut name_at = 0;
        for (name, value) in labels.iter() {
            wire::put_label(scratch, name, value);
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
        table.label_sets.push(LabelSetEntry { fields, name_at });
        labels_by_fields.insert_unique(hash, id, |id| hasher.hash_one(table.label_fields(*id)));
        id
    }

    /// Interns the series of a metric under an interned label set.
    pub fn series(&mut self, labels: LabelsId, name: &MetricName<'_>) -> SeriesId {
        let Self { table, series_by_key, hasher, .. } = self;
        let key = (labels.0, name.as_str().as_bytes());
        let hash = hasher.hash_one(key);
        if let Some(known) = series_by_key.find(hash, |id| table.series_key(*id) == key) {
            return *known;
        }
        let id = SeriesId(id_from(table.series.len()));
        let name = append(&mut table.bytes, name.as_str().as_bytes());
        let (name_at, name_len) = (id_from(name.start), id_from(name.len()));
        table.series.push(SeriesEntry { labels, name_at, name_len });
        series_by_key.insert_unique(hash, id, |id| hasher.hash_one(table.series_key(*id)));
        id
    }

    /// The decoded size in bytes that a write request of a single sample of this series may have.
    pub fn smallest_request(&self, labels: LabelsId, name: &MetricName<'_>) -> usize {
        let fields = LabelFields {
            before_name: self.table.label_fields(labels),
            name: name.as_str().as_bytes(),
            after_name: &[],
        };
        wire::series_len(fields, wire::MAX_SAMPLE_LEN)
    }

    /// Makes room for `samples` more, each of a new series: growing step by step would hold each list twice.
    pub fn reserve(&mut self, samples: usize) {
        self.samples.reserve(samples);
        self.table.series.reserve(samples);
    }

    /// Adds a sample. Samples of one series at the same timestamp are kept in the order in which they are added.
    pub fn push(&mut self, series: SeriesId, sample: Sample, origin: Origin) {
        self.samples.push(SeriesSample { series, origin, sample });
    }

    /// Groups what was added.
    pub fn group(self) -> Series {
        let Self { table, samples: arrived, .. } = self;
        let mut samples = by_series(&arrived, table.series.len());
        drop(arrived);
        for run in samples.chunk_by_mut(|a, b| a.series == b.series) {
            // Stable, so that equal timestamps stay in the order of arrival.
            run.sort_by_key(|s| s.sample.timestamp_ms());
        }
        Series { table, samples }
    }
}

impl Series {
    /// All samples: by series, then by timestamp, then by arrival.
    pub fn samples(&self) -> &[SeriesSample] {
        &self.samples
    }

    /// How many series have samples.
    pub fn count(&self) -> usize {
        self.samples.chunk_by(|a, b| a.series == b.series).count()
    }

    /// The label fields of a series, ready to be written.
    pub(crate) fn label_fields(&self, series: SeriesId) -> LabelFields<'_> {
        self.table.label_fields_of(series)
    }
}

/// Whether `later` takes the place of `earlier`, which is the sample just before it in the order of [`Series`].
pub(crate) fn supersedes(later: &SeriesSample, earlier: &SeriesSample) -> bool {
    later.series == earlier.series && later.sample.timestamp_ms() == earlier.sample.timestamp_ms()
}

impl Table {
    fn label_fields(&self, labels: LabelsId) -> &[u8] {
        &self.bytes[self.label_sets[labels.0 as usize].fields.clone()]
    }

    fn series_key(&self, series: SeriesId) -> (u32, &[u8]) {
        let entry = &self.series[series.0 as usize];
        (entry.labels.0, self.name(entry))
    }

    fn label_fields_of(&self, series: SeriesId) -> LabelFields<'_> {
        let entry = &self.series[series.0 as usize];
        let fields = self.label_fields(entry.labels);
        let (before, after) = fields.split_at(self.label_sets[entry.labels.0 as usize].name_at);
        LabelFields { before_name: before, name: self.name(entry), after_name: after }
    }

    fn name(&self, entry: &SeriesEntry) -> &[u8] {
        &self.bytes[entry.name_at as usize..][..entry.name_len as usize]
    }
}

/// Orders samples by series and leaves those of one series in the order of arrival: a counting sort, because ids are
/// dense.
fn by_series(samples: &[SeriesSample], series: usize) -> Vec<SeriesSample> {
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
    order.into_iter().map(|at| samples[at as usize]).collect()
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
    use std::borrow::Cow;

    use super::*;
    use crate::{LabelName, NameEscaping};

    fn labels<'a>(pairs: &[(&'a str, &'a str)]) -> Labels<'a> {
        let name = |name| LabelName::new(name, NameEscaping::Reject).expect("a name the test chose");
        Labels::new(pairs.iter().map(|&(n, v)| (name(n), Cow::Borrowed(v))).collect()).expect("unique")
    }

    fn name(name: &str) -> MetricName<'_> {
        MetricName::new(name, NameEscaping::Reject).expect("a name the test chose")
    }

    #[test]
    fn the_order_in_which_labels_were_given_makes_no_difference() {
        let mut builder = SeriesBuilder::default();
        let ab = builder.labels(&labels(&[("a", "1"), ("b", "2")]));
        let ba = builder.labels(&labels(&[("b", "2"), ("a", "1")]));
        assert_eq!(ab, ba);
        assert_eq!(builder.series(ab, &name("up")), builder.series(ba, &name("up")));
    }

    #[test]
    fn label_sets_that_read_alike_when_joined_stay_apart() {
        let mut builder = SeriesBuilder::default();
        let sets = [
            labels(&[]),
            labels(&[("a", "1b2")]),
            labels(&[("a", "1"), ("b", "2")]),
            labels(&[("a1", "b2")]),
            labels(&[("a", "1"), ("b2", "x")]),
        ];
        let ids: Vec<_> = sets.iter().map(|set| builder.labels(set).0).collect();
        assert_eq!(ids, [0, 1, 2, 3, 4]);
        let up = builder.series(LabelsId(0), &name("up"));
        assert_ne!(up, builder.series(LabelsId(1), &name("up")));
        assert_ne!(up, builder.series(LabelsId(0), &name("down")));
    }

    #[test]
    fn samples_ascend_and_equal_timestamps_stay_in_the_order_of_arrival() {
        let mut builder = SeriesBuilder::default();
        let labels = builder.labels(&labels(&[]));
        let (up, down) = (builder.series(labels, &name("up")), builder.series(labels, &name("down")));
        for (origin, (series, timestamp)) in
            [(up, 3), (down, 2), (up, 1), (up, 3), (down, -1), (up, 2)].into_iter().enumerate()
        {
            builder.push(series, Sample::new(timestamp, 0.0), Origin(u32::try_from(origin).unwrap()));
        }
        let grouped = builder.group();
        assert_eq!(grouped.count(), 2);
        let seen: Vec<_> =
            grouped.samples().iter().map(|s| (s.series, s.sample.timestamp_ms(), s.origin.0)).collect();
        assert_eq!(seen, [(up, 1, 2), (up, 2, 5), (up, 3, 0), (up, 3, 3), (down, -1, 4), (down, 2, 1)]);
    }
}
