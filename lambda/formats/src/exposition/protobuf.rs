//! Messages `io.prometheus.client.MetricFamily`, each after its length (`proto/metrics.proto`).

use std::borrow::Cow;

use remote_write::{Collision, InvalidName, LabelName, MetricName, MetricType, Value};

use super::InvalidExposition;
use super::families::Families;
use super::go::{float, quoted};
use super::native::NativeHistogram;
use super::samples::{KNOWN_LABELS, Label, NotAdded, Samples, TooMany};
use super::wire::{Field, Fields, delimited};

/// The reason why a message is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMessage {
    /// It is shorter than its length.
    #[error("unexpected end of input")]
    Truncated,
    /// Not protobuf, or a field of another type.
    #[error("invalid wire format")]
    Wire,
    /// A text that is not.
    #[error("expected UTF-8")]
    NotUtf8,
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
        let read = delimited(&mut body).and_then(|bytes| family(bytes, families, samples));
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

    /// A counter, gauge or untyped value.
    fn number(&mut self, message: &'a [u8]) -> Result<(), InvalidMessage> {
        let mut value = 0.0;
        let mut fields = Fields::of(message);
        while let Some((tag, field)) = fields.next()? {
            match tag {
                1 => value = field.double()?,
                2 if self.metric_type == MetricType::Counter => self.samples.exemplars += 1,
                _ => {}
            }
        }
        let (name, metric_type) = (self.base.clone(), Some(self.metric_type));
        Ok(self.samples.add(name, &self.labels, self.timestamp_ms, Value::float(value), metric_type)?)
    }

    fn summary(&mut self, message: &'a [u8]) -> Result<(), InvalidMessage> {
        let (mut count, mut sum) = (0.0, 0.0);
        let mut fields = Fields::of(message);
        while let Some((tag, field)) = fields.next()? {
            match tag {
                1 => count = self.count(field)?,
                2 => sum = field.double()?,
                3 => {
                    let (mut quantile, mut value) = (0.0, 0.0);
                    let mut fields = Fields::of(field.bytes()?);
                    while let Some((tag, field)) = fields.next()? {
                        match tag {
                            1 => quantile = field.double()?,
                            2 => value = field.double()?,
                            _ => {}
                        }
                    }
                    self.bounded(self.base.clone(), "quantile", quantile, value)?;
                }
                _ => {}
            }
        }
        self.sum_and_count(sum, count)
    }

    fn histogram(&mut self, message: &'a [u8]) -> Result<(), InvalidMessage> {
        let (mut count, mut count_float, mut sum) = (0, 0.0, 0.0);
        let mut native = NativeHistogram::default();
        let mut has_buckets = false;
        let mut fields = Fields::of(message);
        while let Some((tag, field)) = fields.next()? {
            match tag {
                1 => count = field.unsigned()?,
                2 => sum = field.double()?,
                3 => has_buckets = true,
                4 => count_float = field.double()?,
                16 => self.samples.exemplars += 1,
                _ => native.read(tag, field)?,
            }
        }
        let is_native = native.is_native();
        if is_native {
            self.samples.count_buckets(native.buckets())?;
            let is_gauge = self.metric_type == MetricType::GaugeHistogram;
            let histogram = native.histogram(count, count_float, sum, is_gauge);
            let histogram =
                histogram.map_err(|reason| InvalidMessage::Native { metric: quoted(self.name), reason })?;
            let (name, value) = (self.base.clone(), Value::histogram(histogram));
            self.samples.add(name, &self.labels, self.timestamp_ms, value, None)?;
        }
        if is_native && !has_buckets {
            return Ok(());
        }
        let count = if count_float > 0.0 { count_float } else { self.integer(count) };
        let name = MetricName::new(format!("{}_bucket", self.name), self.samples.rules().escaping)?;
        let mut has_infinity = false;
        let mut fields = Fields::of(message);
        while let Some((tag, field)) = fields.next()? {
            if tag == 3 {
                let (bound, count) = self.bucket(field.bytes()?)?;
                has_infinity |= bound == f64::INFINITY;
                self.bounded(name.clone(), "le", bound, count)?;
            }
        }
        if !has_infinity {
            self.bounded(name, "le", f64::INFINITY, count)?;
        }
        self.sum_and_count(sum, count)
    }

    /// The bound and the count of a bucket.
    fn bucket(&mut self, message: &'a [u8]) -> Result<(f64, f64), InvalidMessage> {
        let (mut bound, mut count, mut count_float) = (0.0, 0.0, 0.0);
        let mut fields = Fields::of(message);
        while let Some((tag, field)) = fields.next()? {
            match tag {
                1 => count = self.count(field)?,
                2 => bound = field.double()?,
                3 => self.samples.exemplars += 1,
                4 => count_float = field.double()?,
                _ => {}
            }
        }
        Ok((bound, if count_float > 0.0 { count_float } else { count }))
    }

    fn sum_and_count(&mut self, sum: f64, count: f64) -> Result<(), InvalidMessage> {
        for (suffix, value) in [("sum", sum), ("count", count)] {
            let name = MetricName::new(format!("{}_{suffix}", self.name), self.samples.rules().escaping)?;
            self.part(name, value)?;
        }
        Ok(())
    }

    /// A bucket or a quantile.
    fn bounded(
        &mut self,
        name: MetricName<'a>,
        label: &'static str,
        bound: f64,
        value: f64,
    ) -> Result<(), InvalidMessage> {
        if self.labels.iter().any(|(name, _)| name.given() == label) {
            return Err(InvalidMessage::Bound { metric: quoted(self.name), label });
        }
        self.labels.push((LabelName::new(label, self.samples.rules().escaping)?, Cow::Owned(float(bound))));
        let added = self.part(name, value);
        self.labels.pop();
        added
    }

    /// A sample of a histogram or summary.
    fn part(&mut self, name: MetricName<'a>, value: f64) -> Result<(), InvalidMessage> {
        Ok(self.samples.add(name, &self.labels, self.timestamp_ms, Value::float(value), None)?)
    }

    fn count(&mut self, field: Field<'a>) -> Result<f64, InvalidMessage> {
        field.unsigned().map(|count| self.integer(count))
    }

    /// A number of observations. Those that a float64 cannot hold are counted.
    #[expect(clippy::cast_precision_loss, reason = "inexact values are counted")]
    fn integer(&mut self, count: u64) -> f64 {
        let float = count as f64;
        // 53 bits, and any zeros after them.
        let is_exact = count == 0 || count.ilog2() - count.trailing_zeros() < f64::MANTISSA_DIGITS;
        self.samples.inexact_values += usize::from(!is_exact);
        float
    }
}
