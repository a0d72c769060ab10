//! OTLP, from the request to the answer.

use std::io::Write as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use prometheus_proto::otlp::{
    AggregationTemporality, ExportMetricsServiceRequest, ExportMetricsServiceResponse, Gauge, Histogram,
    HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Status, Sum, metric,
    number_data_point,
};
use prost::Message as _;
use serde_json::{Value, json};

use crate::services::{Stage, event};

const NOW_NS: u64 = 1_676_398_017_000_000_000;

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

fn point(value: f64) -> NumberDataPoint {
    let value = Some(number_data_point::Value::AsDouble(value));
    NumberDataPoint { time_unix_nano: NOW_NS, value, ..NumberDataPoint::default() }
}

fn gauge(name: &str, values: &[f64]) -> Metric {
    let data_points = values.iter().map(|&value| point(value)).collect();
    Metric {
        name: name.to_owned(),
        data: Some(metric::Data::Gauge(Gauge { data_points })),
        ..Metric::default()
    }
}

fn delta(name: &str) -> Metric {
    let sum = Sum {
        data_points: vec![point(1.0), point(2.0)],
        aggregation_temporality: AggregationTemporality::Delta.into(),
        is_monotonic: true,
    };
    Metric { name: name.to_owned(), data: Some(metric::Data::Sum(sum)), ..Metric::default() }
}

fn histogram(name: &str) -> Metric {
    let point = HistogramDataPoint {
        time_unix_nano: NOW_NS,
        count: 3,
        sum: Some(4.5),
        bucket_counts: vec![1, 2],
        explicit_bounds: vec![0.5],
        ..HistogramDataPoint::default()
    };
    let histogram = Histogram {
        data_points: vec![point],
        aggregation_temporality: AggregationTemporality::Cumulative.into(),
    };
    Metric { name: name.to_owned(), data: Some(metric::Data::Histogram(histogram)), ..Metric::default() }
}

fn message(metrics: Vec<Metric>) -> Vec<u8> {
    let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
    let resource_metrics = vec![ResourceMetrics { scope_metrics, ..ResourceMetrics::default() }];
    ExportMetricsServiceRequest { resource_metrics }.encode_to_vec()
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn request(content_type: &str, encoding: &str, body: &[u8]) -> Value {
    let headers = json!({"content-type": content_type, "content-encoding": encoding});
    let mut event = event("POST", "/v1/metrics", &headers, &STANDARD.encode(body));
    event["isBase64Encoded"] = true.into();
    event
}

async fn export(stage: &Stage, event: &Value) -> Value {
    stage.invoke(event, Duration::from_millis(900)).await.0
}

/// The message of an answer in protobuf.
fn decoded<M: prost::Message + Default>(answer: &Value) -> M {
    assert_eq!(
        (&answer["headers"]["Content-Type"], &answer["isBase64Encoded"]),
        (&json!(PROTOBUF), &json!(true))
    );
    M::decode(&*STANDARD.decode(answer["body"].as_str().unwrap()).unwrap()).unwrap()
}

/// The number of data points that an answer refuses, and why.
fn partial(answer: &Value) -> Option<(i64, String)> {
    assert_eq!(answer["statusCode"], 200, "{answer}");
    let partial = decoded::<ExportMetricsServiceResponse>(answer).partial_success?;
    Some((partial.rejected_data_points, partial.error_message))
}

#[tokio::test]
async fn an_answer_has_the_encoding_of_the_request() {
    let stage = Stage::new(&[("HTTP_AUTH", "none")]).await;
    let body = message(vec![gauge("g", &[1.0]), histogram("h")]);
    for (encoding, body) in [("", body.clone()), ("gzip", gzip(&body)), ("identity", body)] {
        assert_eq!(partial(&export(&stage, &request(PROTOBUF, encoding, &body)).await), None);
    }
    // The gauge, and of the histogram two buckets, sum and count, each time.
    let series =
        |stage: &Stage| stage.services().stored.iter().map(|one| one.timeseries.len()).sum::<usize>();
    assert_eq!(series(&stage), 3 * 5);

    let body = json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": [
        {"name": "g", "gauge": {"dataPoints": [{"timeUnixNano": NOW_NS.to_string(), "asDouble": 1.5}]}},
    ]}]}]});
    let mut event = event("POST", "/v1/metrics", &json!({"content-type": JSON}), &body.to_string());
    let answer = export(&stage, &event).await;
    assert_eq!((&answer["statusCode"], &answer["body"]), (&json!(200), &json!("{}")), "{answer}");
    assert_eq!(
        (&answer["headers"]["Content-Type"], &answer["isBase64Encoded"]),
        (&json!(JSON), &json!(false))
    );
    event["body"] = "{".into();
    let answer = export(&stage, &event).await;
    assert_eq!(answer["statusCode"], 400);
    let status: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    assert_eq!(status["code"], 3);
    assert!(status["message"].as_str().unwrap().starts_with("OTLP: "), "{status}");
}

#[tokio::test]
async fn a_part_that_is_refused_is_counted() {
    let stage = Stage::new(&[("HTTP_AUTH", "none")]).await;
    let answer = export(&stage, &request(PROTOBUF, "", &message(vec![gauge("g", &[1.0]), delta("d")]))).await;
    let (rejected, reason) = partial(&answer).expect("a part");
    assert_eq!(rejected, 2);
    assert!(reason.contains("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"), "{reason}");
    // Nothing is left.
    let answer = export(&stage, &request(PROTOBUF, "", &message(vec![delta("d")]))).await;
    assert_eq!(answer["statusCode"], 400);
    assert!(decoded::<Status>(&answer).message.contains("TEMPORALITY_PREFERENCE"));
}

#[tokio::test]
async fn deltas_are_written_if_the_settings_say_so() {
    let stage = Stage::new(&[("HTTP_AUTH", "none"), ("OTLP_DELTA", "gauge")]).await;
    let answer = export(&stage, &request(PROTOBUF, "", &message(vec![delta("d")]))).await;
    assert_eq!(partial(&answer), None);
    assert_eq!(stage.services().stored[0].timeseries.len(), 1);
}

#[tokio::test]
async fn data_points_that_the_receiver_rejects_are_counted() {
    let stage = Stage::new(&[("HTTP_AUTH", "none")]).await;
    stage.services().rejects = Some("poison_bucket");
    let metrics = vec![gauge("g", &[1.0]), histogram("poison"), gauge("other", &[2.0]), histogram("h")];
    let answer = export(&stage, &request(PROTOBUF, "", &message(metrics))).await;
    // One data point, whatever the number of its series.
    let reason = "the receiver answered 400 a rule is broken".to_owned();
    assert_eq!(partial(&answer), Some((1, reason.clone())));

    stage.services().receiver = Some((400, "a rule is broken"));
    let answer = export(&stage, &request(PROTOBUF, "", &message(vec![gauge("g", &[1.0])]))).await;
    assert_eq!((&answer["statusCode"], decoded::<Status>(&answer).message), (&json!(400), reason));
}

#[tokio::test]
async fn points_that_we_and_the_receiver_refuse_are_both_named() {
    let stage = Stage::new(&[("HTTP_AUTH", "none")]).await;
    stage.services().rejects = Some("poison");
    let metrics = vec![delta("d"), gauge("g", &[1.0]), histogram("poison_a"), histogram("poison_b")];
    let request = request(PROTOBUF, "", &message(metrics));
    let (answer, report) = stage.invoke(&request, Duration::from_secs(2)).await;
    let (rejected, reason) = partial(&answer).expect("a part");
    assert_eq!(rejected, 2 + 2);
    assert!(reason.contains("TEMPORALITY_PREFERENCE"), "{reason}");
    assert!(reason.ends_with("; the receiver answered 400 a rule is broken (and 1 more)"), "{reason}");
    assert_eq!((report.invalid, report.rejected, report.failed), (2, 2, 0));
}

#[tokio::test]
async fn what_may_be_written_later_is_503() {
    let stage = Stage::new(&[("HTTP_AUTH", "none")]).await;
    for status in [429, 500, 403] {
        stage.services().receiver = Some((status, ""));
        let answer = export(&stage, &request(PROTOBUF, "", &message(vec![gauge("g", &[1.0])]))).await;
        assert_eq!((&answer["statusCode"], decoded::<Status>(&answer).code), (&json!(503), 14));
        assert_eq!(answer["headers"]["Retry-After"], "1");
    }
}

#[tokio::test]
async fn what_is_no_request_is_an_error() {
    let stage = Stage::new(&[("HTTP_AUTH", "none")]).await;
    let body = message(vec![gauge("g", &[1.0])]);
    for (case, event, status) in [
        ("no content type", request("", "", &body), 415),
        ("another content type", request("text/plain", "", &body), 415),
        ("another encoding", request(PROTOBUF, "zstd", &body), 415),
        ("no protobuf", request(PROTOBUF, "", b"\xff"), 400),
        ("no gzip", request(PROTOBUF, "gzip", b"\x1f\x8b\x08"), 400),
        ("too large", request(PROTOBUF, "gzip", &gzip(&vec![0; 7 << 20])), 413),
        ("too many", request(PROTOBUF, "", &message(vec![gauge("g", &vec![1.0; 50_001])])), 413),
        ("GET", event("GET", "/v1/metrics", &json!({}), ""), 405),
    ] {
        let answer = export(&stage, &event).await;
        assert_eq!(answer["statusCode"], status, "{case}: {answer}");
        if ![405, 415].contains(&status) || case.contains("encoding") {
            assert_eq!(decoded::<Status>(&answer).code, 3, "{case}");
        }
    }
    assert_eq!(stage.services().writes, 0);
}

/// Function URLs and HTTP APIs decide by the content type.
#[tokio::test]
async fn compressed_json_that_was_taken_for_text_is_415() {
    let stage = Stage::new(&[("HTTP_AUTH", "none")]).await;
    let headers = json!({"content-type": JSON, "content-encoding": "gzip"});
    let body = gzip(br#"{"resourceMetrics":[]}"#);
    let answer =
        export(&stage, &event("POST", "/v1/metrics", &headers, &String::from_utf8_lossy(&body))).await;
    assert_eq!(answer["statusCode"], 415);
    let status: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    let reason = "send it without `Content-Encoding: gzip`, or in protobuf";
    assert!(status["message"].as_str().unwrap().ends_with(reason), "{status}");
}
