//! Requests of every kind of damage: each is answered, and nothing of it is written without authentication.

use std::fmt::Write as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fastrand::Rng;
use formats::{Format, OtlpDelta, Rules};
use push_gateway::envelopes::Envelope;
use push_gateway::records::{MAX_SAMPLE_BYTES, Records};
use push_gateway::routes::Route;
use remote_write::{Labels, NameEscaping};
use serde_json::{Map, Value, json};

use crate::services::{Stage, event};

const PARTS: [&str; 26] = [
    "metrics",
    "job",
    "job@base64",
    "a",
    "",
    "..",
    ".",
    "%2F",
    "%2e%2e",
    "%00",
    "%FF",
    "%",
    "%zz",
    "+",
    "__name__",
    "@base64",
    "YQ==",
    "=",
    "-",
    "healthy",
    "ready",
    "api/v1/events",
    "api/v1/write",
    "v1/metrics",
    "é",
    "\u{0}",
];

const HEADERS: [&str; 8] = [
    "Authorization",
    "authorization",
    "AUTHORIZATION",
    "Content-Type",
    "content-encoding",
    "X-Forwarded-For",
    "",
    "é",
];

const VALUES: [&str; 16] = [
    "Basic cHVzaDpzZWNyZXQx",
    "Basic ====",
    "Basic",
    "bearer ",
    "Bearer \u{fffd}",
    "Bearer secre",
    "gzip",
    "snappy",
    "br",
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
    "application/openmetrics-text",
    "application/x-protobuf",
    "application/x-protobuf;proto=io.prometheus.write.v2.Request",
    ";;;=",
    "",
    "\u{0}\r\n",
];

const BODIES: [&str; 12] = [
    "m 1\n",
    "# TYPE m counter\nm_total 1\n# EOF\n",
    "m{",
    "m{x=\"\u{fffd}\"} 1\n",
    "\u{1f}\u{8b}\u{8}",
    "H4sIAAAA",
    "/wYAAHNOYVBwWQ==",
    "CgFt",
    "{\"dimensions\":{},\"timestamp\":1,\"metrics\":{\"m\":1}}",
    "[",
    "",
    "\u{0}",
];

fn pick<'a>(random: &mut Rng, of: &[&'a str]) -> &'a str {
    of[random.usize(..of.len())]
}

/// A request in the form of any service, or nearly so.
fn request(random: &mut Rng) -> Value {
    let mut path = String::new();
    for _ in 0..random.usize(..8) {
        let _ = write!(path, "/{}", pick(random, &PARTS));
    }
    if random.u8(..4) == 0 {
        path.insert_str(0, "/metrics/job/a");
    }
    let headers: Map<String, Value> = (0..random.usize(..6))
        .map(|_| (pick(random, &HEADERS).to_owned(), pick(random, &VALUES).into()))
        .collect();
    let method = pick(random, &["PUT", "POST", "GET", "DELETE", "OPTIONS", "", "\u{0}"]);
    let mut request = event(method, &path, &headers.clone().into(), pick(random, &BODIES));
    request["isBase64Encoded"] = random.bool().into();
    match random.u8(..4) {
        0 => {}
        1 => request["requestContext"]["domainName"] = "abc.execute-api.eu-west-1.amazonaws.com".into(),
        2 => {
            request["path"] = path.into();
            request["httpMethod"] = method.into();
            request["requestContext"] = json!({"identity": {"userArn": null}, "requestTimeEpoch": i64::MIN});
        }
        _ => {
            request["path"] = path.into();
            request["httpMethod"] = method.into();
            request["requestContext"] = json!({"elb": {"targetGroupArn": "arn"}});
            let lists: Map<_, _> =
                headers.into_iter().map(|(name, value)| (name, json!([value, ""]))).collect();
            request["multiValueHeaders"] = lists.into();
            request["headers"] = Value::Null;
        }
    }
    request
}

/// Reads a request as if its caller were known.
fn read(event: &Value) {
    let payload = event.to_string();
    let Ok(mut envelope) = Envelope::read(payload.as_bytes()) else { return };
    let Envelope::Http(http) = &mut envelope else { return };
    let path = http.request().path(None).to_owned();
    match Route::of(&http.request().method.clone(), &path) {
        Ok(route @ (Route::Push { .. } | Route::Events | Route::RemoteWrite | Route::Otlp))
            if http.admit(route.clone(), 1_676_398_017_000).is_ok() => {}
        _ => return,
    }
    let rules = Rules {
        escaping: NameEscaping::Underscores,
        external_labels: &Labels::default(),
        max_sample_bytes: MAX_SAMPLE_BYTES,
        grouping: &Vec::new(),
        received_ms: 0,
        now_ms: 1_676_398_017_000,
        max_future: Duration::from_mins(1),
        otlp_delta: OtlpDelta::Refuse,
    };
    let (records, _) = Records::read(&envelope, Format::Event, rules);
    assert_eq!(records.records.len(), 1, "{event}");
}

#[tokio::test]
async fn mutated_requests_are_answered_and_not_read() {
    let stage = Stage::new(&[("HTTP_AUTH", "secret")]).await;
    let mut random = Rng::with_seed(7);
    for _ in 0..100_000 {
        let event = request(&mut random);
        read(&event);
        let (answer, report) = stage.invoke(&event, Duration::from_secs(2)).await;
        let status = answer["statusCode"].as_u64().expect("a status");
        assert!(matches!(status, 200 | 401 | 405), "{status}: {event}");
        let is_health = event.to_string().contains("/-/");
        assert!(status == 401 || is_health, "{status}: {event}");
        assert_eq!(report.events, 0);
    }
    assert_eq!(stage.services().writes, 0);
}

#[tokio::test]
async fn large_requests_are_answered() {
    let stage = Stage::new(&[("HTTP_AUTH", "none")]).await;
    let flood: Map<_, _> = (0..100_000).map(|at| (format!("x-{at}"), "y".repeat(20).into())).collect();
    let distinct = (0..400_000).map(|at| format!("/a{at}/b")).collect::<Vec<_>>().concat();
    let long = "v".repeat(5_900_000);
    let bomb = "H4sIAAAAAAACA+3BMQEAAADCoPVPbQwfoAAAAAAAAAAAAAAAAAAAAIC3AYbSVKsAQAAA";
    let mut encoded = event("PUT", "/metrics/job/a", &json!({}), bomb);
    encoded["isBase64Encoded"] = true.into();
    let mut not_encoded = event("PUT", "/metrics/job/a", &json!({}), &long);
    not_encoded["isBase64Encoded"] = true.into();
    for (case, event, statuses) in [
        ("header flood", event("PUT", "/metrics/job/a", &flood.into(), "m 1\n"), &[202_u64] as &[_]),
        (
            "label value",
            event("PUT", "/metrics/job/a", &json!({}), &format!("m{{x=\"{long}\"}} 1\n")),
            &[400],
        ),
        (
            "label value of the path",
            event("PUT", &format!("/metrics/job/{long}"), &json!({}), "m 1\n"),
            &[400],
        ),
        (
            "distinct labels of the path",
            event("PUT", &format!("/metrics/job/a{distinct}"), &json!({}), "m 1\n"),
            &[202, 400],
        ),
        (
            "labels of the path",
            event("PUT", &format!("/metrics/job/a{}", "/a/b".repeat(1_000_000)), &json!({}), ""),
            &[202],
        ),
        ("method", event(&long, "/metrics/job/a", &json!({}), ""), &[405]),
        ("base64", not_encoded, &[400]),
        ("gzip", encoded, &[202, 400]),
        (
            "credentials",
            event("PUT", "/metrics/job/a", &json!({"authorization": STANDARD.encode(&long)}), ""),
            &[202],
        ),
    ] {
        // Enough for a busy machine.
        let (answer, _) = stage.invoke(&event, Duration::from_mins(1)).await;
        let (status, text) = (answer["statusCode"].as_u64(), answer["body"].as_str().unwrap());
        assert!(status.is_some_and(|status| statuses.contains(&status)), "{case}: {answer}");
        assert!(text.len() < 5_000, "{case}: {} bytes", text.len());
    }
}
