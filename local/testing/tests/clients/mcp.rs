//! Real MCP clients use the server of the query function.

use local_amp::{AmpOptions, AmpStandIn};
use local_lambda::http::{Endpoint, HttpServer, Kind};
use local_lambda::runtime::FunctionOptions;
use local_lambda::service::Pool;
use local_testing::clock::Clock;
use local_testing::moto::MotoServer;
use local_testing::prometheus::Prometheus;
use local_testing::promql;
use serde_json::{Value, json};

use crate::program::Client;
use crate::stage::{PASSWORD, USERNAME, moto_server, query_binary};

/// Runs a client, which calls tools and reads the catalogue, and checks what it got.
async fn check(client: Client) {
    let Some(mut command) = client.command() else { return };
    let program = Prometheus::find().expect("prometheus in PATH or in PROMETHEUS");
    let prometheus = Prometheus::start(&program, 0).await.expect("a Prometheus");
    promql::write(prometheus.url()).await.expect("its receiver");
    let amp = AmpOptions { prometheus: Some(prometheus.url().to_owned()), ..AmpOptions::default() };
    let amp = AmpStandIn::start(amp).await.expect("a free port");
    let moto = MotoServer::start(&moto_server(), 0).await.expect("a moto server");
    let secret = moto.create_secret("eu-west-1", "mcp", (USERNAME, PASSWORD)).await.expect("a secret");
    let options = FunctionOptions::new(query_binary())
        .env("_HANDLER", "api")
        .env("WORKSPACE_URL", amp.endpoint())
        .env("HTTP_AUTH", "secret")
        .env("HTTP_AUTH_SECRET", secret)
        .env("AWS_ENDPOINT_URL_SECRETS_MANAGER", moto.endpoint());
    let function = Pool::new(options, 4, |_| ());
    let endpoint = Endpoint::new(Kind::FunctionUrl);
    let url = HttpServer::start(0, endpoint, function, Clock::system()).await.expect("a free port");
    command.arg(format!("{}/mcp", url.url().trim_end_matches('/'))).arg(PASSWORD);
    let found: Value = serde_json::from_str(&client.finish(command).await).expect("JSON");

    assert_eq!(found["server"], "prometheus");
    assert_eq!(found["tools"][1], "range_query");
    let data: Value = serde_json::from_str(found["query"]["texts"][0].as_str().expect("text")).expect("JSON");
    assert_eq!(data["result"][0]["metric"]["job"], "db");
    assert_eq!(found["query"]["isError"], false);
    let hint = "Hint: no metric is called \"build_inf\"; similar names: build_info";
    assert_eq!(found["unknown"]["texts"][1], hint);
    assert_eq!(found["wrong"]["isError"], true);
    assert!(found["wrong"]["texts"][1].as_str().is_some_and(|text| text.contains("range_query")), "{found}");
    assert!(found["resource"].as_str().is_some_and(|text| text.contains("\"build_info\"")), "{found}");
    assert_eq!(found["templates"], json!(["prometheus://metrics/{name}"]));
    assert_eq!(found["prompt"], 1);
}

#[tokio::test]
async fn node_modelcontextprotocol() {
    check(Client::node("node_mcp", "mcp.mjs")).await;
}

#[tokio::test]
async fn python_mcp() {
    check(Client::python("python_mcp", "mcp_client.py")).await;
}
