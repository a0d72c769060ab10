//! Values of metrics: numbers, summaries and histograms.

use std::borrow::Cow;

use remote_write::{LabelName, MetricName, MetricType, Value};

use super::super::go::{float, quoted};
use super::super::native::NativeHistogram;
use super::{InvalidMessage, Reader};
use crate::integer;
use crate::wire::{Field, Fields, InvalidWire, messages};

impl<'a> Reader<'a, '_> {
    /// A counter, gauge or untyped value.
    pub(super) fn number(&mut self, message: &'a [u8]) -> Result<(), InvalidMessage> {
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
        Ok(self.samples.add(
            name,
            &self.labels,
            self.timestamp_ms,
            self.start_ms,
            Value::float(value),
            metric_type,
        )?)
    }

    pub(super) fn summary(&mut self, message: &'a [u8]) -> Result<(), InvalidMessage> {
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

    pub(super) fn histogram(&mut self, message: &'a [u8]) -> Result<(), InvalidMessage> {
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
            self.samples.add(name, &self.labels, self.timestamp_ms, self.start_ms, value, None)?;
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
        Ok(self.samples.add(
            name,
            &self.labels,
            self.timestamp_ms,
            self.start_ms,
            Value::float(value),
            None,
        )?)
    }

    fn count(&mut self, field: Field<'a>) -> Result<f64, InvalidMessage> {
        Ok(self.integer(field.unsigned()?))
    }

    /// A number of observations. Those that a float64 cannot hold are counted.
    fn integer(&mut self, count: u64) -> f64 {
        let (float, is_inexact) = integer::to_float(count);
        self.samples.inexact_values += usize::from(is_inexact);
        float
    }
}

/// The `Timestamp` in the field `tag` of a value, in milliseconds since the epoch; 0 if there is none.
pub(super) fn created(message: &[u8], tag: u64) -> Result<i64, InvalidWire> {
    let (mut seconds, mut nanoseconds) = (0, 0);
    messages(message, tag, |timestamp| {
        let mut fields = Fields::of(timestamp);
        while let Some((tag, field)) = fields.next()? {
            match tag {
                1 => seconds = field.signed()?,
                2 => nanoseconds = field.signed()?,
                _ => {}
            }
        }
        Ok::<_, InvalidWire>(())
    })?;
    Ok(seconds.saturating_mul(1_000).saturating_add(nanoseconds / 1_000_000))
}
