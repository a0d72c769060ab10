//! The binary behind a function URL, as Grafana, Perses, promtool and other clients of Prometheus use it: every answer is
//! Prometheus's own, byte for byte.

use aws_smithy_types::base64;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT,
};
use http::{Method, StatusCode};
use local_lambda::http::{Endpoint, HttpServer, Kind};
use local_lambda::runtime::{FunctionOptions, RoleCredentials};
use local_lambda::service::Pool;
use local_testing::clock::Clock;
use local_testing::prometheus::Prometheus;
use local_testing::prometheus::client::PrometheusClient;
use local_testing::promql;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::cloud::Cloud;
use crate::scripted::{Answer, ScriptedServer};
use crate::support::{binary, credentials};

const USERNAME: &str = "grafana";

/// It can be part of a URL.
const PASSWORD: &str = "p4ss-word_1.2";

/// A function URL in front of a workspace with the series of `promql`.
struct Served {
    url: HttpServer,
    cloud: Cloud,
    client: PrometheusClient,
    prometheus: PrometheusClient,
    _secrets: ScriptedServer,
}

impl Served {
    /// `streams` is the invoke mode.
    async fn start(streams: bool) -> Self {
        let cloud = Cloud::at(aws::now()).await;
        promql::write(cloud.prometheus.url()).await.expect("its receiver");
        let login = json!({"username": USERNAME, "password": PASSWORD}).to_string();
        let secrets =
            ScriptedServer::in_order(vec![Answer::json(200, &json!({"SecretString": login}))]).await;
        let mut options = FunctionOptions::new(binary())
            .env("_HANDLER", "api")
            .env("WORKSPACE_URL", cloud.url())
            .env("RESPONSE_STREAMING", streams.to_string())
            .env("HTTP_AUTH", "secret")
            .env("HTTP_AUTH_SECRET", "arn:aws:secretsmanager:eu-west-1:1:secret:query")
            .env("AWS_ENDPOINT_URL_SECRETS_MANAGER", secrets.url());
        options.credentials = RoleCredentials::Environment(credentials());
        let function = Pool::new(options, 2, |_| {});
        let endpoint = Endpoint { streams, ..Endpoint::new(Kind::FunctionUrl) };
        let url = HttpServer::start(0, endpoint, function, Clock::system()).await.expect("a free port");
        let client = PrometheusClient::new(&url.url()).expect("a base URL");
        let prometheus = PrometheusClient::new(cloud.prometheus.url()).expect("a base URL");
        Self { url, cloud, client, prometheus, _secrets: secrets }
    }

    /// Sends the same request to the function and to Prometheus, which is to compress nothing, and compares the answers.
    async fn compare(&self, request: &Request) -> StatusCode {
        let Request { method, target, headers, body } = request;
        let login = base64::encode(format!("{USERNAME}:{PASSWORD}"));
        let login = (AUTHORIZATION, HeaderValue::try_from(format!("Basic {login}")).expect("text"));
        let with_login = [&headers[..], &[login]].concat();
        let plain: Vec<_> = headers.iter().filter(|(name, _)| *name != ACCEPT_ENCODING).cloned().collect();
        let ours = self.client.send(method, target, &with_login, body.clone().into()).await;
        let theirs = self.prometheus.send(method, target, &plain, body.clone().into()).await;
        let [ours, theirs] = [ours, theirs].map(|answer| answer.expect("an answer"));
        assert_eq!((ours.status, ours.content_type), (theirs.status, theirs.content_type), "{target} {body}");
        let [our_body, their_body] = [&ours.body, &theirs.body].map(|body| String::from_utf8_lossy(body));
        // The order of the series of an aggregation differs from one query to the next.
        let is_same = our_body == their_body
            || our_body.len() == their_body.len() && sorted(&our_body) == sorted(&their_body);
        assert!(is_same, "{target} {body}:\n{our_body}\n{their_body}");
        ours.status
    }
}

/// An answer whose series are in order.
fn sorted(body: &str) -> Value {
    let mut body: Value = serde_json::from_str(body).expect("JSON");
    if let Some(Value::Array(series)) = body.pointer_mut("/data/result") {
        series.sort_by_key(Value::to_string);
    }
    body
}

struct Request {
    method: Method,
    target: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: String,
}

impl Request {
    fn get(path: &str, parameters: &[(&str, &str)]) -> Self {
        let separator = if parameters.is_empty() { "" } else { "?" };
        let target = format!("/api/v1/{path}{separator}{}", form(parameters));
        Self { method: Method::GET, target, headers: Vec::new(), body: String::new() }
    }

    fn post(path: &str, parameters: &[(&str, &str)]) -> Self {
        let content_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        Self {
            method: Method::POST,
            target: format!("/api/v1/{path}"),
            headers: vec![(CONTENT_TYPE, content_type)],
            body: form(parameters),
        }
    }

    fn with(mut self, headers: &[(HeaderName, &'static str)]) -> Self {
        self.headers
            .extend(headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))));
        self
    }
}

fn form(parameters: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish()
}

#[tokio::test]
async fn every_expression_has_the_answer_of_prometheus() {
    let (buffered, streamed) = (Served::start(false).await, Served::start(true).await);
    let end = promql::END_S.to_string();
    let start = (promql::END_S - promql::SPAN_S).to_string();
    let mut answered = 0;
    for (nth, query) in promql::expressions().enumerate() {
        let instant = [("query", query), ("time", &end)];
        let range = [("query", query), ("start", &start), ("end", &end), ("step", "60")];
        let requests = if nth % 2 == 0 {
            [Request::get("query", &instant), Request::post("query_range", &range)]
        } else {
            [Request::post("query", &instant), Request::get("query_range", &range)]
        };
        for request in requests {
            streamed.compare(&request).await;
            answered += u32::from(buffered.compare(&request).await.is_success());
        }
    }
    assert!(answered > 300, "{answered}");
}

/// As its Go backend sends them, the first three when the data source is saved.
/// <https://github.com/grafana/grafana/tree/main/pkg/promlib>
#[tokio::test]
async fn the_requests_of_grafana_are_answered() {
    let served = Served::start(false).await;
    let end = promql::END_S.to_string();
    let start = (promql::END_S - promql::SPAN_S).to_string();
    let range = [("start", &*start), ("end", &*end)];
    for request in [
        Request::post("query", &[("query", "1+1"), ("time", "4")]),
        Request::get("status/buildinfo", &[]),
        Request::get("query", &[("query", "1+1"), ("time", "4")]),
        Request::get("labels", &range),
        Request::post("labels", &[&range[..], &[("match[]", "up{job=~\"api|db\"}")]].concat()),
        Request::get("label/__name__/values", &range),
        Request::get("label/job/values", &[&range[..], &[("match[]", "up"), ("limit", "10")]].concat()),
        Request::post("series", &[&range[..], &[("match[]", "up"), ("match[]", "queue_length")]].concat()),
        Request::get("metadata", &[]),
        Request::get("metadata", &[("limit", "1"), ("metric", "up")]),
        Request::get("rules", &[]),
        Request::post(
            "query_range",
            &[&range[..], &[("query", "sum by (job) (rate(http_requests_total[1m0s]))"), ("step", "15")]]
                .concat(),
        ),
        Request::get("query", &[("query", "up{"), ("time", &end)]),
    ] {
        let request = request.with(&[
            (USER_AGENT, "Grafana/12.0.0"),
            (ACCEPT_ENCODING, "gzip"),
            (HeaderName::from_static("x-grafana-org-id"), "1"),
            (HeaderName::from_static("x-datasource-uid"), "prometheus"),
        ]);
        let is_valid = !request.target.contains("up%7B&");
        assert_eq!(served.compare(&request).await.is_success(), is_valid, "{}", request.target);
    }
}

/// <https://github.com/perses/plugins/tree/main/prometheus>
#[tokio::test]
async fn the_requests_of_perses_are_answered() {
    let served = Served::start(true).await;
    let end = promql::END_S.to_string();
    let start = (promql::END_S - promql::SPAN_S).to_string();
    for request in [
        Request::post("query_range", &[("query", "up"), ("start", &start), ("end", &end), ("step", "60")]),
        Request::post("query", &[("query", "count(up)"), ("time", &end)]),
        Request::post("labels", &[("start", &start), ("end", &end)]),
        Request::get("label/job/values", &[("start", &start), ("end", &end)]),
        Request::post("series", &[("match[]", "up"), ("start", &start), ("end", &end)]),
        Request::get("metadata", &[]),
    ] {
        let request =
            request.with(&[(ACCEPT, "application/json"), (ACCEPT_ENCODING, "gzip, deflate, br, zstd")]);
        assert!(served.compare(&request).await.is_success(), "{}", request.target);
    }
}

/// The user and the password are in its URL.
#[tokio::test]
async fn promtool_prints_the_same() {
    let served = Served::start(false).await;
    let program = Prometheus::find().expect("prometheus in PATH or in PROMETHEUS").with_file_name("promtool");
    let url = served.url.url().replace("http://", &format!("http://{USERNAME}:{PASSWORD}@"));
    let end = promql::END_S.to_string();
    let start = (promql::END_S - 600).to_string();
    for arguments in [
        &["instant", "--time", &end, "URL", "sum by (job) (up)"][..],
        &[
            "range",
            "--start",
            &start,
            "--end",
            &end,
            "--step",
            "1m",
            "URL",
            "http_requests_total{code!='200'}",
        ],
        &["series", "--match", "up", "--start", &start, "--end", &end, "URL"],
        &["labels", "--start", &start, "--end", &end, "URL", "job"],
        &["instant", "URL", "up{"],
    ] {
        let mut printed = Vec::new();
        for url in [&*url, served.cloud.prometheus.url()] {
            let arguments = arguments.iter().map(|&argument| if argument == "URL" { url } else { argument });
            let output =
                Command::new(&program).arg("query").args(arguments).output().await.expect("promtool");
            printed.push((
                output.status.code(),
                output.stdout,
                String::from_utf8_lossy(&output.stderr).into_owned(),
            ));
        }
        assert_eq!(printed[0], printed[1], "{arguments:?}");
        assert!(!printed[0].1.is_empty() || printed[0].0 == Some(1), "{arguments:?}");
    }
}
