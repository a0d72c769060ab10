//! Signatures: what arrives is what was signed, for every character in URLs and in form bodies.
//!
//! The signature is made anew from the request as it came over the wire, by AWS's signer.

use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use serde_json::json;

use crate::scripted::{Reply, Seen, Server};
use crate::support::{Function, TOKEN, credentials, data, fixed_now};

/// What every special character in a value has to survive: spaces, `+`, `%`, quotes, separators, UTF-8, line breaks.
const HARD_QUERIES: [&str; 8] = [
    "up",
    "a + b % c",
    "100%25 + 1",
    "{a=~\"x|y+z\", b!~'1&2=3'}",
    "{path=\"/a/b?c=d#e\"}",
    "{name=\"Größe 温度 🌡\"}",
    "sum by (a)\n  (rate(b[5m]))\t# why",
    "~!@$^*()_-,.;:<>[]{}\\/`|",
];

/// The `Authorization` header that AWS's signer gives to the request as it arrived.
fn expected_authorization(seen: &Seen) -> String {
    let authorization = seen.header("authorization").unwrap();
    let signed_headers = authorization.split("SignedHeaders=").nth(1).unwrap().split(',').next().unwrap();
    let headers: Vec<_> = signed_headers
        .split(';')
        // The signer adds these by itself.
        .filter(|name| !name.starts_with("x-amz-"))
        .map(|name| (name, seen.header(name).unwrap()))
        .collect();
    let identity = credentials().into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region("eu-west-1")
        .name("aps")
        .time(fixed_now())
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let url = format!("http://{}{}", seen.header("host").unwrap(), seen.target);
    let body = SignableBody::Bytes(seen.body.as_bytes());
    let request = SignableRequest::new(&seen.method, &url, headers.into_iter(), body).unwrap();
    let (instructions, _) = sign(request, &params).unwrap().into_parts();
    let (headers, _) = instructions.into_parts();
    headers.iter().find(|header| header.name() == "authorization").unwrap().value().to_owned()
}

#[tokio::test]
async fn urls_and_forms_are_signed_as_they_are_sent() {
    let server = Server::in_order(vec![Reply::nothing()]).await;
    let function = Function::of("query", &server);
    for query in HARD_QUERIES {
        for padding in [0, 5_000] {
            let query = format!("{query}{}", " ".repeat(padding));
            data(&function.ask(json!({"query": query})).await);
            let seen = server.seen().pop().unwrap();
            assert_eq!(seen.method, if padding == 0 { "GET" } else { "POST" });
            assert_eq!(seen.parameter("query").unwrap(), query, "it arrives unharmed");
            assert_eq!(seen.header("authorization").unwrap(), expected_authorization(&seen), "{query}");
            assert_eq!(seen.header("x-amz-security-token"), Some(TOKEN));
        }
    }
}

/// A client writes the host in lower case and leaves out the default port, so that is what is to be signed.
#[tokio::test]
async fn a_host_in_capitals_is_signed_as_it_is_sent() {
    let server = Server::in_order(vec![Reply::nothing()]).await;
    let url = server.url().replace("http://127.0.0.1", "HTTP://LocalHost");
    data(&Function::new("query", &[("WORKSPACE_URL", &url)]).ask(json!({"query": "up"})).await);
    let seen = server.seen().remove(0);
    assert!(seen.header("host").unwrap().starts_with("localhost:"));
    assert_eq!(seen.header("authorization").unwrap(), expected_authorization(&seen));
}

#[tokio::test]
async fn the_content_type_of_a_form_is_signed() {
    let server = Server::in_order(vec![Reply::nothing()]).await;
    data(&Function::of("query", &server).ask(json!({"query": "a ".repeat(3_000)})).await);
    let seen = server.seen().remove(0);
    let authorization = seen.header("authorization").unwrap();
    assert!(
        authorization.contains("SignedHeaders=accept;content-type;host;x-amz-date;x-amz-security-token,"),
        "{authorization}"
    );
}

#[tokio::test]
async fn nothing_is_signed_for_a_prometheus_without_authentication() {
    let server = Server::in_order(vec![Reply::nothing()]).await;
    let variables = [("WORKSPACE_URL", server.url()), ("WORKSPACE_AUTH", "none")];
    data(&Function::new("query", &variables).ask(json!({"query": "up"})).await);
    let seen = server.seen().remove(0);
    assert_eq!((seen.header("authorization"), seen.header("x-amz-security-token")), (None, None));
}

/// AMP explains a wrong signature by repeating the signed headers, the token among them.
#[tokio::test]
async fn the_session_token_is_never_repeated() {
    let words = format!("The Canonical String should have been 'GET\\nx-amz-security-token:{TOKEN}\\n'");
    for reply in [
        Reply::json(403, &json!({"message": words})),
        Reply::json(200, &json!({"status": "error", "error": words})),
        Reply::json(200, &json!({"status": "success", "data": words})),
        Reply::Say(200, words.clone()),
        Reply::Say(200, format!("{words}{}", " ".repeat(1 << 20))),
    ] {
        let server = Server::in_order(vec![reply.clone()]).await;
        let answer = Function::of("query", &server).ask(json!({"query": "up"})).await.to_string();
        assert!(answer.contains("Canonical String") && answer.contains("(hidden)"), "{answer}");
        assert!(!answer.contains(TOKEN), "{reply:?}: {answer}");
    }
}
