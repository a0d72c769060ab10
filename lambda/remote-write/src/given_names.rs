//! Finds series that escaping would make of different names, so that none overwrites the other.
//!
//! Only series with an escaped name are noted. Without any, a check is two comparisons.

use crate::labels::Labels;
use crate::name::{Collision, MetricName};
use crate::series::SeriesId;

/// The end of a label name in a list. UTF-8 has no such byte.
const END: u8 = 0xff;

/// The names before escaping of the series with an escaped name.
#[derive(Debug, Default)]
pub(crate) struct GivenNames {
    texts: Vec<u8>,
    /// Ascending, like the ids of new series.
    series: Vec<Names>,
}

#[derive(Clone, Copy, Debug)]
struct Names {
    series: SeriesId,
    metric: Text,
    /// The list of the label names in the order of their labels; empty if none is escaped.
    labels: Text,
}

/// A part of `GivenNames::texts`: half the size of a range, and there may be hundreds of thousands.
#[derive(Clone, Copy, Debug)]
struct Text {
    at: u32,
    len: u32,
}

/// The labels of a point, with their names before escaping.
pub(crate) struct GivenLabels<'p> {
    labels: &'p Labels<'p>,
    /// As in [`Names`].
    list: Vec<u8>,
}

impl<'p> GivenLabels<'p> {
    pub(crate) fn of(labels: &'p Labels<'p>) -> Self {
        let mut list = Vec::new();
        if labels.names().any(|name| name.is_escaped()) {
            for name in labels.names() {
                list.extend_from_slice(name.given().as_bytes());
                list.push(END);
            }
        }
        Self { labels, list }
    }
}

impl GivenNames {
    /// Notes the names of a new series.
    pub(crate) fn note(&mut self, series: SeriesId, metric: &MetricName<'_>, labels: &GivenLabels<'_>) {
        if !metric.is_escaped() && labels.list.is_empty() {
            return;
        }
        // The metrics of a point share its labels.
        let last = self.series.last().map(|names| names.labels);
        let labels = match last.filter(|last| self.text(*last) == labels.list) {
            Some(same) => same,
            None => self.append(&labels.list),
        };
        let metric = self.append(metric.given().as_bytes());
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
        labels: &GivenLabels<'_>,
    ) -> Result<(), Collision> {
        if self.series.is_empty() && !metric.is_escaped() && labels.list.is_empty() {
            return Ok(());
        }
        let known = self.series.binary_search_by_key(&series, |names| names.series);
        let (known_metric, known_labels) = match known {
            Ok(at) => (self.text(self.series[at].metric), self.text(self.series[at].labels)),
            Err(_) => (metric.as_str().as_bytes(), &[][..]),
        };
        if known_metric != metric.given().as_bytes() {
            let known = String::from_utf8_lossy(known_metric);
            return Err(Collision::new(&known, metric.given(), metric.as_str()));
        }
        if known_labels == labels.list {
            return Ok(());
        }
        let mut known = known_labels.split(|byte| *byte == END);
        for name in labels.labels.names() {
            let known = known.next().filter(|known| !known.is_empty()).unwrap_or(name.as_str().as_bytes());
            if known != name.given().as_bytes() {
                let known = String::from_utf8_lossy(known);
                return Err(Collision::new(&known, name.given(), name.as_str()));
            }
        }
        Ok(())
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

    fn text(&self, text: Text) -> &[u8] {
        &self.texts[text.at as usize..][..text.len as usize]
    }

    fn append(&mut self, text: &[u8]) -> Text {
        let len = |len| u32::try_from(len).expect("a payload of 6 MB has fewer than 2^32 bytes of names");
        let at = len(self.texts.len());
        self.texts.extend_from_slice(text);
        Text { at, len: len(text.len()) }
    }
}
