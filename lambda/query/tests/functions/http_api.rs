//! The HTTP API of Prometheus at the URL of the function: who is served, and what the workspace is asked.

use serde_json::{Value, json};

use crate::scripted::{Answer, ScriptedServer, empty, json_text, parameter};
use crate::support::Function;

/// An event of a function URL.
pub(crate) fn event(method: &str, path: &str, query: &str, body: &str) -> Value {
    json!({
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"content-type": "application/x-www-form-urlencoded"},
        "requestContext": {
            "domainName": "abc.lambda-url.eu-west-1.on.aws",
            "http": {"method": method, "path": path},
            "timeEpoch": 1_700_000_000_000_i64,
        },
        "body": body,
        "isBase64Encoded": false,
    })
}

fn api(server: &ScriptedServer, variables: &[(&str, &str)]) -> Function {
    let url = server.url();
    Function::new("api", &[&[("WORKSPACE_URL", &*url)], variables].concat())
}

/// Method, path and decoded parameters of the only request that the workspace got.
async fn passed_on(events: Value) -> (String, String, Vec<(String, String)>) {
    let server = ScriptedServer::in_order(vec![empty()]).await;
    let answer = api(&server, &[("HTTP_AUTH", "none")]).invoke(events).await;
    assert_eq!(answer["statusCode"], 200, "{answer}");
    let seen = server.requests().remove(0);
    assert!(seen.header("authorization").contains("/eu-west-1/aps/"), "signed for AMP");
    let text = seen.text();
    let query = seen.target.split_once('?').map_or("", |(_, query)| query);
    let form = if seen.method == "POST" { &text } else { query };
    let parameters = form_urlencoded::parse(form.as_bytes()).into_owned().collect();
    (seen.method.to_string(), seen.path().to_owned(), parameters)
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn the_parameters_of_a_url_are_passed_on() {
    let query = "query=sum+by+(a)%28up%7Bb%3D%22%2B%22%7D%29&time=1.5&workspace_url=http%3A%2F%2Fevil&x=";
    let (method, path, parameters) = passed_on(event("GET", "/api/v1/query", query, "")).await;
    assert_eq!((&*method, &*path), ("GET", "/api/v1/query"));
    let expected =
        [("query", "sum by (a)(up{b=\"+\"})"), ("time", "1.5"), ("workspace_url", "http://evil"), ("x", "")];
    assert_eq!(parameters, pairs(&expected));
    let (_, path, parameters) = passed_on(event("GET", "/api/v1/label/a%2Fb/values", "match[]=up", "")).await;
    assert_eq!((&*path, parameters), ("/api/v1/label/a%2Fb/values", pairs(&[("match[]", "up")])));
}

#[tokio::test]
async fn a_form_is_passed_on_before_the_parameters_of_its_url() {
    let (method, path, parameters) =
        passed_on(event("POST", "/api/v1/series", "match[]=c", "match%5B%5D=a&match%5B%5D=b")).await;
    assert_eq!((&*method, &*path), ("POST", "/api/v1/series"));
    assert_eq!(parameters, pairs(&[("match[]", "a"), ("match[]", "b"), ("match[]", "c")]));
}

#[tokio::test]
async fn a_long_query_in_a_url_is_sent_as_a_form() {
    let query = format!("query={}", "a%2B".repeat(2_000));
    let (method, _, parameters) = passed_on(event("GET", "/api/v1/query", &query, "")).await;
    assert_eq!(method, "POST");
    assert_eq!(parameters, pairs(&[("query", &"a+".repeat(2_000))]));
}

#[tokio::test]
async fn repeated_parameters_come_through_every_service() {
    let rest = json!({
        "httpMethod": "GET", "path": "/api/v1/series", "requestContext": {"stage": "prod"}, "headers": {},
        "queryStringParameters": {"match[]": "b"},
        "multiValueQueryStringParameters": {"match[]": ["a+ %2B", "b"]},
    });
    let (_, _, parameters) = passed_on(rest).await;
    assert_eq!(parameters, pairs(&[("match[]", "a+ %2B"), ("match[]", "b")]));
    let alb = json!({
        "httpMethod": "GET", "path": "/api/v1/series", "requestContext": {"elb": {}}, "multiValueHeaders": {},
        "multiValueQueryStringParameters": {"match%5B%5D": ["a%2B", "b"]},
    });
    let (_, _, parameters) = passed_on(alb).await;
    assert_eq!(parameters, pairs(&[("match[]", "a+"), ("match[]", "b")]));
}

/// The others would return the form of the stream.
#[tokio::test]
async fn only_function_urls_get_streams() {
    let server = ScriptedServer::in_order(vec![empty()]).await;
    let function = api(&server, &[("HTTP_AUTH", "none"), ("RESPONSE_STREAMING", "true")]);
    let mut of_api = event("GET", "/api/v1/query", "query=up", "");
    of_api["requestContext"]["domainName"] = "abc.execute-api.eu-west-1.amazonaws.com".into();
    let of_load_balancer = json!({
        "httpMethod": "GET", "path": "/api/v1/query", "requestContext": {"elb": {}}, "headers": {},
        "queryStringParameters": {"query": "up"},
    });
    for event in [of_api, of_load_balancer] {
        assert_eq!(function.invoke(event).await["statusCode"], 200);
    }
}

#[tokio::test]
async fn streams_are_authenticated_and_restricted() {
    let server = ScriptedServer::in_order(vec![empty()]).await;
    let function = api(&server, &[("RESPONSE_STREAMING", "true"), ("ENFORCE_LABELS", r#"{"tenant":"a"}"#)]);
    let mut event = event("GET", "/api/v1/query", "query=up", "");
    assert_eq!(function.stream(event.clone()).await.status(), 401);
    assert!(server.requests().is_empty());
    event["requestContext"]["authorizer"] = json!({"iam": {"userArn": "arn:aws:iam::1:user/a"}});
    assert_eq!(function.stream(event.clone()).await.status(), 200);
    let query = parameter(&server.requests()[0], "query");
    assert_eq!(query.as_deref(), Some(r#"up{tenant="a"}"#));
    event["rawPath"] = "/api/v1/rules".into();
    assert_eq!(function.stream(event).await.status(), 403);
}

/// A response without a body would have no end.
#[tokio::test]
async fn streams_are_not_empty() {
    let server = ScriptedServer::in_order(Vec::new()).await;
    let function = api(&server, &[("HTTP_AUTH", "none"), ("RESPONSE_STREAMING", "true")]);
    let answer = function.stream(event("OPTIONS", "/api/v1/query", "", "")).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["allow"]),
        (200, &"GET, OPTIONS, POST".parse().unwrap())
    );
    assert_eq!(answer.body(), "\n");
}

#[tokio::test]
async fn nothing_is_passed_on_without_an_identity() {
    let server = ScriptedServer::in_order(vec![empty()]).await;
    let function = api(&server, &[]);
    for path in ["/api/v1/query", "/api/v1/unknown", "/", "/api/v1/label/a/values"] {
        let answer = function.invoke(event("GET", path, "query=up", "")).await;
        assert_eq!(answer["statusCode"], 401, "{path}: {answer}");
        assert_eq!(answer["headers"]["WWW-Authenticate"], "Basic realm=\"prometheus\"");
    }
    let healthy = function.invoke(event("GET", "/-/healthy", "", "")).await;
    assert_eq!(healthy["body"], "Prometheus Server is Healthy.\n");
    assert!(server.requests().is_empty());
    let mut signed = event("GET", "/api/v1/query", "query=up", "");
    signed["requestContext"]["authorizer"] = json!({"iam": {"userArn": "arn:aws:iam::1:user/a"}});
    assert_eq!(function.invoke(signed).await["statusCode"], 200);
}

#[tokio::test]
async fn the_credentials_of_the_secret_are_served() {
    let workspace = ScriptedServer::in_order(vec![empty(), empty()]).await;
    let login = json!({"username": "grafana", "password": "s3cr3t"}).to_string();
    let secrets = ScriptedServer::in_order(vec![Answer::json(200, &json!({"SecretString": login}))]).await;
    let function = api(
        &workspace,
        &[
            ("HTTP_AUTH", "secret"),
            ("HTTP_AUTH_SECRET", "arn:aws:secretsmanager:eu-west-1:1:secret:query"),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &secrets.url()),
        ],
    );
    for (authorization, status) in
        [("Basic Z3JhZmFuYTpzM2NyM3Q=", 200), ("Bearer s3cr3t", 200), ("Basic Z3JhZmFuYTp4", 401)]
    {
        let mut event = event("GET", "/api/v1/query", "query=up", "");
        event["headers"]["authorization"] = authorization.into();
        assert_eq!(function.invoke(event).await["statusCode"], status, "{authorization}");
    }
    assert_eq!(workspace.requests().len(), 2);
}

#[tokio::test]
async fn the_answer_is_that_of_the_workspace() {
    let warning = "{\"status\":\"success\",\"data\":[],\n \"warnings\":[\"é\"]}";
    let refused = r#"{"status":"error","errorType":"bad_data","error":"1:1: parse error"}"#;
    for (answer, status, body) in [
        (json_text(200, warning), 200, warning),
        (json_text(400, refused), 400, refused),
        (
            json_text(403, r#"{"message":"no"}"#),
            403,
            r#"{"error":"no","errorType":"bad_data","status":"error"}"#,
        ),
    ] {
        let server = ScriptedServer::in_order(vec![answer]).await;
        let reply =
            api(&server, &[("HTTP_AUTH", "none")]).invoke(event("GET", "/api/v1/labels", "", "")).await;
        assert_eq!((&reply["statusCode"], &reply["body"]), (&json!(status), &json!(body)));
        assert_eq!(reply["headers"]["Content-Type"], "application/json");
    }
}

/// No part of a request is the host, the port or the workspace of the request that is signed.
#[tokio::test]
async fn hostile_requests_stay_in_the_workspace() {
    let other = ScriptedServer::in_order(vec![empty()]).await;
    let workspace = ScriptedServer::in_order(vec![empty()]).await;
    let host = workspace.url().replace("http://", "");
    let url = format!("{}/workspaces/ws-1", workspace.url());
    let function = Function::new("api", &[("WORKSPACE_URL", &url), ("HTTP_AUTH", "none")]);
    let other_host = other.url().replace("http://", "");
    let mut passed_on = 0;
    for path in [
        "/api/v1/query".to_owned(),
        format!("{}/api/v1/query", other.url()),
        format!("//{other_host}/api/v1/query"),
        format!("@{other_host}/api/v1/query"),
        format!("/@{other_host}/api/v1/query"),
        "/workspaces/ws-2/api/v1/query".to_owned(),
        "/../ws-2/api/v1/query".to_owned(),
        "/api/v1/../../../ws-2/api/v1/query".to_owned(),
        "/api/v1/query/../../../../ws-2/api/v1/query".to_owned(),
        "/api/v1/query%3F".to_owned(),
        "/api/v1/query#x".to_owned(),
        "/api/v1/query\r\nHost: evil".to_owned(),
        "/api/v1/label/../values".to_owned(),
        "/api/v1/label/%2e%2e/values".to_owned(),
        "/api/v1/label/..%2F..%2F..%2Fws-2%2Fapi%2Fv1%2Fquery/values".to_owned(),
        "/api/v1/label/..\\..\\ws-2/values".to_owned(),
        format!("/api/v1/label/@{other_host}%23/values"),
        "/api/v1/label/a%0d%0aHost:%20evil/values".to_owned(),
        "/api/v1/remote_write".to_owned(),
        "/api/v1/admin/tsdb/delete_series".to_owned(),
    ] {
        let form = format!("query=up&workspace_url={}&workspace_id=ws-2&region=us-east-1", other.url());
        // An API of API Gateway decodes paths, so it passes on one name more.
        for (method, query, body, domain) in [
            ("GET", &*form, "", "abc.lambda-url.eu-west-1.on.aws"),
            ("POST", "", &*form, "abc.lambda-url.eu-west-1.on.aws"),
            ("GET", &*form, "", &*other_host),
        ] {
            let mut event = event(method, &path, query, body);
            for name in ["host", "x-forwarded-host", "forwarded", "x-amz-content-sha256", "x-workspace-url"] {
                event["headers"][name] = other_host.as_str().into();
            }
            event["requestContext"]["domainName"] = domain.into();
            event["workspace_url"] = other.url().into();
            let answer = function.invoke(event).await;
            passed_on += usize::from(answer["statusCode"] == 200);
        }
    }
    assert!(other.requests().is_empty());
    let seen = workspace.requests();
    assert_eq!((seen.len(), passed_on), (12, 12));
    for request in seen {
        assert_eq!(request.header("host"), host);
        let path = request.path().strip_prefix("/workspaces/ws-1/api/v1/").expect("the workspace");
        let name = path.strip_prefix("label/").and_then(|path| path.strip_suffix("/values"));
        assert!(path == "query" || name.is_some_and(|name| !name.contains(['/', '\\', '@', '#'])), "{path}");
        assert!(request.header("authorization").contains("/eu-west-1/aps/"));
    }
}

/// A load balancer passes on 1 MB, the other services 6 MB.
#[tokio::test]
async fn the_limit_is_that_of_the_service() {
    let large = format!("{{\"status\":\"success\",\"data\":[{}1]}}", "1,".repeat(600_000));
    let server = ScriptedServer::in_order(vec![json_text(200, large)]).await;
    let function = api(&server, &[("HTTP_AUTH", "none")]);
    let answer = function.invoke(event("GET", "/api/v1/labels", "", "")).await;
    assert_eq!(answer["statusCode"], 200);
    let mut of_alb = json!({
        "httpMethod": "GET", "path": "/api/v1/labels", "requestContext": {"elb": {}}, "headers": {},
        "queryStringParameters": {},
    });
    let answer = function.invoke(of_alb.clone()).await;
    let error = answer["body"].as_str().expect("text");
    assert_eq!(answer["statusCode"], 422);
    assert!(error.contains("1200031 bytes") && error.contains("or accept gzip"), "{error}");
    of_alb["headers"]["accept-encoding"] = "gzip".into();
    let answer = function.invoke(of_alb).await;
    assert_eq!(
        (&answer["statusCode"], &answer["headers"]["Content-Encoding"]),
        (&json!(200), &json!("gzip"))
    );
    assert!(answer.to_string().len() < 1_000_000);
}

#[tokio::test]
async fn other_invocations_are_refused() {
    let server = ScriptedServer::in_order(vec![empty()]).await;
    let function = api(&server, &[("HTTP_AUTH", "none")]);
    for reply in [
        function.invoke(json!({"query": "up"})).await,
        function.invoke_tool("t___query", json!({"query": "up"})).await,
    ] {
        let error = "the handler api serves HTTP requests only: send them to the URL of the function";
        assert_eq!((&reply["statusCode"], &reply["body"]["error"]), (&json!(400), &json!(error)));
    }
    assert!(server.requests().is_empty());
}

/// What the workspace was asked by a function with `ENFORCE_LABELS`, or the status of the refusal.
async fn restricted(events: Value) -> Result<Vec<(String, String)>, u64> {
    let server = ScriptedServer::in_order(vec![empty()]).await;
    let variables = [("HTTP_AUTH", "none"), ("ENFORCE_LABELS", r#"{"tenant":"a"}"#)];
    let answer = api(&server, &variables).invoke(events).await;
    match server.requests().first() {
        Some(seen) => {
            let query = seen.target.split_once('?').map_or("", |(_, query)| query);
            Ok(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
        }
        None => Err(answer["statusCode"].as_u64().unwrap()),
    }
}

#[tokio::test]
async fn enforced_labels_restrict_every_path() {
    let selector = ("match[]", r#"{tenant="a"}"#);
    for (path, query, expected) in [
        ("query", "query=up&time=1&x=up", Ok(pairs(&[("query", r#"up{tenant="a"}"#), ("time", "1")]))),
        (
            "query",
            "query=up&query=b",
            Ok(pairs(&[("query", r#"up{tenant="a"}"#), ("query", r#"b{tenant="a"}"#)])),
        ),
        ("series", "match[]=up", Ok(pairs(&[("match[]", r#"up{tenant="a"}"#)]))),
        ("series", "", Ok(pairs(&[selector]))),
        ("labels", "query=up&limit=5", Ok(pairs(&[("limit", "5"), selector]))),
        ("label/tenant/values", "", Ok(pairs(&[selector]))),
        ("status/buildinfo", "match[]=up", Ok(Vec::new())),
        ("metadata", "", Err(403)),
        ("rules", "", Err(403)),
        ("alerts", "", Err(403)),
        ("query_exemplars", "query=up", Err(404)),
        ("query", "query=up%7B", Err(400)),
        ("query", "query=info(up)", Err(400)),
    ] {
        let events = event("GET", &format!("/api/v1/{path}"), query, "");
        assert_eq!(restricted(events).await, expected, "{path} {query}");
    }
}

/// Nothing that selects series by itself is served beside the paths above.
#[tokio::test]
async fn enforced_labels_close_other_paths() {
    let server = ScriptedServer::in_order(vec![empty()]).await;
    let variables = [("HTTP_AUTH", "none"), ("ENFORCE_LABELS", r#"{"tenant":"a"}"#)];
    let function = api(&server, &variables);
    for path in ["/api/v1/query_exemplars", "/api/v1/read", "/federate"] {
        let answer = function.invoke(event("POST", path, "", "{}")).await;
        assert!([403, 404].contains(&answer["statusCode"].as_u64().unwrap()), "{path}: {answer}");
    }
    assert!(server.requests().is_empty());
}
