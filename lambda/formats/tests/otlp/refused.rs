//! Data points that are refused while the rest is accepted, and bodies that are invalid.

use formats::{Format, OtlpDelta};
use prometheus_proto::otlp::exponential_histogram_data_point::Buckets;
use prometheus_proto::otlp::metric::Data;
use prometheus_proto::otlp::{
    self, AnyValue, ExponentialHistogram, ExponentialHistogramDataPoint, ExportMetricsServiceRequest,
    HistogramDataPoint, KeyValue, KeyValueList, Metric, NumberDataPoint, ScopeMetrics, any_value,
};
use prost::Message as _;

use crate::{
    CUMULATIVE, DELTA, NOW, TOO_MANY, attribute, double, gauge, histogram, metric, one, read, read_metrics,
    request, resource, sum, texts,
};

fn exponential(data_point: ExponentialHistogramDataPoint) -> Metric {
    let data_points = vec![ExponentialHistogramDataPoint { time_unix_nano: NOW, ..data_point }];
    metric(
        "m",
        Data::ExponentialHistogram(ExponentialHistogram { data_points, aggregation_temporality: CUMULATIVE }),
    )
}

#[test]
fn points_without_a_translation_are_refused_alone() {
    let native = ExponentialHistogramDataPoint { sum: Some(1.0), ..ExponentialHistogramDataPoint::default() };
    let large = Some(Buckets { offset: 0, bucket_counts: vec![u64::MAX] });
    let overflow = HistogramDataPoint {
        time_unix_nano: NOW,
        bucket_counts: vec![u64::MAX, 1],
        explicit_bounds: vec![1.0, 2.0],
        ..HistogramDataPoint::default()
    };
    let long = texts(&[("a", &"x".repeat(100_000))]);
    let ahead = NOW + 61_000_000_000;
    for (refused, reason) in [
        (
            metric("m", sum(true, DELTA, vec![double(1.0)])),
            "expected cumulative temporality, got delta: set \
             OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=cumulative in the SDK",
        ),
        (
            metric("m", sum(true, 0, vec![double(1.0)])),
            "aggregationTemporality: expected 2 (cumulative), got 0",
        ),
        (
            metric("m", histogram(7, vec![HistogramDataPoint::default()])),
            "aggregationTemporality: expected 2 (cumulative), got 7",
        ),
        (
            metric("m", gauge(vec![NumberDataPoint { value: None, ..double(1.0) }])),
            "expected a value, got none",
        ),
        (
            metric("m", gauge(vec![NumberDataPoint { time_unix_nano: 0, ..double(1.0) }])),
            "timeUnixNano: expected a time, got 0",
        ),
        (
            metric("m", gauge(vec![NumberDataPoint { time_unix_nano: ahead, ..double(1.0) }])),
            "timestamp: expected at most 60s ahead of the clock, got 1676398078000, which is 61s ahead",
        ),
        (
            metric("m", gauge(vec![NumberDataPoint { attributes: long, ..double(1.0) }])),
            "metrics.m: expected at most 100000 bytes for a sample with its labels, got 100052",
        ),
        (
            exponential(ExponentialHistogramDataPoint { sum: None, ..native.clone() }),
            "sum: expected a number, got none",
        ),
        (
            exponential(ExponentialHistogramDataPoint { scale: -5, ..native.clone() }),
            "scale: expected at least -4, got -5",
        ),
        (
            exponential(ExponentialHistogramDataPoint { positive: large, ..native }),
            "bucketCounts: expected counts and indices of buckets within their range, got larger ones",
        ),
        (
            metric("m", histogram(CUMULATIVE, vec![overflow])),
            "bucketCounts: expected counts and indices of buckets within their range, got larger ones",
        ),
    ] {
        let read = read_metrics(vec![one("before"), refused, one("after")]);
        assert_eq!(read.samples, ["before{} 1", "after{} 1"], "{reason}");
        assert_eq!(read.data_points, 2);
        assert_eq!(read.metadata.len(), 2, "{reason}");
        assert_eq!(read.refused, [(1, format!("metric \"m\": {reason}"))]);
    }
}

#[test]
fn refused_points_are_counted_by_reason() {
    let none = NumberDataPoint { value: None, ..double(1.0) };
    let read = read_metrics(vec![
        metric("first", sum(true, DELTA, vec![double(1.0); 3])),
        metric("none", gauge(vec![none, double(1.0)])),
        metric(&"long".repeat(1_000), sum(false, DELTA, vec![double(1.0); 4])),
    ]);
    let [(7, delta), (1, none)] = &*read.refused else { panic!("{read:?}") };
    assert!(delta.starts_with("metric \"first\": expected cumulative"), "{delta}");
    assert!(none.starts_with("metric \"none\": "), "{none}");
    assert_eq!(read.samples, ["none{} 1"]);
}

#[test]
fn a_body_that_is_not_the_message_is_invalid() {
    let read = |body: &[u8]| read(Format::Otlp, body, OtlpDelta::Refuse).unwrap_err();
    assert_eq!(read(b"\x0a\xff"), "OTLP: unexpected end of input");
    assert_eq!(read(b"{\"resourceMetrics\":[]}"), "OTLP: invalid wire format");
    assert_eq!(read(b"\x10\x01\x0a\x02\x08"), "OTLP: unexpected end of input");
    assert_eq!(read(b"\x0a\x04\x12\x02\x0a\x05"), "OTLP: unexpected end of input");
    // The key of an attribute that is not UTF-8.
    assert_eq!(read(b"\x0a\x07\x0a\x05\x0a\x03\x0a\x01\xff"), "OTLP: expected UTF-8");
}

#[test]
fn lists_inside_each_other_are_limited() {
    let nested = |depth| {
        let text = AnyValue { value: Some(any_value::Value::StringValue("x".to_owned())) };
        let list = |value, _| {
            let values = vec![value];
            AnyValue { value: Some(any_value::Value::ArrayValue(otlp::ArrayValue { values })) }
        };
        let value = (0..depth).fold(text, list).value.unwrap();
        let point = NumberDataPoint { attributes: vec![attribute("a", value)], ..double(1.0) };
        let body = request(&[], vec![metric("m", gauge(vec![point]))]).encode_to_vec();
        read(Format::Otlp, &body, OtlpDelta::Refuse)
    };
    let label = format!("m{{a={:?}}} 1", format!("{}\"x\"{}", "[".repeat(16), "]".repeat(16)));
    assert_eq!(nested(16).unwrap().samples, [label]);
    assert_eq!(
        nested(17).unwrap_err(),
        "OTLP: expected at most 16 lists and maps inside each other in an attribute, got more"
    );
}

/// An attribute whose value is a map of this size.
fn map(members: usize) -> KeyValue {
    let values = (0..members).map(|at| KeyValue { key: at.to_string(), value: None }).collect();
    attribute("a", any_value::Value::KvlistValue(KeyValueList { values }))
}

#[test]
fn scopes_without_metrics_are_limited() {
    let scopes = |count, job: &str| {
        let mut resource = resource(&[("service.name", job)], vec![]);
        resource.scope_metrics = vec![ScopeMetrics::default(); count];
        let request = ExportMetricsServiceRequest { resource_metrics: vec![resource] };
        read(Format::Otlp, &request.encode_to_vec(), OtlpDelta::Refuse).map(|_| ())
    };
    assert_eq!(scopes(10_000, "job"), Ok(()));
    assert_eq!(scopes(200_000, "job"), Err(TOO_MANY.to_owned()));
    assert_eq!(scopes(1_000, &"x".repeat(1_000_000)), Err(TOO_MANY.to_owned()));
}

#[test]
fn a_body_has_limits() {
    let read = |metrics| {
        read(Format::Otlp, &request(&[], metrics).encode_to_vec(), OtlpDelta::Refuse)
            .map(|read| read.samples.len())
    };
    assert_eq!(read(vec![metric("m", gauge(vec![double(1.0); 50_000]))]), Ok(50_000));
    for metrics in [
        vec![metric("m", gauge(vec![double(1.0); 50_001]))],
        vec![metric("m", gauge(vec![NumberDataPoint::default(); 50_001]))],
        vec![Metric::default(); 50_001],
        vec![metric(
            "m",
            histogram(
                CUMULATIVE,
                vec![HistogramDataPoint { bucket_counts: vec![0; 200_001], ..HistogramDataPoint::default() }],
            ),
        )],
        vec![metric(
            "m",
            histogram(
                CUMULATIVE,
                vec![HistogramDataPoint {
                    time_unix_nano: NOW,
                    attributes: texts(&[("a", "x"), ("b", "x"), ("c", "x"), ("d", "x")]),
                    bucket_counts: vec![0; 40_001],
                    explicit_bounds: vec![0.0; 40_001],
                    ..HistogramDataPoint::default()
                }],
            ),
        )],
        // It would be refused for its time, if its bounds were texts first.
        vec![metric(
            "m",
            histogram(
                CUMULATIVE,
                vec![HistogramDataPoint {
                    bucket_counts: vec![0; 50_001],
                    explicit_bounds: vec![f64::MIN; 50_001],
                    ..HistogramDataPoint::default()
                }],
            ),
        )],
        vec![metric("m", gauge(vec![NumberDataPoint { attributes: vec![map(200_001)], ..double(1.0) }]))],
        // A body of 1 MB whose points would have names of gigabytes.
        vec![metric(
            &"m".repeat(1_000_000),
            histogram(CUMULATIVE, vec![HistogramDataPoint::default(); 1_000]),
        )],
    ] {
        assert_eq!(read(metrics).unwrap_err(), TOO_MANY);
    }
}
