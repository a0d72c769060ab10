//! The series of each type of metric.

use formats::{Format, OtlpDelta};
use prometheus_proto::otlp::any_value::Value::{
    ArrayValue, BoolValue, BytesValue, DoubleValue, IntValue, KvlistValue, StringValue,
};
use prometheus_proto::otlp::exponential_histogram_data_point::Buckets;
use prometheus_proto::otlp::metric::Data;
use prometheus_proto::otlp::number_data_point;
use prometheus_proto::otlp::summary_data_point::ValueAtQuantile;
use prometheus_proto::otlp::{
    self, AnyValue, Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, HistogramDataPoint,
    KeyValueList, Metric, NumberDataPoint, Summary, SummaryDataPoint,
};
use prost::Message as _;

use crate::{
    CUMULATIVE, DELTA, NOW, NOW_MS, attribute, double, gauge, histogram, integer, metric, read, read_metrics,
    request, sum, texts,
};

fn exponential(data_points: Vec<ExponentialHistogramDataPoint>) -> Metric {
    let data = ExponentialHistogram { data_points, aggregation_temporality: CUMULATIVE };
    metric("e", Data::ExponentialHistogram(data))
}

/// Four observations in two buckets, one of them zero.
fn exponential_point() -> ExponentialHistogramDataPoint {
    ExponentialHistogramDataPoint {
        time_unix_nano: NOW,
        count: 4,
        sum: Some(5.5),
        scale: 3,
        zero_count: 1,
        positive: Some(Buckets { offset: -1, bucket_counts: vec![2, 1] }),
        ..ExponentialHistogramDataPoint::default()
    }
}

fn histogram_point() -> HistogramDataPoint {
    HistogramDataPoint {
        time_unix_nano: NOW,
        count: 6,
        sum: Some(12.5),
        bucket_counts: vec![1, 2, 3],
        explicit_bounds: vec![0.5, 2_500_000.0],
        ..HistogramDataPoint::default()
    }
}

fn summary(data_point: SummaryDataPoint) -> Metric {
    metric("s", Data::Summary(Summary { data_points: vec![data_point] }))
}

fn summary_point() -> SummaryDataPoint {
    SummaryDataPoint {
        time_unix_nano: NOW,
        count: 3,
        sum: 4.5,
        quantile_values: vec![
            ValueAtQuantile { quantile: 0.5, value: 1.0 },
            ValueAtQuantile { quantile: 1.0, value: 2.0 },
        ],
        ..SummaryDataPoint::default()
    }
}

#[test]
fn numbers_are_counters_or_gauges() {
    let described =
        |metric: Metric| Metric { description: "Some help.".to_owned(), unit: "By".to_owned(), ..metric };
    let later = NumberDataPoint { time_unix_nano: NOW + 1_999_999, ..integer(-2) };
    let read = read_metrics(vec![
        described(metric("c", sum(true, CUMULATIVE, vec![integer(3)]))),
        metric("u", sum(false, CUMULATIVE, vec![later])),
        metric("g", gauge(vec![double(-0.5)])),
        metric("empty", gauge(vec![])),
        Metric { data: None, ..metric("none", gauge(vec![])) },
    ]);
    assert_eq!(read.samples, ["c_bytes_total{} 3", "u{} -2", "g{} -0.5"]);
    assert_eq!(read.timestamps, [NOW_MS, NOW_MS + 1, NOW_MS]);
    assert_eq!(
        read.metadata,
        ["Counter c_bytes_total \"Some help.\" \"bytes\"", "Gauge g \"\" \"\"", "Gauge u \"\" \"\"",]
    );
    assert_eq!(read.data_points, 3);
    assert_eq!(read.refused, []);
}

#[test]
fn a_histogram_has_cumulative_buckets() {
    let point = HistogramDataPoint { attributes: texts(&[("le", "own"), ("a", "x")]), ..histogram_point() };
    let read = read_metrics(vec![metric("h", histogram(CUMULATIVE, vec![point]))]);
    assert_eq!(
        read.samples,
        [
            "h_sum{a=\"x\",le=\"own\"} 12.5",
            "h_count{a=\"x\",le=\"own\"} 6",
            "h_bucket{a=\"x\",le=\"0.5\"} 1",
            "h_bucket{a=\"x\",le=\"2500000\"} 3",
            "h_bucket{a=\"x\",le=\"+Inf\"} 6",
        ]
    );
    assert_eq!(read.metadata, ["Histogram h \"\" \"\""]);
    assert_eq!((read.points, read.data_points), (1, 1), "it is delivered as a whole");
}

#[test]
fn a_histogram_may_have_no_sum_and_a_bound_of_infinity() {
    let point = HistogramDataPoint {
        sum: None,
        bucket_counts: vec![6, 0],
        explicit_bounds: vec![f64::INFINITY],
        ..histogram_point()
    };
    let read = read_metrics(vec![metric("h", histogram(CUMULATIVE, vec![point]))]);
    assert_eq!(read.samples, ["h_count{} 6", "h_bucket{le=\"+Inf\"} 6"]);
}

#[test]
fn an_exponential_histogram_is_a_native_one() {
    let read = read_metrics(vec![exponential(vec![exponential_point()])]);
    let [sample] = &*read.samples else { panic!("{read:?}") };
    for part in [
        "count: Some(Int(4))",
        "sum: 5.5",
        "schema: 3",
        "zero_threshold: 1e-128",
        "zero_count: Some(Int(1))",
        "positive_spans: [BucketSpan { offset: 0, length: 2 }]",
        "positive_deltas: [2, -1]",
        "negative_spans: []",
        "reset_hint: 0",
    ] {
        assert!(sample.contains(part), "{part}: {sample}");
    }
    assert_eq!(read.metadata, ["Histogram e \"\" \"\""]);
}

#[test]
fn a_scale_above_8_is_merged_down() {
    let positive = Some(Buckets { offset: -1, bucket_counts: vec![2, 1, 4] });
    let point = ExponentialHistogramDataPoint {
        scale: 10,
        negative: positive.clone(),
        positive,
        ..exponential_point()
    };
    let read = read_metrics(vec![exponential(vec![point])]);
    for part in [
        "schema: 8",
        "positive_spans: [BucketSpan { offset: 0, length: 2 }]",
        "positive_deltas: [2, 3]",
        "negative_deltas: [2, 3]",
    ] {
        assert!(read.samples[0].contains(part), "{part}: {read:?}");
    }
}

#[test]
fn a_summary_has_quantiles() {
    let read = read_metrics(vec![summary(summary_point())]);
    assert_eq!(read.samples, ["s_sum{} 4.5", "s_count{} 3", "s{quantile=\"0.5\"} 1", "s{quantile=\"1\"} 2"]);
    assert_eq!(read.metadata, ["Summary s \"\" \"\""]);
    assert_eq!((read.points, read.data_points), (1, 1), "it is delivered as a whole");
}

#[test]
fn a_point_without_recorded_value_ends_its_series() {
    let read = read_metrics(vec![
        metric("g", gauge(vec![NumberDataPoint { value: None, flags: 1, ..double(0.0) }])),
        metric("h", histogram(CUMULATIVE, vec![HistogramDataPoint { flags: 3, ..histogram_point() }])),
        summary(SummaryDataPoint { flags: 1, ..summary_point() }),
        exponential(vec![ExponentialHistogramDataPoint { sum: None, flags: 1, ..exponential_point() }]),
    ]);
    let (native, floats) = read.samples.split_last().unwrap();
    assert_eq!(floats.len(), 1 + 5 + 4);
    assert!(floats.iter().all(|sample| sample.ends_with(" stale")), "{floats:?}");
    assert!(native.contains("count: Some(Int(0)), sum: NaN"), "{native}");
    assert_eq!(read.refused, []);
}

#[test]
fn a_measured_nan_is_not_the_stale_marker() {
    let stale = remote_write::STALE_NAN;
    let read = read_metrics(vec![metric("g", gauge(vec![double(stale)]))]);
    assert_eq!(read.samples, ["g{} NaN"]);
}

#[test]
fn attributes_of_every_type_become_text() {
    let any = |value| AnyValue { value: Some(value) };
    let list = |values: Vec<AnyValue>| ArrayValue(otlp::ArrayValue { values });
    let map = |values| KvlistValue(KeyValueList { values });
    for (value, expected) in [
        (StringValue("größe \"1\"".to_owned()), "größe \"1\""),
        (BoolValue(true), "true"),
        (BoolValue(false), "false"),
        (IntValue(i64::MIN), "-9223372036854775808"),
        (DoubleValue(1.0), "1"),
        (DoubleValue(-0.25), "-0.25"),
        (DoubleValue(1e21), "1e+21"),
        (DoubleValue(1e20), "100000000000000000000"),
        (DoubleValue(1e-7), "1e-7"),
        (DoubleValue(0.000_001), "0.000001"),
        (DoubleValue(f64::NAN), "NaN"),
        (DoubleValue(f64::NEG_INFINITY), "-Infinity"),
        (BytesValue(vec![0, 255, 1]), "AP8B"),
        (list(vec![]), "[]"),
        (
            list(vec![any(StringValue("<a>\n".to_owned())), any(IntValue(1)), AnyValue::default()]),
            r#"["<a>\n",1,null]"#,
        ),
        (
            map(vec![
                attribute("b", DoubleValue(f64::INFINITY)),
                attribute("a", list(vec![any(BoolValue(true))])),
                attribute("b", BytesValue(vec![0])),
            ]),
            r#"{"a":[true],"b":"AA=="}"#,
        ),
    ] {
        let shown = format!("{value:?}");
        let point = NumberDataPoint { attributes: vec![attribute("k", value)], ..double(1.0) };
        let read = read_metrics(vec![metric("m", gauge(vec![point]))]);
        assert_eq!(read.samples, [format!("m{{k={expected:?}}} 1")], "{shown}");
    }
    let empty = otlp::KeyValue { key: "k".to_owned(), value: Some(AnyValue::default()) };
    let point = NumberDataPoint { attributes: vec![empty], ..double(1.0) };
    assert_eq!(read_metrics(vec![metric("m", gauge(vec![point]))]).samples, ["m{} 1"]);
}

#[test]
fn exemplars_and_inexact_values_are_counted() {
    let exemplars = vec![Exemplar::default(); 2];
    let read = read_metrics(vec![
        metric("g", gauge(vec![NumberDataPoint { exemplars: exemplars.clone(), ..integer((1 << 53) + 1) }])),
        metric(
            "h",
            histogram(
                CUMULATIVE,
                vec![HistogramDataPoint { exemplars: exemplars.clone(), ..histogram_point() }],
            ),
        ),
        exponential(vec![ExponentialHistogramDataPoint { exemplars, ..exponential_point() }]),
        metric("exact", gauge(vec![integer(i64::MIN), integer(1 << 53)])),
    ]);
    assert_eq!((read.exemplars, read.inexact_values), (6, 1));
}

#[test]
fn delta_points_are_written_as_they_are_on_request() {
    let delta =
        ExponentialHistogram { data_points: vec![exponential_point()], aggregation_temporality: DELTA };
    let metrics = vec![
        metric("c", sum(true, DELTA, vec![integer(3)])),
        metric("h", histogram(DELTA, vec![histogram_point()])),
        metric("e", Data::ExponentialHistogram(delta)),
    ];
    let body = request(&[], metrics).encode_to_vec();
    let read = read(Format::Otlp, &body, OtlpDelta::Gauge).unwrap();
    assert_eq!(read.samples[..2], ["c_total{} 3", "h_sum{} 12.5"]);
    assert!(read.samples.last().unwrap().contains("reset_hint: 3"), "{read:?}");
    assert_eq!(read.metadata, ["Unknown c_total \"\" \"\"", "Unknown e \"\" \"\"", "Unknown h \"\" \"\""]);
    assert_eq!(read.refused, []);
}

#[test]
fn all_but_gauges_have_start_timestamps() {
    let start_time_unix_nano = NOW - 1_999_999;
    let number = |value| NumberDataPoint { start_time_unix_nano, ..integer(value) };
    let read = read_metrics(vec![
        metric("g", gauge(vec![number(1)])),
        metric("c", sum(true, CUMULATIVE, vec![number(2)])),
        metric(
            "h",
            histogram(CUMULATIVE, vec![HistogramDataPoint { start_time_unix_nano, ..histogram_point() }]),
        ),
        summary(SummaryDataPoint { start_time_unix_nano, ..summary_point() }),
        exponential(vec![ExponentialHistogramDataPoint { start_time_unix_nano, ..exponential_point() }]),
    ]);
    let (gauges, others) = read.starts.split_at(1);
    assert_eq!(gauges, [0]);
    assert_eq!(others, [NOW_MS - 2; 1 + 5 + 4 + 1]);
}

#[test]
fn the_last_value_of_a_field_counts() {
    let twice = [
        NumberDataPoint { value: Some(number_data_point::Value::AsInt(1)), ..double(0.0) }.encode_to_vec(),
        double(2.5).encode_to_vec(),
    ]
    .concat();
    let point = NumberDataPoint::decode(&*twice).unwrap();
    let expected = read_metrics(vec![metric("m", gauge(vec![point]))]);
    // The message of a gauge with this data point: each of its fields is twice in it.
    let field =
        |number: u8, bytes: &[u8]| [&[number << 3 | 2, u8::try_from(bytes.len()).unwrap()], bytes].concat();
    let metric = [field(1, b"m"), field(5, &field(1, &twice))].concat();
    let body = field(1, &field(2, &field(2, &metric)));
    assert_eq!(read(Format::Otlp, &body, OtlpDelta::Refuse).unwrap(), expected);
    assert_eq!(expected.samples, ["m{} 2.5"]);
}
