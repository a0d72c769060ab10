//! Properties of requests, for any samples in any order: a receiver reads each series complete, in order, with the last
//! value of every timestamp, and lanes never share a series.

// Each test file uses a part of what they share.
#[allow(dead_code)]
mod support;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use proptest::prelude::*;
use remote_write::{Histogram, NORMAL_NAN, PlannedRequest, Version, lanes};
use support::{Given, GivenValue, Received, decode, decode_2, group, histogram, message, receive};

fn samples() -> impl Strategy<Value = Vec<Given>> {
    let labels = prop::collection::btree_map("[a-zA-Z_][a-z0-9_]{0,6}", "\\PC{0,12}", 0..4)
        .prop_map(|map| map.into_iter().filter(|(name, _)| name != "__name__").collect::<Vec<_>>());
    let label_sets = prop::collection::vec(labels, 1..5);
    let float = prop_oneof![any::<f64>(), Just(f64::NAN), Just(0.0), Just(-0.0)].prop_map(GivenValue::Float);
    let histogram = (0..8u32, any::<f64>()).prop_filter_map("a sum", |(buckets, sum)| {
        // The sign of a sum of −0.0 is lost, which changes no sum.
        let sum = (!sum.is_nan()).then_some(sum + 0.0)?;
        Some(GivenValue::Histogram(Box::new(Histogram { sum, ..histogram(buckets) })))
    });
    let timestamp = prop_oneof![0..20i64, any::<i64>()];
    label_sets.prop_flat_map(move |sets| {
        // The series `h` has histograms, the others floats.
        let floats = ("[a-c]".boxed(), timestamp.clone(), float.clone());
        let histograms = (Just("h".to_owned()).boxed(), timestamp.clone(), histogram.clone());
        let sample = (0..sets.len(), prop_oneof![3 => floats, 1 => histograms]).prop_map(
            move |(set, (metric, timestamp_ms, value))| Given {
                metric,
                labels: sets[set].clone(),
                timestamp_ms,
                value,
            },
        );
        prop::collection::vec(sample, 0..120)
    })
}

fn versions() -> impl Strategy<Value = Version> {
    prop::sample::select(vec![Version::V1, Version::V2])
}

/// What has to arrive, computed in the plainest way.
fn expected(samples: &[Given]) -> BTreeMap<Vec<(String, String)>, BTreeMap<i64, u64>> {
    let mut series: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
    for sample in samples {
        let mut labels: BTreeMap<_, _> =
            sample.labels.iter().filter(|(_, value)| !value.is_empty()).cloned().collect();
        labels.insert("__name__".to_owned(), sample.metric.clone());
        let bits = match &sample.value {
            GivenValue::Float(value) if value.is_nan() => NORMAL_NAN.to_bits(),
            GivenValue::Float(value) => value.to_bits(),
            GivenValue::Histogram(histogram) => histogram.sum.to_bits(),
        };
        series.entry(labels.into_iter().collect()).or_default().insert(sample.timestamp_ms, bits);
    }
    series
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn every_sample_arrives_once_and_in_order(
        samples in samples(),
        max_bytes in 300usize..5_000,
        version in versions(),
    ) {
        let series = group(&samples);
        let mut received = Received::new();
        let mut lane_of_series = BTreeMap::new();
        let mut covered = 0;
        for (lane_at, lane) in lanes(&series.plan(series.samples(), max_bytes, version)).enumerate() {
            for PlannedRequest { samples: range, .. } in lane {
                prop_assert_eq!(range.start, covered, "every sample is in exactly one request");
                covered = range.end;
                let request = series.encode(&series.samples()[range.clone()], version);
                prop_assert!(request.decoded_len <= max_bytes);
                let decoded = decode(&request);
                let mut in_request = HashSet::new();
                for timeseries in &decoded.timeseries {
                    let labels: Vec<_> =
                        timeseries.labels.iter().map(|l| (l.name.clone(), l.value.clone())).collect();
                    prop_assert!(labels.windows(2).all(|w| w[0].0 < w[1].0), "sorted and unique: {:?}", labels);
                    prop_assert!(labels.iter().all(|(name, value)| !name.is_empty() && !value.is_empty()));
                    prop_assert!(in_request.insert(labels.clone()), "a series is in a request once");
                    prop_assert_eq!(*lane_of_series.entry(labels).or_insert(lane_at), lane_at);
                }
                receive(&mut received, &decoded);
            }
        }
        prop_assert_eq!(covered, samples.len());
        let expected: Received =
            expected(&samples).into_iter().map(|(labels, s)| (labels, s.into_iter().collect())).collect();
        prop_assert_eq!(received, expected);
    }

    #[test]
    fn the_bytes_are_those_of_the_generated_encoder(samples in samples()) {
        let series = group(&samples);
        let request = series.encode(series.samples(), Version::V1);
        let decoded = decode(&request);
        let has_negative_zero =
            decoded.timeseries.iter().flat_map(|t| &t.samples).any(|s| s.value.to_bits() == (-0.0f64).to_bits());
        // The generated encoder drops the sign of −0.0; everything else is the same to the byte.
        if !has_negative_zero {
            prop_assert_eq!(prost::Message::encode_to_vec(&decoded), message(&request));
            let request = series.encode(series.samples(), Version::V2);
            prop_assert_eq!(prost::Message::encode_to_vec(&decode_2(&request)), message(&request));
        }
    }

    #[test]
    fn both_versions_have_the_same_samples(samples in samples()) {
        let series = group(&samples);
        let [first, second] = [Version::V1, Version::V2].map(|version| series.encode(series.samples(), version));
        prop_assert_eq!((first.samples, first.series), (second.samples, second.series));
        // NaN is not equal to itself, but its bytes are.
        let bytes = |request| prost::Message::encode_to_vec(&decode(request));
        prop_assert_eq!(bytes(&first), bytes(&second));
    }

    #[test]
    fn symbols_are_unique_used_and_begin_with_none(samples in samples()) {
        let series = group(&samples);
        let request = decode_2(&series.encode(series.samples(), Version::V2));
        let used: BTreeSet<u32> = request.timeseries.iter().flat_map(|t| &t.labels_refs).copied().collect();
        prop_assert_eq!(&*request.symbols[0], "");
        prop_assert_eq!(used.into_iter().collect::<Vec<_>>(), (1..).take(request.symbols.len() - 1).collect::<Vec<_>>());
        prop_assert_eq!(request.symbols.iter().collect::<BTreeSet<_>>().len(), request.symbols.len());
    }

    #[test]
    fn requests_are_as_few_as_the_bytes_allow(samples in samples(), max_bytes in 600usize..5_000) {
        let series = group(&samples);
        let total = series.encoded_len(series.samples(), Version::V1);
        let requests = series.plan(series.samples(), max_bytes, Version::V1).len();
        // A cut series repeats its labels, and the last sample that did not fit leaves a gap: at most 300 bytes here.
        prop_assert!(requests <= total.div_ceil(max_bytes - 300), "{} requests for {} bytes", requests, total);
    }

    /// Symbols repeat in every request of 2.0, so its bytes alone do not decide how few there can be.
    #[test]
    fn a_request_takes_the_next_sample_if_it_fits(samples in samples(), max_bytes in 600usize..5_000, version in versions()) {
        let series = group(&samples);
        let all = series.samples();
        for lane in lanes(&series.plan(all, max_bytes, version)) {
            for pair in lane.windows(2) {
                let next = all[pair[1].samples.clone()].chunk_by(|a, b| b.supersedes(a)).next().unwrap().len();
                let more = pair[0].samples.start..pair[1].samples.start + next;
                prop_assert!(series.encoded_len(&all[more], version) > max_bytes);
            }
        }
    }
}
