//! The Secrets Manager of moto.

use http::Request;
use local_testing::moto::MotoServer;
use serde_json::{Value, json};

use crate::host::program;
use crate::http_client;

pub(crate) async fn moto() -> MotoServer {
    let program =
        program("MOTO_SERVER", "../../.venv/bin/moto_server", "run `scripts/setup.sh`, which installs it");
    MotoServer::start(&program, 0).await.expect("moto")
}

/// One call of Secrets Manager. moto accepts any signature and reads the service in its scope.
pub(crate) async fn call(moto: &MotoServer, operation: &str, body: Value) -> Value {
    let scope = "AKIDTEST/20260101/eu-west-1/secretsmanager/aws4_request";
    let request = Request::post(moto.endpoint())
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", format!("secretsmanager.{operation}"))
        .header(
            "authorization",
            format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"),
        )
        .body(body.to_string())
        .expect("a request");
    let (status, answer) = http_client::send(request).await.expect("an answer");
    assert_eq!(status, 200, "{operation}: {}", String::from_utf8_lossy(&answer));
    serde_json::from_slice(&answer).expect("JSON")
}

/// Creates a secret and returns its ARN.
pub(crate) async fn create(moto: &MotoServer, password: &str) -> String {
    let body =
        json!({ "Name": "gateway", "SecretString": pair(password), "ClientRequestToken": "0".repeat(32) });
    call(moto, "CreateSecret", body).await["ARN"].as_str().expect("an ARN").to_owned()
}

/// Replaces the password of the secret.
pub(crate) async fn rotate(moto: &MotoServer, arn: &str, password: &str) {
    let body =
        json!({ "SecretId": arn, "SecretString": pair(password), "ClientRequestToken": "1".repeat(32) });
    call(moto, "PutSecretValue", body).await;
}

fn pair(password: &str) -> String {
    json!({ "username": "extension", "password": password }).to_string()
}
