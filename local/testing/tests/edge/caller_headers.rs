//! Headers with values that the caller chooses: the functions answer whatever they contain, and survive.

use http::{HeaderName, HeaderValue};
use local_lambda::runtime::{Function, FunctionOptions, Invocation, InvocationRequest};
use serde_json::json;

use crate::{push_gateway, query};

const CLIENT_CONTEXT: HeaderName = HeaderName::from_static("lambda-runtime-client-context");
const COGNITO_IDENTITY: HeaderName = HeaderName::from_static("lambda-runtime-cognito-identity");

/// Values that `lambda_runtime` 1.5 does not expect: its process ends with each of them.
fn values() -> Vec<(HeaderName, &'static [u8])> {
    let contexts: [&[u8]; 8] = [
        br#"{"custom":{"a":5}}"#,
        br#"{"custom":{"bedrockAgentCoreToolName":5}}"#,
        br#"{"client":{"installation_id":"1"}}"#,
        b"null",
        b"[]",
        b"not JSON",
        "{\"custom\":{\"name\":\"Küche\"}}".as_bytes(),
        b"\xff\xfe",
    ];
    let identities: [&[u8]; 4] = [br#"{"accountId":"0"}"#, b"{}", b"null", b"\xff"];
    let contexts = contexts.map(|value| (CLIENT_CONTEXT, value));
    contexts.into_iter().chain(identities.map(|value| (COGNITO_IDENTITY, value))).collect()
}

async fn invoke(function: &mut Function, payload: &str, header: (HeaderName, &[u8])) -> Invocation {
    let value = HeaderValue::from_bytes(header.1).expect("no control characters");
    let request = InvocationRequest {
        request_id: "11111111-1111-4111-8111-111111111111".to_owned(),
        payload: payload.to_owned().into(),
        client_context: None,
        headers: vec![(header.0, value)],
        stream: None,
    };
    function.invoke_as(request).await
}

/// A receiver that gets no request.
const NOWHERE: &str = "http://127.0.0.1:9/api/v1/remote_write";

#[tokio::test]
async fn the_push_gateway_answers_whatever_the_caller_headers_hold() {
    let options = FunctionOptions::new(push_gateway()).env("REMOTE_WRITE_URL", NOWHERE);
    let mut function = Function::spawn(options).await.expect("a start");
    let pid = function.pid();
    for header in values() {
        let shown = format!("{}: {:?}", header.0, String::from_utf8_lossy(header.1));
        let invocation = invoke(&mut function, "[]", header).await;
        assert!(invocation.json().is_some(), "{shown}: {invocation:?}");
        assert_eq!(function.pid(), pid, "{shown}");
    }
}

#[tokio::test]
async fn a_query_function_answers_whatever_the_caller_headers_hold() {
    let options = FunctionOptions::new(query()).env("_HANDLER", "query").env("WORKSPACE_URL", NOWHERE);
    let mut function = Function::spawn(options).await.expect("a start");
    let pid = function.pid();
    for header in values() {
        let shown = format!("{}: {:?}", header.0, String::from_utf8_lossy(header.1));
        let answer = invoke(&mut function, "{}", header).await.json().expect(&shown);
        // Not the operation of a tool: the handler's own, which misses a parameter.
        assert_eq!((&answer["statusCode"], &answer["body"]["operation"]), (&json!(400), &json!("query")));
        assert_eq!(function.pid(), pid, "{shown}");
    }
}

/// An agent gateway that propagates headers adds an object beside the texts.
#[tokio::test]
async fn members_beside_the_tool_name_do_not_matter() {
    let options = FunctionOptions::new(query()).env("_HANDLER", "tools").env("AWS_REGION", "eu-west-1");
    let mut function = Function::spawn(options).await.expect("a start");
    for beside in [
        r#""bedrockAgentCorePropagatedHeaders":{}"#,
        r#""bedrockAgentCorePropagatedHeaders":{"a":[1,null]}"#,
        r#""other":"\ud83d""#,
        r#""other":1e999"#,
    ] {
        let context =
            format!(r#"{{"custom":{{"bedrockAgentCoreToolName":"t___query",{beside}}},"env":null}}"#);
        let invocation = invoke(&mut function, "{}", (CLIENT_CONTEXT, context.as_bytes())).await;
        let answer = invocation.json().expect("JSON");
        assert_eq!(answer["body"]["operation"], "query", "{beside}: {answer}");
    }
}
