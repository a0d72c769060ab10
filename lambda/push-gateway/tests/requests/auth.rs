//! Authentication: closed by default, and the secret is read when it is needed.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;

use crate::services::{Stage, event, push};

/// A push with a header `Authorization`. Its body would be an error, if it were parsed.
fn with(authorization: &str) -> Value {
    event("PUT", "/metrics/job/a", &json!({"Authorization": authorization}), "not metrics")
}

fn secret(password: &str) -> String {
    json!({"username": "push", "password": password}).to_string()
}

#[tokio::test]
async fn requests_without_an_identity_are_denied_by_default() {
    let stage = Stage::new(&[]).await;
    let (answer, _) = stage.invoke(&push("m 1\n"), Duration::from_secs(2)).await;
    assert_eq!(answer["statusCode"], 401);
    assert_eq!(answer["headers"]["WWW-Authenticate"], "Basic realm=\"push-gateway\"");
    assert_eq!(answer["body"], "Unauthorized\n");
    let mut signed = push("m 1\n");
    signed["requestContext"]["authorizer"] = json!({"iam": {"userArn": "arn:aws:iam::1:user/a"}});
    assert_eq!(stage.answer(&signed).await.0, 202);
    assert_eq!(stage.services().reads, 0, "the secret is not needed");
}

#[tokio::test]
async fn credentials_are_those_of_the_secret_or_denied() {
    let stage = Stage::new(&[("HTTP_AUTH", "secret")]).await;
    for (authorization, status) in [
        ("", 401),
        ("Basic", 401),
        ("Basic !", 401),
        ("Basic cHVzaA==", 401),
        ("Basic cHVzaDpzZWNyZXQx", 401),
        ("Basic OnNlY3JldA==", 401),
        ("Digest cHVzaDpzZWNyZXQ=", 401),
        ("Bearer", 401),
        ("Bearer push", 401),
        ("Bearer secre", 401),
        // Admitted, so the body is parsed.
        ("Basic cHVzaDpzZWNyZXQ=", 400),
        ("basic  cHVzaDpzZWNyZXQ= ", 400),
        ("Bearer secret", 400),
        ("bearer secret", 400),
    ] {
        assert_eq!(stage.answer(&with(authorization)).await.0, status, "{authorization}");
    }
    assert_eq!(stage.services().reads, 1, "at most one read within seconds");
    assert_eq!(stage.services().writes, 4, "the times of the admitted pushes, which failed");
    let none = event("PUT", "/metrics/job/a", &json!({}), "");
    assert_eq!(stage.answer(&none).await.0, 401);
}

#[tokio::test]
async fn nothing_is_decoded_before_authentication() {
    let stage = Stage::new(&[("HTTP_AUTH", "secret")]).await;
    for path in ["/metrics/job/a/b", "/metrics/job/%zz", "/unknown", "/-/quit", "/metrics", "/api/v1/status"]
    {
        let mut event = event("PUT", path, &json!({"content-encoding": "gzip"}), "\u{fffd}");
        assert_eq!(stage.answer(&event).await.0, 401, "{path}");
        event["isBase64Encoded"] = true.into();
        assert_eq!(stage.answer(&event).await.0, 401, "{path}");
    }
    for path in ["/-/healthy", "/-/ready"] {
        assert_eq!(stage.answer(&event("GET", path, &json!({}), "")).await, (200, "OK".to_owned()));
    }
    assert_eq!(stage.services().reads, 0, "a request without credentials needs no secret");
}

/// Lets time pass for the gateway only.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn a_rotated_secret_is_read_again() {
    let stage = Stage::new(&[("HTTP_AUTH", "secret")]).await;
    assert_eq!(stage.answer(&with("Bearer secret")).await.0, 400);
    stage.services().secret = Some(secret("rotated"));
    assert_eq!(stage.answer(&with("Bearer rotated")).await.0, 401, "within seconds of the last read");
    pass(Duration::from_secs(3)).await;
    assert_eq!(stage.answer(&with("Bearer rotated")).await.0, 400);
    assert_eq!(stage.answer(&with("Bearer secret")).await.0, 401);
    assert_eq!(stage.services().reads, 2);
}

#[tokio::test]
async fn an_old_secret_is_read_again_and_kept_if_that_fails() {
    let stage = Stage::new(&[("HTTP_AUTH", "secret")]).await;
    assert_eq!(stage.answer(&with("Bearer secret")).await.0, 400);
    stage.services().secret = None;
    pass(Duration::from_mins(5)).await;
    assert_eq!(stage.answer(&with("Bearer secret")).await.0, 400);
    assert_eq!(stage.services().reads, 2);
    stage.services().secret = Some(secret("rotated"));
    pass(Duration::from_secs(3)).await;
    assert_eq!(stage.answer(&with("Bearer secret")).await.0, 401, "a valid read replaces it");
}

#[tokio::test]
async fn without_a_secret_the_answer_is_503() {
    for content in [None, Some("hunter2".to_owned()), Some(secret(""))] {
        let stage = Stage::new(&[("HTTP_AUTH", "secret")]).await;
        stage.services().secret = content;
        for authorization in ["Bearer secret", "Basic cHVzaDo=", "Bearer "] {
            let (answer, _) = stage.invoke(&with(authorization), Duration::from_secs(2)).await;
            let status = if authorization == "Bearer " { 401 } else { 503 };
            assert_eq!(answer["statusCode"], status, "{authorization}");
            assert_eq!(answer["headers"]["Retry-After"].is_string(), status == 503);
        }
        assert_eq!(stage.services().reads, 1, "at most one read within seconds");
    }
}

/// A log that can be read.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn the_log_has_the_reason_and_no_credentials() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).with_max_level(tracing::Level::TRACE);
    // Not for this thread only: tests in others would register events of the gateway as disabled.
    tracing::subscriber::set_global_default(subscriber.finish()).unwrap();
    let stage = Stage::new(&[("HTTP_AUTH", "secret")]).await;
    for content in [Some(secret("s3cr3t-one")), Some("s3cr3t-two".to_owned()), None] {
        stage.services().secret = content;
        pass(Duration::from_mins(6)).await;
        for authorization in ["Bearer s3cr3t-one", "Bearer s3cr3t-four", "Basic czNjcjN0LWZpdmU6eA=="] {
            stage.answer(&with(authorization)).await;
        }
    }
    stage.answer(&event("PUT", "/metrics/job/a", &json!({}), "")).await;
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for reason in [
        "are not those of the secret",
        "has no Authorization header",
        "expected a JSON object",
        "answered 400",
    ] {
        assert!(log.contains(reason), "{reason}: {log}");
    }
    for secret in ["s3cr3t", "czNjcjN0"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}
