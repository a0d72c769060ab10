//! Metric families: which one a sample is of, and their metadata.

use std::borrow::Cow;

use hashbrown::HashMap;
use remote_write::{Metadata, MetricName, MetricType, NameEscaping};

use super::Dialect;
use super::go::quoted;

/// The families of a body, in the order in which they are first named.
#[derive(Debug, Default)]
pub(super) struct Families<'a> {
    families: Vec<Family<'a>>,
    by_name: HashMap<Cow<'a, str>, usize>,
}

/// A metric family.
#[derive(Debug)]
pub(super) struct Family<'a> {
    pub(super) name: Cow<'a, str>,
    /// Not known before the first line about its type, or its first sample.
    pub(super) metric_type: Option<MetricType>,
    pub(super) help: Option<Cow<'a, str>>,
    pub(super) unit: Option<Cow<'a, str>>,
    pub(super) has_samples: bool,
}

/// What a sample of a histogram or summary is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// A bucket or a quantile, if it has that label.
    Value,
    /// The number of observations.
    Count,
    /// The sum of the observations, or when they began.
    Other,
}

/// The families that samples with a suffix are of, and what such a sample is.
const SUFFIXES: [(&str, &[MetricType], Part); 3] = [
    ("_count", &[MetricType::Summary, MetricType::Histogram, MetricType::GaugeHistogram], Part::Count),
    ("_sum", &[MetricType::Summary, MetricType::Histogram, MetricType::GaugeHistogram], Part::Other),
    ("_bucket", &[MetricType::Histogram, MetricType::GaugeHistogram], Part::Value),
];

/// More of them, which only `OpenMetrics` has.
const SUFFIXES_OF_OPEN_METRICS: [(&str, &[MetricType], Part); 5] = [
    ("_total", &[MetricType::Counter], Part::Other),
    ("_created", &[MetricType::Counter, MetricType::Summary, MetricType::Histogram], Part::Other),
    ("_info", &[MetricType::Info], Part::Other),
    ("_gcount", &[MetricType::GaugeHistogram], Part::Count),
    ("_gsum", &[MetricType::GaugeHistogram], Part::Other),
];

impl<'a> Families<'a> {
    /// The index of the family of the samples or the comment with this name, which is added if it is new.
    pub(super) fn find_or_add(&mut self, name: Cow<'a, str>, dialect: Dialect) -> (usize, Part) {
        if let Some(&known) = self.by_name.get(&*name) {
            return (known, Part::Value);
        }
        let more: &[_] = if dialect == Dialect::OpenMetrics { &SUFFIXES_OF_OPEN_METRICS } else { &[] };
        for &(suffix, types, part) in SUFFIXES.iter().chain(more) {
            let family = name.strip_suffix(suffix).and_then(|family| self.by_name.get(family));
            if let Some(&known) = family
                && self.families[known].metric_type.is_some_and(|known| types.contains(&known))
            {
                return (known, part);
            }
        }
        (self.add(name, None), Part::Value)
    }

    /// Adds a family, or returns the one that has its name.
    pub(super) fn add(&mut self, name: Cow<'a, str>, metric_type: Option<MetricType>) -> usize {
        let Self { families, by_name } = self;
        *by_name.entry(name.clone()).or_insert_with(|| {
            families.push(Family { name, metric_type, help: None, unit: None, has_samples: false });
            families.len() - 1
        })
    }

    pub(super) fn get(&self, index: usize) -> Option<&Family<'a>> {
        self.families.get(index)
    }

    pub(super) fn family(&mut self, index: usize) -> &mut Family<'a> {
        &mut self.families[index]
    }

    /// A family whose samples have the names of another one's: the Pushgateway rejects both.
    pub(super) fn collision(&self) -> Option<String> {
        let written = |name: &str| self.by_name.get(name).filter(|&&at| self.families[at].has_samples);
        for (at, family) in self.families.iter().enumerate().filter(|(_, family)| family.has_samples) {
            let (kind, suffixes): (_, &[_]) = match family.metric_type {
                Some(MetricType::Histogram) => ("histogram", &["_count", "_sum", "_bucket"]),
                Some(MetricType::Summary) => ("summary", &["_count", "_sum"]),
                _ => continue,
            };
            for suffix in suffixes {
                let name = format!("{}{suffix}", family.name);
                let Some(&other) = written(&name) else { continue };
                let (name, family) = (quoted(name), quoted(&*family.name));
                return Some(if other > at {
                    format!(
                        "collected metric named {name} collides with previously collected {kind} named {family}"
                    )
                } else {
                    let kind = if *suffix == "_bucket" { "histogram" } else { "histogram or summary" };
                    format!(
                        "collected {kind} named {family} collides with previously collected metric named {name}"
                    )
                });
            }
        }
        None
    }

    /// The metadata of the families that have samples and a type, help or unit.
    pub(super) fn metadata(self, escaping: NameEscaping) -> Vec<Metadata> {
        let metadata = |family: Family<'a>| {
            let metric_type = family.metric_type.unwrap_or_default();
            let is_described =
                metric_type != MetricType::Unknown || family.help.is_some() || family.unit.is_some();
            if !family.has_samples || !is_described {
                return None;
            }
            Some(Metadata {
                metric_type: metric_type.into(),
                family: MetricName::new(family.name, escaping).ok()?.as_str().to_owned(),
                help: family.help.unwrap_or_default().into_owned(),
                unit: family.unit.unwrap_or_default().into_owned(),
            })
        };
        self.families.into_iter().filter_map(metadata).collect()
    }
}
