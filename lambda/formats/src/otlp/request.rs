//! Reads a message `ExportMetricsServiceRequest`, down to its metrics.

use remote_write::{InvalidName, Metadata, MetricName, MetricType};

use super::InvalidOtlp;
use super::collected::Collected;
use super::labels::{self, Label, LabelNames};
use super::names::{self, Suffix};
use super::refusal::Refusal;
use super::target_info::{Targets, Times};
use super::value::{Attribute, attribute};
use crate::limits::{TooMany, count_of, labels_in};
use crate::wire::{Fields, messages};
use crate::{OtlpDelta, Rules};

/// The reason why a data point is not read.
#[derive(Debug)]
pub(super) enum Stop {
    /// It concerns all of the body.
    Body(InvalidOtlp),
    /// It concerns the data point.
    Point(Refusal),
}

impl<E: Into<InvalidOtlp>> From<E> for Stop {
    fn from(reason: E) -> Self {
        Self::Body(reason.into())
    }
}

impl From<Refusal> for Stop {
    fn from(reason: Refusal) -> Self {
        Self::Point(reason)
    }
}

/// The data of a metric: the numbers of its fields in a message `Metric`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Gauge,
    Sum,
    Histogram,
    Exponential,
    Summary,
}

/// A metric, without its data points.
#[derive(Debug)]
pub(super) struct Metric<'a> {
    pub(super) name: MetricName<'a>,
    pub(super) kind: Kind,
    pub(super) is_delta: bool,
}

/// Reads a body.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    rules: Rules<'a>,
    pub(super) collected: Collected<'a>,
    pub(super) names: LabelNames<'a>,
    /// The labels of the resource and the scope.
    pub(super) fixed: Vec<Label<'a>>,
    /// The attributes of a data point; kept for its memory.
    pub(super) attributes: Vec<Attribute<'a>>,
    /// When the accepted data points of the resource were taken.
    pub(super) times: Times,
    targets: Targets<'a>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(rules: Rules<'a>) -> Self {
        Self {
            rules,
            collected: Collected::new(rules),
            names: LabelNames::default(),
            fixed: Vec::new(),
            attributes: Vec::new(),
            times: Times::default(),
            targets: Targets::default(),
        }
    }

    /// Reads a request.
    pub(super) fn request(&mut self, message: &'a [u8]) -> Result<(), InvalidOtlp> {
        messages(message, 1, |resource| self.resource_metrics(resource))
    }

    fn resource_metrics(&mut self, message: &'a [u8]) -> Result<(), InvalidOtlp> {
        let mut attributes = Vec::new();
        messages(message, 1, |resource| {
            messages(resource, 1, |attribute| push_attribute(attribute, &mut attributes))
        })?;
        let identity = labels::of_identity(&attributes);
        self.times = Times::default();
        messages(message, 2, |scope| self.scope_metrics(scope, &identity))?;
        self.target_info(attributes, &identity)
    }

    /// Writes `target_info` for a resource with accepted data points.
    fn target_info(
        &mut self,
        attributes: Vec<Attribute<'a>>,
        identity: &[Label<'a>],
    ) -> Result<(), InvalidOtlp> {
        let Self { targets, names, collected, times, .. } = self;
        match targets.add(attributes, identity, *times, names, collected) {
            Err(Stop::Body(reason)) => Err(reason),
            Err(Stop::Point(reason)) => {
                collected.refuse("target_info", 0, &reason);
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    fn scope_metrics(&mut self, message: &'a [u8], identity: &[Label<'a>]) -> Result<(), InvalidOtlp> {
        let (mut name, mut version, mut schema_url, mut attributes) = ("", "", "", Vec::new());
        let mut fields = Fields::of(message);
        while let Some((tag, field)) = fields.next()? {
            match tag {
                1 => {
                    let mut fields = Fields::of(field.bytes()?);
                    while let Some((tag, field)) = fields.next()? {
                        match tag {
                            1 => name = field.text()?,
                            2 => version = field.text()?,
                            3 => push_attribute(field.bytes()?, &mut attributes)?,
                            _ => {}
                        }
                    }
                }
                3 => schema_url = field.text()?,
                _ => {}
            }
        }
        let scope = labels::of_scope([name, version, schema_url], attributes);
        // Two bytes are a scope, and each has the texts of the resource.
        let labels = identity.iter().chain(&scope).map(|(name, value)| (name.as_str(), &**value));
        self.collected.count_labels(1 + count_of(labels))?;
        self.fixed = [identity, &scope].concat();
        messages(message, 2, |metric| self.metric(metric))
    }

    fn metric(&mut self, message: &'a [u8]) -> Result<(), InvalidOtlp> {
        self.collected.count_metric()?;
        let (mut given, mut description, mut unit, mut data) = ("", "", "", None);
        let mut fields = Fields::of(message);
        while let Some((tag, field)) = fields.next()? {
            let kind = match tag {
                5 => Kind::Gauge,
                7 => Kind::Sum,
                9 => Kind::Histogram,
                10 => Kind::Exponential,
                11 => Kind::Summary,
                _ => {
                    match tag {
                        1 => given = field.text()?,
                        2 => description = field.text()?,
                        3 => unit = field.text()?,
                        _ => {}
                    }
                    continue;
                }
            };
            data = Some((kind, field.bytes()?));
        }
        // Data of another kind has no translation, and its points cannot be counted.
        let Some((kind, data)) = data else { return Ok(()) };
        let (mut temporality, mut is_monotonic) = (0, false);
        let mut fields = Fields::of(data);
        while let Some((tag, field)) = fields.next()? {
            match tag {
                2 => temporality = field.unsigned()?,
                3 => is_monotonic = field.unsigned()? != 0,
                _ => {}
            }
        }
        let is_counter = kind == Kind::Sum && is_monotonic;
        let suffix = match kind {
            Kind::Gauge => Suffix::Gauge,
            _ if is_counter => Suffix::Counter,
            _ => Suffix::None,
        };
        let name = names::metric(given, unit, suffix);
        let metric = self.rules_of_metric(name, kind, temporality);
        let mut has_points = false;
        messages(data, 1, |data_point| match self.data_point(metric.as_ref(), data_point) {
            Ok(()) => {
                has_points = true;
                Ok(())
            }
            Err(Stop::Point(reason)) => {
                self.collected.refuse(given, 1, &reason);
                Ok(())
            }
            Err(Stop::Body(reason)) => Err(reason),
        })?;
        if let (Ok(metric), true) = (metric, has_points) {
            let metric_type = match kind {
                _ if metric.is_delta => MetricType::Unknown,
                Kind::Sum if is_counter => MetricType::Counter,
                Kind::Gauge | Kind::Sum => MetricType::Gauge,
                Kind::Histogram | Kind::Exponential => MetricType::Histogram,
                Kind::Summary => MetricType::Summary,
            };
            self.collected.describe(Metadata {
                metric_type: metric_type.into(),
                family: metric.name.as_str().to_owned(),
                help: description.to_owned(),
                unit: names::unit(unit),
            });
        }
        Ok(())
    }

    /// The metric, or the reason why all of its data points are refused.
    fn rules_of_metric(
        &self,
        name: Result<MetricName<'static>, InvalidName>,
        kind: Kind,
        temporality: u64,
    ) -> Result<Metric<'a>, Refusal> {
        const DELTA: u64 = 1;
        const CUMULATIVE: u64 = 2;
        let is_delta = match (kind, temporality) {
            (Kind::Gauge | Kind::Summary, _) | (_, CUMULATIVE) => false,
            (_, DELTA) if self.rules.otlp_delta == OtlpDelta::Gauge => true,
            (_, DELTA) => return Err(Refusal::Delta),
            (_, other) => return Err(Refusal::Temporality(other)),
        };
        Ok(Metric { name: name.map_err(Refusal::Metric)?, kind, is_delta })
    }

    /// Reads a data point of `metric`.
    fn data_point(&mut self, metric: Result<&Metric<'a>, &Refusal>, message: &'a [u8]) -> Result<(), Stop> {
        self.collected.count_data_point()?;
        let metric = metric.map_err(Clone::clone)?;
        self.collected.count_labels(labels_in(metric.name.as_str().len()))?;
        let point = self.point_of(metric, message)?;
        let timestamp_ms = point.timestamp_ms;
        self.collected.push(point)?;
        self.times.add(timestamp_ms);
        Ok(())
    }
}

/// Reads an attribute.
pub(super) fn push_attribute<'a>(
    message: &'a [u8],
    attributes: &mut Vec<Attribute<'a>>,
) -> Result<(), InvalidOtlp> {
    attributes.push(attribute(message)?);
    Ok(TooMany::check(0, attributes.len())?)
}
