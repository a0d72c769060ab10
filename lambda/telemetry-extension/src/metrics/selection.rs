//! Selects the metrics to send, and the histograms to send with buckets.

use aws::text::truncate;

use super::family::{FAMILIES, Family, Kind};
use super::snapshot::Snapshot;

/// The prefix of all metric names, which a list may omit.
const PREFIX: &str = "aws_lambda_";

/// The length to which an unknown name is truncated, in characters.
const SHOWN_CHARS: usize = 64;

/// A selection of metrics. The default is all of them, with all buckets.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    metrics: Option<Vec<&'static Family>>,
    histograms: Option<Vec<&'static Family>>,
}

/// A name that cannot be selected, or a list without a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownName(pub String);

impl Selection {
    /// Selects the metrics of a comma-separated list.
    ///
    /// # Errors
    /// [`UnknownName`]
    pub fn metrics(&mut self, names: &str) -> Result<(), UnknownName> {
        self.metrics = Some(families(names, |_| true)?);
        Ok(())
    }

    /// Selects the histograms with buckets: a comma-separated list, or `none`. The others keep sum and count.
    ///
    /// # Errors
    /// [`UnknownName`]
    pub fn histograms(&mut self, names: &str) -> Result<(), UnknownName> {
        self.histograms = Some(match names {
            "none" => Vec::new(),
            names => families(names, |family| family.kind == Kind::Histogram)?,
        });
        Ok(())
    }

    /// Whether a summary was selected by name.
    pub fn names_a_summary(&self) -> bool {
        self.metrics.iter().flatten().any(|family| family.kind == Kind::Summary)
    }

    /// Removes everything from `snapshot` that was not selected.
    pub fn apply(&self, snapshot: &mut Snapshot) {
        snapshot.families.retain(|(family, _)| contains(self.metrics.as_deref(), family));
        for (family, points) in &mut snapshot.families {
            if family.kind == Kind::Histogram && !contains(self.histograms.as_deref(), family) {
                let [bucket, ..] = family.parts;
                points.retain(|point| point.name != bucket);
            }
        }
    }
}

fn families(names: &str, is_allowed: impl Fn(&Family) -> bool) -> Result<Vec<&'static Family>, UnknownName> {
    let unknown = |name: &str| UnknownName(truncate(name, SHOWN_CHARS).to_owned());
    let mut listed = names.split(',').map(str::trim).filter(|name| !name.is_empty()).peekable();
    if listed.peek().is_none() {
        return Err(unknown(names));
    }
    listed
        .map(|name| {
            let short = name.strip_prefix(PREFIX).unwrap_or(name);
            let found =
                FAMILIES.iter().copied().find(|family| family.name.strip_prefix(PREFIX) == Some(short));
            found.filter(|family| is_allowed(family)).ok_or_else(|| unknown(name))
        })
        .collect()
}

fn contains(chosen: Option<&[&'static Family]>, family: &Family) -> bool {
    chosen.is_none_or(|chosen| chosen.iter().any(|chosen| chosen.name == family.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;

    /// The names of the remaining series, in order and without repetitions.
    fn left(metrics: Option<&str>, histograms: Option<&str>) -> Vec<&'static str> {
        let mut selection = Selection::default();
        metrics.map(|names| selection.metrics(names)).transpose().expect("known names");
        histograms.map(|names| selection.histograms(names)).transpose().expect("known names");
        let mut snapshot = Metrics::new(None, true).snapshot();
        selection.apply(&mut snapshot);
        let mut names: Vec<_> = snapshot.points().map(|point| &point.name[PREFIX.len()..]).collect();
        names.dedup();
        names
    }

    #[test]
    fn only_listed_metrics_remain() {
        let all = ["duration_seconds_bucket", "duration_seconds_sum", "duration_seconds_count"];
        assert_eq!(left(Some("duration_seconds"), None), all);
        assert_eq!(
            left(Some(" aws_lambda_telemetry_invalid_events_total, invocations_total,"), None),
            ["invocations_total", "telemetry_invalid_events_total"]
        );
        assert!(left(None, None).len() > 20);
    }

    #[test]
    fn other_histograms_keep_sum_and_count() {
        let metrics = Some("duration_seconds,billed_duration_seconds");
        let without = [
            "duration_seconds_sum",
            "duration_seconds_count",
            "billed_duration_seconds_sum",
            "billed_duration_seconds_count",
        ];
        assert_eq!(left(metrics, Some("none")), without);
        let with = [&["duration_seconds_bucket"], &without[..]].concat();
        assert_eq!(left(metrics, Some("duration_seconds")), with);
    }

    #[test]
    fn unknown_names_are_rejected() {
        let mut selection = Selection::default();
        for name in ["invocations", "aws_lambda_", "none", "duration_seconds_bucket"] {
            let unknown = UnknownName(name.to_owned());
            assert_eq!(selection.metrics(&format!("invocations_total,{name}")), Err(unknown));
        }
        assert_eq!(
            selection.histograms("invocations_total"),
            Err(UnknownName("invocations_total".to_owned()))
        );
        for empty in [",", " , ,"] {
            assert_eq!(selection.metrics(empty), Err(UnknownName(empty.to_owned())));
            assert_eq!(selection.histograms(empty), Err(UnknownName(empty.to_owned())));
        }
        assert_eq!(selection.metrics(&"é".repeat(100)), Err(UnknownName("é".repeat(64))));
        assert!(!selection.names_a_summary());
        selection.metrics("report_duration_seconds").unwrap();
        assert!(selection.names_a_summary());
    }
}
