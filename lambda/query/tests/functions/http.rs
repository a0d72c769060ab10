//! Events of API Gateway and function URLs: where their parameters are, and a body that is text.

use serde_json::{Value, json};

use crate::limits::{MAX_ANSWER_BYTES, vector};
use crate::scripted::{Reply, Server};
use crate::support::Function;

/// urls-invocation, "Request payload format", and http-api-develop-integrations-lambda, "2.0".
fn format_2(request: &Value) -> Value {
    let mut event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/",
        "rawQueryString": "",
        "headers": {"host": "abc.lambda-url.eu-west-1.on.aws", "content-type": "application/json"},
        "requestContext": {"domainName": "abc.lambda-url.eu-west-1.on.aws", "http": {"method": "POST", "path": "/"}},
        "isBase64Encoded": false,
    });
    event.as_object_mut().unwrap().extend(request.as_object().unwrap().clone());
    event
}

/// set-up-lambda-proxy-integrations, "Input format of a Lambda function for proxy integration".
fn format_1(request: &Value) -> Value {
    let mut event = json!({
        "resource": "/", "path": "/", "httpMethod": "POST", "headers": {}, "multiValueHeaders": {},
        "queryStringParameters": null, "multiValueQueryStringParameters": null, "pathParameters": null,
        "stageVariables": null, "requestContext": {"stage": "prod", "httpMethod": "POST"}, "body": null,
        "isBase64Encoded": false,
    });
    event.as_object_mut().unwrap().extend(request.as_object().unwrap().clone());
    event
}

/// The status and the body of an answer that API Gateway can pass on: the body is text, and the text is JSON.
fn passed_on(answer: &Value) -> (u64, Value) {
    assert_eq!(answer["headers"]["Content-Type"], "application/json");
    let body = answer["body"].as_str().unwrap_or_else(|| panic!("no text: {answer}"));
    (answer["statusCode"].as_u64().unwrap(), serde_json::from_str(body).unwrap())
}

#[tokio::test]
async fn http_requests_are_answered_with_a_body_of_text() {
    let (json, base64) = (r#"{"query":"up","time":"-1h"}"#, "eyJxdWVyeSI6InVwIiwidGltZSI6Ii0xaCJ9");
    for request in [
        json!({"body": json}),
        json!({"body": base64, "isBase64Encoded": true}),
        json!({"queryStringParameters": {"query": "up", "time": "-1h"}}),
        json!({"queryStringParameters": {"query": "up", "time": "-1h"}, "body": ""}),
    ] {
        for event in [format_1(&request), format_2(&request)] {
            let server = Server::in_order(vec![Reply::nothing()]).await;
            let answer = Function::of("query", &server).ask(event).await;
            let (status, body) = passed_on(&answer);
            assert_eq!((status, &body["success"], &body["operation"]), (200, &json!(true), &json!("query")));
            assert_eq!(body["data"], json!({"resultType": "vector", "result": []}));
            let seen = server.seen().remove(0);
            assert_eq!(seen.parameter("query").as_deref(), Some("up"));
            assert_eq!(seen.parameter("time").as_deref(), Some("1699996400"));
        }
    }
}

#[tokio::test]
async fn a_request_without_parameters_needs_no_body() {
    let server = Server::by(|_, _| Reply::json(200, &json!({"status": "success", "data": ["up"]}))).await;
    for event in [format_1(&json!({})), format_2(&json!({})), format_2(&json!({"body": ""}))] {
        let answer = Function::of("list_metrics", &server).ask(event).await;
        assert_eq!(passed_on(&answer).1["data"]["metrics"], json!(["up"]));
    }
}

#[tokio::test]
async fn errors_are_answered_with_a_body_of_text_too() {
    let server = Server::in_order(vec![Reply::nothing()]).await;
    for (request, expected) in [
        (json!({}), "missing required parameter: query"),
        (json!({"body": "{\"query\":\"\\ud83d\"}"}), "invalid payload: expected a JSON object"),
        (json!({"queryStringParameters": {"query": "up", "limit": "no"}}), "invalid parameter limit"),
    ] {
        for event in [format_1(&request), format_2(&request)] {
            let (status, body) = passed_on(&Function::of("query", &server).ask(event).await);
            assert_eq!((status, &body["success"]), (400, &json!(false)));
            assert!(body["error"].as_str().unwrap().starts_with(expected), "{body}");
        }
    }
    assert_eq!(passed_on(&Function::new("tools", &[]).ask(format_2(&json!({}))).await).0, 400);
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn an_answer_of_text_stays_below_the_limit_of_lambda() {
    let server = Server::in_order(vec![Reply::Say(200, vector(40_000, 250))]).await;
    let event = format_2(&json!({"queryStringParameters": {"query": "a"}}));
    let answer = Function::of("query", &server).ask(event).await;
    let bytes = answer.to_string().len();
    assert!((5_900_000..MAX_ANSWER_BYTES).contains(&bytes), "{bytes}");
    assert_eq!(passed_on(&answer).1["data"]["truncated"], true);
}
