//! SDKs of OpenTelemetry export a counter, an up-down counter, a gauge, a histogram and an exponential histogram.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use local_amp::proto::otlp::ExportMetricsServiceResponse;
use prost::Message as _;
use serde_json::Value;
use tokio::process::Command;

use crate::metrics::{Labels, check_metadata, check_native, labels, value};
use crate::outage::outage;
use crate::program::{Client, run};
use crate::stage::{PASSWORD, Stage, USERNAME};

const PROTOBUF: &str = "http/protobuf";
const JSON: &str = "http/json";
/// Function URLs damage compressed JSON, which has a test of its own.
const ENCODINGS: [(&str, &str); 3] = [(PROTOBUF, "none"), (PROTOBUF, "gzip"), (JSON, "none")];

const TEMPORALITY: &str = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
const SIZES: [f64; 4] = [0.05, 0.5, 5.0, 50.0];

/// An SDK with an exporter.
struct Sdk {
    client: Client,
    has_json: bool,
    /// Whether it prints what `partial_success` reports.
    prints_refusals: bool,
}

impl Sdk {
    fn python() -> Self {
        let client = Client::python("python", "otlp.py");
        Self { client, has_json: true, prints_refusals: false }
    }

    fn node() -> Self {
        let client = Client::node("node", "otlp.mjs");
        Self { client, has_json: true, prints_refusals: true }
    }

    fn java() -> Self {
        let client = Client::java("java", "Otlp.java");
        Self { client, has_json: false, prints_refusals: false }
    }

    fn go() -> Self {
        let client = Client::compiled("go", "go/otlp");
        Self { client, has_json: false, prints_refusals: true }
    }

    fn rust() -> Self {
        let client = Client::compiled("rust", "rust/otlp");
        Self { client, has_json: true, prints_refusals: true }
    }

    /// Its program, as a user configures it for the gateway: with the password as a token, or as basic authentication.
    fn command(&self, stage: &Stage, service: &str, protocol: &str) -> Option<Command> {
        let authorization = if protocol == JSON {
            format!("Bearer%20{PASSWORD}")
        } else {
            format!("Basic%20{}", STANDARD.encode(format!("{USERNAME}:{PASSWORD}")))
        };
        let mut command = self.client.command()?;
        command
            .env("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", format!("{}/v1/metrics", stage.url.url()))
            .env("OTEL_EXPORTER_OTLP_HEADERS", format!("Authorization={authorization}"))
            .env("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", protocol)
            .env("OTEL_SERVICE_NAME", service)
            .env("OTEL_RESOURCE_ATTRIBUTES", "service.namespace=shop,service.instance.id=i-1,city=Bern")
            // Java's exports all signals by default.
            .env("OTEL_TRACES_EXPORTER", "none")
            .env("OTEL_LOGS_EXPORTER", "none");
        Some(command)
    }
}

/// Exports in each encoding, and with delta temporality.
async fn check(sdk: Sdk) {
    let stage = Stage::start().await;
    for (number, (protocol, compression)) in ENCODINGS.into_iter().enumerate() {
        if protocol == JSON && !sdk.has_json {
            continue;
        }
        let service = format!("service{number}");
        let Some(mut command) = sdk.command(&stage, &service, protocol) else { return };
        command.env("OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", compression);
        assert_eq!(sdk.client.finish(command).await, "", "{protocol} {compression}");
        check_all(&stage, &service).await;
    }
    let families = [
        ("jobs_total", "counter", "Jobs."),
        ("active", "gauge", ""),
        ("temperature_celsius", "gauge", ""),
        ("duration_seconds", "histogram", "Took."),
        ("size_bytes", "histogram", ""),
    ];
    check_metadata(&stage, families.map(|(name, of_type, help)| (name.to_owned(), of_type, help))).await;
    check_delta(&sdk, &stage).await;
}

/// A counter and histograms with delta temporality are refused, the rest is written.
async fn check_delta(sdk: &Sdk, stage: &Stage) {
    let before = stage.answers().len();
    let mut command = sdk.command(stage, "delta", PROTOBUF).expect("it is there");
    command.env(TEMPORALITY, "delta");
    // Go takes the answer for a failure.
    let (_, printed) = run(command).await;
    assert_eq!(printed.contains(TEMPORALITY), sdk.prints_refusals, "{printed:?}");
    let answer = &stage.answers()[before];
    let response = ExportMetricsServiceResponse::decode(&*answer.body).expect("a response");
    let partial = response.partial_success.expect("a part is refused");
    assert!(
        answer.status == 200
            && partial.rejected_data_points == 3
            && partial.error_message.contains(&format!("{TEMPORALITY}=cumulative")),
        "{answer:?} {partial:?}"
    );
    let (found, natives) = read(stage, "delta").await;
    let is_refused =
        |labels: &Labels| ["jobs", "duration"].iter().any(|of| labels["__name__"].starts_with(of));
    let left = expected("delta").into_iter().filter(|(labels, _)| !is_refused(labels));
    assert_eq!((found, natives), (left.collect(), vec![]));
}

/// Exports while the receiver is down, with the time limits that the SDK has by default.
async fn check_outage(sdk: Sdk) {
    let stage = Stage::start().await;
    let Some(command) = sdk.command(&stage, "late", PROTOBUF) else { return };
    tokio::join!(sdk.client.finish(command), outage(&stage, &[503]));
    check_all(&stage, "late").await;
}

async fn check_all(stage: &Stage, service: &str) {
    let (found, natives) = read(stage, service).await;
    assert_eq!(found, expected(service));
    let [size] = &natives[..] else { panic!("{natives:?}") };
    assert_eq!(labels(size), series("size_bytes", service, &[SCOPE, VERSION]));
    check_native(size, &SIZES);
}

/// The series of floats of a service, and those of native histograms.
async fn read(stage: &Stage, service: &str) -> (BTreeMap<Labels, f64>, Vec<Value>) {
    // Java's SDK has metrics of its own.
    let selector = format!("{{job=\"shop/{service}\",otel_scope_name=~\"|clients\"}}");
    let found = stage.query(&selector).await;
    let (floats, natives): (Vec<_>, _) = found.into_iter().partition(|series| series["value"].is_array());
    let floats = floats.iter().map(|series| {
        let mut labels = labels(series);
        // The SDK's own language and version.
        labels.retain(|name, _| !name.starts_with("telemetry_"));
        (labels, value(series))
    });
    (floats.collect(), natives)
}

const SCOPE: (&str, &str) = ("otel_scope_name", "clients");
const VERSION: (&str, &str) = ("otel_scope_version", "1.0");

fn expected(service: &str) -> BTreeMap<Labels, f64> {
    let of_scope = |name: &str, own: &[(&str, &str)], value: f64| {
        (series(name, service, &[&[SCOPE, VERSION], own].concat()), value)
    };
    let bucket = |(le, count)| of_scope("duration_seconds_bucket", &[("le", le)], count);
    [("0.1", 1.0), ("1", 2.0), ("10", 3.0), ("+Inf", 4.0)]
        .map(bucket)
        .into_iter()
        .chain([
            of_scope("duration_seconds_sum", &[], SIZES.iter().sum()),
            of_scope("duration_seconds_count", &[], 4.0),
            of_scope("jobs_total", &[("kind", "größe")], 3.0),
            of_scope("active", &[], -2.0),
            of_scope("temperature_celsius", &[], 42.5),
            (series("target_info", service, &[("city", "Bern")]), 1.0),
        ])
        .collect()
}

fn series(name: &str, service: &str, own: &[(&str, &str)]) -> Labels {
    let job = format!("shop/{service}");
    let labels = [("__name__", name), ("job", &*job), ("instance", "i-1")].into_iter();
    labels.chain(own.iter().copied()).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[tokio::test]
async fn python_opentelemetry() {
    check(Sdk::python()).await;
}

#[tokio::test]
async fn python_opentelemetry_repeats() {
    check_outage(Sdk::python()).await;
}

#[tokio::test]
async fn node_opentelemetry() {
    check(Sdk::node()).await;
}

#[tokio::test]
async fn node_opentelemetry_repeats() {
    check_outage(Sdk::node()).await;
}

#[tokio::test]
#[ignore = "npm run conformance builds the client"]
async fn java_opentelemetry() {
    check(Sdk::java()).await;
}

#[tokio::test]
#[ignore = "npm run conformance builds the client"]
async fn java_opentelemetry_repeats() {
    check_outage(Sdk::java()).await;
}

#[tokio::test]
#[ignore = "npm run conformance builds the client"]
async fn go_opentelemetry() {
    check(Sdk::go()).await;
}

#[tokio::test]
#[ignore = "npm run conformance builds the client"]
async fn go_opentelemetry_repeats() {
    check_outage(Sdk::go()).await;
}

#[tokio::test]
#[ignore = "npm run conformance builds the client"]
async fn rust_opentelemetry() {
    check(Sdk::rust()).await;
}

#[tokio::test]
#[ignore = "npm run conformance builds the client"]
async fn rust_opentelemetry_repeats() {
    check_outage(Sdk::rust()).await;
}

#[tokio::test]
async fn delta_temporality_is_written_if_configured() {
    let sdk = Sdk::python();
    let stage = Stage::with(|options| options.env("OTLP_DELTA", "gauge")).await;
    let Some(mut command) = sdk.command(&stage, "delta", PROTOBUF) else { return };
    command.env(TEMPORALITY, "delta");
    assert_eq!(sdk.client.finish(command).await, "");
    check_all(&stage, "delta").await;
}

#[tokio::test]
async fn compressed_json_is_refused_behind_a_function_url() {
    let sdk = Sdk::node();
    let stage = Stage::start().await;
    let Some(mut command) = sdk.command(&stage, "json", JSON) else { return };
    command.env("OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "gzip");
    let (_, printed) = run(command).await;
    assert!(printed.contains("Unsupported Media Type"), "{printed}");
    let statuses: Vec<u64> = stage.answers().iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [415]);
}
