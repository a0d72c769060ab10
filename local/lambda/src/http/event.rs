//! The event of a request.

use jiff::Timestamp;
use local_testing::ACCOUNT;
use serde_json::{Map, Value, json};

use super::request::decoded;
use super::{Endpoint, Kind, Request, body};

/// The id in the domain name of a function URL or an API.
const ID: &str = "local1234567890";

/// A request id for a log; that of the invocation is another.
const REQUEST_ID: &str = "00000000-0000-4000-8000-000000000000";

/// The stage of function URLs, and of HTTP APIs without a named one.
const DEFAULT_STAGE: &str = "$default";

pub(super) fn of(endpoint: &Endpoint, request: &Request) -> Value {
    match endpoint.kind {
        Kind::FunctionUrl | Kind::HttpApi => payload_2(endpoint, request),
        Kind::RestApi => payload_1(endpoint, request),
        Kind::Alb | Kind::AlbMultiValue => load_balancer(endpoint, request),
    }
}

/// Payload format 2.0. A field that has no value is absent, as in what AWS sends.
fn payload_2(endpoint: &Endpoint, request: &Request) -> Value {
    let is_url = endpoint.kind == Kind::FunctionUrl;
    let stage = endpoint.stage.as_deref().filter(|_| !is_url);
    let path = decoded(request.path());
    let (raw_path, path) = if is_url {
        (request.path().to_owned(), path)
    } else {
        let path = path.split('?').next().unwrap_or_default();
        let path = stage.map_or(path.to_owned(), |stage| format!("/{stage}{path}"));
        (path.clone(), path)
    };
    let mut headers = Map::new();
    let mut cookies: Vec<String> = Vec::new();
    for (name, value) in headers_of(endpoint, request) {
        if name.eq_ignore_ascii_case("cookie") {
            cookies.extend(value.split(';').map(|cookie| cookie.trim().to_owned()));
        } else {
            append(&mut headers, name.to_ascii_lowercase(), value);
        }
    }
    let mut parameters = Map::new();
    request.decoded_parameters().for_each(|(name, value)| append(&mut parameters, name, value));
    let domain = domain_name(endpoint);
    let mut event = json!({
        "version": "2.0",
        "routeKey": DEFAULT_STAGE,
        "rawPath": raw_path,
        "rawQueryString": request.query(),
        "headers": headers,
        "requestContext": {
            "accountId": if is_url && !endpoint.iam { "anonymous" } else { ACCOUNT },
            "apiId": ID,
            "domainName": domain,
            "domainPrefix": ID,
            "http": {
                "method": request.method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": request.source_ip.to_string(),
                "userAgent": request.value_of("user-agent").unwrap_or_default(),
            },
            "requestId": REQUEST_ID,
            "routeKey": DEFAULT_STAGE,
            "stage": stage.unwrap_or(DEFAULT_STAGE),
            "time": time(request.received_ms),
            "timeEpoch": request.received_ms,
        },
    });
    if !cookies.is_empty() {
        event["cookies"] = cookies.into();
    }
    if !parameters.is_empty() {
        event["queryStringParameters"] = parameters.into();
    }
    if let Some(access_key) = access_key_id(endpoint, request) {
        event["requestContext"]["authorizer"] = json!({ "iam": {
            "accessKey": access_key,
            "accountId": ACCOUNT,
            "callerId": USER_ID,
            "cognitoIdentity": null,
            "principalOrgId": null,
            "userArn": user_arn(),
            "userId": USER_ID,
        }});
    }
    let (body, is_base64) = body::encode(endpoint, request);
    if !body.is_empty() {
        event["body"] = body.into();
    }
    event["isBase64Encoded"] = is_base64.into();
    event
}

/// Payload format 1.0 of a REST API with one resource, `/{proxy+}`.
fn payload_1(endpoint: &Endpoint, request: &Request) -> Value {
    const RESOURCE: &str = "/{proxy+}";
    let path = request.path();
    let stage = endpoint.stage.as_deref().unwrap_or(DEFAULT_STAGE);
    let (mut headers, mut header_lists) = (Map::new(), Map::new());
    for (name, value) in headers_of(endpoint, request) {
        push(&mut header_lists, name.clone(), &value);
        headers.insert(name, value.into());
    }
    let (mut parameters, mut parameter_lists) = (Map::new(), Map::new());
    for (name, value) in request.decoded_parameters() {
        push(&mut parameter_lists, name.clone(), &value);
        parameters.insert(name, value.into());
    }
    let or_null = |map: Map<String, Value>| if map.is_empty() { Value::Null } else { map.into() };
    let access_key = access_key_id(endpoint, request);
    let caller = access_key.map(|_| USER_ID);
    let (body, is_base64) = body::encode(endpoint, request);
    json!({
        "resource": RESOURCE,
        "path": path,
        "httpMethod": request.method,
        "headers": headers,
        "multiValueHeaders": header_lists,
        "queryStringParameters": or_null(parameters),
        "multiValueQueryStringParameters": or_null(parameter_lists),
        "pathParameters": { "proxy": path.strip_prefix('/').unwrap_or(path) },
        "stageVariables": null,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": ID,
            "domainName": domain_name(endpoint),
            "domainPrefix": ID,
            "extendedRequestId": "local",
            "httpMethod": request.method,
            "identity": {
                "accessKey": access_key,
                "accountId": access_key.map(|_| ACCOUNT),
                "caller": caller,
                "cognitoAuthenticationProvider": null,
                "cognitoAuthenticationType": null,
                "cognitoIdentityId": null,
                "cognitoIdentityPoolId": null,
                "principalOrgId": null,
                "sourceIp": request.source_ip.to_string(),
                "user": caller,
                "userAgent": request.value_of("user-agent"),
                "userArn": access_key.map(|_| user_arn()),
            },
            "path": format!("/{stage}{path}"),
            "protocol": "HTTP/1.1",
            "requestId": REQUEST_ID,
            "requestTime": time(request.received_ms),
            "requestTimeEpoch": request.received_ms,
            "resourceId": "local1",
            "resourcePath": RESOURCE,
            "stage": stage,
        },
        "body": Some(body).filter(|body| !body.is_empty()),
        "isBase64Encoded": is_base64,
    })
}

fn load_balancer(endpoint: &Endpoint, request: &Request) -> Value {
    let headers = headers_of(endpoint, request).into_iter();
    let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value));
    let parameters = request.parameters().map(|(name, value)| (name.to_owned(), value.to_owned()));
    let (body, is_base64) = body::encode(endpoint, request);
    let arn = format!(
        "arn:aws:elasticloadbalancing:{}:{ACCOUNT}:targetgroup/local/0123456789abcdef",
        endpoint.region
    );
    let mut event = json!({
        "requestContext": { "elb": { "targetGroupArn": arn } },
        "httpMethod": request.method,
        "path": request.path(),
        "body": body,
        "isBase64Encoded": is_base64,
    });
    if endpoint.kind == Kind::AlbMultiValue {
        event["multiValueHeaders"] = lists(headers);
        event["multiValueQueryStringParameters"] = lists(parameters);
    } else {
        event["headers"] = last_values(headers);
        event["queryStringParameters"] = last_values(parameters);
    }
    event
}

/// The headers of the event. On AWS clients use the domain name, but here an address.
fn headers_of(endpoint: &Endpoint, request: &Request) -> Vec<(String, String)> {
    let mut headers = request.forwarded_headers();
    if !endpoint.kind.is_alb() {
        let hosts = headers.iter_mut().filter(|(name, _)| name.eq_ignore_ascii_case("host"));
        hosts.for_each(|(_, host)| *host = domain_name(endpoint));
    }
    headers
}

fn domain_name(Endpoint { kind, region, .. }: &Endpoint) -> String {
    match kind {
        Kind::FunctionUrl => format!("{ID}.lambda-url.{region}.on.aws"),
        _ => format!("{ID}.execute-api.{region}.amazonaws.com"),
    }
}

const USER_ID: &str = "AIDALOCAL";

fn user_arn() -> String {
    format!("arn:aws:iam::{ACCOUNT}:user/local")
}

/// The key that a caller signed with, if callers must sign.
fn access_key_id<'a>(endpoint: &Endpoint, request: &'a Request) -> Option<&'a str> {
    request.access_key_id().filter(|_| endpoint.iam)
}

/// Adds a value after those with the same name and a comma.
fn append(map: &mut Map<String, Value>, name: String, value: String) {
    let joined = match map.get(&name).and_then(Value::as_str) {
        Some(before) => format!("{before},{value}"),
        None => value,
    };
    map.insert(name, joined.into());
}

fn push(lists: &mut Map<String, Value>, name: String, value: &str) {
    if let Value::Array(values) = lists.entry(name).or_insert_with(|| json!([])) {
        values.push(value.into());
    }
}

fn lists(pairs: impl Iterator<Item = (String, String)>) -> Value {
    let mut lists = Map::new();
    pairs.for_each(|(name, value)| push(&mut lists, name, &value));
    lists.into()
}

fn last_values(pairs: impl Iterator<Item = (String, String)>) -> Value {
    pairs.map(|(name, value)| (name, Value::from(value))).collect::<Map<_, _>>().into()
}

/// `12/Mar/2020:19:03:58 +0000`; empty outside the years -9999 to 9999.
fn time(epoch_ms: i64) -> String {
    let time = Timestamp::from_millisecond(epoch_ms);
    time.map(|time| time.strftime("%d/%b/%Y:%H:%M:%S %z").to_string()).unwrap_or_default()
}
