//! Stored series: label sets with their samples.

use std::collections::BTreeMap;

use prometheus_proto::TimeSeries;

/// Label names and values, `__name__` among them.
pub type LabelSet = BTreeMap<String, String>;

/// Timestamps and values of one series.
pub type StoredSamples = BTreeMap<i64, f64>;

/// All accepted samples by series.
pub type StoredSeries = BTreeMap<LabelSet, StoredSamples>;

/// The labels of a decoded series.
pub(super) fn label_set(series: &TimeSeries) -> LabelSet {
    series.labels.iter().map(|label| (label.name.clone(), label.value.clone())).collect()
}
