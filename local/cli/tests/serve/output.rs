//! The output of the stack, and its reader.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::{PROGRAM, SOON, Serve, descendants, eventually, is_alive};

/// What a shell reports for a program that wrote to a pipe without a reader.
const BROKEN_PIPE: Option<i32> = Some(141);

/// As after `serve | head -3`, also while nothing is printed.
#[tokio::test]
async fn the_stack_ends_when_its_reader_goes_away() {
    let mut serve = Serve::start(&["--prometheus", "auto"]).await;
    let children = descendants(serve.pid());
    let data: Vec<PathBuf> = children.keys().filter_map(|pid| prometheus_data(*pid)).collect();
    assert_eq!(data.len(), 1, "{children:?}");
    serve.stdout = None;
    let status = tokio::time::timeout(SOON, serve.child.wait()).await.expect("it ends").expect("a status");
    assert_eq!(status.code(), BROKEN_PIPE);
    for (pid, name) in children {
        eventually(&format!("{name} ends"), || !is_alive(pid)).await;
    }
    assert!(!data[0].exists(), "{data:?}");
}

#[tokio::test]
async fn a_part_ends_when_its_reader_goes_away() {
    let mut command = Command::new(PROGRAM);
    let command =
        command.args(["lambda", "--function", "f=/bin/true"]).stdout(Stdio::piped()).kill_on_drop(true);
    let mut part = command.spawn().expect("the program runs");
    drop(part.stdout.take());
    let status = tokio::time::timeout(SOON, part.wait()).await.expect("it ends").expect("a status");
    assert_eq!(status.code(), BROKEN_PIPE);
}

fn prometheus_data(pid: i32) -> Option<PathBuf> {
    let arguments = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
    arguments
        .split('\0')
        .find_map(|argument| argument.strip_prefix("--storage.tsdb.path="))
        .map(PathBuf::from)
}

/// The extension of the emulator's own tests, which prints what it gets.
fn obedient_extension() -> String {
    let examples = Path::new(PROGRAM).with_file_name("examples");
    examples.join("obedient_extension").display().to_string()
}

#[tokio::test]
async fn the_lines_of_an_extension_are_shown() {
    let extension = obedient_extension();
    let options = ["--prometheus", "none", "--telemetry-extension", &extension, "--env", "EXTENSION={}"];
    let serve = Serve::start(&options).await;
    serve.invoke("push-gateway", &json!([])).await;
    serve.signal(Signal::SIGINT);
    let (status, printed) = serve.end().await;
    assert!(status.success(), "{status}: {printed}");
    for event in ["INVOKE", "SHUTDOWN"] {
        let is_event = |line: &str| line.contains("obedient_extension: event ") && line.contains(event);
        assert!(printed.lines().any(is_event), "{event}: {printed}");
    }
}

#[tokio::test]
async fn the_lines_of_an_init_phase_that_fails_are_shown() {
    let extension = obedient_extension();
    let orders = r#"EXTENSION={"init":"exit"}"#;
    let options = ["--prometheus", "none", "--telemetry-extension", &extension, "--env", orders];
    let serve = Serve::start(&options).await;
    let answer = serve.invoke("push-gateway", &json!([])).await;
    assert_eq!(answer["errorType"], "Extension.Crash", "{answer}");
    serve.signal(Signal::SIGINT);
    let (_, printed) = serve.end().await;
    let lines = printed.lines().filter(|line| line.contains("obedient_extension: answer 200"));
    assert_eq!(lines.count(), 2, "one of each attempt: {printed}");
}

/// PromQL has characters that shells and versions of curl treat differently.
#[tokio::test]
async fn the_signed_line_can_be_edited_to_any_promql() {
    let mut serve = Serve::start(&["--prometheus", "auto"]).await;
    let line = serve.line_with("--aws-sigv4").await;
    assert!(line.contains("query=temperature"), "{line}");
    for query in ["rate(temperature[5m])", r#"{__name__=~"temp.*|ph", a!="b c"} * 2 + 1"#] {
        let edited = line.replace("query=temperature", &format!("query={query}"));
        let output = Command::new("sh").args(["-c", &edited]).output().await.expect("a shell");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let answer: Value =
            serde_json::from_str(&text).unwrap_or_else(|_| panic!("{edited}: {text} {output:?}"));
        assert_eq!(answer["status"], "success", "{edited}: {answer}");
    }
}
