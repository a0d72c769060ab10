//! Protobuf, encoded by the generated messages.

use formats::Format;
use prometheus_proto::client::{
    Bucket, BucketSpan, Counter, Exemplar, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType,
    Quantile, Summary, Timestamp, Untyped,
};
use proptest::prelude::*;
use prost::Message as _;
use remote_write::NameEscaping;

use crate::{Read, read};

fn pushed(families: &[MetricFamily]) -> Result<Read, String> {
    let body: Vec<u8> = families.iter().flat_map(prost::Message::encode_length_delimited_to_vec).collect();
    read(Format::Protobuf, &body, NameEscaping::Underscores, &[("job", "j")])
}

fn family(name: &str, metric_type: MetricType, metric: Vec<Metric>) -> MetricFamily {
    MetricFamily {
        name: Some(name.to_owned()),
        r#type: Some(metric_type.into()),
        metric,
        ..MetricFamily::default()
    }
}

fn labels(pairs: &[(&str, &str)]) -> Vec<LabelPair> {
    let pair = |&(name, value): &(&str, &str)| LabelPair {
        name: Some(name.to_owned()),
        value: Some(value.to_owned()),
    };
    pairs.iter().map(pair).collect()
}

fn counter(value: f64) -> Metric {
    Metric { counter: Some(Counter { value: Some(value), ..Counter::default() }), ..Metric::default() }
}

fn gauge(value: f64) -> Metric {
    Metric { gauge: Some(Gauge { value: Some(value) }), ..Metric::default() }
}

fn bucket(upper_bound: f64, cumulative_count: u64) -> Bucket {
    Bucket { upper_bound: Some(upper_bound), cumulative_count: Some(cumulative_count), ..Bucket::default() }
}

fn histogram(histogram: Histogram) -> Vec<MetricFamily> {
    let metric = Metric { histogram: Some(histogram), ..Metric::default() };
    vec![family("h", MetricType::Histogram, vec![metric])]
}

/// A native histogram with two buckets.
fn native() -> Histogram {
    Histogram {
        sample_count: Some(3),
        sample_sum: Some(1.5),
        schema: Some(3),
        zero_threshold: Some(1e-128),
        zero_count: Some(0),
        positive_span: vec![BucketSpan { offset: Some(-2), length: Some(2) }],
        positive_delta: vec![1, 1],
        ..Histogram::default()
    }
}

#[test]
fn values_have_the_labels_of_metric_and_path() {
    let one = Metric { label: labels(&[("b", "x"), ("a", "größe"), ("job", "own")]), ..counter(3.0) };
    let two =
        Metric { untyped: Some(Untyped { value: Some(2.5) }), timestamp_ms: Some(12), ..Metric::default() };
    let described = MetricFamily {
        help: Some("Jobs.".to_owned()),
        unit: Some("jobs".to_owned()),
        ..family("c.total", MetricType::Counter, vec![one])
    };
    let families = [
        described,
        family("g", MetricType::Gauge, vec![gauge(-0.5)]),
        family("u", MetricType::Untyped, vec![two]),
    ];
    let read = pushed(&families).unwrap();
    assert_eq!(
        read.samples,
        ["c_total{a=\"größe\",b=\"x\",job=\"j\"} 3", "g{job=\"j\"} -0.5", "u{job=\"j\"} 2.5"]
    );
    assert_eq!(read.timestamps[1..], [1_676_398_017_000, 12]);
    assert_eq!(read.metadata, ["Counter c_total \"Jobs.\" \"jobs\"", "Gauge g \"\" \"\""]);
}

#[test]
fn a_classic_histogram_has_buckets_sum_and_count() {
    let exemplar = Some(Exemplar::default());
    let read = pushed(&histogram(Histogram {
        sample_count: Some(4),
        sample_sum: Some(55.5),
        bucket: vec![bucket(0.1, 1), Bucket { exemplar, ..bucket(1.0, 2) }, bucket(1e6, 3)],
        ..Histogram::default()
    }));
    let read = read.unwrap();
    let bucket = |le, value| format!("h_bucket{{job=\"j\",le=\"{le}\"}} {value}");
    let buckets = [bucket("0.1", 1), bucket("1", 2), bucket("1e+06", 3), bucket("+Inf", 4)];
    assert_eq!(read.samples[..4], buckets);
    assert_eq!(read.samples[4..], ["h_sum{job=\"j\"} 55.5", "h_count{job=\"j\"} 4"]);
    assert_eq!((read.points, read.exemplars), (1, 1), "it is delivered as a whole");
}

#[test]
fn float_counts_and_infinity_are_kept() {
    let infinite = Bucket { cumulative_count_float: Some(2.5), ..bucket(f64::INFINITY, 0) };
    let read = pushed(&histogram(Histogram {
        sample_count_float: Some(2.5),
        bucket: vec![infinite],
        ..Histogram::default()
    }));
    let expected = ["h_bucket{job=\"j\",le=\"+Inf\"} 2.5", "h_sum{job=\"j\"} 0", "h_count{job=\"j\"} 2.5"];
    assert_eq!(read.unwrap().samples, expected);
}

#[test]
fn a_summary_has_quantiles_sum_and_count() {
    let quantile = vec![Quantile { quantile: Some(0.5), value: Some(f64::NAN) }];
    let summary =
        Summary { sample_count: Some(1 << 60 | 1), sample_sum: Some(2.0), quantile, created_timestamp: None };
    let metric = Metric { summary: Some(summary), ..Metric::default() };
    let read = pushed(&[family("s", MetricType::Summary, vec![metric])]).unwrap();
    let expected =
        ["s{job=\"j\",quantile=\"0.5\"} NaN", "s_sum{job=\"j\"} 2", "s_count{job=\"j\"} 1152921504606847000"];
    assert_eq!(read.samples, expected);
    assert_eq!(read.inexact_values, 1);
}

#[test]
fn a_native_histogram_is_one_sample() {
    let read = pushed(&histogram(native())).unwrap();
    assert_eq!(read.samples.len(), 1, "{read:?}");
    let sample = &read.samples[0];
    for part in [
        "h{job=\"j\"} ",
        "Int(3)",
        "sum: 1.5",
        "schema: 3",
        "BucketSpan { offset: -2, length: 2 }",
        "positive_deltas: [1, 1]",
        "reset_hint: 0",
    ] {
        assert!(sample.contains(part), "{sample} has no {part}");
    }
}

#[test]
fn a_histogram_may_be_native_and_classic() {
    let read = pushed(&histogram(Histogram { bucket: vec![bucket(1.0, 2)], ..native() })).unwrap();
    let names: Vec<_> = read.samples.iter().map(|sample| sample.split('{').next().unwrap()).collect();
    assert_eq!(names, ["h", "h_bucket", "h_bucket", "h_sum", "h_count"]);
}

#[test]
fn a_float_histogram_and_a_gauge_are_marked() {
    let float = Histogram {
        sample_count_float: Some(3.5),
        zero_count_float: Some(0.5),
        positive_count: vec![1.0, 2.0],
        positive_delta: vec![],
        ..native()
    };
    let metric = Metric { histogram: Some(float), ..Metric::default() };
    let read = pushed(&[family("h", MetricType::GaugeHistogram, vec![metric])]).unwrap();
    for part in ["Float(3.5)", "Float(0.5)", "positive_counts: [1.0, 2.0]", "reset_hint: 3"] {
        assert!(read.samples[0].contains(part), "{:?} has no {part}", read.samples);
    }
}

#[test]
fn created_timestamps_are_start_timestamps() {
    let created_timestamp = Some(Timestamp { seconds: Some(12), nanos: Some(345_999_999) });
    let of = |metric_type, metric| family("m", metric_type, vec![metric]);
    let counter = Counter { created_timestamp, value: Some(1.0), ..Counter::default() };
    let summary = Summary { created_timestamp, ..Summary::default() };
    let histogram = Histogram { created_timestamp, bucket: vec![bucket(1.0, 2)], ..native() };
    for (family, samples) in [
        (of(MetricType::Counter, Metric { counter: Some(counter), ..Metric::default() }), 1),
        (of(MetricType::Summary, Metric { summary: Some(summary), ..Metric::default() }), 2),
        (of(MetricType::Histogram, Metric { histogram: Some(histogram), ..Metric::default() }), 5),
    ] {
        let read = pushed(&[family, self::family("g", MetricType::Gauge, vec![gauge(1.0)])]).unwrap();
        assert_eq!(read.starts, [vec![12_345; samples], vec![0]].concat());
        assert_eq!(read.points, 2, "a point has one start");
    }
    let created_timestamp = Some(Timestamp { seconds: Some(i64::MIN), nanos: Some(i32::MIN) });
    let counter = Counter { created_timestamp, ..Counter::default() };
    let read = pushed(&[of(MetricType::Counter, Metric { counter: Some(counter), ..Metric::default() })]);
    assert_eq!(read.unwrap().starts, [i64::MIN]);
}

#[test]
fn what_no_receiver_accepts_is_named() {
    let twice = [family("g", MetricType::Gauge, vec![gauge(1.0), gauge(2.0)])];
    let labelled = |name| Metric { label: labels(&[(name, "x"), (name, "y")]), ..gauge(1.0) };
    let explicit = Metric {
        label: labels(&[("le", "1")]),
        histogram: Some(Histogram { bucket: vec![bucket(1.0, 2)], ..Histogram::default() }),
        ..Metric::default()
    };
    for (families, reason) in [
        (
            twice.to_vec(),
            "pushed metrics are invalid or inconsistent with existing metrics: collected metric \"g\" { label:{name:\"instance\" value:\"\"} label:{name:\"job\" value:\"j\"} gauge:{value:2}} was collected before with the same name and label values",
        ),
        (
            vec![family("g", MetricType::Counter, vec![gauge(1.0)])],
            "pushed metrics are invalid or inconsistent with existing metrics: collected metric \"g\" { label:{name:\"instance\" value:\"\"} label:{name:\"job\" value:\"j\"} } is not a COUNTER",
        ),
        (vec![family("g", MetricType::Gauge, vec![labelled("a")])], "protobuf parsing error in message 1: "),
        (vec![family("g", MetricType::Gauge, vec![labelled("__name__")])], "label `__name__` is reserved"),
        (vec![family("", MetricType::Gauge, vec![gauge(1.0)])], "message 1: name is empty"),
        (vec![family("h", MetricType::Histogram, vec![explicit])], "must not have an explicit \"le\" label"),
        (histogram(Histogram { schema: Some(-5), ..native() }), "expected a schema from -4 to 52, or -53"),
        (histogram(Histogram { schema: Some(53), ..native() }), "expected a schema from -4 to 52, or -53"),
        (
            histogram(Histogram { positive_delta: vec![1], ..native() }),
            "expected as many buckets as its spans have",
        ),
        (
            vec![MetricFamily { r#type: Some(9), ..family("g", MetricType::Gauge, vec![]) }],
            "unknown metric type 9",
        ),
    ] {
        let found = pushed(&families).unwrap_err();
        assert!(found.contains(reason), "{found} is not {reason}");
    }
}

#[test]
fn many_buckets_under_many_labels_are_refused() {
    let names: Vec<_> = (0..2_000).map(|at| format!("l{at}")).collect();
    let pairs: Vec<_> = names.iter().map(|name| (&**name, "x")).collect();
    let buckets = (0..1_000_u32).map(|at| bucket(f64::from(at), 1)).collect();
    let metric = Metric {
        label: labels(&pairs),
        histogram: Some(Histogram { bucket: buckets, ..Histogram::default() }),
        ..Metric::default()
    };
    let reason = pushed(&[family("h", MetricType::Histogram, vec![metric])]).unwrap_err();
    assert!(reason.contains("50000 samples with 200000 labels"), "{reason}");
}

#[test]
fn a_long_name_of_many_histograms_is_refused() {
    let metric = Metric { histogram: Some(Histogram::default()), ..Metric::default() };
    let name = "h".repeat(1_000_000);
    let reason = pushed(&[family(&name, MetricType::Histogram, vec![metric; 1_000])]).unwrap_err();
    assert!(reason.contains("50000 samples with 200000 labels"), "{reason}");
}

proptest! {
    #[test]
    fn no_bytes_cause_a_panic(bytes: Vec<u8>) {
        let _ = read(Format::Protobuf, &bytes, NameEscaping::Values, &[]);
    }

    #[test]
    fn a_message_that_is_cut_off_is_invalid(cut in 1_usize..60) {
        let body = histogram(native())[0].encode_length_delimited_to_vec();
        let end = body.len().saturating_sub(cut).max(1);
        let reason = read(Format::Protobuf, &body[..end], NameEscaping::Reject, &[]).unwrap_err();
        prop_assert_eq!(reason, "protobuf parsing error in message 1: unexpected end of input");
    }
}
