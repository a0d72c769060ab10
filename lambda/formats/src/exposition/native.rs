//! Native histograms in protobuf: <https://prometheus.io/docs/specs/native_histograms/>.

use remote_write::Histogram;
use remote_write::histogram::{BucketSpan, Count, ZeroCount};

use super::protobuf::InvalidMessage;
use crate::limits::TooMany;
use crate::wire::{Field, Fields, InvalidWire};

/// The resolutions of exponential buckets. AMP accepts those up to 8, to which the others are reduced, as Prometheus does.
const SCHEMAS: std::ops::RangeInclusive<i32> = -4..=52;

/// The schema of buckets with bounds of their own, which Prometheus makes of classic ones.
const CUSTOM_BUCKETS: i32 = -53;

/// The reset hint of a gauge.
const GAUGE: i32 = 3;

/// The fields of a message `Histogram` that only a native one has.
#[derive(Debug, Default)]
pub(super) struct NativeHistogram {
    schema: i32,
    zero_threshold: f64,
    zero_count: u64,
    zero_count_float: f64,
    negative: Buckets,
    positive: Buckets,
}

#[derive(Debug, Default)]
struct Buckets {
    spans: Vec<BucketSpan>,
    deltas: Vec<i64>,
    counts: Vec<f64>,
}

impl NativeHistogram {
    /// Reads a field, if it is one of these.
    pub(super) fn read(&mut self, tag: u64, field: Field<'_>) -> Result<(), InvalidMessage> {
        match tag {
            5 => self.schema = field.zigzag_32()?,
            6 => self.zero_threshold = field.double()?,
            7 => self.zero_count = field.unsigned()?,
            8 => self.zero_count_float = field.double()?,
            9 => self.negative.spans.push(span(field.bytes()?)?),
            10 => field.push_zigzags(&mut self.negative.deltas)?,
            11 => field.push_doubles(&mut self.negative.counts)?,
            12 => self.positive.spans.push(span(field.bytes()?)?),
            13 => field.push_zigzags(&mut self.positive.deltas)?,
            14 => field.push_doubles(&mut self.positive.counts)?,
            _ => {}
        }
        Ok(TooMany::check(0, self.buckets())?)
    }

    /// The number of its buckets and spans.
    pub(super) fn buckets(&self) -> usize {
        let of = |buckets: &Buckets| buckets.spans.len() + buckets.deltas.len() + buckets.counts.len();
        of(&self.negative) + of(&self.positive)
    }

    /// Whether there is a native histogram. One without observations has an empty span, by which it is known.
    pub(super) fn is_native(&self) -> bool {
        self.zero_threshold > 0.0
            || self.zero_count > 0
            || self.zero_count_float > 0.0
            || !self.negative.spans.is_empty()
            || !self.positive.spans.is_empty()
    }

    /// The histogram with these counts of observations, which is one of floats if the second is set, and this sum.
    pub(super) fn histogram(
        self,
        count: u64,
        count_float: f64,
        sum: f64,
        is_gauge: bool,
    ) -> Result<Histogram, &'static str> {
        let Self { schema, zero_threshold, zero_count, zero_count_float, negative, positive } = self;
        let is_float = count_float > 0.0 || zero_count_float > 0.0;
        checked(Histogram {
            count: Some(if is_float { Count::Float(count_float) } else { Count::Int(count) }),
            sum,
            schema,
            zero_threshold,
            zero_count: Some(if is_float {
                ZeroCount::Float(zero_count_float)
            } else {
                ZeroCount::Int(zero_count)
            }),
            negative_spans: negative.spans,
            negative_deltas: negative.deltas,
            negative_counts: negative.counts,
            positive_spans: positive.spans,
            positive_deltas: positive.deltas,
            positive_counts: positive.counts,
            reset_hint: if is_gauge { GAUGE } else { 0 },
            custom_values: Vec::new(),
        })
    }
}

/// `histogram` without the counts of another kind than its own.
///
/// # Errors
/// Why no receiver accepts it.
pub(crate) fn checked(mut histogram: Histogram) -> Result<Histogram, &'static str> {
    if histogram.schema != CUSTOM_BUCKETS && !SCHEMAS.contains(&histogram.schema) {
        return Err("expected a schema from -4 to 52, or -53");
    }
    if matches!(histogram.count, Some(Count::Float(_))) {
        histogram.negative_deltas.clear();
        histogram.positive_deltas.clear();
    } else {
        histogram.negative_counts.clear();
        histogram.positive_counts.clear();
    }
    for (spans, buckets) in [
        (&histogram.negative_spans, histogram.negative_deltas.len() + histogram.negative_counts.len()),
        (&histogram.positive_spans, histogram.positive_deltas.len() + histogram.positive_counts.len()),
    ] {
        if spans.iter().map(|span| u64::from(span.length)).sum::<u64>() != buckets as u64 {
            return Err("expected as many buckets as its spans have");
        }
    }
    Ok(histogram)
}

/// Reads a message `BucketSpan`.
pub(crate) fn span(message: &[u8]) -> Result<BucketSpan, InvalidWire> {
    let mut span = BucketSpan { offset: 0, length: 0 };
    let mut fields = Fields::of(message);
    while let Some((tag, field)) = fields.next()? {
        match tag {
            1 => span.offset = field.zigzag_32()?,
            2 => span.length = u32::try_from(field.unsigned()?).map_err(|_| InvalidWire::Format)?,
            _ => {}
        }
    }
    Ok(span)
}
