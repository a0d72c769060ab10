//! Requests that SDKs and the collector sent, byte for byte.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use formats::{Format, OtlpDelta};
use serde_json::Value;

use crate::{Read, read_at};

/// The day after the recordings, 2026-11-29.
const NOW_MS: i64 = 1_795_910_400_000;

/// A recorded request.
struct Request {
    case: String,
    format: Format,
    body: Vec<u8>,
}

fn requests(file: &str) -> Vec<Request> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/otlp/captures").join(file);
    let recorded: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let request = |request: &Value| {
        let header = |wanted: &str| {
            let headers = request["headers"].as_array().unwrap().iter();
            let mut headers =
                headers.map(|header| (header[0].as_str().unwrap(), header[1].as_str().unwrap()));
            headers.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value)
        };
        let mut body = STANDARD.decode(request["body_base64"].as_str().unwrap()).unwrap();
        if header("content-encoding") == Some("gzip") {
            let mut inflated = Vec::new();
            flate2::read::GzDecoder::new(&*body).read_to_end(&mut inflated).unwrap();
            body = inflated;
        }
        let format = match header("content-type") {
            Some("application/json") => Format::OtlpJson,
            Some("application/x-protobuf") => Format::Otlp,
            other => panic!("{file}: {other:?}"),
        };
        Request { case: request["case"].as_str().unwrap().to_owned(), format, body }
    };
    recorded["requests"].as_array().unwrap().iter().map(request).collect()
}

/// The client, the labels of its scope after its name, and those of its SDK on `target_info`.
const CLIENTS: [(&str, &str, &str); 6] = [
    (
        "otlp-collector.json",
        "",
        ",telemetry_sdk_language=\"java\",telemetry_sdk_name=\"opentelemetry\",telemetry_sdk_version=\"1.68.0\"",
    ),
    ("otlp-go.json", ",otel_scope_version=\"1.0\"", ""),
    (
        "otlp-java.json",
        "",
        ",telemetry_sdk_language=\"java\",telemetry_sdk_name=\"opentelemetry\",telemetry_sdk_version=\"1.68.0\"",
    ),
    ("otlp-node.json", ",otel_scope_version=\"1.0\"", ""),
    (
        "otlp-python-json.json",
        ",otel_scope_version=\"1.0\"",
        ",telemetry_sdk_language=\"python\",telemetry_sdk_name=\"opentelemetry\",telemetry_sdk_version=\"1.45.2\"",
    ),
    (
        "otlp-python.json",
        ",otel_scope_version=\"1.0\"",
        ",telemetry_sdk_language=\"python\",telemetry_sdk_name=\"opentelemetry\",telemetry_sdk_version=\"1.45.2\"",
    ),
];

/// The samples of the five metrics that every client has, without the native histogram, and `target_info`.
fn expected(version: &str, sdk: &str) -> Vec<String> {
    let labels = |own: &str| {
        format!("instance=\"i-1\",job=\"shop/billing\"{own},otel_scope_name=\"conformance\"{version}")
    };
    let bucket = |le: &str, count: u8| {
        format!("duration_seconds_bucket{{{}}} {count}", labels(&format!(",le=\"{le}\"")))
    };
    let kind = labels(",kind=\"größe\"");
    let mut samples = vec![
        format!("jobs_total{{{kind}}} 3"),
        format!("active{{{}}} -2", labels("")),
        format!("temperature_celsius{{{}}} 42.5", labels("")),
        format!("duration_seconds_sum{{{}}} 55.55", labels("")),
        format!("duration_seconds_count{{{}}} 4", labels("")),
        bucket("0", 0),
        bucket("5", 3),
        bucket("10", 3),
        bucket("25", 3),
        format!("target_info{{instance=\"i-1\",job=\"shop/billing\",stadt=\"Zürich\"{sdk}}} 1"),
    ];
    let bounds = ["50", "75", "100", "250", "500", "750", "1000", "2500", "5000", "7500", "10000", "+Inf"];
    samples.extend(bounds.map(|le| bucket(le, 4)));
    samples.sort_unstable();
    samples
}

#[test]
fn what_clients_send_has_the_series_of_prometheus() {
    for (file, version, sdk) in CLIENTS {
        let requests = requests(file);
        let cumulative = requests.iter().filter(|request| !request.case.contains("delta"));
        for Request { case, format, body } in cumulative {
            let Read { mut samples, metadata, refused, .. } =
                read_at(NOW_MS, *format, body, OtlpDelta::Refuse).unwrap();
            assert_eq!(refused, [], "{file} {case}");
            let (native, own): (Vec<_>, _) =
                samples.drain(..).partition(|sample| sample.starts_with("exp_seconds{"));
            // Some SDKs report about themselves too.
            let mut own: Vec<_> = own.into_iter().filter(|sample| !sample.starts_with("otel_sdk_")).collect();
            own.sort_unstable();
            own.dedup();
            assert_eq!(own, expected(version, sdk), "{file} {case}");
            let [native] = &*native else { panic!("{file} {case}: {native:?}") };
            for part in [
                "count: Some(Int(4)), sum: 55.55, schema: 3",
                "zero_count: Some(Int(0))",
                "positive_spans: [BucketSpan { offset: -34, length: 1 }, BucketSpan { offset: 25, length: 1 }, \
                 BucketSpan { offset: 26, length: 1 }, BucketSpan { offset: 26, length: 1 }]",
                "positive_deltas: [1, 0, 0, 0]",
            ] {
                assert!(native.contains(part), "{file} {case}: {part}: {native}");
            }
            for family in [
                "Counter jobs_total \"Jobs\" \"\"",
                "Gauge active \"\" \"\"",
                "Gauge temperature_celsius \"\" \"celsius\"",
                "Histogram duration_seconds \"\" \"seconds\"",
                "Histogram exp_seconds \"\" \"seconds\"",
            ] {
                assert!(
                    metadata.iter().any(|known| known == family),
                    "{file} {case}: {family}: {metadata:?}"
                );
            }
        }
    }
}

#[test]
fn delta_points_of_clients_are_refused_with_the_setting() {
    for (file, ..) in CLIENTS {
        for Request { case, format, body } in requests(file) {
            if !case.contains("delta") {
                continue;
            }
            let refused = read_at(NOW_MS, format, &body, OtlpDelta::Refuse).unwrap();
            let written = read_at(NOW_MS, format, &body, OtlpDelta::Gauge).unwrap();
            let points: usize = refused.refused.iter().map(|(points, _)| points).sum();
            assert_eq!(written.refused, []);
            assert_eq!(refused.data_points + points, written.data_points, "{file} {case}");
            for (_, reason) in &refused.refused {
                assert!(reason.contains("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=cumulative"));
            }
            if refused.data_points > 1 {
                // The up-down counter stays cumulative.
                assert!(refused.samples.iter().any(|sample| sample.starts_with("active{")), "{refused:?}");
            }
        }
    }
}
