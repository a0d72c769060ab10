//! Exponential histograms as native histograms.
//!
//! The index of a bucket is the next higher one, because a bucket of OTLP is numbered by its lower bound and a native one by
//! its upper bound: <https://opentelemetry.io/docs/specs/otel/metrics/data-model/#exponential-buckets>.

use remote_write::Histogram;
use remote_write::histogram::{BucketSpan, Count, ZeroCount};

use super::refusal::Refusal;
use crate::wire::{Fields, InvalidWire};

/// The highest resolution of native histograms. Those above it are merged.
const MAX_SCHEMA: i32 = 8;

/// The lowest one. Buckets cannot be divided.
const MIN_SCHEMA: i32 = -4;

/// The magnitude up to which Prometheus takes observations for zero if the sender does not set any.
const ZERO_THRESHOLD: f64 = 1e-128;

/// Gaps of up to this many buckets are filled with empty ones, which takes less than another span.
const MAX_GAP: i64 = 2;

/// The reset hint of a gauge.
const GAUGE: i32 = 3;

/// The fields of a data point that are of its buckets.
#[derive(Debug, Default)]
pub(super) struct Exponential {
    pub(super) count: u64,
    pub(super) sum: Option<f64>,
    pub(super) scale: i32,
    pub(super) zero_count: u64,
    pub(super) positive: Buckets,
    pub(super) negative: Buckets,
}

/// A message `Buckets`.
#[derive(Debug, Default)]
pub(super) struct Buckets {
    offset: i32,
    counts: Vec<u64>,
}

impl Buckets {
    /// Reads the fields of `message`.
    pub(super) fn read(&mut self, message: &[u8]) -> Result<(), InvalidWire> {
        let mut fields = Fields::of(message);
        while let Some((tag, field)) = fields.next()? {
            match tag {
                1 => self.offset = field.zigzag_32()?,
                2 => field.push_unsigned(&mut self.counts)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// The spans and the differences of counts, with 2^`merged` buckets as one.
    fn spans(&self, merged: u32) -> Result<(Vec<BucketSpan>, Vec<i64>), Refusal> {
        let (mut spans, mut deltas) = (Vec::<BucketSpan>::new(), Vec::new());
        // The bucket after the last one that has a place, and the count of that.
        let (mut next, mut before) = (0, 0);
        let mut buckets = (i64::from(self.offset)..).zip(&self.counts).peekable();
        while let Some((index, &count)) = buckets.next() {
            // Beyond 63 the sign is left.
            let merge = |index: i64| (index >> merged.min(63)) + 1;
            let index = merge(index);
            let mut count = Some(count);
            while let Some((_, &more)) = buckets.next_if(|&(other, _)| merge(other) == index) {
                count = count.and_then(|count| count.checked_add(more));
            }
            let count = count.and_then(|count| i64::try_from(count).ok()).ok_or(Refusal::Buckets)?;
            if count == 0 {
                continue;
            }
            i32::try_from(index).map_err(|_| Refusal::Buckets)?;
            let gap = index - next;
            match spans.last_mut() {
                Some(span) if gap <= MAX_GAP => {
                    for _ in 0..gap {
                        deltas.push(-before);
                        before = 0;
                        span.length += 1;
                    }
                    span.length += 1;
                }
                _ => {
                    let offset = i32::try_from(gap).map_err(|_| Refusal::Buckets)?;
                    spans.push(BucketSpan { offset, length: 1 });
                }
            }
            deltas.push(count - before);
            (next, before) = (index + 1, count);
        }
        Ok((spans, deltas))
    }
}

impl Exponential {
    /// The number of buckets.
    pub(super) fn buckets(&self) -> usize {
        self.positive.counts.len() + self.negative.counts.len()
    }

    /// The native histogram.
    pub(super) fn histogram(&self, is_gauge: bool) -> Result<Histogram, Refusal> {
        if self.scale < MIN_SCHEMA {
            return Err(Refusal::Scale(self.scale));
        }
        let merged = self.scale.saturating_sub(MAX_SCHEMA).max(0).unsigned_abs();
        let (positive_spans, positive_deltas) = self.positive.spans(merged)?;
        let (negative_spans, negative_deltas) = self.negative.spans(merged)?;
        Ok(Histogram {
            count: Some(Count::Int(self.count)),
            sum: self.sum.ok_or(Refusal::NoSum)?,
            schema: self.scale.min(MAX_SCHEMA),
            zero_threshold: ZERO_THRESHOLD,
            zero_count: Some(ZeroCount::Int(self.zero_count)),
            negative_spans,
            negative_deltas,
            negative_counts: Vec::new(),
            positive_spans,
            positive_deltas,
            positive_counts: Vec::new(),
            reset_hint: if is_gauge { GAUGE } else { 0 },
            custom_values: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The buckets of spans, by index, without empty ones.
    fn unfolded((spans, deltas): &(Vec<BucketSpan>, Vec<i64>)) -> Vec<(i64, i64)> {
        let (mut index, mut count, mut deltas) = (0_i64, 0, deltas.iter());
        let mut buckets = Vec::new();
        for span in spans {
            index += i64::from(span.offset);
            for _ in 0..span.length {
                count += deltas.next().expect("as many as the spans have");
                buckets.extend((count != 0).then_some((index, count)));
                index += 1;
            }
        }
        assert!(deltas.next().is_none());
        buckets
    }

    fn spans(offset: i32, counts: &[u64], merged: u32) -> (Vec<BucketSpan>, Vec<i64>) {
        Buckets { offset, counts: counts.to_vec() }.spans(merged).unwrap()
    }

    #[test]
    fn a_bucket_has_the_next_higher_index() {
        assert_eq!(unfolded(&spans(0, &[1, 2], 0)), [(1, 1), (2, 2)]);
        assert_eq!(unfolded(&spans(-3, &[4, 0, 5], 0)), [(-2, 4), (0, 5)]);
        assert_eq!(unfolded(&spans(i32::MIN, &[1], 0)), [(i64::from(i32::MIN) + 1, 1)]);
        assert_eq!(spans(5, &[0, 0], 0), (vec![], vec![]));
    }

    #[test]
    fn buckets_of_a_higher_scale_are_merged() {
        assert_eq!(unfolded(&spans(-3, &[1, 2, 4, 8, 16, 32], 1)), [(-1, 1), (0, 6), (1, 24), (2, 32)]);
        assert_eq!(unfolded(&spans(-2, &[1, 2, 4, 8], 63)), [(0, 3), (1, 12)]);
        assert_eq!(unfolded(&spans(-2, &[1, 2, 4, 8], u32::MAX)), [(0, 3), (1, 12)]);
    }

    #[test]
    fn a_gap_of_more_than_two_buckets_begins_a_span() {
        let (near, deltas) = spans(0, &[1, 0, 0, 2], 0);
        assert_eq!(near, [BucketSpan { offset: 1, length: 4 }]);
        assert_eq!(deltas, [1, -1, 0, 2]);
        let (far, deltas) = spans(0, &[1, 0, 0, 0, 2], 0);
        assert_eq!(far, [BucketSpan { offset: 1, length: 1 }, BucketSpan { offset: 3, length: 1 }]);
        assert_eq!(deltas, [1, 1]);
    }

    #[test]
    fn counts_and_indices_out_of_range_are_refused() {
        for (offset, counts, merged) in
            [(0, vec![u64::MAX], 0), (0, vec![u64::MAX, 1], 1), (i32::MAX - 1, vec![1, 1], 0)]
        {
            assert_eq!(Buckets { offset, counts }.spans(merged), Err(Refusal::Buckets));
        }
    }
}
