//! How points are made of what a body contains, whatever its format.

use std::time::Duration;

use remote_write::{LabelName, Labels, NameEscaping, Oversized, Point};

use crate::text::truncated;

/// Labels that replace those of a body. An empty value removes a label.
pub type Grouping = Vec<(LabelName<'static>, String)>;

/// How points are made of what a body contains.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'r> {
    /// The treatment of names outside the charset. OTLP has a translation of its own.
    pub escaping: NameEscaping,
    /// Labels of every series, unless a point has its own.
    pub external_labels: &'r Labels<'static>,
    /// The size limit of a sample with its labels, in bytes on the wire.
    pub max_sample_bytes: usize,
    /// The labels of the path, which replace those of an exposition. Other formats have none.
    pub grouping: &'r Grouping,
    /// When the body arrived, in milliseconds since the epoch: the timestamp of samples without one.
    pub received_ms: i64,
    /// The time of day, in milliseconds since the epoch.
    pub now_ms: i64,
    /// How far ahead of the time of day a timestamp may be.
    pub max_future: Duration,
    /// The treatment of data points of OTLP with delta temporality.
    pub otlp_delta: OtlpDelta,
}

/// The treatment of data points of OTLP with delta temporality, which need the values before them to become a counter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OtlpDelta {
    /// They are refused.
    #[default]
    Refuse,
    /// They are written as they are, under the name of the counter, with the type unknown.
    Gauge,
}

/// The reason why a point breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPoint {
    /// A timestamp too far in the future, which would shorten the receiver's out-of-order window for all series.
    #[error(
        "timestamp: expected at most {limit:?} ahead of the clock, got {timestamp_ms}, which is {ahead:?} ahead"
    )]
    Future {
        /// The timestamp.
        timestamp_ms: i64,
        /// How far ahead of the clock it is.
        ahead: Duration,
        /// The limit.
        limit: Duration,
    },
    /// A sample that no write request can carry.
    #[error("metrics.{metric}: expected at most {limit} bytes for a sample with its labels, got {needed}")]
    TooLarge {
        /// The metric.
        metric: String,
        /// The size of the sample with its labels, in bytes.
        needed: usize,
        /// The limit.
        limit: usize,
    },
}

impl Rules<'_> {
    /// Adds the external labels to `point`, and checks its timestamp and the size of its samples.
    ///
    /// # Errors
    /// [`InvalidPoint`]: the first rule that it breaks.
    pub fn apply(&self, point: &mut Point<'_>) -> Result<(), InvalidPoint> {
        let Point { timestamp_ms, .. } = *point;
        let ahead = timestamp_ms.saturating_sub(self.now_ms);
        let ahead = Duration::from_millis(ahead.try_into().unwrap_or_default());
        if ahead > self.max_future {
            return Err(InvalidPoint::Future { timestamp_ms, ahead, limit: self.max_future });
        }
        point.labels.add_missing(self.external_labels);
        match point.oversized(self.max_sample_bytes) {
            None => Ok(()),
            Some(Oversized { metric, needed }) => Err(InvalidPoint::TooLarge {
                metric: truncated(metric),
                needed,
                limit: self.max_sample_bytes,
            }),
        }
    }
}
