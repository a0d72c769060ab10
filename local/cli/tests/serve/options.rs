//! Invalid options, alone or together, are rejected by name before anything is started.

use local_testing::scripted::{Answer, ScriptedServer};

use crate::support::{Trap, run};

/// The exit code of clap for an invalid command line.
const REFUSED: Option<i32> = Some(2);

async fn serve_refuses(options: &[&str], named: &str) {
    let trap = Trap::new();
    let (code, printed) = run(trap.serve(options)).await;
    assert!(printed.contains(named), "{options:?}: {printed}");
    assert_eq!((code, trap.has_started()), (REFUSED, false), "{options:?}: {printed}");
}

#[tokio::test]
async fn a_value_out_of_its_range_is_rejected() {
    for (option, values) in [
        ("--batch-size", &["0", "10001"][..]),
        ("--batching-window", &["301s", "1500ms"]),
        ("--max-concurrency", &["1", "1001"]),
        ("--visibility-timeout", &["43201s"]),
        ("--max-receive-count", &["0", "1001"]),
        ("--function-timeout", &["0s", "901s", "1500ms"]),
        ("--memory", &["0", "127", "10241"]),
        ("--concurrency", &["0"]),
        ("--rotate-credentials", &["0s"]),
        ("--out-of-order-window", &["601s", "1500ms"]),
        ("--env", &["NAME", "=VALUE"]),
        ("--fail", &["explode"]),
        ("--query", &["/nowhere"]),
        ("--telemetry-extension", &["/dev/null"]),
    ] {
        for value in values {
            serve_refuses(&[option, value], &format!("'{option}")).await;
        }
    }
}

#[tokio::test]
async fn values_that_contradict_each_other_are_rejected() {
    for (options, error) in [
        (&["--fifo", "--batch-size", "11"][..], "--batch-size: expected 1 to 10 with --fifo, got 11"),
        (&["--fifo", "--batching-window", "1s"], "--batching-window: expected 0s with --fifo, got 1s"),
        (
            &["--batching-window", "0s"],
            "--batching-window: expected 1s or more with a --batch-size over 10, got 0s",
        ),
        (
            &["--visibility-timeout", "5s"],
            "--visibility-timeout: expected 10s or more, the --function-timeout, got 5s",
        ),
        (
            &["--prometheus", "none", "--prometheus-port", "1"],
            "--prometheus-port: expected a --prometheus that is started with the stack, got 1",
        ),
        (&["--query-url-port", "1"], "--query-url-port: expected --query beside it, got 1"),
        (
            &["--endpoints", "/nowhere/file"],
            "--endpoints: expected a file in a folder that exists, got /nowhere/file",
        ),
    ] {
        serve_refuses(options, error).await;
    }
}

#[tokio::test]
async fn a_missing_prometheus_is_rejected() {
    // Port 1 is reserved, so nothing listens there.
    for prometheus in ["/nowhere/prometheus", "http://127.0.0.1:1", "https://127.0.0.1:9090", "http://"] {
        serve_refuses(&["--prometheus", prometheus], "--prometheus: expected ").await;
    }
    let (code, printed) = run(["amp", "--prometheus", "http://127.0.0.1:1"]).await;
    assert!(printed.contains("--prometheus: expected ") && printed.contains("127.0.0.1:1"), "{printed}");
    assert_eq!(code, REFUSED);
}

/// Prometheus answers 404 to writes unless it was started with the flag.
#[tokio::test]
async fn a_prometheus_without_the_receiver_is_rejected() {
    let server =
        ScriptedServer::by(|request, _| Answer::new(if request.method == "GET" { 200 } else { 404 }, ""))
            .await;
    serve_refuses(&["--prometheus", &server.url()], "--web.enable-remote-write-receiver").await;
}

#[tokio::test]
async fn the_other_commands_reject_invalid_options() {
    let trap = Trap::new();
    let moto = trap.serve(&[])[4].clone();
    let lambda = ["lambda", "--function", "f=/bin/true"];
    let event_source =
        ["event-source", "--sqs-endpoint", "http://127.0.0.1:1", "--queue-url", "http://127.0.0.1:1/q"];
    let event_source =
        [&event_source[..], &["--lambda-endpoint", "http://127.0.0.1:1", "--function-name", "f"]].concat();
    for (command, options, named) in [
        (&lambda[..], &["--timeout", "0s"][..], "--timeout"),
        (&lambda, &["--concurrency", "0"], "--concurrency"),
        (&lambda, &["--memory", "0"], "--memory"),
        (&lambda, &["--extension", "/nowhere"], "--extension"),
        (
            &lambda,
            &["--extension", "/bin/true", "--extension", "/bin/true"],
            "--extension: expected a different",
        ),
        (&lambda, &["--function", "f=/bin/false"], "--function: expected a different name for each, got f"),
        (&lambda, &["--function", "g=/nowhere"], "--function"),
        (&lambda, &["--region", ""], "--region"),
        (&event_source, &["--batch-size", "0"], "--batch-size"),
        (&event_source, &["--function-timeout", "0s"], "--function-timeout"),
        (&["amp"], &["--workspace", "a/b"], "--workspace"),
        (&["amp"], &["--ingestion-rate", "0"], "--ingestion-rate"),
        (&["amp"], &["--active-series", "0"], "--active-series"),
        (&["soak", "--function", "/bin/true", "--moto", &moto], &["--rate", "0"], "--rate"),
        (&["soak", "--function", "/bin/true", "--moto", &moto], &["--for", "0s"], "--for"),
        (&["tour", "--moto", &moto], &["--function", "/nowhere"], "--function"),
    ] {
        let (code, printed) = run(command.iter().chain(options)).await;
        assert!(printed.contains(named), "{command:?} {options:?}: {printed}");
        assert_eq!(code, REFUSED, "{command:?} {options:?}: {printed}");
    }
}
