//! Metadata of metric families. In 1.0 it travels in requests of its own, so that a receiver that rejects it still has the
//! samples, in 2.0 with every series.

use hashbrown::HashMap;
use prost::Message;

use crate::encode::{EncodedRequest, Version, compress};

/// AMP quotas, "Metadata length": of name, type, unit and help together, in bytes.
const MAX_BYTES: usize = 1_024;

/// The longest name of a type, `gaugehistogram`.
const MAX_TYPE_BYTES: usize = 14;

/// The type, help and unit of a metric family: the message `MetricMetadata` of `proto/types.proto`.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Metadata {
    /// The type of its metrics.
    #[prost(enumeration = "MetricType", tag = "1")]
    pub metric_type: i32,
    /// The name of the family, such as `http_request_duration_seconds`.
    #[prost(string, tag = "2")]
    pub family: String,
    /// The description of the metrics.
    #[prost(string, tag = "4")]
    pub help: String,
    /// The unit, such as `seconds`; empty if there is none.
    #[prost(string, tag = "5")]
    pub unit: String,
}

/// The types of `OpenMetrics` (<https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md>).
#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub enum MetricType {
    /// Not known.
    Unknown = 0,
    /// A value that only increases.
    Counter = 1,
    /// A value that may go up and down.
    Gauge = 2,
    /// Observations in buckets.
    Histogram = 3,
    /// Current values in buckets.
    GaugeHistogram = 4,
    /// Observations as quantiles.
    Summary = 5,
    /// Labels without a value.
    Info = 6,
    /// Related booleans.
    StateSet = 7,
}

/// `message WriteRequest { repeated MetricMetadata metadata = 3; }`
#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "3")]
    metadata: Vec<Metadata>,
}

impl Metadata {
    /// Encodes a request of metadata alone, in 1.0.
    pub fn encode(metadata: Vec<Self>) -> EncodedRequest {
        compress(&WriteRequest { metadata }.encode_to_vec(), Version::V1, 0, 0)
    }

    /// The metadata with its help cut to the limit; `None` if its name and unit alone are too long.
    fn within_the_limit(mut self) -> Option<Self> {
        let left = MAX_BYTES.checked_sub(MAX_TYPE_BYTES + self.family.len() + self.unit.len())?;
        self.help.truncate(self.help.floor_char_boundary(left));
        Some(self)
    }

    /// Whether the metrics of the family have names that end with this after their last underscore.
    fn has_suffix(&self, suffix: &str) -> bool {
        let suffixes: &[&str] = match self.metric_type() {
            MetricType::Counter => &["total", "created"],
            MetricType::Histogram => &["bucket", "sum", "count", "created"],
            MetricType::GaugeHistogram => &["bucket", "sum", "count", "gsum", "gcount"],
            MetricType::Summary => &["sum", "count", "created"],
            MetricType::Info => &["info"],
            MetricType::Unknown | MetricType::Gauge | MetricType::StateSet => &[],
        };
        suffixes.contains(&suffix)
    }
}

/// Metadata by metric family, within AMP's limit.
#[derive(Debug, Default)]
pub(crate) struct Families(HashMap<String, Metadata>);

impl Families {
    pub(crate) fn add(&mut self, metadata: Metadata) {
        if let Some(metadata) = metadata.within_the_limit() {
            self.0.insert(metadata.family.clone(), metadata);
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Metadata> {
        self.0.values()
    }

    /// The metadata of the family of a metric.
    pub(crate) fn of(&self, metric: &[u8]) -> Option<&Metadata> {
        if self.0.is_empty() {
            return None;
        }
        let metric = str::from_utf8(metric).ok()?;
        if let Some(own) = self.0.get(metric) {
            return Some(own);
        }
        let (family, suffix) = metric.rsplit_once('_')?;
        // `NAME_ESCAPING=values` doubles the underscore before the suffix.
        let escaped = || family.strip_prefix("U__").and(family.strip_suffix('_'));
        let known = self.0.get(family).or_else(|| self.0.get(escaped()?))?;
        known.has_suffix(suffix).then_some(known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(metric_type: MetricType, family: &str, help: &str) -> Metadata {
        let (family, help) = (family.to_owned(), help.to_owned());
        Metadata { metric_type: metric_type.into(), family, help, unit: String::new() }
    }

    #[test]
    fn metadata_is_within_the_limit_of_the_receiver() {
        let within = |family: &str, help: &str| {
            let metadata = metadata(MetricType::Gauge, family, help).within_the_limit()?;
            Some(metadata.help.len())
        };
        assert_eq!(
            within("a", &"é".repeat(2_000)),
            Some(1_008),
            "name, type and help are at most 1,024 bytes"
        );
        assert_eq!(within(&"a".repeat(1_011), ""), None);
    }

    #[test]
    fn a_metric_is_of_the_family_with_its_name_or_suffix() {
        let mut families = Families::default();
        for (metric_type, family) in [
            (MetricType::Histogram, "latency_seconds"),
            (MetricType::Counter, "jobs"),
            (MetricType::Gauge, "temperature"),
            (MetricType::Summary, "U__a_2e_b"),
            (MetricType::Gauge, "latency_seconds_sum"),
        ] {
            families.add(metadata(metric_type, family, "x"));
        }
        for (metric, family) in [
            ("temperature", Some("temperature")),
            ("temperature_count", None),
            ("latency_seconds", Some("latency_seconds")),
            ("latency_seconds_bucket", Some("latency_seconds")),
            ("latency_seconds_sum", Some("latency_seconds_sum")),
            ("latency_seconds_total", None),
            ("jobs_total", Some("jobs")),
            ("jobs_bucket", None),
            ("U__a_2e_b__count", Some("U__a_2e_b")),
            ("other", None),
        ] {
            let found = families.of(metric.as_bytes()).map(|metadata| metadata.family.as_str());
            assert_eq!(found, family, "{metric}");
        }
    }
}
