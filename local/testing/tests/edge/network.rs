//! Receivers behind a private certificate authority, and behind a proxy.

use std::time::Duration;

use local_lambda::runtime::{Function, FunctionOptions, InitError, RoleCredentials};
use local_lambda::sqs::{QueueMessage, sqs_event};
use local_testing::scripted::Request;
use serde_json::json;

use crate::server::{AUTHORITY, Proxy, Server, file};
use crate::{obedient_function, push_gateway, query, telemetry_extension};

const WRITE: &str = "/api/v1/remote_write";
const NOW_MS: i64 = 1_676_398_017_000;
const EVENT: &str = r#"{"dimensions":{},"timestamp":1676398017000,"metrics":{"ph":7}}"#;

/// A workspace, a queue and the credentials of a role in one.
fn cloud(request: &Request) -> (u16, String) {
    let answer = match request.target.split('?').next() {
        Some(path) if path.ends_with(WRITE) => return (204, String::new()),
        Some("/credentials") => json!({
            "AccessKeyId": "AKIDENDPOINT", "SecretAccessKey": "s", "Token": "t", "Expiration": "2999-01-01T00:00:00Z",
        }),
        Some("/") => {
            json!({ "Successful": [{ "Id": "1", "MessageId": "m", "MD5OfMessageBody": "" }], "Failed": [] })
        }
        _ => json!({ "status": "success", "data": { "resultType": "vector", "result": [] } }),
    };
    (200, answer.to_string())
}

fn gateway(server: &Server) -> FunctionOptions {
    FunctionOptions::new(push_gateway()).env("REMOTE_WRITE_URL", server.url(WRITE))
}

/// All ways to trust an authority besides Mozilla's.
fn settings() -> [(&'static str, String); 4] {
    [
        ("CA_CERTIFICATES", AUTHORITY.to_owned()),
        ("CA_CERTIFICATES", AUTHORITY.replace('\n', "\\n")),
        ("CA_CERTIFICATES", file("root.pem")),
        ("AWS_CA_BUNDLE", file("root.pem")),
    ]
}

#[tokio::test]
async fn a_server_of_an_unknown_authority_is_not_trusted() {
    let server = Server::tls(cloud).await;
    let mut options = gateway(&server);
    options.timeout = Duration::from_secs(2);
    let mut function = Function::spawn(options).await.expect("a start");
    let invocation = function.invoke(EVENT).await;
    let (kind, message) = invocation.function_error().expect("an error");
    assert_eq!(kind, "WriteFailed");
    assert!(message.contains("UnknownIssuer"), "{message}");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn the_gateway_trusts_an_authority_that_is_set() {
    let server = Server::tls(cloud).await;
    for (variable, value) in settings() {
        let mut function = Function::spawn(gateway(&server).env(variable, value)).await.expect("a start");
        let summary = function.invoke(EVENT).await.json().expect(variable);
        assert_eq!(summary["samples"], 1, "{variable}: {summary}");
    }
}

#[tokio::test]
async fn queue_and_credentials_are_reached_over_the_same_authority() {
    let server = Server::tls(cloud).await;
    let mut options = gateway(&server)
        .env("CA_CERTIFICATES", AUTHORITY)
        .env("DEAD_LETTER_QUEUE_URL", server.url("/123456789012/dead-letters"));
    let authorization_token = "authorization".to_owned();
    options.credentials = RoleCredentials::Endpoint { url: server.url("/credentials"), authorization_token };
    let mut function = Function::spawn(options).await.expect("a start");
    let messages = [QueueMessage::new(0, EVENT, NOW_MS), QueueMessage::new(1, "no event", NOW_MS)];
    let invocation = function.invoke(sqs_event("arn:aws:sqs:eu-west-1:123456789012:q", &messages)).await;
    assert_eq!(invocation.batch_item_failures(), Some(Vec::new()), "{invocation:?}");
    for path in [WRITE, "/"] {
        let requests = server.requests_for(path);
        assert_eq!(requests.len(), 1, "{path}");
        assert!(requests[0].header("authorization").contains("Credential=AKIDENDPOINT/"), "{path}");
    }
    assert_eq!(server.requests_for("/credentials")[0].header("authorization"), "authorization");
}

#[tokio::test]
async fn a_query_function_trusts_an_authority_that_is_set() {
    let server = Server::tls(cloud).await;
    for (variable, value) in settings() {
        let options = FunctionOptions::new(query())
            .env("_HANDLER", "query")
            .env("WORKSPACE_URL", server.url(""))
            .env(variable, value);
        let mut function = Function::spawn(options).await.expect("a start");
        let answer = function.invoke(r#"{"query":"up"}"#).await.json().expect("JSON");
        assert_eq!(answer["statusCode"], 200, "{variable}: {answer}");
    }
}

#[tokio::test]
async fn the_extension_trusts_an_authority_that_is_set() {
    let server = Server::tls(cloud).await;
    for (variable, value) in settings() {
        let before = server.requests().len();
        let options = FunctionOptions::new(push_gateway())
            .extension(telemetry_extension())
            .env("REMOTE_WRITE_URL", server.url(WRITE))
            .env("TELEMETRY_REMOTE_WRITE_URL", server.url(WRITE))
            .env(variable, value);
        let mut function = Function::spawn(options).await.expect("a start");
        assert!(function.invoke("[]").await.json().is_some());
        let shutdown = function.shutdown().await.expect("an environment");
        assert!(server.requests().len() > before, "{variable}: {:?}", shutdown.logs);
    }
}

#[tokio::test]
async fn certificates_that_cannot_be_used_fail_the_init() {
    let server = Server::plain(cloud).await;
    for (variable, value) in [
        ("CA_CERTIFICATES", "/nowhere/ca.pem".to_owned()),
        ("CA_CERTIFICATES", "-----BEGIN CERTIFICATE-----\nAAAA".to_owned()),
        ("CA_CERTIFICATES", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----".to_owned()),
        ("CA_CERTIFICATES", file("server.key")),
        ("AWS_CA_BUNDLE", file("make.sh")),
        ("HTTPS_PROXY", "socks5://proxy:1080".to_owned()),
    ] {
        let reader =
            FunctionOptions::new(query()).env("_HANDLER", "query").env("WORKSPACE_URL", server.url(""));
        for options in [gateway(&server), reader] {
            match Function::spawn(options.env(variable, &value)).await {
                Err(InitError::Reported { error_type, message, .. }) => {
                    assert_eq!(error_type, "InvalidConfig");
                    assert!(message.starts_with(&format!("{variable}: expected ")), "{message}");
                }
                other => panic!("{variable}={value}: {other:?}"),
            }
        }
        let options = FunctionOptions::new(obedient_function())
            .extension(telemetry_extension())
            .env("TELEMETRY_REMOTE_WRITE_URL", server.url(WRITE))
            .env(variable, &value);
        match Function::spawn(options).await {
            Err(InitError::Extension { fault, .. }) => {
                assert!(fault.message.starts_with(&format!("{variable}: expected ")), "{}", fault.message);
            }
            other => panic!("{variable}={value}: {other:?}"),
        }
    }
}

/// `NO_PROXY` names hosts, domains, addresses and ranges of addresses.
#[tokio::test]
async fn https_goes_through_the_proxy_unless_its_host_is_excepted() {
    let server = Server::tls(cloud).await;
    let host = "aps-workspaces.eu-west-1.amazonaws.com";
    let path = "/workspaces/ws-1/api/v1/remote_write";
    for variable in ["HTTPS_PROXY", "https_proxy"] {
        let proxy = Proxy::to(&server).await;
        let options = FunctionOptions::new(push_gateway())
            .env("REMOTE_WRITE_URL", format!("https://{host}{path}"))
            .env("CA_CERTIFICATES", AUTHORITY)
            .env(variable, &proxy.url)
            .env("NO_PROXY", "example.com,10.0.0.0/8");
        let mut function = Function::spawn(options).await.expect("a start");
        let invocation = function.invoke(EVENT).await;
        assert!(invocation.json().is_some(), "{variable}: {invocation:?}");
        assert_eq!(proxy.tunnels(), [format!("CONNECT {host}:443 HTTP/1.1")], "{variable}");
    }
    for except in ["127.0.0.1", "127.0.0.0/8", "*"] {
        let proxy = Proxy::to(&server).await;
        let options = gateway(&server)
            .env("CA_CERTIFICATES", AUTHORITY)
            .env("HTTPS_PROXY", &proxy.url)
            .env("NO_PROXY", except);
        let mut function = Function::spawn(options).await.expect("a start");
        assert!(function.invoke(EVENT).await.json().is_some(), "{except}");
        assert_eq!(proxy.tunnels().len(), 0, "{except}");
    }
}

#[tokio::test]
async fn the_extension_writes_through_the_proxy() {
    let server = Server::tls(cloud).await;
    let proxy = Proxy::to(&server).await;
    let host = "aps-workspaces.eu-west-1.amazonaws.com";
    let path = "/workspaces/ws-1/api/v1/remote_write";
    let options = FunctionOptions::new(obedient_function())
        .extension(telemetry_extension())
        .env("TELEMETRY_REMOTE_WRITE_URL", format!("https://{host}{path}"))
        .env("CA_CERTIFICATES", AUTHORITY)
        .env("HTTPS_PROXY", &proxy.url);
    let mut function = Function::spawn(options).await.expect("a start");
    assert!(function.invoke("{}").await.json().is_some());
    let shutdown = function.shutdown().await.expect("an environment");
    assert!(!server.requests_for(path).is_empty(), "{:?}", shutdown.logs);
    assert!(proxy.tunnels().iter().all(|line| line == &format!("CONNECT {host}:443 HTTP/1.1")));
}

#[tokio::test]
async fn plain_http_never_goes_through_a_proxy() {
    let server = Server::plain(cloud).await;
    let proxy = Proxy::to(&server).await;
    let options = gateway(&server).env("HTTPS_PROXY", &proxy.url).env("HTTP_PROXY", &proxy.url);
    let mut function = Function::spawn(options).await.expect("a start");
    assert!(function.invoke(EVENT).await.json().is_some());
    assert_eq!(proxy.tunnels().len(), 0);
}
