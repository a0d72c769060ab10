//! Write requests of both versions, encoded by the generated messages.

mod support;

use std::fmt::Write as _;

use formats::Format;
use prometheus_proto::histogram::{Count, ZeroCount};
use prometheus_proto::{BucketSpan, Histogram, Label, MetricMetadata, Sample, TimeSeries, WriteRequest, v2};
use proptest::prelude::*;
use prost::Message as _;
use remote_write::STALE_NAN;

use support::{NOW_MS, Read, read};

fn sample(value: f64) -> Sample {
    Sample { value, timestamp: NOW_MS }
}

fn series(labels: &[(&str, &str)], samples: &[Sample]) -> TimeSeries {
    let label = |&(name, value): &(&str, &str)| Label { name: name.to_owned(), value: value.to_owned() };
    TimeSeries { labels: labels.iter().map(label).collect(), samples: samples.to_vec(), histograms: vec![] }
}

fn native() -> Histogram {
    Histogram {
        count: Some(Count::CountInt(4)),
        sum: 2.5,
        schema: 3,
        zero_threshold: 1e-128,
        zero_count: Some(ZeroCount::ZeroCountInt(1)),
        positive_spans: vec![BucketSpan { offset: -2, length: 2 }],
        positive_deltas: vec![1, 1],
        timestamp: NOW_MS,
        ..Histogram::default()
    }
}

fn request(timeseries: Vec<TimeSeries>) -> Vec<u8> {
    WriteRequest { timeseries, metadata: vec![] }.encode_to_vec()
}

/// The same series in version 2.0.
fn request_2(timeseries: &[TimeSeries]) -> v2::Request {
    let mut symbols = vec![String::new()];
    let mut symbol = |text: &str| {
        let known = symbols.iter().position(|known| known == text);
        let at = known.unwrap_or_else(|| {
            symbols.push(text.to_owned());
            symbols.len() - 1
        });
        u32::try_from(at).unwrap()
    };
    let mut all = Vec::new();
    for one in timeseries {
        let refs = one.labels.iter().flat_map(|label| [symbol(&label.name), symbol(&label.value)]).collect();
        all.push(v2::TimeSeries {
            labels_refs: refs,
            samples: one
                .samples
                .iter()
                .map(|&Sample { value, timestamp }| v2::Sample { value, timestamp, start_timestamp: 0 })
                .collect(),
            // The same fields.
            histograms: one
                .histograms
                .iter()
                .map(|histogram| v2::Histogram::decode(&*histogram.encode_to_vec()).unwrap())
                .collect(),
            ..v2::TimeSeries::default()
        });
    }
    v2::Request { symbols, timeseries: all }
}

/// Reads the same series in both versions, which give the same.
fn read_both(timeseries: &[TimeSeries]) -> Read {
    let one = read(Format::RemoteWrite1, &request(timeseries.to_vec())).unwrap();
    let two = read(Format::RemoteWrite2, &request_2(timeseries).encode_to_vec()).unwrap();
    assert_eq!(one, two);
    one
}

#[test]
fn labels_may_have_any_order() {
    let read =
        read_both(&[series(&[("z", "1"), ("__name__", "up"), ("a", ""), ("job", "größe")], &[sample(1.5)])]);
    assert_eq!(read.samples, [format!("up{{job=\"größe\",z=\"1\"}} 1.5 @{NOW_MS}")]);
    assert_eq!(read.refused, Vec::<(usize, String)>::new());
}

#[test]
fn a_native_histogram_is_read_as_it_is() {
    for histogram in [
        native(),
        Histogram {
            count: Some(Count::CountFloat(4.5)),
            zero_count: Some(ZeroCount::ZeroCountFloat(0.5)),
            negative_spans: vec![BucketSpan { offset: 7, length: 1 }],
            negative_counts: vec![4.0],
            positive_spans: vec![],
            positive_deltas: vec![],
            reset_hint: 3,
            ..native()
        },
        Histogram {
            schema: -53,
            zero_threshold: 0.0,
            zero_count: Some(ZeroCount::ZeroCountInt(0)),
            positive_spans: vec![BucketSpan { offset: 0, length: 2 }],
            custom_values: vec![0.1, 1e6],
            ..native()
        },
        Histogram {
            sum: STALE_NAN,
            count: Some(Count::CountInt(0)),
            timestamp: NOW_MS,
            ..Histogram::default()
        },
    ] {
        let one = TimeSeries { histograms: vec![histogram.clone()], ..series(&[("__name__", "h")], &[]) };
        let read = read_both(&[one]);
        let zero_count = histogram.zero_count.or(Some(ZeroCount::ZeroCountInt(0)));
        let expected = Histogram { zero_count, ..histogram }.encode_to_vec();
        let expected = remote_write::Histogram::decode(&*expected).unwrap();
        assert_eq!(read.histograms, [support::shown(&expected, NOW_MS)]);
    }
}

#[test]
fn a_schema_above_8_is_reduced() {
    let histogram = Histogram { schema: 52, positive_deltas: vec![1, 1], ..native() };
    let one = TimeSeries { histograms: vec![histogram], ..series(&[("__name__", "h")], &[]) };
    let read = read_both(&[one]);
    // The buckets -2 and -1 are both within the bucket 0 of any schema that is lower by two or more.
    for part in ["schema: 8", "BucketSpan { offset: 0, length: 1 }", "positive_deltas: [3]"] {
        assert!(read.histograms[0].contains(part), "{part}: {read:?}");
    }
}

#[test]
fn the_stale_marker_is_the_only_nan_that_keeps_its_bits() {
    let nans =
        [STALE_NAN, f64::NAN, f64::from_bits(0x7ff0_0000_0000_0003), f64::from_bits(0xfff8_0000_dead_beef)];
    let timeseries: Vec<_> =
        nans.iter().map(|&value| series(&[("__name__", "up")], &[sample(value)])).collect();
    let read = read_both(&timeseries);
    let normal = 0x7ff8_0000_0000_0001;
    assert_eq!(read.bits, [0x7ff0_0000_0000_0002, normal, normal, normal]);
}

#[test]
fn an_invalid_series_is_refused_alone() {
    let up = ("__name__", "up");
    let nameless = TimeSeries { samples: vec![sample(1.0); 3], ..series(&[("job", "j")], &[]) };
    let buckets = Histogram { positive_deltas: vec![1], ..native() };
    let future = Sample { value: 1.0, timestamp: NOW_MS + 60_001 };
    for (invalid, points, reason) in [
        (nameless, 3, "series 1: expected a label __name__"),
        (series(&[], &[sample(1.0)]), 1, "series 1: expected a label __name__"),
        (series(&[("__name__", "")], &[sample(1.0)]), 1, "series 1: expected a label __name__"),
        (
            series(&[up, ("a", "1"), ("a", "2")], &[sample(1.0)]),
            1,
            r#"series 1 of "up": expected label "a" once, got it twice"#,
        ),
        (
            series(&[up, ("__name__", "down")], &[sample(1.0)]),
            1,
            r#"series 1 of "up": expected label "__name__" once, got it twice"#,
        ),
        (
            series(&[up, ("a.b", "1"), ("a-b", "2")], &[sample(1.0)]),
            1,
            r#"series 1 of "up": names "a.b" and "a-b" are both "a_b" after escaping"#,
        ),
        (series(&[up, ("", "1")], &[sample(1.0)]), 1, r#"series 1 of "up": label name: name is empty"#),
        (
            series(&[("__name__", "温度")], &[sample(1.0)]),
            1,
            r#"series 1 of "温度": metric name: name "温度" would be nothing but underscores after escaping"#,
        ),
        (
            TimeSeries { histograms: vec![Histogram { schema: -5, ..native() }], ..series(&[up], &[]) },
            1,
            r#"series 1 of "up": native histogram: expected a schema from -4 to 52, or -53"#,
        ),
        (
            TimeSeries { histograms: vec![buckets, native()], ..series(&[up], &[]) },
            1,
            r#"series 1 of "up": native histogram: expected as many buckets as its spans have"#,
        ),
        (
            series(&[up], &[future, sample(1.0)]),
            1,
            r#"series 1 of "up": timestamp: expected at most 60s ahead of the clock, got 1676398077001, which is 60.001s ahead"#,
        ),
    ] {
        let all = invalid.samples.len() + invalid.histograms.len();
        let good = series(&[("__name__", "good")], &[sample(1.0)]);
        let read = read_both(&[good.clone(), invalid, good]);
        assert_eq!(read.refused, [(points, reason.to_owned())]);
        assert_eq!(read.samples.len() + read.histograms.len(), 2 + all - points, "{reason}");
    }
}

#[test]
fn symbols_that_are_missing_refuse_their_series() {
    let good = series(&[("__name__", "up"), ("job", "j")], &[sample(1.0)]);
    for (refs, reason) in [
        (vec![1, 9], "series 1: expected the index of one of 5 symbols, got 9"),
        (vec![1, u32::MAX], "series 1: expected the index of one of 5 symbols, got 4294967295"),
        (vec![1, 2, 3], "series 1: expected two symbols for each label, got 3"),
        (vec![1, 0], "series 1: expected a label __name__"),
    ] {
        let mut request = request_2(&[good.clone(), good.clone()]);
        request.timeseries[1].labels_refs = refs;
        let read = read(Format::RemoteWrite2, &request.encode_to_vec()).unwrap();
        assert_eq!((read.samples.len(), read.refused), (1, vec![(1, reason.to_owned())]));
    }
}

#[test]
fn texts_that_are_not_utf8_refuse_their_series() {
    let one = request(vec![series(&[("__name__", "up"), ("l", "xyz")], &[sample(1.0)])]);
    let two = request_2(&[series(&[("__name__", "up"), ("l", "xyz")], &[sample(1.0)])]).encode_to_vec();
    for (format, body) in [(Format::RemoteWrite1, one), (Format::RemoteWrite2, two)] {
        let at = body.windows(3).position(|three| three == b"xyz").unwrap();
        let body = [&body[..at], b"x\xffz", &body[at + 3..]].concat();
        let read = read(format, &body).unwrap();
        assert_eq!(read.refused.len(), 1);
        assert!(read.refused[0].1.ends_with("expected UTF-8"), "{read:?}");
    }
}

#[test]
fn a_message_of_the_other_version_is_invalid() {
    let timeseries = [series(&[("__name__", "up")], &[sample(1.0)])];
    let reason = read(Format::RemoteWrite2, &request(timeseries.to_vec())).unwrap_err();
    assert_eq!(reason, "expected a message io.prometheus.write.v2.Request, got prometheus.WriteRequest");
    let reason = read(Format::RemoteWrite1, &request_2(&timeseries).encode_to_vec()).unwrap_err();
    assert_eq!(reason, "expected a message prometheus.WriteRequest, got io.prometheus.write.v2.Request");
}

#[test]
fn metadata_is_by_family() {
    let metadata = |metric_type, family: &str, help: &str| MetricMetadata {
        r#type: metric_type,
        metric_family_name: family.to_owned(),
        help: help.to_owned(),
        unit: "seconds".to_owned(),
    };
    let families = vec![
        metadata(3, "h.x", "Größe."),
        metadata(1, "c_total", ""),
        metadata(99, "u", "x"),
        metadata(1, "", ""),
    ];
    let body = WriteRequest { timeseries: vec![], metadata: families }.encode_to_vec();
    let one = read(Format::RemoteWrite1, &body).unwrap().metadata;
    assert_eq!(
        one,
        [
            r#"Counter c_total "" "seconds""#,
            r#"Histogram h_x "Größe." "seconds""#,
            r#"Unknown u "x" "seconds""#
        ]
    );

    let names = ["h_bucket", "h_count", "s_sum", "g_sum", "plain"];
    let timeseries: Vec<_> = names.iter().map(|name| series(&[("__name__", name)], &[sample(1.0)])).collect();
    let mut request = request_2(&timeseries);
    request.symbols.extend(["Of it.".to_owned(), "bytes".to_owned()]);
    let (help_ref, unit_ref) = (
        u32::try_from(request.symbols.len()).unwrap() - 2,
        u32::try_from(request.symbols.len()).unwrap() - 1,
    );
    for (one, metric_type) in request.timeseries.iter_mut().zip([3, 3, 5, 2, 0]) {
        let is_described = metric_type > 0;
        one.metadata = is_described.then_some(v2::Metadata { r#type: metric_type, help_ref, unit_ref });
    }
    let two = read(Format::RemoteWrite2, &request.encode_to_vec()).unwrap().metadata;
    assert_eq!(
        two,
        [
            r#"Gauge g_sum "Of it." "bytes""#,
            r#"Histogram h "Of it." "bytes""#,
            r#"Summary s "Of it." "bytes""#
        ]
    );
}

#[test]
fn exemplars_are_counted_and_start_timestamps_are_kept() {
    let mut request = request_2(&[
        series(&[("__name__", "up")], &[sample(1.0), sample(2.0)]),
        TimeSeries { histograms: vec![native()], ..series(&[("__name__", "h")], &[]) },
        // Nothing but an exemplar.
        series(&[], &[]),
    ]);
    request.timeseries[0].samples[0].start_timestamp = NOW_MS - 1;
    request.timeseries[1].histograms[0].start_timestamp = NOW_MS - 2;
    for one in &mut request.timeseries {
        one.exemplars = vec![v2::Exemplar::default(); 2];
    }
    let two = read(Format::RemoteWrite2, &request.encode_to_vec()).unwrap();
    assert_eq!((two.exemplars, two.starts, two.refused.len()), (6, vec![NOW_MS - 1, NOW_MS - 2], 0));

    // Version 1.0 has exemplars as field 3 of a series.
    let mut one = series(&[("__name__", "up")], &[sample(1.0)]).encode_to_vec();
    one.extend([0x1a, 0]);
    let mut body = vec![0x0a, u8::try_from(one.len()).unwrap()];
    body.extend(one);
    assert_eq!(read(Format::RemoteWrite1, &body).unwrap().exemplars, 1);
}

#[test]
fn a_request_with_too_much_is_invalid() {
    let many = |count: usize| vec![sample(1.0); count];
    let wide: Vec<_> = (0..201).map(|at| (format!("l{at}"), "x")).collect();
    let wide: Vec<_> =
        wide.iter().map(|(name, value)| (&**name, *value)).chain([("__name__", "up")]).collect();
    let limit = "protobuf parsing error in the write request: expected at most 50000 samples with 200000 labels and \
                 buckets in a body, got more";
    for timeseries in [
        vec![series(&[("__name__", "up")], &many(50_001))],
        vec![series(&wide, &many(1_000))],
        // Texts of gigabytes, if each sample had one.
        vec![series(&[("__name__", &"a.".repeat(500_000))], &many(1_000))],
        vec![series(&[("__name__", "up"), (&"a.".repeat(500_000), "x")], &many(1_000))],
        vec![series(&[("__name__", "up"), ("a", &"x".repeat(990_000))], &many(1_000))],
        vec![TimeSeries {
            histograms: vec![Histogram { positive_deltas: vec![0; 200_001], ..native() }],
            ..series(&[("__name__", "h")], &[])
        }],
    ] {
        assert_eq!(read(Format::RemoteWrite1, &request(timeseries.clone())).unwrap_err(), limit);
        assert_eq!(read(Format::RemoteWrite2, &request_2(&timeseries).encode_to_vec()).unwrap_err(), limit);
    }
    let symbols = (0..200_001).map(|_| String::new()).collect();
    let body = v2::Request { symbols, timeseries: vec![] }.encode_to_vec();
    assert_eq!(read(Format::RemoteWrite2, &body).unwrap_err(), limit);
}

#[test]
fn reasons_are_bounded() {
    let name = "é\n".repeat(1_000_000);
    let read = read_both(&[series(&[("__name__", &name), ("a", "1"), ("a", "1")], &[sample(1.0)])]);
    let reason = &read.refused[0].1;
    assert!(reason.len() < 1_000 && reason.lines().count() == 1, "{reason}");
}

/// The generated messages leave out -0.0, as if it were 0.
fn unsigned(value: f64) -> f64 {
    if value == 0.0 { 0.0 } else { value }
}

fn any_series() -> impl Strategy<Value = TimeSeries> {
    let label = ("[a-z]{1,3}", ".{0,4}");
    let value = prop_oneof![any::<f64>().prop_map(unsigned), Just(STALE_NAN)];
    let sample =
        (value, NOW_MS - 1_000_000..NOW_MS).prop_map(|(value, timestamp)| Sample { value, timestamp });
    let histogram = (0_i64..9, -4..9, NOW_MS - 9..NOW_MS).prop_map(|(delta, schema, timestamp)| Histogram {
        positive_deltas: vec![delta, -delta],
        schema,
        timestamp,
        ..native()
    });
    let labels = prop::collection::btree_map(label.0, label.1, 0..4);
    let all =
        (labels, "[a-z:]{1,3}", prop::collection::vec(sample, 0..4), prop::collection::vec(histogram, 0..3));
    all.prop_map(|(labels, name, samples, histograms)| {
        let mut pairs: Vec<_> = labels.iter().map(|(n, v)| (&**n, &**v)).collect();
        pairs.push(("__name__", &name));
        TimeSeries { histograms, ..series(&pairs, &samples) }
    })
}

proptest! {
    #[test]
    fn valid_series_are_read_as_the_generated_messages(timeseries in prop::collection::vec(any_series(), 0..5)) {
        let read = read_both(&timeseries);
        prop_assert!(read.refused.is_empty());
        let mut expected = Vec::new();
        for one in &timeseries {
            let mut labels: Vec<_> = one.labels.iter().filter(|label| !label.value.is_empty()).collect();
            labels.sort_by(|a, b| a.name.cmp(&b.name));
            let (names, labels): (Vec<_>, Vec<_>) = labels.into_iter().partition(|label| label.name == "__name__");
            let mut text = format!("{}{{", names[0].value);
            for (at, label) in labels.iter().enumerate() {
                let _ = write!(text, "{}{}={:?}", if at > 0 { "," } else { "" }, label.name, label.value);
            }
            expected.extend(one.samples.iter().map(|sample| format!("{text}}} {} @{}", sample.value, sample.timestamp)));
        }
        prop_assert_eq!(read.samples, expected);
        prop_assert_eq!(read.histograms.len(), timeseries.iter().map(|one| one.histograms.len()).sum::<usize>());
    }

    #[test]
    fn no_bytes_cause_a_panic(bytes: Vec<u8>) {
        let _ = read(Format::RemoteWrite1, &bytes);
        let _ = read(Format::RemoteWrite2, &bytes);
    }

    #[test]
    fn a_message_that_is_cut_off_is_invalid_or_shorter(cut in 1_usize..200) {
        let timeseries = [series(&[("__name__", "up"), ("a", "b")], &[sample(1.0)]), series(&[("__name__", "x")], &[sample(2.0)])];
        let bodies = [(Format::RemoteWrite1, request(timeseries.to_vec())), (Format::RemoteWrite2, request_2(&timeseries).encode_to_vec())];
        for (format, body) in bodies {
            let read = read(format, &body[..body.len().saturating_sub(cut)]);
            prop_assert!(read.is_err() || read.unwrap().samples.len() < 2);
        }
    }
}
