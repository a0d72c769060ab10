//! Events of every service are the same request.

use std::time::Duration;

use proptest::prelude::*;
use push_gateway::envelopes::Envelope;
use push_gateway::envelopes::http::Http;
use serde_json::{Value, json};

use crate::services::{Stage, event, push};

/// Events as AWS's documentation has them.
macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../envelopes/", $name))
    };
}

const FIXTURES: [&str; 5] = [
    fixture!("function-url.json"),
    fixture!("http-api.json"),
    fixture!("rest-api.json"),
    fixture!("alb.json"),
    fixture!("alb-multi.json"),
];

fn read(payload: &str) -> Option<Http<'_>> {
    match Envelope::read(payload.as_bytes()) {
        Ok(Envelope::Http(http)) => Some(http),
        _ => None,
    }
}

#[test]
fn events_of_every_service_are_one_request() {
    for fixture in FIXTURES {
        let http = read(fixture).expect("a request");
        let request = http.request();
        assert_eq!(request.method, "PUT");
        let is_api = fixture.contains("/prod/");
        let expected =
            if is_api { "/metrics/job/a 100%25/city/Zürich" } else { "/metrics/job/a%2Fb/city/Z%C3%BCrich" };
        assert_eq!(request.path, expected);
        assert_eq!(request.headers.authorization.as_deref(), Some("Basic cHVzaDpzZWNyZXQ="));
        let content_type = (!is_api).then_some("text/plain; version=0.0.4");
        assert_eq!(request.headers.content_type.as_deref(), content_type);
        let received_ms = (!fixture.contains("targetgroup")).then_some(1_676_398_017_123);
        assert_eq!(request.received_ms, received_ms);
        assert!(!request.has_identity, "{fixture}");
        assert!(!format!("{http:?}").contains("cHVzaDpzZWNyZXQ"), "credentials are shown");
    }
}

#[tokio::test]
async fn a_push_through_every_service_is_written() {
    let stage = Stage::new(&[("HTTP_AUTH", "secret")]).await;
    for (at, fixture) in FIXTURES.into_iter().enumerate() {
        let event: Value = serde_json::from_str(fixture).unwrap();
        let (answer, report) = stage.invoke(&event, Duration::from_secs(2)).await;
        assert_eq!(answer["statusCode"], 202, "{answer}");
        assert_eq!(answer["body"], "");
        let is_multi = fixture.contains("multiValueHeaders") && fixture.contains("targetgroup");
        let headers = if is_multi { "multiValueHeaders" } else { "headers" };
        assert!(answer[headers].is_object() && answer.as_object().unwrap().len() == 4, "{answer}");
        // The sample, and the time of the push.
        assert_eq!(report.figures.samples, 2, "fixture {at}");
    }
}

#[test]
fn an_identity_is_that_of_the_service() {
    for (fixture, pointer, value, expected) in [
        (0, "/requestContext/authorizer", json!({"iam": {"userArn": "arn:aws:iam::1:user/a"}}), true),
        (0, "/requestContext/authorizer", json!({"iam": null}), false),
        (0, "/requestContext/authorizer", json!(null), false),
        (1, "/requestContext/authorizer", json!({"jwt": {"claims": {}, "scopes": null}}), true),
        (1, "/requestContext/authorizer", json!({"lambda": {"user": "a"}}), true),
        (1, "/requestContext/authorizer", json!({"lambda": null}), false),
        (1, "/requestContext/authorizer", json!({"other": {"user": "a"}}), false),
        (2, "/requestContext/authorizer", json!({"principalId": "a"}), true),
        (2, "/requestContext/authorizer", json!({}), false),
        (2, "/requestContext/identity", json!({"userArn": "arn:aws:iam::1:user/a"}), true),
        (2, "/requestContext/identity", json!({"userArn": ""}), false),
        (3, "/requestContext/authorizer", json!({"iam": {"userArn": "a"}}), false),
        (3, "/requestContext/identity", json!({"userArn": "arn:aws:iam::1:user/a"}), false),
    ] {
        let mut event: Value = serde_json::from_str(FIXTURES[fixture]).unwrap();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        event.pointer_mut(parent).unwrap()[key] = value.clone();
        let payload = event.to_string();
        let http = read(&payload).expect("a request");
        assert_eq!(http.request().has_identity, expected, "{fixture} {value}");
    }
}

#[test]
fn json_events_are_not_requests() {
    let base = r#"{"dimensions":{},"timestamp":1,"metrics":{"m":1}"#;
    for members in [
        "",
        r#","requestContext":{"elb":{}},"httpMethod":"PUT","path":"/""#,
        r#","version":"2.0","rawPath":"/","requestContext":{"http":{"method":"PUT"}}"#,
    ] {
        assert!(read(&format!("{base}{members}}}")).is_none(), "{members}");
    }
    for event in [
        r#"{"requestContext":1}"#,
        r#"{"requestContext":{}}"#,
        r#"{"requestContext":{},"httpMethod":"PUT"}"#,
        r#"{"requestContext":{"http":{"method":"PUT"}},"version":"2.0"}"#,
        r#"{"requestContext":{"http":{"method":"PUT"}},"version":"1.0","rawPath":"/"}"#,
    ] {
        assert!(read(event).is_none(), "{event}");
    }
}

#[tokio::test]
async fn stage_and_base_path_are_not_part_of_the_route() {
    for (base, stage, path, status) in [
        ("", "$default", "/metrics/job/a", 202),
        ("", "prod", "/prod/metrics/job/a", 202),
        ("", "prod", "/production/metrics/job/a", 404),
        ("/push", "$default", "/push/metrics/job/a", 202),
        ("/push/", "prod", "/prod/push/metrics/job/a", 202),
        ("/push", "$default", "/metrics/job/a", 202),
        ("/push", "$default", "/pushy/metrics/job/a", 404),
    ] {
        let gateway = Stage::new(&[("HTTP_AUTH", "none"), ("HTTP_BASE_PATH", base)]).await;
        let mut event = event("PUT", path, &json!({}), "m 1\n");
        event["requestContext"]["domainName"] = "abc.execute-api.us-east-2.amazonaws.com".into();
        event["requestContext"]["stage"] = stage.into();
        assert_eq!(gateway.answer(&event).await.0, status, "{base} {stage} {path}");
    }
}

#[tokio::test]
async fn every_route_has_its_answer() {
    let stage = Stage::new(&[("HTTP_AUTH", "none")]).await;
    let json = r#"{"dimensions":{},"timestamp":1676398017000,"metrics":{"m":1}}"#;
    for (method, path, body, status, answer) in [
        ("GET", "/-/healthy", "", 200, "OK"),
        ("GET", "/-/ready", "", 200, "OK"),
        ("GET", "/api/v1/status", "", 200, r#"{"status":"success","#),
        ("GET", "/api/v1/metrics", "", 200, r#"{"status":"success","data":[]}"#),
        ("GET", "/metrics", "", 200, "# "),
        ("DELETE", "/metrics/job/a", "", 202, ""),
        ("POST", "/metrics/job/a", "", 202, ""),
        ("PUT", "/api/v1/admin/wipe", "", 404, "404 page not found\n"),
        ("PUT", "/-/quit", "", 403, "Lifecycle API is not enabled.\n"),
        ("PUT", "/metrics", "", 405, "Method Not Allowed\n"),
        ("OPTIONS", "/metrics/job/a", "", 200, ""),
        ("OPTIONS", "/api/v1/write", "", 200, ""),
        ("GET", "/api/v1/write", "", 405, "Method Not Allowed\n"),
        ("PUT", "/api/v1/remote_write", "", 405, "Method Not Allowed\n"),
        ("POST", "/api/v1/write", "", 400, "expected a body in snappy, "),
        ("PUT", "/metrics/job/a", "m x\n", 400, "text format parsing error in line 1: "),
        ("POST", "/api/v1/events", json, 200, r#"{"events":1,"samples":1,"series":1,"requests":1}"#),
        (
            "POST",
            "/api/v1/events",
            r#"[{"dimensions":{},"timestamp":1,"metrics":{"m":"x"}}]"#,
            400,
            "metrics.m: ",
        ),
        ("POST", "/api/v1/events", "", 400, "body: expected an event"),
    ] {
        let (ours, text) = stage.answer(&event(method, path, &json!({}), body)).await;
        assert_eq!(ours, status, "{method} {path}: {text}");
        assert!(text.starts_with(answer), "{method} {path}: {text}");
    }
}

#[tokio::test]
async fn an_answer_describes_what_the_receiver_did() {
    let stage = Stage::new(&[("HTTP_AUTH", "secret")]).await;
    for (receiver, status, text) in [
        ((204, ""), 202, ""),
        (
            (400, "out of bounds"),
            400,
            "0 of 2 samples were written, 2 were not: the receiver answered 400 out of bounds\n",
        ),
        ((403, "denied: AKIDEXAMPLE"), 503, "the metrics cannot be written now\n"),
        ((404, ""), 503, "the metrics cannot be written now\n"),
        ((503, ""), 503, "the metrics cannot be written now\n"),
    ] {
        stage.services().receiver = Some(receiver);
        let (answer, _) = stage.invoke(&push("m 1\n"), Duration::from_millis(900)).await;
        assert_eq!((&answer["statusCode"], &answer["body"]), (&json!(status), &json!(text)), "{receiver:?}");
        assert_eq!(answer["headers"]["Retry-After"].is_string(), status == 503, "{answer}");
    }
}

proptest! {
    /// Whatever a client sends, each service's event of it is the same request.
    #[test]
    fn a_request_survives_every_service(
        method in prop::sample::select(vec!["GET", "PUT", "POST", "DELETE"]),
        path in "(/[a-zA-Z0-9@=_.~+-]{1,9}|/%[2-7][0-9A-F]){1,5}",
        headers in prop::collection::btree_map("[a-zA-Z-]{1,12}", "[ -~]{0,20}", 0..5),
        authorization in prop::option::of("[ -~]{1,30}"),
        body in prop::option::of(".{0,50}"),
    ) {
        let mut headers: serde_json::Map<_, _> = headers
            .into_iter()
            .filter(|(name, _)| !name.eq_ignore_ascii_case("authorization"))
            .map(|(name, value)| (name, value.into()))
            .collect();
        if let Some(value) = &authorization {
            headers.insert("AuthoriZation".to_owned(), value.clone().into());
        }
        let lists: serde_json::Map<_, _> = headers.iter().map(|(n, v)| (n.clone(), json!(["first", v]))).collect();
        for (at, fixture) in FIXTURES.into_iter().enumerate().filter(|(at, _)| *at != 1) {
            let mut event: Value = serde_json::from_str(fixture).unwrap();
            if at == 0 {
                event["rawPath"] = path.clone().into();
                event["requestContext"]["http"]["method"] = method.into();
            } else {
                event["path"] = path.clone().into();
                event["httpMethod"] = method.into();
            }
            if event["headers"].is_object() {
                event["headers"] = headers.clone().into();
            }
            if event["multiValueHeaders"].is_object() {
                event["multiValueHeaders"] = lists.clone().into();
            }
            event["body"] = body.clone().into();
            let payload = event.to_string();
            let http = read(&payload).expect("a request");
            let request = http.request();
            prop_assert_eq!((&*request.method, &*request.path), (method, &*path));
            prop_assert_eq!(request.headers.authorization.as_deref(), authorization.as_deref());
        }
    }
}
