//! How it comes and how it goes.

use std::collections::BTreeMap;
use std::fs;
use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use push_gateway_local::sqs::Sqs;
use tokio::process::Command;

use crate::support::{PROGRAM, Serve, arguments, descendants, endpoints_in, eventually, function, is_alive};

fn names(processes: &BTreeMap<i32, String>) -> Vec<&str> {
    processes.values().map(String::as_str).collect()
}

/// Sends one event to the queue of the stack and waits until its function has run.
async fn send_one(serve: &Serve) {
    let sqs = serve.endpoints["sqs"]["endpoint"].as_str().expect("an endpoint");
    let credentials = aws_credential_types::Credentials::from_keys("any", "any", None);
    let sqs = Sqs::new(sqs, "eu-west-1", credentials);
    let now_ms = push_gateway_local::clock::Clock::system().now_ms();
    let event =
        format!(r#"{{"dimensions":{{"device":"d1"}},"timestamp":{now_ms},"metrics":{{"level":"0.5"}}}}"#);
    let queue_url = serve.endpoints["sqs"]["queueUrl"].as_str().expect("a URL");
    let sent = sqs.client().send_message().queue_url(queue_url).message_body(event).send().await;
    sent.expect("the queue takes it");
    eventually("the function runs", || names(&descendants(serve.pid())).contains(&"push-gateway")).await;
}

#[tokio::test]
async fn an_interrupt_stops_everything_and_says_what_became_of_it() {
    let serve = Serve::start(&["--prometheus", "auto"]).await;
    send_one(&serve).await;
    let children = descendants(serve.pid());
    for program in ["moto_server", "prometheus", "push-gateway"] {
        assert!(names(&children).contains(&program), "{program} in {children:?}");
    }
    serve.signal(Signal::SIGINT);
    let (status, printed) = serve.end().await;
    assert!(status.success(), "{status}: {printed}");
    assert!(printed.contains("1 messages received, 1 deleted"), "{printed}");
    assert!(printed.contains("1 samples in 1 series"), "{printed}");
    for pid in children.keys() {
        eventually("the children end", || !is_alive(*pid)).await;
    }
}

#[tokio::test]
async fn a_polite_signal_stops_it_as_well() {
    let serve = Serve::start(&["--prometheus", "none"]).await;
    serve.signal(Signal::SIGTERM);
    assert!(serve.end().await.0.success());
}

/// SIGKILL cannot be caught, so nothing of ours can run any more when it comes.
#[tokio::test]
async fn no_child_outlives_a_command_that_is_killed() {
    let serve = Serve::start(&["--prometheus", "auto"]).await;
    send_one(&serve).await;
    let children = descendants(serve.pid());
    assert!(children.len() >= 3, "{children:?}");
    serve.signal(Signal::SIGKILL);
    let (status, _) = serve.end().await;
    assert!(!status.success());
    for (pid, name) in children {
        eventually(&format!("{name} ends"), || !is_alive(pid)).await;
    }
}

/// `npm start` is three processes deep; killing the first must end the last.
#[tokio::test]
async fn it_stops_with_its_parent_when_asked_to() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("endpoints.json");
    let mut shell = Command::new("/bin/sh")
        // Without a second command the shell would replace itself by the program.
        .args(["-c", "\"$@\"; exit 3", "sh", PROGRAM])
        .args(arguments(&file, &["--prometheus", "none", "--stop-with-parent"]))
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("there is a shell");
    endpoints_in(&file).await;
    let shell_pid = i32::try_from(shell.id().expect("it runs")).expect("a small number");
    let children = descendants(shell_pid);
    assert!(names(&children).contains(&"moto_server"), "{children:?}");
    kill(Pid::from_raw(shell_pid), Signal::SIGKILL).expect("it runs");
    shell.wait().await.expect("it ends");
    for (pid, name) in children {
        eventually(&format!("{name} ends"), || !is_alive(pid)).await;
    }
}

/// Nothing of the stack can be reached from another machine.
#[tokio::test]
async fn everything_listens_on_the_loopback_address_only() {
    let serve = Serve::start(&["--prometheus", "auto"]).await;
    send_one(&serve).await;
    let processes: Vec<i32> = descendants(serve.pid()).into_keys().chain([serve.pid()]).collect();
    let sockets: Vec<String> = processes.iter().flat_map(|pid| sockets_of(*pid)).collect();
    let listening = listening_addresses();
    let ours: Vec<&(String, String)> =
        listening.iter().filter(|(_, inode)| sockets.contains(inode)).collect();
    // The stand-in, SQS, the Lambda service, the control API, Prometheus, one runtime API.
    assert!(ours.len() >= 6, "{ours:?}");
    for (address, _) in ours {
        // 127.0.0.1 as the kernel writes it; IPv6's loopback and every wildcard look different.
        assert!(address.starts_with("0100007F:"), "{address}");
    }
}

fn sockets_of(pid: i32) -> Vec<String> {
    let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else { return Vec::new() };
    let links = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
    links
        .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect()
}

/// Local addresses and inodes of all TCP sockets that listen (state 0A).
fn listening_addresses() -> Vec<(String, String)> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|file| fs::read_to_string(file).unwrap_or_default());
    let lines = tables.iter().flat_map(|table| table.lines().skip(1));
    lines
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            (*fields.get(3)? == "0A")
                .then(|| Some(((*fields.get(1)?).to_owned(), (*fields.get(9)?).to_owned())))?
        })
        .collect()
}

#[tokio::test]
async fn ports_are_those_that_were_asked_for() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = free.local_addr().expect("an address").port().to_string();
    drop(free);
    let serve = Serve::start(&["--prometheus", "none", "--lambda-port", &port]).await;
    assert_eq!(serve.endpoints["lambda"]["endpoint"], format!("http://127.0.0.1:{port}"));
}

#[tokio::test]
async fn a_port_that_is_taken_is_an_error_that_names_it() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let printed = fails(&["--prometheus", "none", "--amp-port", &port]).await;
    assert!(printed.contains(&format!("the AMP stand-in cannot listen on port {port}")), "{printed}");
    assert!(printed.contains("in use"), "{printed}");
}

/// Lambda, "Creating an Amazon SQS event source mapping": the queue must hide messages as long as a function may run.
#[tokio::test]
async fn options_that_lambda_would_refuse_are_refused() {
    let printed = fails(&["--prometheus", "none", "--visibility-timeout", "5s"]).await;
    assert!(
        printed.contains("Queue visibility timeout: 5 seconds is less than Function timeout: 10 seconds"),
        "{printed}"
    );
}

/// Runs a stack that cannot come up, and gives what it printed.
async fn fails(further: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let arguments = arguments(&folder.path().join("endpoints.json"), further);
    let output = Command::new(PROGRAM).args(arguments).output().await.expect("the program runs");
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn the_function_under_test_is_built() {
    let function = function();
    assert!(function.exists(), "{} is missing: cargo build --release -p push-gateway", function.display());
}
