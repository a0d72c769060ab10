//! Collects points, and counts what is refused.

use std::collections::BTreeMap;
use std::mem::{Discriminant, discriminant};

use remote_write::{Metadata, Point};

use super::refusal::Refusal;
use super::request::Stop;
use crate::limits::{TooMany, count_of};
use crate::text::truncated;
use crate::{Content, Invalid, Refused, Rules};

/// What was read of a body.
#[derive(Debug)]
pub(super) struct Collected<'a> {
    rules: Rules<'a>,
    /// One for each accepted data point.
    points: Vec<Point<'a>>,
    /// Those of `target_info`.
    targets: Vec<Point<'a>>,
    /// One for each kind of reason.
    refused: Vec<(Discriminant<Refusal>, Refused)>,
    /// By family.
    metadata: BTreeMap<String, Metadata>,
    /// The numbers of metrics, of data points, of samples, and of labels and buckets.
    metrics: usize,
    seen: usize,
    samples: usize,
    labels: usize,
    /// The number of values that a float64 cannot hold exactly.
    pub(super) inexact_values: usize,
    /// The number of exemplars.
    pub(super) exemplars: usize,
}

impl<'a> Collected<'a> {
    pub(super) fn new(rules: Rules<'a>) -> Self {
        Self {
            rules,
            points: Vec::new(),
            targets: Vec::new(),
            refused: Vec::new(),
            metadata: BTreeMap::new(),
            metrics: 0,
            seen: 0,
            samples: 0,
            labels: 0,
            inexact_values: 0,
            exemplars: 0,
        }
    }

    /// Counts a metric.
    pub(super) fn count_metric(&mut self) -> Result<(), TooMany> {
        self.metrics += 1;
        TooMany::check(self.metrics, 0)
    }

    /// Counts a data point, also one that will be refused.
    pub(super) fn count_data_point(&mut self) -> Result<(), TooMany> {
        self.seen += 1;
        TooMany::check(self.seen, 0)
    }

    /// Counts labels or buckets.
    pub(super) fn count_labels(&mut self, labels: usize) -> Result<(), TooMany> {
        self.labels += labels;
        TooMany::check(0, self.labels)
    }

    /// Adds the point of a data point.
    pub(super) fn push(&mut self, point: Point<'a>) -> Result<(), Stop> {
        let point = self.checked(point)?;
        self.points.push(point);
        Ok(())
    }

    /// Adds a point of `target_info`.
    pub(super) fn push_target(&mut self, point: Point<'a>) -> Result<(), Stop> {
        let point = self.checked(point)?;
        self.targets.push(point);
        Ok(())
    }

    /// Counts the samples and labels of `point`, adds external labels, and checks its rules.
    fn checked(&mut self, mut point: Point<'a>) -> Result<Point<'a>, Stop> {
        self.samples += point.metrics.len();
        TooMany::check(self.samples, 0)?;
        let bounds = point.metrics.iter().filter(|(_, value)| value.bound().is_some()).count();
        self.count_labels(count_of(point.labels.iter()) * point.metrics.len() + bounds)?;
        self.rules.apply(&mut point).map_err(Refusal::Point)?;
        Ok(point)
    }

    /// Counts `points` data points of the metric with this name as refused.
    pub(super) fn refuse(&mut self, metric: &str, points: usize, reason: &Refusal) {
        let kind = discriminant(reason);
        if let Some((_, refused)) = self.refused.iter_mut().find(|(known, _)| *known == kind) {
            refused.points += points;
        } else {
            let reason = format!("metric {:?}: {reason}", truncated(metric));
            self.refused.push((kind, Refused { points, reason }));
        }
    }

    /// Adds the metadata of a family, in place of that which it had.
    pub(super) fn describe(&mut self, metadata: Metadata) {
        self.metadata.insert(metadata.family.clone(), metadata);
    }

    /// Calls `take` with the content of the body.
    pub(super) fn give<T, E: From<Invalid>>(
        mut self,
        take: impl FnOnce(Content<'_, '_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let data_points = self.points.len();
        self.points.append(&mut self.targets);
        take(Content {
            points: &self.points,
            inexact_values: self.inexact_values,
            metadata: self.metadata.into_values().collect(),
            exemplars: self.exemplars,
            data_points,
            refused: self.refused.into_iter().map(|(_, refused)| refused).collect(),
        })
    }
}
