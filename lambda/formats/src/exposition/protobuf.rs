//! Messages `io.prometheus.client.MetricFamily`, each after its length (`proto/metrics.proto`). Here are families and
//! their metrics; `value` reads the values.

mod value;

use std::borrow::Cow;

use remote_write::{Collision, InvalidName, LabelName, MetricName, MetricType};

use super::InvalidExposition;
use super::families::Families;
use super::go::quoted;
use super::samples::{Label, NotAdded, Samples};
use crate::limits::{KNOWN_LABELS, TooMany};
use crate::wire::{Fields, InvalidWire, delimited};
use value::created;

/// The reason why a message is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMessage {
    /// Not protobuf, or a field of another type.
    #[error(transparent)]
    Wire(#[from] InvalidWire),
    /// An invalid name.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// Two labels of one name, before or after escaping.
    #[error(transparent)]
    Labels(#[from] Collision),
    /// Another number than those of the types.
    #[error("unknown metric type {0}")]
    Type(u64),
    /// A label that the samples of a histogram or summary get.
    #[error("metric {metric} must not have an explicit \"{label}\" label")]
    Bound {
        /// The family.
        metric: String,
        /// `le` or `quantile`.
        label: &'static str,
    },
    /// A native histogram that no receiver accepts.
    #[error("histogram {metric}: {reason}")]
    Native {
        /// The family.
        metric: String,
        /// The reason.
        reason: &'static str,
    },
    /// More than is read of one body.
    #[error(transparent)]
    TooMany(#[from] TooMany),
}

impl From<NotAdded> for InvalidMessage {
    fn from(reason: NotAdded) -> Self {
        match reason {
            NotAdded::Collision(collision) => collision.into(),
            NotAdded::TooMany(reason) => reason.into(),
        }
    }
}

/// Reads `body` into `families` and `samples`.
pub(super) fn read<'a>(
    mut body: &'a [u8],
    families: &mut Families<'a>,
    samples: &mut Samples<'a>,
) -> Result<(), InvalidExposition> {
    let mut message = 0;
    while !body.is_empty() {
        message += 1;
        let read = delimited(&mut body).map_err(InvalidMessage::from);
        let read = read.and_then(|bytes| family(bytes, families, samples));
        read.map_err(|reason| InvalidExposition::Message { message, reason })?;
    }
    Ok(())
}

fn family<'a>(
    message: &'a [u8],
    families: &mut Families<'a>,
    samples: &mut Samples<'a>,
) -> Result<(), InvalidMessage> {
    // A message without this field has its first value.
    let (mut name, mut help, mut unit, mut number) = ("", None, None, 0);
    let mut fields = Fields::of(message);
    while let Some((tag, field)) = fields.next()? {
        match tag {
            1 => name = field.text()?,
            2 => help = Some(Cow::Borrowed(field.text()?)),
            3 => number = field.unsigned()?,
            5 => unit = Some(Cow::Borrowed(field.text()?)),
            _ => {}
        }
    }
    let metric_type = match number {
        0 => MetricType::Counter,
        1 => MetricType::Gauge,
        2 => MetricType::Summary,
        3 => MetricType::Unknown,
        4 => MetricType::Histogram,
        5 => MetricType::GaugeHistogram,
        other => return Err(InvalidMessage::Type(other)),
    };
    let base = MetricName::new(name, samples.rules().escaping)?;
    let known = families.add(Cow::Borrowed(name), Some(metric_type));
    TooMany::check(known + 1, 0)?;
    let family = families.family(known);
    family.help = help.or(family.help.take());
    family.unit = unit.or(family.unit.take());
    let mut reader = Reader {
        name,
        base,
        metric_type,
        samples,
        labels: Vec::new(),
        label_names: Vec::new(),
        timestamp_ms: None,
        start_ms: 0,
    };
    let mut fields = Fields::of(message);
    while let Some((tag, field)) = fields.next()? {
        if tag == 4 {
            reader.metric(field.bytes()?)?;
            family.has_samples = true;
        }
    }
    Ok(())
}

/// Reads the metrics of a family.
struct Reader<'a, 'r> {
    name: &'a str,
    base: MetricName<'a>,
    metric_type: MetricType,
    samples: &'r mut Samples<'a>,
    /// The labels of the metric; kept for its memory.
    labels: Vec<Label<'a>>,
    /// The label names of metrics before, by their positions. Most metrics have those of the one before.
    label_names: Vec<LabelName<'a>>,
    timestamp_ms: Option<i64>,
    /// Since when the metric counts, in milliseconds since the epoch; 0 is unknown.
    start_ms: i64,
}

impl<'a> Reader<'a, '_> {
    fn metric(&mut self, message: &'a [u8]) -> Result<(), InvalidMessage> {
        self.labels.clear();
        self.timestamp_ms = None;
        let expected = match self.metric_type {
            MetricType::Gauge => 2,
            MetricType::Counter => 3,
            MetricType::Summary => 4,
            MetricType::Histogram | MetricType::GaugeHistogram => 7,
            _ => 5,
        };
        let mut value = None;
        let mut fields = Fields::of(message);
        while let Some((tag, field)) = fields.next()? {
            match tag {
                1 => self.label(field.bytes()?)?,
                6 => self.timestamp_ms = Some(field.signed()?),
                tag if tag == expected => value = Some(field.bytes()?),
                _ => {}
            }
        }
        let Some(value) = value else { return self.is_of_another_type() };
        self.start_ms = match self.metric_type {
            MetricType::Counter => created(value, 3)?,
            MetricType::Summary => created(value, 4)?,
            MetricType::Histogram => created(value, 15)?,
            _ => 0,
        };
        match self.metric_type {
            MetricType::Summary => self.summary(value),
            MetricType::Histogram | MetricType::GaugeHistogram => self.histogram(value),
            _ => self.number(value),
        }
    }

    fn label(&mut self, message: &'a [u8]) -> Result<(), InvalidMessage> {
        let (mut name, mut value) = ("", "");
        let mut fields = Fields::of(message);
        while let Some((tag, field)) = fields.next()? {
            match tag {
                1 => name = field.text()?,
                2 => value = field.text()?,
                _ => {}
            }
        }
        let at = self.labels.len();
        let name = match self.label_names.get(at) {
            Some(known) if known.given() == name => known.clone(),
            _ => {
                let new = LabelName::new(name, self.samples.rules().escaping)?;
                if at < KNOWN_LABELS {
                    self.label_names.truncate(at);
                    self.label_names.push(new.clone());
                }
                new
            }
        };
        self.labels.push((name, Cow::Borrowed(value)));
        Ok(TooMany::check(0, self.labels.len())?)
    }

    /// Notes that the value of the metric is of another type than its family.
    fn is_of_another_type(&mut self) -> Result<(), InvalidMessage> {
        let metric_type = match self.metric_type {
            MetricType::Counter => "COUNTER",
            MetricType::Gauge => "GAUGE",
            MetricType::Summary => "SUMMARY",
            MetricType::Histogram => "HISTOGRAM",
            MetricType::GaugeHistogram => "GAUGE_HISTOGRAM",
            _ => "UNTYPED",
        };
        if self.samples.is_inconsistent() {
            // Only the first reason is shown.
            return Ok(());
        }
        let metric = self.samples.shown(&self.labels)?;
        let name = quoted(self.name);
        self.samples.inconsistent(format!("collected metric {name} {{ {metric}}} is not a {metric_type}"));
        Ok(())
    }
}
