//! Reduction of native histograms, against buckets as plain ranges.

use std::collections::BTreeMap;

use proptest::prelude::*;
use prost::Message as _;
use remote_write::Histogram;
use remote_write::histogram::{BucketSpan, Count, ZeroCount};

/// The counts of one side by the indices of its buckets.
type Buckets = BTreeMap<i32, u64>;

fn spans(buckets: &Buckets) -> Vec<BucketSpan> {
    let mut spans: Vec<BucketSpan> = Vec::new();
    let mut next = 0;
    for &index in buckets.keys() {
        match spans.last_mut() {
            Some(span) if index == next => span.length += 1,
            _ => spans.push(BucketSpan { offset: index - next, length: 1 }),
        }
        next = index + 1;
    }
    spans
}

fn deltas(buckets: &Buckets) -> Vec<i64> {
    let counts: Vec<i64> = buckets.values().map(|&count| i64::try_from(count).unwrap()).collect();
    std::iter::once(0).chain(counts.clone()).zip(counts).map(|(before, count)| count - before).collect()
}

#[expect(clippy::cast_precision_loss, reason = "the counts are small")]
fn floats(buckets: &Buckets) -> Vec<f64> {
    buckets.values().map(|&count| count as f64).collect()
}

fn histogram(schema: i32, positive: &Buckets, negative: &Buckets, is_float: bool) -> Histogram {
    let count: u64 = positive.values().chain(negative.values()).sum();
    let mut histogram = Histogram {
        sum: 1.5,
        schema,
        zero_threshold: 1e-9,
        positive_spans: spans(positive),
        negative_spans: spans(negative),
        ..Histogram::default()
    };
    if is_float {
        histogram.count = Some(Count::Float(floats(&BTreeMap::from([(0, count)]))[0]));
        histogram.zero_count = Some(ZeroCount::Float(0.0));
        (histogram.positive_counts, histogram.negative_counts) = (floats(positive), floats(negative));
    } else {
        histogram.count = Some(Count::Int(count));
        histogram.zero_count = Some(ZeroCount::Int(0));
        (histogram.positive_deltas, histogram.negative_deltas) = (deltas(positive), deltas(negative));
    }
    histogram
}

/// The same observations `by` schemas lower. The bucket `i` of a schema ends at `2^(i / 2^schema)`, so the one that contains
/// it ends at the next multiple of `2^by`.
fn lower(buckets: &Buckets, by: u32) -> Buckets {
    let mut lower = Buckets::new();
    for (&index, &count) in buckets {
        let width = 1 << by;
        let end = index + (-index).rem_euclid(width);
        *lower.entry(end / width).or_default() += count;
    }
    lower
}

fn is_within_the_limits(histogram: &Histogram) -> bool {
    let buckets = histogram.positive_deltas.len()
        + histogram.negative_deltas.len()
        + histogram.positive_counts.len()
        + histogram.negative_counts.len();
    // With the longest timestamps.
    histogram.schema <= 8 && buckets <= 200 && histogram.encoded_len() + 23 <= 2_048
}

fn buckets() -> impl Strategy<Value = Buckets> {
    prop_oneof![
        prop::collection::btree_map(-2_000..2_000i32, 0..9u64, 0..300),
        // Without gaps.
        (-500..500i32, prop::collection::vec(0..1_000u64, 0..600))
            .prop_map(|(start, counts)| { (start..).zip(counts).collect() }),
    ]
}

proptest! {
    #[test]
    fn the_resolution_is_the_highest_within_the_limits(
        (positive, negative) in (buckets(), buckets()),
        schema in -4..12i32,
        is_float in any::<bool>(),
    ) {
        let given = histogram(schema, &positive, &negative, is_float);
        let expected = (0..).zip((-4..=schema).rev()).map(|(by, schema)| {
            histogram(schema, &lower(&positive, by), &lower(&negative, by), is_float)
        });
        let expected = expected.clone().find(is_within_the_limits).or(expected.last()).unwrap();
        let reduced = given.within_limits();
        prop_assert_eq!(reduced, expected);
    }

    #[test]
    fn no_histogram_makes_the_reduction_panic(
        spans in prop::collection::vec((any::<i32>(), 0..300u32), 0..20),
        deltas in prop::collection::vec(any::<i64>(), 0..400),
        schema in any::<i32>(),
        fits in any::<bool>(),
    ) {
        let spans: Vec<_> = spans.into_iter().map(|(offset, length)| BucketSpan { offset, length }).collect();
        let needed: u32 = spans.iter().map(|span| span.length).sum();
        let deltas = if fits { deltas.into_iter().cycle().take(needed as usize).collect() } else { deltas };
        // Schemas that are not exponential cannot be reduced, and huge ones take long.
        let schema = schema % 100;
        let given = Histogram { schema, positive_spans: spans, positive_deltas: deltas, ..Histogram::default() };
        let reduced = given.clone().within_limits();
        prop_assert!(reduced == given || reduced.schema < given.schema);
    }
}

#[test]
fn a_histogram_of_another_kind_is_unchanged() {
    let many: Buckets = (0..300).map(|index| (index, 1)).collect();
    // Custom buckets, and fewer buckets than spans.
    let custom = histogram(-53, &many, &Buckets::new(), false);
    assert_eq!(custom.clone().within_limits(), custom);
    let mut invalid = histogram(8, &many, &Buckets::new(), false);
    invalid.positive_deltas.pop();
    assert_eq!(invalid.clone().within_limits(), invalid);
}
