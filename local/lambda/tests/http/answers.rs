//! A function behind each kind of endpoint, over sockets: the function `obedient_function` returns the value that the test
//! gives it in the variable `RESPONSE`.

use std::time::Duration;

use local_lambda::http::{Endpoint, HttpServer, Kind};
use local_lambda::service::Pool;
use local_testing::clock::Clock;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::obedient;

async fn serve(endpoint: Endpoint, response: &Value) -> HttpServer {
    let pool = Pool::new(obedient().env("RESPONSE", response.to_string()), 1, |_| ());
    HttpServer::start(0, endpoint, pool, Clock::system()).await.expect("a free port")
}

pub(crate) fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

/// Status, headers and body of a `GET` of a path below the endpoint.
async fn get(server: &HttpServer, path: &str) -> (u16, http::HeaderMap, String) {
    let response = client().get(format!("{}{path}", server.url())).send().await.expect("an answer");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    (status, headers, response.text().await.expect("text"))
}

/// The event that the function got, which it returns as the body of its response.
async fn echoed(server: &HttpServer, head: &str, body: &[u8]) -> Value {
    let address = server.url().replace("http://", "");
    let mut stream = TcpStream::connect(&address).await.expect("it listens");
    stream.write_all(head.as_bytes()).await.expect("sent");
    if head.contains("100-continue") {
        let mut interim = [0; 25];
        stream.read_exact(&mut interim).await.expect("an interim answer");
        assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    }
    stream.write_all(body).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("head and body");
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    serde_json::from_str(body).expect("JSON")
}

#[tokio::test]
async fn chunked_bodies_and_expect_100_continue_arrive() {
    let server = serve(Endpoint::new(Kind::FunctionUrl), &json!("echo")).await;
    let head = "PUT /metrics/job/a HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nConnection: close\r\n";
    let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n");
    let event = echoed(&server, &chunked, b"2\r\nm \r\n2\r\n1\n\r\n0\r\n\r\n").await;
    assert_eq!((&event["body"], &event["rawPath"]), (&json!("m 1\n"), &json!("/metrics/job/a")));
    let expecting = format!("{head}Content-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(echoed(&server, &expecting, b"m 2\n").await["body"], "m 2\n");
}

/// "Invoking Lambda function URLs", "Response payload format", and the same in API Gateway's and the load balancer's guides.
#[tokio::test]
async fn a_response_becomes_status_headers_and_body() {
    let response = json!({
        "statusCode": 401,
        "headers": { "Content-Type": "text/plain", "WWW-Authenticate": "Basic", "X-Number": 7 },
        "multiValueHeaders": { "Content-Type": ["text/plain"], "WWW-Authenticate": ["Basic"], "X-Many": ["a", "b"] },
        "cookies": ["c=1", "d=2"],
        "body": "bm8=",
        "isBase64Encoded": true,
    });
    let renamed = "x-amzn-remapped-www-authenticate";
    for (kind, challenge, many, cookies, number) in [
        (Kind::FunctionUrl, renamed, 0, 2, 1),
        (Kind::HttpApi, "www-authenticate", 0, 2, 1),
        (Kind::RestApi, renamed, 2, 0, 1),
        (Kind::Alb, "www-authenticate", 0, 0, 1),
        (Kind::AlbMultiValue, "www-authenticate", 2, 0, 0),
    ] {
        let server = serve(Endpoint::new(kind), &response).await;
        let (status, headers, body) = get(&server, "/").await;
        let count = |name: &str| headers.get_all(name).iter().count();
        assert_eq!((status, &*body, &headers["content-type"]), (401, "no", &"text/plain".parse().unwrap()));
        let counts = (count(challenge), count("x-many"), count("set-cookie"), count("x-number"));
        assert_eq!(counts, (1, many, cookies, number), "{kind:?}: {headers:?}");
    }
}

/// As above: without `statusCode`, payload 2.0 takes all of a JSON value as the body, the others call it malformed.
#[tokio::test]
async fn a_response_without_a_status_is_a_body_in_payload_2() {
    for (kind, status, body) in [
        (Kind::FunctionUrl, 200, r#""Hello, world!""#),
        (Kind::HttpApi, 200, r#""Hello, world!""#),
        (Kind::RestApi, 502, r#"{"message":"Internal server error"}"#),
    ] {
        let server = serve(Endpoint::new(kind), &json!("Hello, world!")).await;
        let answer = get(&server, "/").await;
        assert_eq!((answer.0, &*answer.2), (status, body), "{kind:?}");
        assert_eq!(answer.1["content-type"], "application/json");
    }
}

#[tokio::test]
async fn invalid_responses_are_errors_of_the_gateway() {
    for response in [
        json!({ "statusCode": "abc" }),
        json!({ "statusCode": 600 }),
        json!({ "statusCode": 200, "headers": [] }),
        json!({ "statusCode": 200, "headers": { "a b": "c" } }),
        json!({ "statusCode": 200, "body": {} }),
        json!({ "statusCode": 200, "body": "!", "isBase64Encoded": true }),
    ] {
        let server = serve(Endpoint::new(Kind::FunctionUrl), &response).await;
        let (status, _, body) = get(&server, "/").await;
        assert_eq!((status, &*body), (502, "Internal Server Error"), "{response}");
    }
}

#[tokio::test]
async fn errors_are_those_of_each_endpoint() {
    let failed = [
        (Kind::FunctionUrl, 502, "Internal Server Error"),
        (Kind::HttpApi, 500, r#"{"message":"Internal Server Error"}"#),
        (Kind::RestApi, 502, r#"{"message":"Internal server error"}"#),
        (Kind::Alb, 502, "502 Bad Gateway"),
    ];
    for (kind, status, text) in failed {
        let pool = Pool::new(obedient().env("INIT", "report"), 1, |_| ());
        let server = HttpServer::start(0, Endpoint::new(kind), pool, Clock::system()).await;
        let (got, _, body) = get(&server.expect("a free port"), "/").await;
        assert_eq!((got, body.contains(text)), (status, true), "{kind:?}: {body}");
    }
    let throttled = [
        (Kind::FunctionUrl, 429, "Rate Exceeded."),
        (Kind::HttpApi, 429, r#"{"message":"Too Many Requests"}"#),
        (Kind::RestApi, 429, r#"{"message":"Too Many Requests"}"#),
        (Kind::Alb, 502, "502 Bad Gateway"),
    ];
    for (kind, status, text) in throttled {
        let pool = Pool::new(obedient(), 0, |_| ());
        let server = HttpServer::start(0, Endpoint::new(kind), pool, Clock::system()).await;
        let (got, _, body) = get(&server.expect("a free port"), "/").await;
        assert_eq!((got, body.contains(text)), (status, true), "{kind:?}: {body}");
    }
}

/// Lambda quotas: 6 MB; "Use Lambda functions as targets", "Limits": 1 MB. Base64 adds a third.
#[tokio::test]
async fn bodies_over_the_limit_are_refused() {
    const MB: usize = 1_024 * 1_024;
    for (kind, is_binary, limit) in
        [(Kind::FunctionUrl, false, 6 * MB), (Kind::HttpApi, true, 6 * MB * 3 / 4), (Kind::Alb, true, MB)]
    {
        let server = serve(Endpoint::new(kind), &json!({ "statusCode": 202 })).await;
        let content_type = if is_binary { "application/octet-stream" } else { "text/plain" };
        for (bytes, expected) in [(limit - 2_000, 202), (limit + 1, 413)] {
            let request = client().post(server.url()).header("content-type", content_type);
            let answer = request.body("a".repeat(bytes)).send().await.expect("an answer");
            assert_eq!(answer.status(), expected, "{kind:?}, {bytes} bytes");
        }
    }
}

/// "HTTP API quotas" and "REST API quotas", "Maximum integration timeout".
#[tokio::test]
async fn apis_do_not_wait_longer_than_their_limit() {
    for (kind, limit, status) in [(Kind::HttpApi, 30, 503), (Kind::RestApi, 29, 504)] {
        let server = serve(Endpoint::new(kind), &json!("hang")).await;
        let asking = get(&server, "/");
        tokio::pin!(asking);
        // Real time for the request to reach the function, then paused time for the limit.
        assert!(tokio::time::timeout(Duration::from_secs(2), &mut asking).await.is_err());
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(limit)).await;
        tokio::time::resume();
        assert_eq!(asking.await.0, status, "{kind:?}");
    }
}

#[tokio::test]
async fn a_named_stage_is_part_of_the_url() {
    let endpoint = Endpoint { stage: Some("dev".to_owned()), ..Endpoint::new(Kind::HttpApi) };
    let server = serve(endpoint, &json!({ "statusCode": 202 })).await;
    assert!(server.url().ends_with("/dev"));
    let outside = client().get(server.url().replace("/dev", "/device")).send().await.expect("an answer");
    assert_eq!((get(&server, "/a").await.0, outside.status().as_u16()), (202, 404));
}

/// "Control access to Lambda function URLs": with `AWS_IAM` a request without signature is refused.
#[tokio::test]
async fn endpoints_with_iam_refuse_requests_without_signature() {
    for (kind, text) in [
        (Kind::FunctionUrl, r#"{"Message":"Forbidden"}"#),
        (Kind::HttpApi, r#"{"message":"Forbidden"}"#),
        (Kind::RestApi, r#"{"message":"Missing Authentication Token"}"#),
    ] {
        let server =
            serve(Endpoint { iam: true, ..Endpoint::new(kind) }, &json!({ "statusCode": 202 })).await;
        let (status, _, body) = get(&server, "/").await;
        assert_eq!((status, &*body), (403, text));
        let signed =
            "AWS4-HMAC-SHA256 Credential=AKIDLOCAL/20200312/eu-west-1/lambda/aws4_request, Signature=00";
        let request = client().get(server.url()).header("authorization", signed);
        assert_eq!(request.send().await.expect("an answer").status(), 202);
    }
}
