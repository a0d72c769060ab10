//! Metadata: Prometheus's answer about metric families → type, help and unit of a series' name (AMP,
//! `GetMetricMetadata`).

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::api::Api;
use crate::error::Error;

/// What scrapers add to the name of a family for some of its series, and the types of families they do it for.
/// <https://prometheus.io/docs/specs/om/open_metrics_spec/#suffixes>
const SUFFIXES: [(&str, &[&str]); 4] = [
    ("_bucket", &["histogram"]),
    ("_count", &["histogram", "summary"]),
    ("_sum", &["histogram", "summary"]),
    ("_total", &["counter"]),
];

/// What is known of a metric family.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Metadata {
    /// `counter`, `gauge`, `histogram`, `summary`, …
    pub r#type: String,
    /// What it measures.
    pub help: String,
    /// In which unit; mostly empty.
    pub unit: String,
}

/// What is known of all families.
#[derive(Debug, Deserialize)]
pub struct Families {
    data: HashMap<String, Vec<Metadata>>,
}

impl Families {
    /// Asks for all of them: AMP keeps at most 20,000.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn read(api: &Api) -> Result<Self, Error> {
        api.get("/api/v1/metadata", &[]).await?.json()
    }

    /// What is known of the series with this name: their family has the same, or the name without a suffix.
    pub fn of(&self, name: &str) -> Option<&Metadata> {
        let of_family = |name: &str| self.data.get(name).and_then(|targets| targets.first());
        of_family(name).or_else(|| {
            SUFFIXES.iter().find_map(|(suffix, types)| {
                let metadata = of_family(name.strip_suffix(suffix)?)?;
                types.contains(&metadata.r#type.as_str()).then_some(metadata)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `OpenMetrics` 1.0, "Suffixes".
    #[test]
    fn series_of_a_family_have_its_metadata() {
        let families: Families = serde_json::from_str(
            r#"{"status":"success","data":{
                "latency":[{"type":"histogram","help":"h","unit":"seconds"}],
                "requests":[{"type":"counter","help":"c","unit":""},{"type":"gauge","help":"other","unit":""}],
                "depth":[{"type":"gauge","help":"g","unit":""}],
                "odd_total":[{"type":"gauge","help":"o","unit":""}],
                "empty":[]}}"#,
        )
        .unwrap();
        let help = |name| families.of(name).map(|metadata| metadata.help.as_str());
        for name in ["latency", "latency_bucket", "latency_count", "latency_sum"] {
            assert_eq!(help(name), Some("h"), "{name}");
        }
        assert_eq!(help("requests_total"), Some("c"));
        assert_eq!(help("odd_total"), Some("o"));
        for name in ["depth_total", "depth_bucket", "requests_bucket", "unknown", "_total", "empty"] {
            assert_eq!(help(name), None, "{name}");
        }
    }
}
