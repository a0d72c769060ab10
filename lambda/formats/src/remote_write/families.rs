//! Metadata, by metric family. Version 1.0 has it by family, version 2.0 with each series.

use hashbrown::HashMap;
use remote_write::{Metadata, MetricName, MetricType, NameEscaping};

use crate::limits::TooMany;
use crate::wire::{Field, Fields, InvalidWire};

use super::InvalidRequest;
use super::symbols::Symbols;

/// The metric families with metadata.
#[derive(Debug, Default)]
pub(super) struct Families<'a>(HashMap<&'a str, Family<'a>>);

/// The metadata of a family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Family<'a> {
    metric_type: MetricType,
    help: &'a str,
    unit: &'a str,
}

impl<'a> Families<'a> {
    /// Reads `MetricMetadata { MetricType type = 1; string metric_family_name = 2; string help = 4; string unit = 5; }`. A
    /// text that is not UTF-8 is missing.
    pub(super) fn add_message(&mut self, message: &'a [u8]) -> Result<(), InvalidRequest> {
        let text =
            |field: Field<'a>| Ok::<_, InvalidWire>(str::from_utf8(field.bytes()?).unwrap_or_default());
        let (mut name, mut family) = ("", Family::default());
        let mut fields = Fields::of(message);
        while let Some((tag, field)) = fields.next()? {
            match tag {
                1 => family.metric_type = metric_type(field.unsigned()?),
                2 => name = text(field)?,
                4 => family.help = text(field)?,
                5 => family.unit = text(field)?,
                _ => {}
            }
        }
        self.add(name, family)
    }

    /// Adds the metadata of the series `name`, which is that of its family with a suffix if it is a part of a histogram or
    /// summary.
    pub(super) fn add_of_series(&mut self, name: &'a str, family: Family<'a>) -> Result<(), InvalidRequest> {
        if family == Family::default() {
            return Ok(());
        }
        let suffixes: &[&str] = match family.metric_type {
            MetricType::Histogram | MetricType::GaugeHistogram => &["_bucket", "_count", "_sum"],
            MetricType::Summary => &["_count", "_sum"],
            _ => &[],
        };
        let base = suffixes.iter().find_map(|suffix| name.strip_suffix(suffix));
        self.add(base.unwrap_or(name), family)
    }

    fn add(&mut self, name: &'a str, family: Family<'a>) -> Result<(), InvalidRequest> {
        self.0.insert(name, family);
        Ok(TooMany::check(self.0.len(), 0)?)
    }

    /// The metadata of all families whose names are valid.
    pub(super) fn metadata(self, escaping: NameEscaping) -> Vec<Metadata> {
        let metadata = |(name, family): (&str, Family<'_>)| {
            Some(Metadata {
                metric_type: family.metric_type.into(),
                family: MetricName::new(name, escaping).ok()?.as_str().to_owned(),
                help: family.help.to_owned(),
                unit: family.unit.to_owned(),
            })
        };
        self.0.into_iter().filter_map(metadata).collect()
    }
}

impl<'a> Family<'a> {
    /// Reads `Metadata { MetricType type = 1; uint32 help_ref = 3; uint32 unit_ref = 4; }`. A text that is not in the
    /// table is missing.
    pub(super) fn of_series(message: &[u8], symbols: &Symbols<'a>) -> Result<Self, InvalidRequest> {
        let mut family = Self::default();
        let mut fields = Fields::of(message);
        while let Some((tag, field)) = fields.next()? {
            match tag {
                1 => family.metric_type = metric_type(field.unsigned()?),
                3 => family.help = symbols.get(field.unsigned()?).unwrap_or_default(),
                4 => family.unit = symbols.get(field.unsigned()?).unwrap_or_default(),
                _ => {}
            }
        }
        Ok(family)
    }
}

/// The type with this number, which is the same in both versions.
fn metric_type(number: u64) -> MetricType {
    i32::try_from(number).ok().and_then(|number| MetricType::try_from(number).ok()).unwrap_or_default()
}
