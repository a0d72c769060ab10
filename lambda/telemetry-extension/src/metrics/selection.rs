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
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: expected {expected}, got {got:?}")]
pub struct UnknownName {
    variable: &'static str,
    expected: &'static str,
    /// The name, truncated.
    got: String,
}

impl Selection {
    /// Selects the metrics in the list `TELEMETRY_METRICS`, and the histograms with buckets in `TELEMETRY_HISTOGRAMS`, which
    /// may be `none`. The other histograms keep sum and count.
    pub fn of(metrics: Option<&str>, histograms: Option<&str>) -> Result<Self, UnknownName> {
        let unknown = |variable, expected| {
            move |name: &str| UnknownName { variable, expected, got: truncate(name, SHOWN_CHARS).to_owned() }
        };
        let no_metric = unknown("TELEMETRY_METRICS", "names of metrics such as invocations_total");
        let expected = "names of histograms such as duration_seconds, or none";
        let no_histogram = unknown("TELEMETRY_HISTOGRAMS", expected);
        let metrics = metrics.map(|names| families(names, |_| true).map_err(no_metric)).transpose()?;
        let histograms = match histograms {
            Some("none") => Some(Vec::new()),
            names => names
                .map(|names| families(names, |family| family.kind == Kind::Histogram).map_err(no_histogram))
                .transpose()?,
        };
        Ok(Self { metrics, histograms })
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

/// The families in a comma-separated list, or the name that is not one.
fn families(names: &str, is_allowed: impl Fn(&Family) -> bool) -> Result<Vec<&'static Family>, &str> {
    let mut listed = names.split(',').map(str::trim).filter(|name| !name.is_empty()).peekable();
    listed.peek().ok_or(names)?;
    listed
        .map(|name| {
            let short = name.strip_prefix(PREFIX).unwrap_or(name);
            let mut allowed = FAMILIES.iter().copied().filter(|family| is_allowed(family));
            allowed.find(|family| family.name.strip_prefix(PREFIX) == Some(short)).ok_or(name)
        })
        .collect()
}

fn contains(chosen: Option<&[&'static Family]>, family: &Family) -> bool {
    chosen.is_none_or(|chosen| chosen.iter().any(|chosen| chosen.name == family.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn unknown_names_are_rejected() {
        fn got(metrics: Option<&str>, histograms: Option<&str>) -> String {
            Selection::of(metrics, histograms).unwrap_err().got
        }
        for name in ["invocations", "aws_lambda_", "none", "duration_seconds_bucket"] {
            assert_eq!(got(Some(&format!("invocations_total,{name}")), None), name);
        }
        assert_eq!(got(None, Some("invocations_total")), "invocations_total");
        for empty in [",", " , ,"] {
            assert_eq!([got(Some(empty), None), got(None, Some(empty))], [empty; 2]);
        }
        assert_eq!(got(Some(&"é".repeat(100)), None), "é".repeat(64));
    }

    #[test]
    fn a_summary_may_be_selected_by_name() {
        for (names, expected) in [("invocations_total", false), ("report_duration_seconds", true)] {
            assert_eq!(Selection::of(Some(names), None).unwrap().names_a_summary(), expected);
        }
    }
}
