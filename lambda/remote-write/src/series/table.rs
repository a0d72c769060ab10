//! Label sets and series, by id.

use std::ops::Range;

use super::SeriesId;

/// A label set that a builder has interned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LabelsId(pub(super) u32);

/// A replica of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ReplicaId(pub(super) u32);

/// Label sets and series, by id.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) bytes: Vec<u8>,
    pub(super) label_sets: Vec<LabelSetEntry>,
    pub(super) series: Vec<SeriesEntry>,
}

#[derive(Debug)]
pub(super) struct LabelSetEntry {
    /// The replica that the series are of, if they are of an HA pair.
    pub(super) replica: Option<ReplicaId>,
    /// The protobuf fields of all labels, in `Table::bytes`.
    pub(super) fields: Range<usize>,
    /// The number of these bytes that come before `__name__`.
    pub(super) name_at: usize,
}

#[derive(Debug)]
pub(super) struct SeriesEntry {
    pub(super) labels: LabelsId,
    /// The start of the metric name in `Table::bytes`, and its length: half the size of a range, and there may be
    /// hundreds of thousands of series.
    pub(super) name_at: u32,
    pub(super) name_len: u32,
}

impl Table {
    pub(super) fn label_fields(&self, labels: LabelsId) -> &[u8] {
        &self.bytes[self.label_sets[labels.0 as usize].fields.clone()]
    }

    pub(super) fn series_key(&self, series: SeriesId) -> (u32, &[u8]) {
        let entry = &self.series[series.0 as usize];
        (entry.labels.0, self.name(entry))
    }

    pub(super) fn name(&self, entry: &SeriesEntry) -> &[u8] {
        &self.bytes[entry.name_at as usize..][..entry.name_len as usize]
    }
}
