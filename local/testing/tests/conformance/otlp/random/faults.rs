//! Requests of one data point with one fault.

use local_amp::proto::otlp::any_value::Value as Any;
use local_amp::proto::otlp::exponential_histogram_data_point::Buckets;
use local_amp::proto::otlp::metric::Data;
use local_amp::proto::otlp::summary_data_point::ValueAtQuantile;
use local_amp::proto::otlp::{
    ExportMetricsServiceRequest, Gauge, InstrumentationScope, KeyValue, Metric, Resource, ResourceMetrics,
    Summary,
};

use super::super::rules;
use super::{BAD_KEYS, Generated, Random, TEXTS, attribute};

/// Names of which nothing is left.
const BAD_NAMES: &[&str] = &["", "@#$%", "___", "日本", "_ _"];

impl Random {
    /// One data point with one fault.
    pub(super) fn hostile(&mut self) -> Generated {
        let mut generated = self.metric();
        let has_identity = self.rng.bool();
        let mut resource = if has_identity { self.resource() } else { Vec::new() };
        let mut scope = self.scope_metrics(Vec::new());
        let bad_key = KeyValue { key: self.text(BAD_KEYS), value: Some(self.any(0)) };
        keep_first(&mut generated);
        match self.rng.usize(..14) {
            0 => generated.name = self.text(BAD_NAMES),
            1 => attributes_of(&mut generated).push(bad_key),
            2 => resource.push(bad_key),
            3 => attributes_of(&mut generated)
                .extend(["b", "b"].map(|key| attribute(key, Any::StringValue(self.text(TEXTS))))),
            4 => {
                let attributes = vec![bad_key];
                scope.scope =
                    Some(InstrumentationScope { name: "lib".to_owned(), attributes, ..Default::default() });
            }
            5 => generated.data = None,
            6 => attributes_of(&mut generated)
                .push(attribute("long", Any::StringValue("x".repeat(1 << self.rng.u32(8..18))))),
            _ => self.fault_of_data(&mut generated),
        }
        scope.metrics = vec![generated];
        let resource = Some(Resource { attributes: resource });
        let resource = ResourceMetrics { resource, scope_metrics: vec![scope], schema_url: String::new() };
        Generated {
            request: ExportMetricsServiceRequest { resource_metrics: vec![resource] },
            is_hostile: true,
        }
    }

    /// A fault of a value, a time, or a temporality.
    fn fault_of_data(&mut self, metric: &mut Metric) {
        let temporality = self.pick(&[0, 1, 3]);
        let time = self.pick(&[0, 1, u64::MAX, 1 << 62, self.at + 3_600_000_000_000]);
        let (is_time, big) = (self.one_in(4), self.one_in(3));
        match metric.data.as_mut().expect("a metric has data") {
            Data::Gauge(Gauge { data_points }) => {
                if is_time {
                    data_points[0].time_unix_nano = time;
                } else {
                    data_points[0].value = None;
                    data_points[0].flags = 0;
                }
            }
            Data::Sum(sum) => {
                if is_time {
                    sum.data_points[0].time_unix_nano = time;
                } else {
                    sum.aggregation_temporality = temporality;
                }
            }
            Data::Histogram(histogram) => {
                let point = &mut histogram.data_points[0];
                match self.rng.usize(..4) {
                    0 if is_time => point.time_unix_nano = time,
                    0 => histogram.aggregation_temporality = temporality,
                    1 => {
                        (point.explicit_bounds, point.bucket_counts) =
                            (rules::TWICE.to_vec(), vec![1, 2, 3, 4]);
                    }
                    2 => (point.explicit_bounds, point.bucket_counts) = (vec![f64::NAN, 1.0], vec![1, 2, 3]),
                    _ => {
                        (point.explicit_bounds, point.bucket_counts) = (vec![1.0, 2.0], vec![u64::MAX, 2, 3]);
                    }
                }
            }
            Data::ExponentialHistogram(histogram) => {
                let point = &mut histogram.data_points[0];
                match self.rng.usize(..7) {
                    0 if is_time => point.time_unix_nano = time,
                    0 => histogram.aggregation_temporality = temporality,
                    1 => point.sum = None,
                    2 => (point.scale, point.flags) = (self.rng.i32(-20..-4), u32::from(big)),
                    3 => point.scale = self.rng.i32(20..if big { i32::MAX } else { 40 }),
                    4 => point.count += 1 + self.rng.u64(..5),
                    5 => {
                        let counts = vec![1, if big { u64::MAX } else { 1 << 62 }];
                        point.positive = Some(Buckets { offset: 0, bucket_counts: counts });
                    }
                    _ => {
                        let offset = self.pick(&[i32::MAX, i32::MAX - 1, i32::MIN, i32::MIN + 1]);
                        let (buckets, rest) =
                            (Buckets { offset, bucket_counts: vec![1, 1] }, point.zero_count);
                        (point.positive, point.negative, point.count) = (Some(buckets), None, 2 + rest);
                    }
                }
            }
            Data::Summary(Summary { data_points }) => {
                let point = &mut data_points[0];
                if is_time {
                    point.time_unix_nano = time;
                } else {
                    let quantile = self.pick(&[0.5, f64::NAN, -1.0, 2.0]);
                    let twice = [1.0, 2.0].map(|value| ValueAtQuantile { quantile, value });
                    point.quantile_values = twice.to_vec();
                }
            }
        }
    }
}

/// Removes all data points but the first.
fn keep_first(metric: &mut Metric) {
    match metric.data.as_mut().expect("a metric has data") {
        Data::Gauge(gauge) => gauge.data_points.truncate(1),
        Data::Sum(sum) => sum.data_points.truncate(1),
        Data::Histogram(histogram) => histogram.data_points.truncate(1),
        Data::ExponentialHistogram(histogram) => histogram.data_points.truncate(1),
        Data::Summary(summary) => summary.data_points.truncate(1),
    }
}

/// The attributes of the first data point.
fn attributes_of(metric: &mut Metric) -> &mut Vec<KeyValue> {
    match metric.data.as_mut().expect("a metric has data") {
        Data::Gauge(gauge) => &mut gauge.data_points[0].attributes,
        Data::Sum(sum) => &mut sum.data_points[0].attributes,
        Data::Histogram(histogram) => &mut histogram.data_points[0].attributes,
        Data::ExponentialHistogram(histogram) => &mut histogram.data_points[0].attributes,
        Data::Summary(summary) => &mut summary.data_points[0].attributes,
    }
}
