//! Bodies of pushes.

use local_amp::proto::otlp::any_value::Value as Any;
use local_amp::proto::otlp::metric::Data;
use local_amp::proto::otlp::number_data_point::Value as Number;
use local_amp::proto::otlp::{
    AnyValue, ExponentialHistogram, ExponentialHistogramDataPoint, ExportMetricsServiceRequest, Gauge,
    KeyValue, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum,
    exponential_histogram_data_point::Buckets,
};
use prost::Message as _;

/// The bits of a stale marker.
pub(crate) const STALE: u64 = 0x7ff0_0000_0000_0002;

/// The values of `odd`, by the label `v`.
pub(crate) const ODD: [(&str, f64); 8] = [
    ("nan", f64::NAN),
    ("inf", f64::INFINITY),
    ("neg", f64::NEG_INFINITY),
    ("zero", -0.0),
    ("min", 5e-324),
    ("max", f64::MAX),
    ("tenth", 0.1),
    ("int", 9_007_199_254_740_993.0),
];

/// The value of a label of `requests_total`.
pub(crate) const UNICODE: &str = "größe \u{1f600} \"x\"\\ \n";

/// The time from the start of a counter to its sample.
pub(crate) const START_MS: i64 = 1_000;

/// The samples of each series of `order`, every minute.
const ORDERED: i64 = 40;

/// A gauge of one value, as text.
pub(crate) fn one(name: &str, now_ms: i64) -> Vec<u8> {
    format!("# TYPE {name} gauge\n{name} 1 {now_ms}\n").into_bytes()
}

/// Families of all types, with labels in no order and values of every kind.
pub(crate) fn busy_text(now_ms: i64) -> Vec<u8> {
    let mut text = format!(
        "# HELP requests_total Requests.\n# TYPE requests_total counter\n\
         requests_total{{zone=\"b\",a=\"1\",empty=\"\"}} 3 {now_ms}\n\
         requests_total{{zone={UNICODE:?},Z=\"2\"}} 4 {now_ms}\n\
         # HELP latency_seconds Latency.\n# TYPE latency_seconds histogram\n\
         latency_seconds_bucket{{le=\"1\"}} 1 {now_ms}\nlatency_seconds_bucket{{le=\"+Inf\"}} 2 {now_ms}\n\
         latency_seconds_sum 3.5 {now_ms}\nlatency_seconds_count 2 {now_ms}\n\
         # TYPE size_bytes summary\nsize_bytes{{quantile=\"0.5\"}} 7 {now_ms}\n\
         size_bytes_sum 8 {now_ms}\nsize_bytes_count 2 {now_ms}\n\
         # TYPE job:rate gauge\njob:rate 1 {now_ms}\n# TYPE odd gauge\n"
    );
    for (label, value) in ODD {
        let line = format!("odd{{v=\"{label}\"}} {value:?} {now_ms}\n");
        text.push_str(&line.replace(" inf ", " +Inf ").replace(" -inf ", " -Inf "));
    }
    text.into_bytes()
}

/// Names with characters that are not allowed, keys that become one label, and a counter and a native histogram that began
/// [`START_MS`] before.
pub(crate) fn busy_otlp(now_ms: i64) -> Vec<u8> {
    let (time, start) = (nanoseconds(now_ms), nanoseconds(now_ms - START_MS));
    let attributes = [("a.b", "1"), ("a_b", "2"), ("1st", "3"), ("empty", "")].map(|(key, value)| KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(Any::StringValue(value.to_owned())) }),
    });
    let number = NumberDataPoint {
        attributes: attributes.to_vec(),
        start_time_unix_nano: start,
        time_unix_nano: time,
        value: Some(Number::AsInt(7)),
        ..NumberDataPoint::default()
    };
    let histogram = ExponentialHistogramDataPoint {
        start_time_unix_nano: start,
        time_unix_nano: time,
        count: 3,
        sum: Some(4.5),
        positive: Some(Buckets { offset: 0, bucket_counts: vec![1, 2] }),
        ..ExponentialHistogramDataPoint::default()
    };
    let gauge = Gauge { data_points: vec![number.clone()] };
    let counter = Sum { data_points: vec![number], aggregation_temporality: 2, is_monotonic: true };
    let native = ExponentialHistogram { data_points: vec![histogram], aggregation_temporality: 2 };
    request(vec![
        Metric {
            name: "1http.server/größe".to_owned(),
            description: "Size.".to_owned(),
            unit: "By".to_owned(),
            data: Some(Data::Gauge(gauge)),
        },
        Metric { name: "started".to_owned(), data: Some(Data::Sum(counter)), ..Metric::default() },
        Metric {
            name: "native".to_owned(),
            data: Some(Data::ExponentialHistogram(native)),
            ..Metric::default()
        },
    ])
}

/// Samples of ten series from 40 minutes ago on, in a random order.
pub(crate) fn order(now_ms: i64) -> Vec<u8> {
    let point = |at: i64| NumberDataPoint {
        attributes: vec![KeyValue {
            key: "series".to_owned(),
            value: Some(AnyValue { value: Some(Any::IntValue(at % 10)) }),
        }],
        time_unix_nano: nanoseconds(now_ms - at / 10 * 60_000),
        value: Some(Number::AsInt(at)),
        ..NumberDataPoint::default()
    };
    let mut data_points: Vec<_> = (0..ORDERED * 10).map(point).collect();
    fastrand::Rng::with_seed(17).shuffle(&mut data_points);
    let data = Some(Data::Gauge(Gauge { data_points }));
    request(vec![Metric { name: "order".to_owned(), data, ..Metric::default() }])
}

/// `gone`, with the flag for no recorded value or a value, and `measured`, with the bits of a stale marker as its value.
pub(crate) fn stale(time_ms: i64, flags: u32) -> Vec<u8> {
    gauges(&[("gone", 1.0, flags), ("measured", f64::from_bits(STALE), 0)], time_ms)
}

/// Gauges of one value, with flags.
pub(crate) fn gauges(gauges: &[(&str, f64, u32)], time_ms: i64) -> Vec<u8> {
    let metric = |&(name, value, flags): &(&str, f64, u32)| {
        let point = NumberDataPoint {
            time_unix_nano: nanoseconds(time_ms),
            value: Some(Number::AsDouble(value)),
            flags,
            ..NumberDataPoint::default()
        };
        let data = Some(Data::Gauge(Gauge { data_points: vec![point] }));
        Metric { name: name.to_owned(), data, ..Metric::default() }
    };
    request(gauges.iter().map(metric).collect())
}

fn request(metrics: Vec<Metric>) -> Vec<u8> {
    let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
    let resource_metrics = vec![ResourceMetrics { scope_metrics, ..ResourceMetrics::default() }];
    ExportMetricsServiceRequest { resource_metrics }.encode_to_vec()
}

fn nanoseconds(time_ms: i64) -> u64 {
    time_ms.unsigned_abs() * 1_000_000
}
