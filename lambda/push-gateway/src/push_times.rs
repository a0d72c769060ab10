//! The series that a Pushgateway adds to a group: `push_time_seconds`, when the last push succeeded, and
//! `push_failure_time_seconds`, when the last one failed.
//!
//! The first is a sample of the push itself, so it is written with it or not at all. The second is written after the push
//! failed, and changes nothing of its answer.

use std::borrow::Cow;

use formats::Grouping;
use remote_write::{LabelName, Labels, MetricName, NameEscaping, Point, Series, SeriesBuilder, Value};

use crate::outcome::Outcome;
use crate::records::Records;

/// A push: a record with a path.
#[derive(Clone, Debug)]
pub struct Push {
    /// The labels of its path.
    pub grouping: Grouping,
    /// When it arrived, in milliseconds since the epoch.
    pub received_ms: i64,
}

impl Push {
    /// The push of a record; `None` if it has no path.
    pub fn of(grouping: &Grouping, received_ms: i64) -> Option<Box<Self>> {
        (!grouping.is_empty()).then(|| Box::new(Self { grouping: grouping.clone(), received_ms }))
    }

    /// `push_time_seconds` when it arrived.
    pub fn succeeded(&self, external_labels: &Labels<'static>) -> Point<'static> {
        self.point("push_time_seconds", self.received_ms, external_labels)
    }

    fn point(
        &self,
        metric: &'static str,
        timestamp_ms: i64,
        external_labels: &Labels<'static>,
    ) -> Point<'static> {
        let labels: Vec<(LabelName<'static>, Cow<'static, str>)> =
            self.grouping.iter().map(|(name, value)| (name.clone(), Cow::Owned(value.clone()))).collect();
        // A path has each name once.
        let mut labels = Labels::new(labels).unwrap_or_default();
        labels.add_missing(external_labels);
        let metric = MetricName::new(metric, NameEscaping::Reject).expect("a valid name");
        #[expect(
            clippy::cast_precision_loss,
            reason = "a time in milliseconds is exact until the year 287396"
        )]
        let seconds = timestamp_ms as f64 / 1e3;
        Point { labels, timestamp_ms, metrics: vec![(metric, Value::float(seconds))], ..Point::default() }
    }
}

/// `push_failure_time_seconds` of the pushes that are invalid or rejected, at `now_ms` or after the push, whichever is
/// later, with the record of each origin; `None` if there is none.
pub fn failures(
    records: &Records,
    outcomes: &[Outcome],
    external_labels: &Labels<'static>,
    now_ms: i64,
) -> Option<(Series, Vec<u32>)> {
    let mut series = SeriesBuilder::default();
    for (record, outcome) in records.records.iter().zip(outcomes) {
        if let (Some(push), true) = (&record.push, outcome.is_invalid() || outcome.is_rejected()) {
            let at_ms = now_ms.max(push.received_ms.saturating_add(1));
            // The name has no other spelling, so it cannot collide.
            let _ = series.add([&push.point("push_failure_time_seconds", at_ms, external_labels)]);
        }
    }
    let series = series.group();
    let points = u32::try_from(series.samples().len()).unwrap_or_default();
    (points > 0).then(|| (series, (0..points).collect()))
}
