//! The event of a request, by kind of endpoint: a request of AWS's documentation, then a table of what is encoded differently.

use local_lambda::http::{Endpoint, Kind, Request};
use serde_json::{Value, json};

/// 2020-03-12T19:03:58.390Z.
const RECEIVED_MS: i64 = 1_584_039_838_390;

/// The request behind the events of "Invoking Lambda function URLs" and of "Create AWS Lambda proxy integrations for HTTP
/// APIs".
fn documented(path: &str) -> Request {
    Request::new("POST", format!("{path}?parameter1=value1&parameter1=value2&parameter2=value"), RECEIVED_MS)
        .header("Host", "127.0.0.1:8080")
        .header("User-Agent", "agent")
        .header("Content-Type", "text/plain")
        .header("Header1", "value1")
        .header("Header2", "value1")
        .header("HEADER2", "value2")
        .header("Cookie", "cookie1; cookie2")
        .header("Transfer-Encoding", "chunked")
        .body("Hello from client!")
}

fn get(target: &str) -> Request {
    Request::new("GET", target, RECEIVED_MS)
}

fn push(content_type: Option<&str>, content_encoding: Option<&str>, body: &[u8]) -> Request {
    let mut request = Request::new("POST", "/metrics/job/a", RECEIVED_MS).body(body.to_vec());
    for (name, value) in [("Content-Type", content_type), ("Content-Encoding", content_encoding)] {
        if let Some(value) = value {
            request = request.header(name, value);
        }
    }
    request
}

/// "Invoking Lambda function URLs", "Request payload format"; the values null of that page are absent in what AWS sends.
#[test]
fn a_function_url_sends_the_documented_event() {
    let signed = "AWS4-HMAC-SHA256 Credential=AKIDLOCAL/20200312/eu-west-1/lambda/aws4_request, \
                  SignedHeaders=host, Signature=00";
    let endpoint = Endpoint { iam: true, ..Endpoint::new(Kind::FunctionUrl) };
    let event = endpoint.event(&documented("/my/path").header("Authorization", signed));
    let expected = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/my/path",
        "rawQueryString": "parameter1=value1&parameter1=value2&parameter2=value",
        "cookies": ["cookie1", "cookie2"],
        "headers": {
            "authorization": signed,
            "content-type": "text/plain",
            "header1": "value1",
            "header2": "value1,value2",
            "host": "local1234567890.lambda-url.eu-west-1.on.aws",
            "user-agent": "agent",
            "x-amzn-trace-id": "Root=1-5e6a879e-000000000000000000000000",
            "x-forwarded-for": "127.0.0.1",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        },
        "queryStringParameters": { "parameter1": "value1,value2", "parameter2": "value" },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "local1234567890",
            "authorizer": { "iam": {
                "accessKey": "AKIDLOCAL",
                "accountId": "123456789012",
                "callerId": "AIDALOCAL",
                "cognitoIdentity": null,
                "principalOrgId": null,
                "userArn": "arn:aws:iam::123456789012:user/local",
                "userId": "AIDALOCAL",
            }},
            "domainName": "local1234567890.lambda-url.eu-west-1.on.aws",
            "domainPrefix": "local1234567890",
            "http": {
                "method": "POST",
                "path": "/my/path",
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "agent",
            },
            "requestId": "00000000-0000-4000-8000-000000000000",
            "routeKey": "$default",
            "stage": "$default",
            "time": "12/Mar/2020:19:03:58 +0000",
            "timeEpoch": RECEIVED_MS,
        },
        "body": "Hello from client!",
        "isBase64Encoded": false,
    });
    assert_eq!(event, expected);
}

/// "Create AWS Lambda proxy integrations for HTTP APIs", "Payload format version 2.0".
#[test]
fn an_http_api_sends_the_documented_event() {
    let event = Kind::HttpApi.event(&documented("/my/path"));
    let mut expected = Kind::FunctionUrl.event(&documented("/my/path"));
    let domain = "local1234567890.execute-api.eu-west-1.amazonaws.com";
    expected["requestContext"]["accountId"] = "123456789012".into();
    expected["requestContext"]["domainName"] = domain.into();
    expected["headers"]["host"] = domain.into();
    assert_eq!(event, expected);
}

/// "Lambda proxy integrations in API Gateway", "Input format of a Lambda function for proxy integration".
#[test]
fn a_rest_api_sends_the_documented_event() {
    let endpoint = Endpoint { takes_binary: false, ..Endpoint::new(Kind::RestApi) };
    let domain = "local1234567890.execute-api.eu-west-1.amazonaws.com";
    let expected = json!({
        "resource": "/{proxy+}",
        "path": "/my/path",
        "httpMethod": "POST",
        "headers": {
            "Host": domain,
            "User-Agent": "agent",
            "Content-Type": "text/plain",
            "Header1": "value1",
            "Header2": "value1",
            "HEADER2": "value2",
            "Cookie": "cookie1; cookie2",
            "X-Amzn-Trace-Id": "Root=1-5e6a879e-000000000000000000000000",
            "X-Forwarded-For": "127.0.0.1",
            "X-Forwarded-Port": "443",
            "X-Forwarded-Proto": "https",
        },
        "multiValueHeaders": {
            "Host": [domain],
            "User-Agent": ["agent"],
            "Content-Type": ["text/plain"],
            "Header1": ["value1"],
            "Header2": ["value1"],
            "HEADER2": ["value2"],
            "Cookie": ["cookie1; cookie2"],
            "X-Amzn-Trace-Id": ["Root=1-5e6a879e-000000000000000000000000"],
            "X-Forwarded-For": ["127.0.0.1"],
            "X-Forwarded-Port": ["443"],
            "X-Forwarded-Proto": ["https"],
        },
        "queryStringParameters": { "parameter1": "value2", "parameter2": "value" },
        "multiValueQueryStringParameters": { "parameter1": ["value1", "value2"], "parameter2": ["value"] },
        "pathParameters": { "proxy": "my/path" },
        "stageVariables": null,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "local1234567890",
            "domainName": domain,
            "domainPrefix": "local1234567890",
            "extendedRequestId": "local",
            "httpMethod": "POST",
            "identity": {
                "accessKey": null,
                "accountId": null,
                "caller": null,
                "cognitoAuthenticationProvider": null,
                "cognitoAuthenticationType": null,
                "cognitoIdentityId": null,
                "cognitoIdentityPoolId": null,
                "principalOrgId": null,
                "sourceIp": "127.0.0.1",
                "user": null,
                "userAgent": "agent",
                "userArn": null,
            },
            "path": "/prod/my/path",
            "protocol": "HTTP/1.1",
            "requestId": "00000000-0000-4000-8000-000000000000",
            "requestTime": "12/Mar/2020:19:03:58 +0000",
            "requestTimeEpoch": RECEIVED_MS,
            "resourceId": "local1",
            "resourcePath": "/{proxy+}",
            "stage": "prod",
        },
        "body": "Hello from client!",
        "isBase64Encoded": false,
    });
    assert_eq!(endpoint.event(&documented("/my/path")), expected);
}

/// "Use Lambda functions as targets of an Application Load Balancer", "Receive events from the load balancer".
#[test]
fn a_load_balancer_sends_the_documented_event() {
    let arn = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/local/0123456789abcdef";
    let expected = json!({
        "requestContext": { "elb": { "targetGroupArn": arn } },
        "httpMethod": "POST",
        "path": "/my/path",
        "queryStringParameters": { "parameter1": "value2", "parameter2": "value" },
        "headers": {
            "content-type": "text/plain",
            "cookie": "cookie1; cookie2",
            "header1": "value1",
            "header2": "value2",
            "host": "127.0.0.1:8080",
            "user-agent": "agent",
            "x-amzn-trace-id": "Root=1-5e6a879e-000000000000000000000000",
            "x-forwarded-for": "127.0.0.1",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        },
        "body": "Hello from client!",
        "isBase64Encoded": false,
    });
    assert_eq!(Kind::Alb.event(&documented("/my/path")), expected);
}

/// As above, "Multi-value headers": arrays instead of values.
#[test]
fn multi_value_headers_replace_the_single_ones() {
    let event = Kind::AlbMultiValue.event(&documented("/my/path"));
    let keys: Vec<&String> = event.as_object().expect("an object").keys().collect();
    let expected = [
        "body",
        "httpMethod",
        "isBase64Encoded",
        "multiValueHeaders",
        "multiValueQueryStringParameters",
        "path",
        "requestContext",
    ];
    assert_eq!(keys, expected);
    assert_eq!(event["multiValueHeaders"]["header1"], json!(["value1"]));
    assert_eq!(event["multiValueHeaders"]["header2"], json!(["value1", "value2"]));
    let parameters = json!({ "parameter1": ["value1", "value2"], "parameter2": ["value"] });
    assert_eq!(event["multiValueQueryStringParameters"], parameters);
}

#[test]
fn paths_and_queries_are_encoded_as_each_endpoint_does() {
    let request = get("/metrics/job/a%2Fb%20c/q%3Fr/s?m%5B%5D=x%2By+z");
    let url = Kind::FunctionUrl.event(&request);
    let api = Endpoint { stage: Some("dev".to_owned()), ..Endpoint::new(Kind::HttpApi) }.event(&request);
    let (rest, alb) = (Kind::RestApi.event(&request), Kind::Alb.event(&request));
    let pointers: [(&Value, &str, &str); 12] = [
        (&url, "/rawPath", "/metrics/job/a%2Fb%20c/q%3Fr/s"),
        (&url, "/requestContext/http/path", "/metrics/job/a/b c/q?r/s"),
        (&url, "/rawQueryString", "m%5B%5D=x%2By+z"),
        (&url, "/queryStringParameters/m[]", "x+y z"),
        (&api, "/rawPath", "/dev/metrics/job/a/b c/q"),
        (&api, "/requestContext/http/path", "/dev/metrics/job/a/b c/q"),
        (&api, "/requestContext/stage", "dev"),
        (&rest, "/path", "/metrics/job/a%2Fb%20c/q%3Fr/s"),
        (&rest, "/requestContext/path", "/prod/metrics/job/a%2Fb%20c/q%3Fr/s"),
        (&rest, "/queryStringParameters/m[]", "x+y z"),
        (&alb, "/path", "/metrics/job/a%2Fb%20c/q%3Fr/s"),
        (&alb, "/queryStringParameters/m%5B%5D", "x%2By+z"),
    ];
    for (event, pointer, expected) in pointers {
        assert_eq!(event.pointer(pointer), Some(&expected.into()), "{pointer} of {event}");
    }
}

#[test]
fn bodies_are_plain_or_base64_by_their_type() {
    const GZIP: &[u8] =
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\x4b\xe4\x02\x00\x07\xa1\xea\xdd\x02\x00\x00\x00";
    let text = Some("text/plain; version=0.0.4");
    let (binary, json, form) = (
        Some("application/octet-stream"),
        Some("Application/JSON"),
        Some("application/x-www-form-urlencoded"),
    );
    let (plain, base64) = (("a\n", false), ("YQo=", true));
    let gzip64 = ("H4sIAAAAAAAA/0vkAgAHoerdAgAAAA==", true);
    let destroyed = (
        "\u{1f}\u{fffd}\u{8}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{fffd}K\u{fffd}\u{2}\u{0}\u{7}\u{fffd}\u{fffd}\u{fffd}\u{2}\u{0}\u{0}\u{0}",
        false,
    );
    // Columns: function URL and HTTP API, REST API with and without binary media types, load balancer.
    let table = [
        (push(text, None, b"a\n"), [plain, base64, plain, plain]),
        (push(json, None, b"a\n"), [plain, base64, plain, plain]),
        (push(binary, None, b"a\n"), [base64, base64, plain, base64]),
        (push(form, None, b"a\n"), [base64, base64, plain, base64]),
        (push(None, None, b"a\n"), [base64, base64, plain, base64]),
        (push(text, Some("gzip"), GZIP), [destroyed, base64, plain, gzip64]),
        (push(binary, Some("gzip"), GZIP), [gzip64, base64, plain, gzip64]),
        (push(text, Some("snappy"), b"a\n"), [plain, base64, plain, base64]),
    ];
    let text_only = Endpoint { takes_binary: false, ..Endpoint::new(Kind::RestApi) };
    for (request, [payload_2, rest, text_rest, alb]) in table {
        let got = |event: Value| (event["body"].clone(), event["isBase64Encoded"].clone());
        let expected = |(body, is_base64): (&str, bool)| (Value::from(body), Value::from(is_base64));
        assert_eq!(got(Kind::FunctionUrl.event(&request)), expected(payload_2), "{request:?}");
        assert_eq!(got(Kind::HttpApi.event(&request)), expected(payload_2), "{request:?}");
        assert_eq!(got(Kind::RestApi.event(&request)), expected(rest), "{request:?}");
        assert_eq!(got(text_only.event(&request)), expected(text_rest), "{request:?}");
        assert_eq!(got(Kind::Alb.event(&request)), expected(alb), "{request:?}");
        assert_eq!(got(Kind::AlbMultiValue.event(&request)), expected(alb), "{request:?}");
    }
}

/// The event of a request without query, cookies and body.
#[test]
fn absent_parts_are_as_each_endpoint_writes_them() {
    let url = Kind::FunctionUrl.event(&get("/"));
    for key in ["cookies", "queryStringParameters", "body"] {
        assert_eq!(url.get(key), None, "{key}");
    }
    assert_eq!((&url["rawQueryString"], &url["isBase64Encoded"]), (&json!(""), &json!(false)));
    let rest = Kind::RestApi.event(&get("/"));
    for key in ["queryStringParameters", "multiValueQueryStringParameters", "body"] {
        assert_eq!(rest[key], Value::Null, "{key}");
    }
    let alb = Kind::Alb.event(&get("/"));
    assert_eq!((&alb["body"], &alb["queryStringParameters"]), (&json!(""), &json!({})));
}

/// "Lambda includes the identity only if the function URL uses the `AWS_IAM` auth type."
#[test]
fn only_endpoints_with_iam_send_an_identity() {
    let signed = "AWS4-HMAC-SHA256 Credential=AKIDLOCAL/20200312/eu-west-1/lambda/aws4_request, Signature=00";
    for kind in Kind::ALL {
        let event = kind.event(&get("/").header("authorization", signed)).to_string();
        assert!(!event.contains("userArn\":\""), "{event}");
    }
    let user = json!("arn:aws:iam::123456789012:user/local");
    for (kind, pointer) in [
        (Kind::FunctionUrl, "/requestContext/authorizer/iam/userArn"),
        (Kind::HttpApi, "/requestContext/authorizer/iam/userArn"),
        (Kind::RestApi, "/requestContext/identity/userArn"),
    ] {
        let endpoint = Endpoint { iam: true, ..Endpoint::new(kind) };
        let event = endpoint.event(&get("/").header("authorization", signed));
        assert_eq!(event.pointer(pointer), Some(&user), "{event}");
    }
}
