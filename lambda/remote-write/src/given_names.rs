//! Finds series that escaping would make of different names, so that none overwrites the other.
//!
//! Only series with an escaped name are noted. Without any, a check is two comparisons.

use crate::labels::Labels;
use crate::name::{Collision, LabelName, MetricName};
use crate::sample::{BOUNDS, Point};
use crate::series::SeriesId;

/// The end of a name in `GivenNames::texts`. UTF-8 has no such byte.
const END: u8 = 0xff;

/// The names before escaping of the series with an escaped name.
#[derive(Debug, Default)]
pub(crate) struct GivenNames {
    texts: Vec<u8>,
    /// Ascending, like the ids of new series.
    series: Vec<Names>,
}

/// The names of a series, as indices of `GivenNames::texts`: there may be hundreds of thousands.
#[derive(Clone, Copy, Debug)]
struct Names {
    series: SeriesId,
    metric: u32,
    /// The names of the labels in the order of the labels, and an empty one; only the empty one if none is escaped.
    labels: u32,
}

/// The labels of a point.
pub(crate) struct PointLabels<'p> {
    labels: &'p Labels<'p>,
    are_escaped: bool,
    /// Where their names are in `GivenNames::texts`: the metrics of a point share them.
    noted: Option<u32>,
}

impl GivenNames {
    /// Prepares for the series of `point`.
    pub(crate) fn labels<'p>(&mut self, point: &'p Point<'p>) -> PointLabels<'p> {
        let labels = &point.labels;
        let are_escaped = labels.names().any(LabelName::is_escaped);
        if are_escaped || point.metrics.iter().any(|(name, _)| name.is_escaped()) {
            // Growing step by step would hold the list twice.
            self.series.reserve(point.metrics.len());
        }
        PointLabels { labels, are_escaped, noted: None }
    }

    /// Notes the names of a new series.
    pub(crate) fn note(&mut self, series: SeriesId, metric: &MetricName<'_>, labels: &mut PointLabels<'_>) {
        if !metric.is_escaped() && !labels.are_escaped {
            return;
        }
        let metric = self.append([metric.given()]);
        let names = names(labels.labels).filter(|_| labels.are_escaped).map(LabelName::given);
        let labels = *labels.noted.get_or_insert_with(|| self.append(names.chain([""])));
        self.series.push(Names { series, metric, labels });
    }

    /// Checks that the names are those of the known `series` before escaping, too.
    ///
    /// # Errors
    /// [`Collision`]: the first pair of different names.
    pub(crate) fn check(
        &self,
        series: SeriesId,
        metric: &MetricName<'_>,
        labels: &PointLabels<'_>,
    ) -> Result<(), Collision> {
        if self.series.is_empty() && !metric.is_escaped() && !labels.are_escaped {
            return Ok(());
        }
        let known = self.series.binary_search_by_key(&series, |names| names.series).ok();
        let known = known.map(|at| self.series[at]);
        let mut metrics = known.into_iter().flat_map(|names| self.names_at(names.metric));
        same(metrics.next(), metric.given(), metric.as_str())?;
        let mut known = known.into_iter().flat_map(|names| self.names_at(names.labels));
        names(labels.labels).try_for_each(|name| same(known.next(), name.given(), name.as_str()))
    }

    /// The state to which [`Self::truncate`] returns.
    pub(crate) fn mark(&self) -> (usize, usize) {
        (self.texts.len(), self.series.len())
    }

    /// Removes what was noted since `mark`.
    pub(crate) fn truncate(&mut self, (texts, series): (usize, usize)) {
        self.texts.truncate(texts);
        self.series.truncate(series);
    }

    /// The names from `at` up to an empty one.
    fn names_at(&self, at: u32) -> impl Iterator<Item = &[u8]> {
        self.texts[at as usize..].split(|byte| *byte == END).take_while(|name| !name.is_empty())
    }

    fn append<'n>(&mut self, names: impl IntoIterator<Item = &'n str>) -> u32 {
        let at = self.texts.len();
        for name in names {
            self.texts.extend_from_slice(name.as_bytes());
            self.texts.push(END);
        }
        u32::try_from(at).expect("a payload of 6 MB has fewer than 2^32 bytes of names")
    }
}

/// The names of `labels`, but for those of bounds, which a series may have in either way and which have one spelling.
fn names<'l>(labels: &'l Labels<'l>) -> impl Iterator<Item = &'l LabelName<'l>> {
    labels.names().filter(|name| !BOUNDS.contains(&name.as_str()))
}

/// Compares the given name of a series with that of a point. A series without one was given the `escaped` name.
fn same(known: Option<&[u8]>, given: &str, escaped: &str) -> Result<(), Collision> {
    let known = known.unwrap_or(escaped.as_bytes());
    if known == given.as_bytes() {
        return Ok(());
    }
    Err(Collision::new(&String::from_utf8_lossy(known), given, escaped))
}
