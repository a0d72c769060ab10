//! The OpenTelemetry Collector receives OTLP, and sends it on as OTLP and as remote write.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, header};
use local_testing::clock::Clock;
use local_testing::prometheus::client::PrometheusClient;
use local_testing::scripted::closed_port;
use serde_json::{Value, json};

use crate::outage::{outage, until};
use crate::program::{Client, Running};
use crate::stage::{PASSWORD, Stage};

fn config(stage: &Stage, port: u16) -> Value {
    let url = stage.url.url();
    let headers = json!({"Authorization": format!("Bearer {PASSWORD}")});
    json!({
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": format!("127.0.0.1:{port}")}}}},
        "exporters": {
            "otlphttp": {"metrics_endpoint": format!("{url}/v1/metrics"), "headers": headers},
            "prometheusremotewrite": {
                "endpoint": format!("{url}/api/v1/write"),
                "headers": headers,
                "external_labels": {"sender": "remote write"},
            },
        },
        "service": {
            "pipelines": {
                "metrics": {"receivers": ["otlp"], "exporters": ["otlphttp", "prometheusremotewrite"]},
            },
            "telemetry": {"metrics": {"level": "none"}},
        },
    })
}

/// A request with one sample of a counter.
fn request(jobs: u32) -> Value {
    let now = Clock::system().now_ms() * 1_000_000;
    let attribute = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let point = json!({"asInt": jobs.to_string(), "timeUnixNano": now.to_string()});
    let sum = json!({"aggregationTemporality": 2, "isMonotonic": true, "dataPoints": [point]});
    let attributes = [attribute("service.name", "billing"), attribute("service.instance.id", "i-1")];
    json!({"resourceMetrics": [{
        "resource": {"attributes": attributes},
        "scopeMetrics": [{"scope": {"name": "clients"}, "metrics": [{"name": "jobs", "sum": sum}]}],
    }]})
}

#[tokio::test]
#[ignore = "npm run conformance builds the collector"]
async fn collector() {
    let client = Client::compiled("collector", "collector/collector");
    let Some(mut command) = client.command() else { return };
    let stage = Stage::impatient().await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("config.yml");
    let port = closed_port().expect("a free port");
    std::fs::write(&path, config(&stage, port).to_string()).expect("a file");
    command.arg(format!("--config={}", path.display()));
    let mut running = Running::start(command);

    let receiver = PrometheusClient::new(&format!("http://127.0.0.1:{port}")).expect("a URL");
    let json = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    let send = async |jobs: u32| {
        let body = Bytes::from(request(jobs).to_string());
        let answer = receiver.send(&Method::POST, "/v1/metrics", &json, body).await;
        answer.is_ok_and(|answer| answer.status.is_success())
    };
    until("receiver", async || {
        running.check();
        send(0).await
    })
    .await;
    let feed = async {
        for jobs in 1..=20 {
            assert!(send(jobs).await);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::join!(feed, outage(&stage, &[503, 429]));
    let expected: Vec<String> = (0..=20).map(|jobs| jobs.to_string()).collect();
    for sender in ["", "remote write"] {
        let selector = format!("jobs_total{{job=\"billing\",instance=\"i-1\",sender=\"{sender}\"}}");
        until("sample of every request", async || stage.values(&selector).await == expected).await;
    }
    running.stop().await;
}
