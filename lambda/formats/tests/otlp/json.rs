//! JSON: the same content as protobuf.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use formats::{Format, OtlpDelta};
use prometheus_proto::otlp::exponential_histogram_data_point::Buckets;
use prometheus_proto::otlp::metric::Data;
use prometheus_proto::otlp::summary_data_point::ValueAtQuantile;
use prometheus_proto::otlp::{
    AnyValue, ArrayValue, Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint,
    ExportMetricsServiceRequest, Histogram, HistogramDataPoint, InstrumentationScope, KeyValue, KeyValueList,
    Metric, NumberDataPoint, Resource, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint,
    any_value, number_data_point,
};
use proptest::prelude::*;
use prost::Message as _;
use serde_json::{Value, json};

use crate::{CUMULATIVE, NOW, Read, TOO_MANY, gauge, read};

fn read_json(text: &str) -> Result<Read, String> {
    read(Format::OtlpJson, text.as_bytes(), OtlpDelta::Refuse)
}

/// The JSON of messages, as two kinds of senders write it.
#[derive(Clone, Copy)]
struct Json {
    /// Integers of 64 bits are text.
    has_text_integers: bool,
}

impl Json {
    fn integer(self, value: impl Into<i128>) -> Value {
        let value: i128 = value.into();
        if self.has_text_integers {
            value.to_string().into()
        } else {
            u64::try_from(value).map_or_else(|_| json!(i64::try_from(value).unwrap()), |value| json!(value))
        }
    }

    fn double(value: f64) -> Value {
        match value {
            f64::INFINITY => "Infinity".into(),
            f64::NEG_INFINITY => "-Infinity".into(),
            value if value.is_nan() => "NaN".into(),
            value => value.into(),
        }
    }

    /// A double of which the generated messages omit zero, also the negative one.
    fn plain_double(value: f64) -> Value {
        Self::double(value + 0.0)
    }

    fn any(self, value: &AnyValue) -> Value {
        use any_value::Value as Any;
        match &value.value {
            None => json!({}),
            Some(Any::StringValue(text)) => json!({ "stringValue": text }),
            Some(Any::BoolValue(value)) => json!({ "boolValue": value }),
            Some(Any::IntValue(value)) => json!({ "intValue": self.integer(*value) }),
            Some(Any::DoubleValue(value)) => json!({ "doubleValue": Self::double(*value) }),
            Some(Any::BytesValue(bytes)) => json!({ "bytesValue": STANDARD.encode(bytes) }),
            Some(Any::KvlistValue(map)) => {
                json!({ "kvlistValue": { "values": self.attributes(&map.values) } })
            }
            Some(Any::ArrayValue(list)) => {
                let values: Vec<_> = list.values.iter().map(|value| self.any(value)).collect();
                json!({ "arrayValue": { "values": values } })
            }
        }
    }

    fn attributes(self, attributes: &[KeyValue]) -> Vec<Value> {
        let attribute = |attribute: &KeyValue| {
            let value = attribute.value.as_ref().map(|value| self.any(value));
            json!({ "key": attribute.key, "value": value })
        };
        attributes.iter().map(attribute).collect()
    }

    fn exemplars(exemplars: &[Exemplar]) -> Vec<Value> {
        let exemplar = |_: &Exemplar| json!({ "traceId": "5b8efff798038103d269b633813fc60c", "spanId": "", "asInt": "1" });
        exemplars.iter().map(exemplar).collect()
    }

    fn number(self, point: &NumberDataPoint) -> Value {
        let mut json = json!({
            "attributes": self.attributes(&point.attributes),
            "startTimeUnixNano": self.integer(point.start_time_unix_nano),
            "timeUnixNano": self.integer(point.time_unix_nano),
            "exemplars": Self::exemplars(&point.exemplars),
            "flags": point.flags,
        });
        match point.value {
            Some(number_data_point::Value::AsDouble(value)) => json["asDouble"] = Self::double(value),
            Some(number_data_point::Value::AsInt(value)) => json["asInt"] = self.integer(value),
            None => {}
        }
        json
    }

    fn numbers(self, points: &[NumberDataPoint]) -> Vec<Value> {
        points.iter().map(|point| self.number(point)).collect()
    }

    fn histogram(self, point: &HistogramDataPoint) -> Value {
        let counts: Vec<_> = point.bucket_counts.iter().map(|count| self.integer(*count)).collect();
        let bounds: Vec<_> = point.explicit_bounds.iter().copied().map(Self::double).collect();
        json!({
            "attributes": self.attributes(&point.attributes),
            "startTimeUnixNano": self.integer(point.start_time_unix_nano),
            "timeUnixNano": self.integer(point.time_unix_nano),
            "count": self.integer(point.count),
            "sum": point.sum.map(Self::double),
            "bucketCounts": counts,
            "explicitBounds": bounds,
            "flags": point.flags,
            "exemplars": Self::exemplars(&point.exemplars),
        })
    }

    fn buckets(self, buckets: Option<&Buckets>) -> Value {
        let Some(buckets) = buckets else { return Value::Null };
        let counts: Vec<_> = buckets.bucket_counts.iter().map(|count| self.integer(*count)).collect();
        json!({ "offset": buckets.offset, "bucketCounts": counts })
    }

    fn exponential(self, point: &ExponentialHistogramDataPoint) -> Value {
        json!({
            "attributes": self.attributes(&point.attributes),
            "startTimeUnixNano": self.integer(point.start_time_unix_nano),
            "timeUnixNano": self.integer(point.time_unix_nano),
            "count": self.integer(point.count),
            "sum": point.sum.map(Self::double),
            "scale": point.scale,
            "zeroCount": self.integer(point.zero_count),
            "positive": self.buckets(point.positive.as_ref()),
            "negative": self.buckets(point.negative.as_ref()),
            "flags": point.flags,
        })
    }

    fn summary(self, point: &SummaryDataPoint) -> Value {
        let quantile = |one: &ValueAtQuantile| json!({ "quantile": Self::plain_double(one.quantile), "value": Self::plain_double(one.value) });
        json!({
            "attributes": self.attributes(&point.attributes),
            "startTimeUnixNano": self.integer(point.start_time_unix_nano),
            "timeUnixNano": self.integer(point.time_unix_nano),
            "count": self.integer(point.count),
            "sum": Self::plain_double(point.sum),
            "quantileValues": point.quantile_values.iter().map(quantile).collect::<Vec<_>>(),
            "flags": point.flags,
        })
    }

    fn metric(self, metric: &Metric) -> Value {
        let mut json = json!({ "name": metric.name, "description": metric.description, "unit": metric.unit });
        match metric.data.as_ref() {
            None => {}
            Some(Data::Gauge(gauge)) => {
                json["gauge"] = json!({ "dataPoints": self.numbers(&gauge.data_points) });
            }
            Some(Data::Sum(sum)) => {
                json["sum"] = json!({
                    "dataPoints": self.numbers(&sum.data_points),
                    "aggregationTemporality": sum.aggregation_temporality,
                    "isMonotonic": sum.is_monotonic,
                });
            }
            Some(Data::Histogram(histogram)) => {
                let points: Vec<_> =
                    histogram.data_points.iter().map(|point| self.histogram(point)).collect();
                let temporality = histogram.aggregation_temporality;
                json["histogram"] = json!({ "dataPoints": points, "aggregationTemporality": temporality });
            }
            Some(Data::ExponentialHistogram(histogram)) => {
                let points: Vec<_> =
                    histogram.data_points.iter().map(|point| self.exponential(point)).collect();
                let temporality = histogram.aggregation_temporality;
                json["exponentialHistogram"] =
                    json!({ "dataPoints": points, "aggregationTemporality": temporality });
            }
            Some(Data::Summary(summary)) => {
                let points: Vec<_> = summary.data_points.iter().map(|point| self.summary(point)).collect();
                json["summary"] = json!({ "dataPoints": points });
            }
        }
        json
    }

    fn request(self, request: &ExportMetricsServiceRequest) -> Value {
        let scope = |scope: &ScopeMetrics| {
            let own = scope.scope.as_ref().map(|scope| {
                let attributes = self.attributes(&scope.attributes);
                json!({ "name": scope.name, "version": scope.version, "attributes": attributes })
            });
            let metrics: Vec<_> = scope.metrics.iter().map(|metric| self.metric(metric)).collect();
            json!({ "scope": own, "metrics": metrics, "schemaUrl": scope.schema_url })
        };
        let resource = |resource: &ResourceMetrics| {
            let attributes = resource.resource.as_ref().map(|resource| self.attributes(&resource.attributes));
            let scopes: Vec<_> = resource.scope_metrics.iter().map(scope).collect();
            json!({ "resource": { "attributes": attributes, "unknown": [{}] }, "scopeMetrics": scopes })
        };
        let resources: Vec<_> = request.resource_metrics.iter().map(resource).collect();
        json!({ "resourceMetrics": resources, "resource_metrics": "not a name of OTLP" })
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-c]{1,2}", "[._@1]{0,3}[ab]", any::<String>()]
}

fn double() -> impl Strategy<Value = f64> {
    prop_oneof![any::<f64>(), prop::num::f64::ANY, Just(f64::INFINITY), Just(f64::NAN), Just(0.0)]
}

fn any_value() -> impl Strategy<Value = AnyValue> {
    use any_value::Value as Any;
    let leaf = prop_oneof![
        text().prop_map(Any::StringValue),
        any::<bool>().prop_map(Any::BoolValue),
        any::<i64>().prop_map(Any::IntValue),
        double().prop_map(Any::DoubleValue),
        any::<Vec<u8>>().prop_map(Any::BytesValue),
    ];
    let leaf = prop::option::of(leaf).prop_map(|value| AnyValue { value });
    leaf.prop_recursive(2, 6, 3, |inner| {
        let map = prop::collection::vec((text(), inner.clone()), 0..3).prop_map(|members| {
            let values =
                members.into_iter().map(|(key, value)| KeyValue { key, value: Some(value) }).collect();
            Any::KvlistValue(KeyValueList { values })
        });
        let list = prop::collection::vec(inner, 0..3);
        let list = list.prop_map(|values| Any::ArrayValue(ArrayValue { values }));
        prop_oneof![map, list].prop_map(|value| AnyValue { value: Some(value) })
    })
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let attribute = (text(), prop::option::of(any_value())).prop_map(|(key, value)| KeyValue { key, value });
    prop::collection::vec(attribute, 0..3)
}

fn common() -> impl Strategy<Value = (Vec<KeyValue>, u64, u64, u32)> {
    let time = prop_oneof![8 => Just(NOW), 1 => any::<u64>(), 1 => Just(0)];
    let start = prop_oneof![Just(0), Just(NOW - 1_000_000_000), any::<u64>()];
    (attributes(), start, time, prop_oneof![4 => Just(0), 1 => Just(1), 1 => any::<u32>()])
}

fn numbers() -> impl Strategy<Value = Vec<NumberDataPoint>> {
    let value = prop_oneof![
        double().prop_map(number_data_point::Value::AsDouble),
        any::<i64>().prop_map(number_data_point::Value::AsInt),
    ];
    let point = (common(), prop::option::weighted(0.9, value), 0_usize..2);
    let point =
        point.prop_map(|((attributes, start_time_unix_nano, time_unix_nano, flags), value, exemplars)| {
            NumberDataPoint {
                attributes,
                start_time_unix_nano,
                time_unix_nano,
                flags,
                value,
                exemplars: vec![Exemplar::default(); exemplars],
            }
        });
    prop::collection::vec(point, 0..4)
}

fn counts() -> impl Strategy<Value = Vec<u64>> {
    prop::collection::vec(prop_oneof![Just(0), 1_u64..9, any::<u64>()], 0..6)
}

fn data() -> impl Strategy<Value = Data> {
    let temporality = || prop_oneof![4 => Just(CUMULATIVE), 1 => 0..4];
    let histogram =
        (common(), any::<u64>(), prop::option::of(double()), counts(), prop::collection::vec(double(), 0..6));
    let histogram = histogram.prop_map(
        |(
            (attributes, start_time_unix_nano, time_unix_nano, flags),
            count,
            sum,
            bucket_counts,
            explicit_bounds,
        )| {
            HistogramDataPoint {
                attributes,
                start_time_unix_nano,
                time_unix_nano,
                flags,
                count,
                sum,
                bucket_counts,
                explicit_bounds,
                ..HistogramDataPoint::default()
            }
        },
    );
    let buckets = || {
        let buckets = (any::<i32>(), counts());
        prop::option::of(buckets.prop_map(|(offset, bucket_counts)| Buckets { offset, bucket_counts }))
    };
    let exponential = (common(), any::<u64>(), prop::option::of(double()), -6..40_i32, buckets(), buckets());
    let exponential = exponential.prop_map(
        |(
            (attributes, start_time_unix_nano, time_unix_nano, flags),
            count,
            sum,
            scale,
            positive,
            negative,
        )| {
            ExponentialHistogramDataPoint {
                attributes,
                start_time_unix_nano,
                time_unix_nano,
                flags,
                count,
                sum,
                scale,
                zero_count: count / 2,
                positive,
                negative,
                ..ExponentialHistogramDataPoint::default()
            }
        },
    );
    let quantile = (double(), double()).prop_map(|(quantile, value)| ValueAtQuantile { quantile, value });
    let summary = (common(), any::<u64>(), double(), prop::collection::vec(quantile, 0..3));
    let summary = summary.prop_map(
        |((attributes, start_time_unix_nano, time_unix_nano, flags), count, sum, quantile_values)| {
            SummaryDataPoint {
                attributes,
                start_time_unix_nano,
                time_unix_nano,
                flags,
                count,
                sum,
                quantile_values,
            }
        },
    );
    prop_oneof![
        numbers().prop_map(gauge),
        (numbers(), any::<bool>(), temporality()).prop_map(
            |(data_points, is_monotonic, aggregation_temporality)| {
                Data::Sum(Sum { data_points, aggregation_temporality, is_monotonic })
            }
        ),
        (prop::collection::vec(histogram, 0..3), temporality()).prop_map(
            |(data_points, aggregation_temporality)| {
                Data::Histogram(Histogram { data_points, aggregation_temporality })
            }
        ),
        (prop::collection::vec(exponential, 0..3), temporality()).prop_map(
            |(data_points, aggregation_temporality)| {
                Data::ExponentialHistogram(ExponentialHistogram { data_points, aggregation_temporality })
            }
        ),
        prop::collection::vec(summary, 0..3).prop_map(|data_points| Data::Summary(Summary { data_points })),
    ]
}

fn request() -> impl Strategy<Value = ExportMetricsServiceRequest> {
    let unit = prop_oneof![Just("s"), Just("1"), Just("By/s"), Just("{x}"), Just("")];
    let metric = (text(), text(), unit, prop::option::weighted(0.9, data()));
    let metric = metric.prop_map(|(name, description, unit, data)| Metric {
        name,
        description,
        unit: unit.to_owned(),
        data,
    });
    let scope = (text(), text(), attributes()).prop_map(|(name, version, attributes)| InstrumentationScope {
        name,
        version,
        attributes,
    });
    let scope = (prop::option::of(scope), prop::collection::vec(metric, 0..4), text());
    let scope = scope.prop_map(|(scope, metrics, schema_url)| ScopeMetrics { scope, metrics, schema_url });
    let identity =
        prop::sample::subsequence(vec!["service.name", "service.namespace", "service.instance.id"], 0..3);
    let resource = (attributes(), identity, prop::collection::vec(scope, 0..3));
    let resource = resource.prop_map(|(mut attributes, identity, scope_metrics)| {
        attributes.extend(identity.into_iter().flat_map(|key| crate::texts(&[(key, "x")])));
        ResourceMetrics {
            resource: Some(Resource { attributes }),
            scope_metrics,
            ..ResourceMetrics::default()
        }
    });
    prop::collection::vec(resource, 0..3)
        .prop_map(|resource_metrics| ExportMetricsServiceRequest { resource_metrics })
}

proptest! {
    #[test]
    fn json_has_the_content_of_protobuf(request in request(), has_text_integers: bool, is_pretty: bool) {
        let json = Json { has_text_integers }.request(&request);
        let json = if is_pretty { serde_json::to_string_pretty(&json).unwrap() } else { json.to_string() };
        let expected = read(Format::Otlp, &request.encode_to_vec(), OtlpDelta::Refuse);
        prop_assert_eq!(read_json(&json), expected, "{}", json);
    }

    /// The generated messages count the data points.
    #[test]
    fn every_data_point_is_accepted_or_refused(request in request()) {
        let read = crate::read_request(&request);
        let metrics = request.resource_metrics.iter().flat_map(|one| &one.scope_metrics).flat_map(|one| &one.metrics);
        let points = metrics.filter_map(|metric| metric.data.as_ref()).map(|data| match data {
            Data::Gauge(data) => data.data_points.len(),
            Data::Sum(data) => data.data_points.len(),
            Data::Histogram(data) => data.data_points.len(),
            Data::ExponentialHistogram(data) => data.data_points.len(),
            Data::Summary(data) => data.data_points.len(),
        });
        let refused: usize = read.refused.iter().map(|(points, _)| points).sum();
        prop_assert_eq!(read.data_points + refused, points.sum::<usize>());
    }

    #[test]
    fn any_bytes_are_read_or_rejected_in_one_line(bytes: Vec<u8>, at: prop::sample::Index, request in request()) {
        let mut body = request.encode_to_vec();
        if !body.is_empty() {
            let at = at.index(body.len());
            body.splice(at..at, bytes);
        }
        for format in [Format::Otlp, Format::OtlpJson] {
            if let Err(reason) = read(format, &body, OtlpDelta::Gauge) {
                prop_assert!(reason.len() < 300 && !reason.contains('\n'), "{}", reason);
            }
        }
    }
}

/// A request with this JSON as a data point of a gauge.
fn with_point(point: &str) -> String {
    format!(
        r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{"name":"m","gauge":{{"dataPoints":[{point}]}}}}]}}]}}]}}"#
    )
}

#[test]
fn numbers_may_be_text() {
    for (point, expected) in [
        (r#""asDouble":0.1000000000000000055511151231257827"#, "0.1"),
        (r#""asDouble":"2.5""#, "2.5"),
        (r#""asDouble":"-Infinity""#, "-inf"),
        (r#""asDouble":"NaN""#, "NaN"),
        (r#""asDouble":7"#, "7"),
        (r#""asInt":"-7""#, "-7"),
        (r#""asInt":7.0"#, "7"),
        (r#""asInt":1e3"#, "1000"),
        (r#""asInt":"9007199254740993""#, "9007199254740992"),
        (r#""asDouble":1,"asInt":null"#, "1"),
    ] {
        let read = read_json(&with_point(&format!(r#"{{"timeUnixNano":"{NOW}",{point}}}"#)));
        assert_eq!(read.unwrap().samples, [format!("m{{}} {expected}")], "{point}");
    }
}

#[test]
fn invalid_json_is_rejected_with_its_place() {
    for (text, reason) in [
        ("", "OTLP: line 1, column 0: EOF while parsing a value"),
        ("[]", "OTLP: line 1, column 0: invalid type: sequence, expected an object"),
        ("{}x", "OTLP: line 1, column 3: trailing characters"),
        (
            "{\n\"resourceMetrics\":{}}",
            "OTLP: line 2, column 20: invalid type: map, expected an array as resourceMetrics",
        ),
        (
            r#"{"resourceMetrics":[7]}"#,
            "OTLP: line 1, column 21: invalid type: integer `7`, expected an object",
        ),
        (&with_point(r#"{"timeUnixNano":-1}"#), "timeUnixNano: expected an integer of 64 bits, got -1"),
        (&with_point(r#"{"asInt":1.5}"#), "asInt: expected an integer of 64 bits, got 1.5"),
        (
            &with_point(r#"{"asInt":9223372036854775808}"#),
            "asInt: expected an integer of 64 bits, got 9223372036854775808",
        ),
        (&with_point(r#"{"asDouble":"x"}"#), "asDouble: expected a number, got \"x\""),
        (&with_point(r#"{"asDouble":1e400}"#), "asDouble: expected a number, got 1e400"),
        (&with_point(r#"{"attributes":[{"key":1}]}"#), "key: expected text, got 1"),
        (&with_point(r#"{"attributes":[{"key":"\ud800"}]}"#), "key: expected text, got \"\\ud800\""),
        (
            &with_point(r#"{"attributes":[{"value":{"boolValue":1}}]}"#),
            "boolValue: expected true or false, got 1",
        ),
        (
            &with_point(r#"{"attributes":[{"value":{"bytesValue":"?"}}]}"#),
            "bytesValue: expected base64, got \"?\"",
        ),
        (
            r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"sum":{"aggregationTemporality":"DELTA"}}]}]}]}"#,
            "aggregationTemporality: expected an integer of 32 bits, got \"DELTA\"",
        ),
    ] {
        let message = read_json(text).expect_err(text);
        assert!(message.contains(reason), "{message:?} does not contain {reason:?}");
    }
    let nested = r#"{"arrayValue":{"values":["#.repeat(100);
    let deep = with_point(&format!(r#"{{"attributes":[{{"value":{nested}"#));
    assert!(read_json(&deep).unwrap_err().contains("recursion limit exceeded"));
}

#[test]
fn numbers_in_arrays_are_limited() {
    let counts = "0,".repeat(200_000);
    let json = format!(
        r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{"histogram":{{"dataPoints":[{{"bucketCounts":[{counts}0]}}]}}}}]}}]}}]}}"#
    );
    let message = read_json(&json).unwrap_err();
    assert_eq!(message, TOO_MANY);
}
