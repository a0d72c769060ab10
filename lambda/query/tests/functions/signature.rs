//! Signatures. The strict AMP stand-in verifies those of all characters in `promql.rs`.

use serde_json::json;

use crate::cloud::Cloud;
use crate::scripted::{Answer, ScriptedServer, empty, json_text};
use crate::support::{Function, TOKEN, data, error, fixed_now};

/// A client sends the host in lower case and without the default port, so that form must be signed.
#[tokio::test]
async fn a_host_in_capitals_is_signed_as_it_is_sent() {
    let cloud = Cloud::at(fixed_now()).await;
    let url = cloud.url().replace("http://127.0.0.1", "HTTP://LocalHost");
    data(&Function::new("query", &[("WORKSPACE_URL", &url)]).invoke(json!({"query": "up"})).await);
}

/// The stand-in rejects signatures that are older than five minutes by its clock.
#[tokio::test]
async fn the_signatures_of_queries_are_verified() {
    let cloud = Cloud::at(fixed_now() + std::time::Duration::from_hours(1)).await;
    let response = cloud.function("query").invoke(json!({"query": "up"})).await;
    assert_eq!(error(&response).0, 403);
}

#[tokio::test]
async fn the_content_type_of_a_form_is_signed() {
    let server = ScriptedServer::in_order(vec![empty()]).await;
    data(&Function::of("query", &server).invoke(json!({"query": "a ".repeat(3_000)})).await);
    let seen = server.requests().remove(0);
    let authorization = seen.header("authorization");
    let expected = "SignedHeaders=accept;content-type;host;x-amz-date;x-amz-security-token,";
    assert!(authorization.contains(expected), "{authorization}");
    assert_eq!(seen.header("x-amz-security-token"), TOKEN);
}

#[tokio::test]
async fn requests_without_authentication_are_not_signed() {
    let server = ScriptedServer::in_order(vec![empty()]).await;
    let url = server.url();
    let variables = [("WORKSPACE_URL", &*url), ("WORKSPACE_AUTH", "none")];
    data(&Function::new("query", &variables).invoke(json!({"query": "up"})).await);
    let seen = server.requests().remove(0);
    assert_eq!((seen.header("authorization"), seen.header("x-amz-security-token")), ("", ""));
}

/// AMP explains a wrong signature by repeating the signed headers, including the token.
#[tokio::test]
async fn the_session_token_is_never_repeated() {
    let message = format!("The Canonical String should have been 'GET\\nx-amz-security-token:{TOKEN}\\n'");
    for reply in [
        Answer::json(403, &json!({"message": message})),
        Answer::json(200, &json!({"status": "error", "error": message})),
        Answer::json(200, &json!({"status": "success", "data": message})),
        json_text(200, message.clone()),
        json_text(200, format!("{message}{}", " ".repeat(1 << 20))),
    ] {
        let server = ScriptedServer::in_order(vec![reply.clone()]).await;
        let response = Function::of("query", &server).invoke(json!({"query": "up"})).await.to_string();
        assert!(response.contains("Canonical String") && response.contains("(hidden)"), "{response}");
        assert!(!response.contains(TOKEN), "{reply:?}: {response}");
    }
}
