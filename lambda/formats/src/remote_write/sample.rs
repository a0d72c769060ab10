//! Samples, which both versions have alike.

use remote_write::histogram::{Count, ZeroCount};
use remote_write::{Histogram, STALE_NAN, Value};

use crate::exposition::native::span;
use crate::limits::TooMany;
use crate::wire::Fields;
use crate::wire::InvalidWire;

/// A value at an instant.
#[derive(Debug)]
pub(super) struct Read<T> {
    pub(super) value: T,
    pub(super) timestamp_ms: i64,
    /// 0 is unknown.
    pub(super) start_ms: i64,
}

/// Reads `Sample { double value = 1; int64 timestamp = 2; int64 start_timestamp = 3; }`.
pub(super) fn float(message: &[u8]) -> Result<Read<Value>, InvalidWire> {
    let (mut value, mut timestamp_ms, mut start_ms) = (0.0, 0, 0);
    let mut fields = Fields::of(message);
    while let Some((tag, field)) = fields.next()? {
        match tag {
            1 => value = field.double()?,
            2 => timestamp_ms = field.signed()?,
            3 => start_ms = field.signed()?,
            _ => {}
        }
    }
    let value = if is_stale(value) { Value::stale() } else { Value::float(value) };
    Ok(Read { value, timestamp_ms, start_ms })
}

/// Reads a message `Histogram`, whose fields are those of [`Histogram`], `timestamp = 15` and `start_timestamp = 17`.
pub(super) fn histogram(message: &[u8]) -> Result<Read<Histogram>, InvalidWire> {
    let mut read = Read { value: Histogram::default(), timestamp_ms: 0, start_ms: 0 };
    let mut fields = Fields::of(message);
    while let Some((tag, field)) = fields.next()? {
        let value = &mut read.value;
        match tag {
            1 => value.count = Some(Count::Int(field.unsigned()?)),
            2 => value.count = Some(Count::Float(field.double()?)),
            3 => value.sum = field.double()?,
            4 => value.schema = field.zigzag_32()?,
            5 => value.zero_threshold = field.double()?,
            6 => value.zero_count = Some(ZeroCount::Int(field.unsigned()?)),
            7 => value.zero_count = Some(ZeroCount::Float(field.double()?)),
            8 => value.negative_spans.push(span(field.bytes()?)?),
            9 => field.push_zigzags(&mut value.negative_deltas)?,
            10 => field.push_doubles(&mut value.negative_counts)?,
            11 => value.positive_spans.push(span(field.bytes()?)?),
            12 => field.push_zigzags(&mut value.positive_deltas)?,
            13 => field.push_doubles(&mut value.positive_counts)?,
            14 => value.reset_hint = i32::try_from(field.signed()?).map_err(|_| InvalidWire::Format)?,
            15 => read.timestamp_ms = field.signed()?,
            16 => field.push_doubles(&mut value.custom_values)?,
            17 => read.start_ms = field.signed()?,
            _ => {}
        }
        TooMany::check(0, buckets(value))?;
    }
    Ok(read)
}

/// Whether a value, or the sum of a histogram, is the stale marker.
pub(super) fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE_NAN.to_bits()
}

/// The number of buckets, bounds and spans.
pub(super) fn buckets(histogram: &Histogram) -> usize {
    let Histogram { negative_spans, negative_deltas, negative_counts, .. } = histogram;
    let Histogram { positive_spans, positive_deltas, positive_counts, .. } = histogram;
    let negative = negative_spans.len() + negative_deltas.len() + negative_counts.len();
    let positive = positive_spans.len() + positive_deltas.len() + positive_counts.len();
    negative + positive + histogram.custom_values.len()
}
