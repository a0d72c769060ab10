//! A function URL that streams, in front of a function with AWS's runtime crate.

use local_lambda::http::{Endpoint, HttpServer, Kind};
use local_lambda::runtime::FunctionOptions;
use local_lambda::service::Pool;
use local_testing::clock::Clock;
use tempfile::TempDir;

use crate::answers::client;
use crate::support::example;

async fn serve(streams: bool, gate: &TempDir) -> (HttpServer, Pool) {
    let options = FunctionOptions::new(example("streaming_function"))
        .env("GATE", gate.path().join("open").display().to_string());
    let pool = Pool::new(options, 2, |_| ());
    let endpoint = Endpoint { streams, ..Endpoint::new(Kind::FunctionUrl) };
    (HttpServer::start(0, endpoint, pool.clone(), Clock::system()).await.expect("a free port"), pool)
}

async fn get(server: &HttpServer, path: &str) -> reqwest::Response {
    client().get(format!("{}{path}", server.url())).send().await.expect("an answer")
}

#[tokio::test]
async fn a_stream_is_passed_on_while_it_arrives() {
    let gate = TempDir::new().expect("a folder");
    let (server, pool) = serve(true, &gate).await;
    let mut answer = get(&server, "/gate").await;
    assert_eq!(answer.status(), 418);
    let headers = answer.headers().clone();
    assert_eq!(headers["content-type"], "text/plain");
    assert_eq!(headers["x-amzn-remapped-www-authenticate"], "Basic");
    assert!(headers.get_all("set-cookie").iter().any(|cookie| cookie == "d=2"), "{headers:?}");
    assert_eq!(answer.chunk().await.expect("a chunk").as_deref(), Some(&b"first "[..]));
    assert!(pool.environments()[0].is_busy);
    std::fs::write(gate.path().join("open"), "").expect("a file");
    assert_eq!(answer.text().await.expect("the rest"), "second");
    assert_eq!((pool.counts().invocations, pool.counts().errors), (1, 0));
}

#[tokio::test]
async fn a_stream_breaks_off_when_the_process_ends() {
    let gate = TempDir::new().expect("a folder");
    let (server, pool) = serve(true, &gate).await;
    let mut answer = get(&server, "/exit").await;
    assert_eq!(answer.chunk().await.expect("a chunk").as_deref(), Some(&b"first "[..]));
    assert!(answer.chunk().await.is_err());
    assert_eq!(pool.counts().errors, 1);
    assert_eq!(get(&server, "/").await.text().await.expect("a body"), "first second");
}

/// The raw bytes of a response whose form is not that of the endpoint.
#[tokio::test]
async fn invoke_mode_and_response_must_match() {
    let gate = TempDir::new().expect("a folder");
    let (server, _) = serve(true, &gate).await;
    let whole = get(&server, "/whole").await;
    assert_eq!(whole.headers()["content-type"], "application/octet-stream");
    assert_eq!(whole.text().await.expect("a body"), r#"{"body":"b","statusCode":200}"#);
    let (server, _) = serve(false, &gate).await;
    assert_eq!(get(&server, "/").await.status(), 502);
}
