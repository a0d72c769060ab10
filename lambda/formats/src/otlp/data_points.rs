//! Reads data points, each as one point, so that all series of a histogram or summary are delivered or rejected together.

use remote_write::{MetricName, NameEscaping, Point, Value};

use super::native::Exponential;
use super::refusal::Refusal;
use super::request::{Kind, Metric, Reader, Stop, push_attribute};
use crate::integer;
use crate::limits::TooMany;
use crate::wire::{Field, Fields};

/// The bit of the flags of a data point without a value.
const NO_RECORDED_VALUE: u64 = 1;

const NANOSECONDS_PER_MILLISECOND: u64 = 1_000_000;

/// The fields of every data point.
#[derive(Debug, Default)]
struct Common {
    /// Since when it counts, and when it was taken, in nanoseconds since the epoch.
    start: u64,
    time: u64,
    flags: u64,
}

impl Common {
    fn is_stale(&self) -> bool {
        self.flags & NO_RECORDED_VALUE != 0
    }

    /// The sample of a series: `value`, or the stale marker.
    fn sample(&self, value: f64) -> Value {
        if self.is_stale() { Value::stale() } else { Value::float(value) }
    }

    /// The time in milliseconds.
    fn timestamp_ms(&self) -> Result<i64, Refusal> {
        match i64::try_from(self.time / NANOSECONDS_PER_MILLISECOND) {
            Ok(timestamp_ms) if self.time != 0 => Ok(timestamp_ms),
            _ => Err(Refusal::NoTime),
        }
    }
}

impl<'a> Reader<'a> {
    /// Reads a data point.
    pub(super) fn point_of(&mut self, metric: &Metric<'a>, message: &'a [u8]) -> Result<Point<'a>, Stop> {
        self.attributes.clear();
        match metric.kind {
            Kind::Gauge | Kind::Sum => self.number(metric, message),
            Kind::Histogram => self.histogram(metric, message),
            Kind::Exponential => self.exponential(metric, message),
            Kind::Summary => self.summary(metric, message),
        }
    }

    fn number(&mut self, metric: &Metric<'a>, message: &'a [u8]) -> Result<Point<'a>, Stop> {
        let (mut common, mut value) = (Common::default(), None);
        let mut fields = Fields::of(message);
        while let Some((tag, field)) = fields.next()? {
            match tag {
                2 => common.start = field.fixed64()?,
                3 => common.time = field.fixed64()?,
                4 => value = Some((field.double()?, false)),
                5 => self.collected.exemplars += 1,
                6 => {
                    let integer = field.fixed64()?.cast_signed();
                    let (magnitude, is_inexact) = integer::to_float(integer.unsigned_abs());
                    value = Some((if integer < 0 { -magnitude } else { magnitude }, is_inexact));
                }
                7 => push_attribute(field.bytes()?, &mut self.attributes)?,
                8 => common.flags = field.unsigned()?,
                _ => {}
            }
        }
        let (value, is_inexact) = match value {
            None if common.is_stale() => (0.0, false),
            value => value.ok_or(Refusal::NoValue)?,
        };
        self.collected.inexact_values += usize::from(is_inexact && !common.is_stale());
        self.point(metric, &common, vec![(metric.name.clone(), common.sample(value))])
    }

    fn histogram(&mut self, metric: &Metric<'a>, message: &'a [u8]) -> Result<Point<'a>, Stop> {
        let (mut common, mut count, mut sum) = (Common::default(), 0, None);
        let (mut counts, mut bounds) = (Vec::new(), Vec::new());
        let mut fields = Fields::of(message);
        while let Some((tag, field)) = fields.next()? {
            match tag {
                2 => common.start = field.fixed64()?,
                3 => common.time = field.fixed64()?,
                4 => count = field.fixed64()?,
                5 => sum = Some(field.double()?),
                6 => field.push_fixed64s(&mut counts)?,
                7 => field.push_doubles(&mut bounds)?,
                8 => self.collected.exemplars += 1,
                9 => push_attribute(field.bytes()?, &mut self.attributes)?,
                10 => common.flags = field.unsigned()?,
                _ => {}
            }
        }
        // Each becomes a text of up to 309 characters.
        TooMany::check(bounds.len(), 0)?;
        let count = self.float(count);
        let mut metrics = Vec::with_capacity(bounds.len() + 3);
        if let Some(sum) = sum {
            metrics.push((part(metric, "sum")?, common.sample(sum)));
        }
        metrics.push((part(metric, "count")?, common.sample(count)));
        let name = part(metric, "bucket")?;
        let bucket = |bound, count| (name.clone(), common.sample(count).with_bound("le", float(bound)));
        let mut below = 0_u64;
        for (bound, in_bucket) in bounds.into_iter().zip(counts).filter(|(bound, _)| *bound != f64::INFINITY)
        {
            below = below.checked_add(in_bucket).ok_or(Refusal::Buckets)?;
            metrics.push(bucket(bound, self.float(below)));
        }
        metrics.push(bucket(f64::INFINITY, count));
        self.point(metric, &common, metrics)
    }

    fn exponential(&mut self, metric: &Metric<'a>, message: &'a [u8]) -> Result<Point<'a>, Stop> {
        let (mut common, mut exponential) = (Common::default(), Exponential::default());
        let mut fields = Fields::of(message);
        while let Some((tag, field)) = fields.next()? {
            match tag {
                1 => push_attribute(field.bytes()?, &mut self.attributes)?,
                2 => common.start = field.fixed64()?,
                3 => common.time = field.fixed64()?,
                4 => exponential.count = field.fixed64()?,
                5 => exponential.sum = Some(field.double()?),
                6 => exponential.scale = field.zigzag_32()?,
                7 => exponential.zero_count = field.fixed64()?,
                8 => exponential.positive.read(field.bytes()?)?,
                9 => exponential.negative.read(field.bytes()?)?,
                10 => common.flags = field.unsigned()?,
                11 => self.collected.exemplars += 1,
                _ => {}
            }
        }
        self.collected.count_labels(exponential.buckets())?;
        let value = if common.is_stale() {
            Value::stale_histogram()
        } else {
            Value::histogram(exponential.histogram(metric.is_delta)?)
        };
        self.point(metric, &common, vec![(metric.name.clone(), value)])
    }

    fn summary(&mut self, metric: &Metric<'a>, message: &'a [u8]) -> Result<Point<'a>, Stop> {
        let (mut common, mut count, mut sum) = (Common::default(), 0, 0.0);
        let mut quantiles = Vec::new();
        let mut fields = Fields::of(message);
        while let Some((tag, field)) = fields.next()? {
            match tag {
                2 => common.start = field.fixed64()?,
                3 => common.time = field.fixed64()?,
                4 => count = field.fixed64()?,
                5 => sum = field.double()?,
                6 => {
                    quantiles.push(quantile(field)?);
                    TooMany::check(quantiles.len(), 0)?;
                }
                7 => push_attribute(field.bytes()?, &mut self.attributes)?,
                8 => common.flags = field.unsigned()?,
                _ => {}
            }
        }
        let count = self.float(count);
        let mut metrics =
            vec![(part(metric, "sum")?, common.sample(sum)), (part(metric, "count")?, common.sample(count))];
        metrics.extend(quantiles.into_iter().map(|(quantile, value)| {
            (metric.name.clone(), common.sample(value).with_bound("quantile", float(quantile)))
        }));
        self.point(metric, &common, metrics)
    }

    /// The point with these metrics, and the labels of the data point that is read.
    fn point(
        &mut self,
        metric: &Metric<'a>,
        common: &Common,
        metrics: Vec<(MetricName<'a>, Value)>,
    ) -> Result<Point<'a>, Stop> {
        let timestamp_ms = common.timestamp_ms()?;
        let Self { names, attributes, fixed, .. } = self;
        let labels = names.labels(attributes, fixed)?;
        let start = if metric.kind == Kind::Gauge { 0 } else { common.start };
        let start_ms = (start / NANOSECONDS_PER_MILLISECOND).cast_signed();
        Ok(Point { labels, timestamp_ms, start_ms, metrics })
    }

    /// A number of observations. Those that a float64 cannot hold are counted.
    fn float(&mut self, count: u64) -> f64 {
        let (float, is_inexact) = integer::to_float(count);
        self.collected.inexact_values += usize::from(is_inexact);
        float
    }
}

/// A message `ValueAtQuantile`.
fn quantile(field: Field<'_>) -> Result<(f64, f64), Stop> {
    let (mut quantile, mut value) = (0.0, 0.0);
    let mut fields = Fields::of(field.bytes()?);
    while let Some((tag, field)) = fields.next()? {
        match tag {
            1 => quantile = field.double()?,
            2 => value = field.double()?,
            _ => {}
        }
    }
    Ok((quantile, value))
}

/// The name of samples of a histogram or summary.
fn part(metric: &Metric<'_>, suffix: &str) -> Result<MetricName<'static>, Refusal> {
    let name = format!("{}_{suffix}", metric.name.as_str());
    MetricName::new(name, NameEscaping::Reject).map_err(Refusal::Metric)
}

/// The shortest text of a bound or quantile, without an exponent.
fn float(value: f64) -> String {
    match value {
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        value => value.to_string(),
    }
}
