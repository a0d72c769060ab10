//! `amp`, `lambda` and `event-source`, each a process of its own, together a pipeline.

use std::process::Stdio;

use local_testing::moto::MotoServer;
use local_testing::prometheus::Prometheus;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::support::{PROGRAM, SOON, function, http, moto, now_ms, send, sqs, telemetry_extension};

/// A part and the line that it prints when it is ready.
async fn part(arguments: &[&str]) -> (Child, String) {
    let mut command = Command::new(PROGRAM);
    let mut child =
        command.args(arguments).stdout(Stdio::piped()).kill_on_drop(true).spawn().expect("the program runs");
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let line = tokio::time::timeout(SOON, lines.next_line()).await.expect("it is ready").expect("text");
    // Later output needs a reader as well.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (child, line.expect("a line"))
}

/// The storage behind the workspace, which answers queries.
async fn prometheus() -> Prometheus {
    Prometheus::start(&Prometheus::find().expect("prometheus in PATH"), 0).await.expect("a Prometheus")
}

/// Waits until the answer has this text.
async fn answer_with(url: &str, wanted: &str) -> String {
    let arrival = async {
        loop {
            let (_, answer) = http("GET", url, "").await;
            if answer.contains(wanted) {
                return answer;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(SOON, arrival).await.expect("the sample arrives")
}

#[tokio::test]
async fn a_message_goes_from_the_queue_to_the_workspace() {
    let moto = MotoServer::start(&moto(), 0).await.expect("moto starts");
    let sqs = sqs(moto.endpoint());
    let queue_url = sqs.create_queue("alone").await.expect("a queue");
    let prometheus = prometheus().await;
    let (_amp, workspace) = part(&["amp", "--fail", "503:1", "--prometheus", prometheus.url()]).await;
    let function = format!("gateway={}", function().display());
    let url = format!("REMOTE_WRITE_URL={workspace}api/v1/remote_write");
    let (_lambda, lambda) =
        part(&["lambda", "--function", &function, "--env", &url, "--env", "REMOTE_WRITE_AUTH=none"]).await;
    let (_event_source, ready) = part(&[
        "event-source",
        "--sqs-endpoint",
        moto.endpoint(),
        "--queue-url",
        &queue_url,
        "--lambda-endpoint",
        &lambda,
        "--function-name",
        "gateway",
    ])
    .await;
    assert_eq!(ready, "polling");

    send(&sqs, &queue_url, "level", now_ms(), "0.5").await;
    let answer = answer_with(&format!("{workspace}api/v1/query?query=level"), r#""value":["#).await;
    assert!(answer.contains(r#""0.5"]"#), "{answer}");
}

/// As in the README.
#[tokio::test]
async fn an_extension_runs_beside_another_function() {
    let prometheus = prometheus().await;
    let (_amp, workspace) = part(&["amp", "--prometheus", prometheus.url()]).await;
    let function = format!("mine={}", function().display());
    let url = format!("{workspace}api/v1/remote_write");
    let (_lambda, lambda) = part(&[
        "lambda",
        "--function",
        &function,
        "--extension",
        &telemetry_extension().display().to_string(),
        "--env",
        &format!("REMOTE_WRITE_URL={url}"),
        "--env",
        &format!("TELEMETRY_REMOTE_WRITE_URL={url}"),
    ])
    .await;
    let invocations = format!("{lambda}/2015-03-31/functions/mine/invocations");
    let (_, answer) = http("POST", &invocations, "[]").await;
    assert!(answer.starts_with("{\"events\":0"), "{answer}");
    answer_with(&format!("{workspace}api/v1/label/__name__/values"), "aws_lambda_invocations_total").await;
    let names = answer_with(&format!("{workspace}api/v1/label/function/values"), "mine").await;
    assert!(names.contains(r#"["mine"]"#), "{names}");
}

/// Cortex does without the headers of the protocol; the specification requires them.
#[tokio::test]
async fn only_a_strict_workspace_requires_all_headers() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    for (arguments, status) in [(&["amp"][..], 200), (&["amp", "--strict"][..], 415)] {
        let (_amp, workspace) = part(arguments).await;
        let nothing_compressed = vec![0];
        let request = reqwest::Client::new().post(format!("{workspace}api/v1/remote_write"));
        let answer = request.body(nothing_compressed).send().await.expect("an answer");
        assert_eq!(answer.status(), status, "{arguments:?}");
    }
}
