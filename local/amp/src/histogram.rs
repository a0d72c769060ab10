//! The rules for native histograms: Cortex's limits, then Prometheus's `Histogram.Validate`.

use std::collections::BTreeMap;

use prometheus_proto::histogram::{Count, ZeroCount};
use prometheus_proto::{BucketSpan, Histogram, Label};
use prost::Message as _;

use super::text::{metric, number, short};

/// AMP quotas: "Native histogram buckets". More are merged as far as the schema allows.
const MAX_BUCKETS: usize = 200;

/// AMP quotas: "Native histogram sample size", in bytes of protobuf.
const MAX_BYTES: usize = 2_048;

const SCHEMAS: std::ops::RangeInclusive<i32> = -4..=8;

const CUSTOM_BUCKETS: i32 = -53;

/// The histogram that is stored, which has a lower resolution if it came with too many buckets.
pub(super) fn check(labels: &[Label], histogram: &Histogram) -> Result<Histogram, String> {
    let series = || short(&metric(labels));
    let bytes = histogram.encoded_len();
    if bytes > MAX_BYTES {
        return Err(format!(
            "native histogram sample size bytes exceeded for metric (actual: {bytes}, limit: {MAX_BYTES}) metric: {}",
            series()
        ));
    }
    let schema = histogram.schema;
    if schema != CUSTOM_BUCKETS && !SCHEMAS.contains(&schema) {
        return Err(format!(
            "invalid native histogram schema {schema} for metric: {}. supported schema from {} to {}",
            series(),
            SCHEMAS.start(),
            SCHEMAS.end()
        ));
    }
    validate(histogram)
        .map_err(|why| format!("invalid native histogram, validation err: {why}, metric: {}", series()))?;
    let mut histogram = histogram.clone();
    while bucket_count(&histogram) > MAX_BUCKETS {
        if histogram.schema <= *SCHEMAS.start() {
            let series = series();
            return Err(format!(
                "native histogram bucket count exceeded for metric (limit: {MAX_BUCKETS}) metric: {series}"
            ));
        }
        halve_resolution(&mut histogram);
    }
    Ok(histogram)
}

fn validate(histogram: &Histogram) -> Result<(), String> {
    let negative = Side::negative(histogram);
    let positive = Side::positive(histogram);
    let below = if histogram.schema == CUSTOM_BUCKETS {
        custom_buckets(histogram, &positive)?;
        0
    } else {
        positive.spans_fit("positive side", 1)?;
        negative.spans_fit("negative side", 1)?;
        let below = negative.observations()?;
        if let Some(ZeroCount::ZeroCountFloat(count)) = histogram.zero_count
            && count < 0.0
        {
            return Err(format!("zero bucket has observation count of {}: {NEGATIVE_BUCKET}", number(count)));
        }
        if !histogram.custom_values.is_empty() {
            return Err("histogram with exponential schema must not have custom bounds".to_owned());
        }
        below
    };
    match histogram.count {
        Some(Count::CountFloat(count)) if count < 0.0 => {
            let count = number(count);
            Err(format!("observation count is  {count}: histogram's observation count is negative"))
        }
        Some(Count::CountFloat(_)) => positive.observations().map(|_| ()),
        count => {
            let above = positive.observations()?;
            let zero = match histogram.zero_count {
                Some(ZeroCount::ZeroCountInt(count)) => count,
                _ => 0,
            };
            let count = if let Some(Count::CountInt(count)) = count { count } else { 0 };
            count_is_right(histogram.sum, count, below + above + i128::from(zero))
        }
    }
}

/// The rules for buckets with upper bounds of their own, of which the last one, +Inf, is not written.
fn custom_buckets(histogram: &Histogram, positive: &Side<'_>) -> Result<(), String> {
    let bounds = &histogram.custom_values;
    if bounds.iter().any(|bound| bound.is_nan()) {
        return Err("custom buckets: histogram custom bounds must not be NaN".to_owned());
    }
    if let Some(pair) = bounds.windows(2).find(|pair| pair[1] <= pair[0]) {
        let [before, after] = [pair[0], pair[1]]
            .map(|bound| if bound.is_finite() { format!("{bound:.6}") } else { number(bound) });
        return Err(format!(
            "custom buckets: previous bound is {before} and current is {after}: histogram custom bounds must be in \
             strictly increasing order"
        ));
    }
    if bounds.last() == Some(&f64::INFINITY) {
        return Err(
            "custom buckets: last +Inf bound must not be explicitly defined: histogram custom bounds must be finite"
                .to_owned(),
        );
    }
    positive.spans_fit("custom buckets", 0)?;
    let length = |span: &BucketSpan| i64::from(span.length) + i64::from(span.offset);
    let length: i64 = positive.spans.iter().map(length).sum();
    if i64::try_from(bounds.len() + 1).is_ok_and(|buckets| buckets < length) {
        return Err(format!(
            "custom buckets: only {} custom bounds defined which is insufficient to cover total span length of {length}: \
             histogram custom bounds are too few",
            bounds.len()
        ));
    }
    let has_zeros = match histogram.zero_count {
        Some(ZeroCount::ZeroCountInt(count)) => count != 0,
        Some(ZeroCount::ZeroCountFloat(count)) => count != 0.0,
        None => false,
    };
    let excess = [
        (has_zeros, "have zero count of 0"),
        (histogram.zero_threshold != 0.0, "have zero threshold of 0"),
        (!histogram.negative_spans.is_empty(), "not have negative spans"),
        (
            !histogram.negative_deltas.is_empty() || !histogram.negative_counts.is_empty(),
            "not have negative buckets",
        ),
    ];
    match excess.iter().find(|(is_there, _)| *is_there) {
        Some((_, rule)) => Err(format!("custom buckets: must {rule}")),
        None => Ok(()),
    }
}

/// An observation of NaN is in no bucket.
fn count_is_right(sum: f64, count: u64, observations: i128) -> Result<(), String> {
    let why = match (sum.is_nan(), observations.cmp(&i128::from(count))) {
        (true, std::cmp::Ordering::Greater) => {
            "histogram's observation count should be at least the number of observations found in the buckets"
        }
        (true, _) | (false, std::cmp::Ordering::Equal) => return Ok(()),
        (false, _) => {
            "histogram's observation count should equal the number of observations found in the buckets (in absence \
             of NaN)"
        }
    };
    Err(format!("{observations} observations found in buckets, but the Count field is {count}: {why}"))
}

const NEGATIVE_BUCKET: &str = "histogram has a bucket whose observation count is negative";

/// The buckets above or below zero.
struct Side<'a> {
    name: &'static str,
    spans: &'a [BucketSpan],
    buckets: Buckets<'a>,
}

/// The counts of buckets: integers as differences from the bucket before, floats as they are.
enum Buckets<'a> {
    Deltas(&'a [i64]),
    Counts(&'a [f64]),
}

impl<'a> Side<'a> {
    fn positive(histogram: &'a Histogram) -> Self {
        let (deltas, counts) = (&histogram.positive_deltas, &histogram.positive_counts);
        let buckets = if is_float(histogram) { Buckets::Counts(counts) } else { Buckets::Deltas(deltas) };
        Self { name: "positive", spans: &histogram.positive_spans, buckets }
    }

    fn negative(histogram: &'a Histogram) -> Self {
        let (deltas, counts) = (&histogram.negative_deltas, &histogram.negative_counts);
        let buckets = if is_float(histogram) { Buckets::Counts(counts) } else { Buckets::Deltas(deltas) };
        Self { name: "negative", spans: &histogram.negative_spans, buckets }
    }

    /// From the span at `first` on, no offset is negative.
    fn spans_fit(&self, what: &str, first: usize) -> Result<(), String> {
        let backwards = self.spans.iter().enumerate().skip(first).find(|(_, span)| span.offset < 0);
        if let Some((position, span)) = backwards {
            return Err(format!(
                "{what}: span number {} with offset {}: histogram has a span whose offset is negative",
                position + 1,
                span.offset
            ));
        }
        let needed: u64 = self.spans.iter().map(|span| u64::from(span.length)).sum();
        let found = match self.buckets {
            Buckets::Deltas(deltas) => deltas.len(),
            Buckets::Counts(counts) => counts.len(),
        };
        if u64::try_from(found).is_ok_and(|found| found == needed) {
            return Ok(());
        }
        Err(format!(
            "{what}: spans need {needed} buckets, have {found} buckets: histogram spans specify different number of \
             buckets than provided"
        ))
    }

    /// The sum of integer buckets. That of floats may be inexact, so Prometheus does not compare it.
    fn observations(&self) -> Result<i128, String> {
        let negative = |position: usize, count: String| {
            let (name, number) = (self.name, position + 1);
            format!("{name} side: bucket number {number} has observation count of {count}: {NEGATIVE_BUCKET}")
        };
        match self.buckets {
            Buckets::Deltas(deltas) => {
                let (mut count, mut sum) = (0_i128, 0);
                for (position, delta) in deltas.iter().enumerate() {
                    count += i128::from(*delta);
                    if count < 0 {
                        return Err(negative(position, count.to_string()));
                    }
                    sum += count;
                }
                Ok(sum)
            }
            Buckets::Counts(counts) => match counts.iter().position(|count| *count < 0.0) {
                None => Ok(0),
                Some(position) => Err(negative(position, number(counts[position]))),
            },
        }
    }
}

fn is_float(histogram: &Histogram) -> bool {
    matches!(histogram.count, Some(Count::CountFloat(_)))
}

fn bucket_count(histogram: &Histogram) -> usize {
    if is_float(histogram) {
        histogram.positive_counts.len() + histogram.negative_counts.len()
    } else {
        histogram.positive_deltas.len() + histogram.negative_deltas.len()
    }
}

/// Native histograms, "Schema": a bucket of the next lower schema holds the buckets with indices 2i-1 and 2i.
fn halve_resolution(histogram: &mut Histogram) {
    histogram.schema -= 1;
    for (spans, deltas, counts) in [
        (&mut histogram.positive_spans, &mut histogram.positive_deltas, &mut histogram.positive_counts),
        (&mut histogram.negative_spans, &mut histogram.negative_deltas, &mut histogram.negative_counts),
    ] {
        let indices = indices(spans);
        let mut count = 0_i64;
        let absolute = deltas.iter().map(|delta| {
            count = count.saturating_add(*delta);
            count
        });
        let merged = merge(&indices, absolute, i64::saturating_add);
        let merged_floats = merge(&indices, counts.iter().copied(), |one, other| one + other);
        let kept: Vec<i32> = merged.keys().chain(merged_floats.keys()).copied().collect();
        *spans = spans_of(&kept);
        let mut before = 0;
        *deltas = merged.into_values().map(|count| count - std::mem::replace(&mut before, count)).collect();
        *counts = merged_floats.into_values().collect();
    }
}

/// The index of every bucket.
fn indices(spans: &[BucketSpan]) -> Vec<i32> {
    let mut next = 0_i32;
    let mut indices = Vec::new();
    for span in spans {
        next = next.saturating_add(span.offset);
        for _ in 0..span.length {
            indices.push(next);
            next = next.saturating_add(1);
        }
    }
    indices
}

fn merge<T: Copy>(indices: &[i32], counts: impl Iterator<Item = T>, add: fn(T, T) -> T) -> BTreeMap<i32, T> {
    let mut merged = BTreeMap::new();
    for (index, count) in indices.iter().zip(counts) {
        let target = index.saturating_add(1).div_euclid(2);
        merged.entry(target).and_modify(|sum| *sum = add(*sum, count)).or_insert(count);
    }
    merged
}

fn spans_of(indices: &[i32]) -> Vec<BucketSpan> {
    let mut spans: Vec<BucketSpan> = Vec::new();
    let mut next = 0;
    for index in indices {
        match spans.last_mut() {
            Some(span) if *index == next => span.length += 1,
            _ => spans.push(BucketSpan { offset: index - next, length: 1 }),
        }
        next = index + 1;
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(offset: i32, length: u32) -> BucketSpan {
        BucketSpan { offset, length }
    }

    /// Native histograms, "Schema": of schema 1, the buckets (1, 2] with indices 1 and 2 become one of schema 0 with index 1.
    #[test]
    fn buckets_of_a_lower_schema_hold_pairs() {
        let mut histogram = Histogram {
            schema: 1,
            positive_spans: vec![span(-1, 3), span(2, 2)],
            positive_deltas: vec![1, 1, 1, 1, 1],
            ..Histogram::default()
        };
        halve_resolution(&mut histogram);
        // -1 and 0 (1 and 2) become 0; 1 (3) becomes 1; 4 (4) becomes 2; 5 (5) becomes 3.
        assert_eq!(histogram.schema, 0);
        assert_eq!(histogram.positive_spans, [span(0, 4)]);
        assert_eq!(histogram.positive_deltas, [3, 0, 1, 1]);
    }
}
