//! The proxy between clients and a workspace: the stand-in for AMP, which verifies signatures, or a scripted server.

use std::sync::Arc;
use std::time::Duration;

use aws::{Client, Endpoint, Scope, World};
use aws_credential_types::Credentials;
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName, USER_AGENT};
use http::{HeaderValue, Method};
use local_amp::{AmpOptions, AmpStandIn};
use local_testing::prometheus::Prometheus;
use local_testing::prometheus::client::{Answer, PrometheusClient};
use local_testing::promql;
use local_testing::scripted::{self, ScriptedServer};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use prometheus_sigv4_proxy::proxy::Clients;
use prometheus_sigv4_proxy::{Proxy, Workspace, server};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const WORLD: World = World { now: aws::now, random: || 0.0 };

/// A write request without series, in snappy block format.
const EMPTY_WRITE: &[u8] = &[0];

struct Running {
    address: String,
    client: PrometheusClient,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Running {
    /// A proxy of the workspace at `url`.
    async fn start(url: &str) -> Self {
        let scope = Scope { region: "eu-west-1".to_owned(), service: "aps" };
        let workspace = Workspace { base: Endpoint::parse(url.trim_end_matches('/')).unwrap(), scope };
        let client = Client::with_credentials(credentials(), WORLD);
        let proxy = Arc::new(Proxy::new(workspace, client, Clients::ThisMachine));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(server::serve(listener, proxy, async {
            let _ = stopped.await;
        }));
        let client = PrometheusClient::new(&format!("http://{address}")).unwrap();
        Self { address, client, stop, serving }
    }

    async fn get(&self, target: &str) -> Answer {
        self.client.send(&Method::GET, target, &[], Bytes::new()).await.unwrap()
    }

    async fn write(&self, target: &str) -> Answer {
        let header = |name: HeaderName, value| (name, HeaderValue::from_static(value));
        let version = HeaderName::from_static("x-prometheus-remote-write-version");
        let headers = [
            header(CONTENT_TYPE, "application/x-protobuf"),
            header(CONTENT_ENCODING, "snappy"),
            header(version, "0.1.0"),
            header(USER_AGENT, "Prometheus/3.0.0"),
        ];
        self.client.send(&Method::POST, target, &headers, Bytes::from_static(EMPTY_WRITE)).await.unwrap()
    }
}

fn credentials() -> Credentials {
    Credentials::new("AKIDEXAMPLE", "secret", Some("session".to_owned()), None, "test")
}

fn json_of(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

#[tokio::test]
async fn short_and_long_paths_write_to_the_workspace() {
    let options = AmpOptions { credentials: Some(credentials()), ..AmpOptions::default() };
    let amp = AmpStandIn::start(options).await.unwrap();
    let proxy = Running::start(&amp.endpoint()).await;
    for path in ["/api/v1/remote_write", "/workspaces/ws-local/api/v1/remote_write"] {
        let answer = proxy.write(path).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
    }
    assert_eq!(amp.counts().requests, 2);
    assert_eq!(amp.connections(), 1);
    let other = proxy.write("/workspaces/ws-other/api/v1/remote_write").await;
    let expected = json!({
        "status": "error",
        "errorType": "bad_data",
        "error": "this proxy signs requests for another workspace",
    });
    assert_eq!((other.status.as_u16(), json_of(&other)), (403, expected));
    assert_eq!(amp.counts().requests, 2);
}

/// By GET, and by POST as Grafana sends it.
#[tokio::test]
async fn expressions_have_the_answers_of_prometheus() {
    let program = Prometheus::find().expect("prometheus in PATH or in PROMETHEUS");
    let prometheus = Prometheus::start(&program, 0).await.unwrap();
    promql::write(prometheus.url()).await.unwrap();
    let url = Some(prometheus.url().to_owned());
    let options = AmpOptions { credentials: Some(credentials()), prometheus: url, ..AmpOptions::default() };
    let amp = AmpStandIn::start(options).await.unwrap();
    let proxy = Running::start(&amp.endpoint()).await;
    let direct = PrometheusClient::new(prometheus.url()).unwrap();
    let grafana = [
        (CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded")),
        (USER_AGENT, HeaderValue::from_static("Grafana/12.1.0")),
        (HeaderName::from_static("x-datasource-uid"), HeaderValue::from_static("prometheus")),
        (HeaderName::from_static("x-grafana-org-id"), HeaderValue::from_static("1")),
    ];
    let (start, end) = (promql::END_S - promql::SPAN_S, promql::END_S);
    for expression in promql::expressions() {
        let query = utf8_percent_encode(expression, NON_ALPHANUMERIC);
        let instant = format!("/api/v1/query?query={query}&time={end}");
        let range = Bytes::from(format!("query={query}&start={start}&end={end}&step=60"));
        for (method, target, headers, body) in [
            (Method::GET, &*instant, &[][..], Bytes::new()),
            (Method::POST, "/api/v1/query_range", &grafana, range),
        ] {
            let expected = direct.send(&method, target, headers, body.clone()).await.unwrap();
            let answer = proxy.client.send(&method, target, headers, body).await.unwrap();
            assert_eq!(answer.status, expected.status, "{expression}");
            assert_eq!(answer.body, expected.body, "{expression}");
        }
    }
}

#[tokio::test]
async fn a_response_arrives_byte_for_byte() {
    let body = "{\"status\":\"success\",\"data\":[\"caf\u{e9}\"]}\n";
    let amp = ScriptedServer::in_order(vec![
        scripted::Answer::new(200, body).header("content-type", "application/json"),
    ])
    .await;
    let proxy = Running::start(&format!("{}/workspaces/ws-1", amp.url())).await;
    let answer = proxy.get("/api/v1/query?query=a+b&time=1").await;
    assert_eq!((answer.status.as_u16(), &answer.body[..]), (200, body.as_bytes()));
    assert_eq!(answer.content_type.unwrap(), "application/json");
    assert_eq!(amp.requests()[0].target, "/workspaces/ws-1/api/v1/query?query=a%20b&time=1");
}

#[tokio::test]
async fn a_response_is_passed_on_as_it_arrives() {
    let workspace = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", workspace.local_addr().unwrap());
    let (first_part_seen, seen) = oneshot::channel();
    tokio::spawn(async move {
        let (mut stream, _) = workspace.accept().await.unwrap();
        let mut head = [0; 4_096];
        let _ = stream.read(&mut head).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nfirst").await.unwrap();
        seen.await.unwrap();
        stream.write_all(b"-rest").await.unwrap();
    });
    let proxy = Running::start(&url).await;
    let mut stream = TcpStream::connect(&proxy.address).await.unwrap();
    stream
        .write_all(b"GET /api/v1/labels HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut received = Vec::new();
    while !received.ends_with(b"first") {
        assert!(stream.read_buf(&mut received).await.unwrap() > 0, "{received:?}");
    }
    first_part_seen.send(()).unwrap();
    stream.read_to_end(&mut received).await.unwrap();
    assert!(received.ends_with(b"first-rest"), "{}", String::from_utf8_lossy(&received));
}

#[tokio::test]
async fn requests_for_other_hosts_are_refused() {
    let amp = ScriptedServer::in_order(vec![scripted::Answer::new(200, "")]).await;
    let proxy = Running::start(&amp.url()).await;
    for head in [
        "GET /api/v1/query HTTP/1.1\r\nHost: rebound.example.com:8005",
        "GET http://evil.example.com/api/v1/query HTTP/1.1\r\nHost: 127.0.0.1",
        "POST /api/v1/remote_write HTTP/1.1\r\nHost: 127.0.0.1:8005\r\nSec-Fetch-Site: cross-site",
        "GET /api/v1/query HTTP/1.1\r\nHost: 127.0.0.1:8005\r\nOrigin: https://evil.example.com",
        "CONNECT evil.example.com:443 HTTP/1.1\r\nHost: evil.example.com:443",
    ] {
        let mut stream = TcpStream::connect(&proxy.address).await.unwrap();
        stream.write_all(format!("{head}\r\nConnection: close\r\n\r\n").as_bytes()).await.unwrap();
        let mut received = String::new();
        stream.read_to_string(&mut received).await.unwrap();
        assert!(received.starts_with("HTTP/1.1 403 "), "{head}: {received}");
    }
    assert_eq!(amp.requests().len(), 0);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let amp = ScriptedServer::in_order(vec![scripted::Answer::new(200, "")]).await;
    let proxy = Running::start(&amp.url()).await;
    let write =
        |length: usize| proxy.client.send(&Method::POST, "/api/v1/remote_write", &[], vec![0; length].into());
    assert_eq!(write(2 * 1_024 * 1_024).await.unwrap().status, 200);
    assert_eq!(write(2 * 1_024 * 1_024 + 1).await.unwrap().status, 413);
    let mut stream = TcpStream::connect(&proxy.address).await.unwrap();
    let head = "POST /api/v1/remote_write HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                Transfer-Encoding: chunked\r\n\r\n300001\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![0; 0x30_0001]).await.unwrap();
    stream.write_all(b"\r\n0\r\n\r\n").await.unwrap();
    let mut received = String::new();
    stream.read_to_string(&mut received).await.unwrap();
    assert!(received.starts_with("HTTP/1.1 413 "), "{received}");
    assert_eq!(amp.requests().len(), 1);
}

#[tokio::test]
async fn a_workspace_that_is_down_is_answered_with_502() {
    let port = scripted::closed_port().unwrap();
    let proxy = Running::start(&format!("http://127.0.0.1:{port}")).await;
    let answer = proxy.write("/api/v1/remote_write").await;
    assert_eq!((answer.status.as_u16(), &json_of(&answer)["errorType"]), (502, &json!("unavailable")));
}

#[tokio::test]
async fn the_proxy_reports_its_health_and_its_metrics() {
    let amp = ScriptedServer::in_order(vec![scripted::Answer::new(422, "invalid")]).await;
    let proxy = Running::start(&amp.url()).await;
    assert_eq!(proxy.get("/-/healthy").await.status, 200);
    assert_eq!(proxy.get("/api/v1/query").await.status, 422);
    let metrics = String::from_utf8(proxy.get("/metrics").await.body.to_vec()).unwrap();
    for line in [
        "sigv4_proxy_requests_total{operation=\"query\",code=\"422\"} 1\n",
        "sigv4_proxy_requests_in_flight 0\n",
        "sigv4_proxy_response_body_bytes_total 7\n",
        "# EOF\n",
    ] {
        assert!(metrics.contains(line), "{line}{metrics}");
    }
    assert_eq!(amp.requests().len(), 1);
}

#[tokio::test]
async fn a_request_in_progress_outlives_the_signal_to_stop() {
    let answer = scripted::Answer::new(200, "late").after(Duration::from_millis(300));
    let amp = ScriptedServer::in_order(vec![answer]).await;
    let proxy = Running::start(&amp.url()).await;
    let client = proxy.client.clone();
    let request =
        tokio::spawn(async move { client.send(&Method::GET, "/api/v1/rules", &[], Bytes::new()).await });
    while amp.requests().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    proxy.stop.send(()).unwrap();
    let answer = request.await.unwrap().unwrap();
    assert_eq!((answer.status.as_u16(), &answer.body[..]), (200, &b"late"[..]));
    proxy.serving.await.unwrap();
    assert!(TcpStream::connect(&proxy.address).await.is_err());
}
