//! How it comes and how it goes.

use std::collections::BTreeMap;
use std::fs;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::Command;

use crate::support::{Serve, descendants, eventually, is_alive, now_ms};

fn names(processes: &BTreeMap<i32, String>) -> Vec<&str> {
    processes.values().map(String::as_str).collect()
}

/// Sends one event to the queue of the stack and waits until its function has run.
async fn send_one(serve: &Serve) {
    serve.send("level", now_ms(), "0.5").await;
    eventually("the function runs", || names(&descendants(serve.pid())).contains(&"push-gateway")).await;
}

#[tokio::test]
async fn an_interrupt_stops_everything_and_prints_totals() {
    let serve = Serve::start(&["--prometheus", "auto"]).await;
    send_one(&serve).await;
    let children = descendants(serve.pid());
    for program in ["python", "prometheus", "push-gateway"] {
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
async fn a_termination_signal_stops_it() {
    let serve = Serve::start(&["--prometheus", "none"]).await;
    serve.signal(Signal::SIGTERM);
    assert!(serve.end().await.0.success());
}

/// SIGKILL cannot be caught.
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

/// The process that started it may be killed, and a process between the two may live on.
#[tokio::test]
async fn it_stops_with_the_given_processes() {
    let mut companion =
        Command::new("sleep").arg("1000").kill_on_drop(true).spawn().expect("there is a sleep");
    let pid = companion.id().expect("it runs").to_string();
    let serve = Serve::start(&["--prometheus", "none", "--stop-with", &pid]).await;
    let children = descendants(serve.pid());
    assert!(names(&children).contains(&"python"), "{children:?}");
    // Dead is enough; nobody waits for the companion before the stack is gone.
    kill(Pid::from_raw(pid.parse().expect("a number")), Signal::SIGKILL).expect("it runs");
    let (status, printed) = serve.end().await;
    assert!(status.success(), "{status}: {printed}");
    for (pid, name) in children {
        eventually(&format!("{name} ends"), || !is_alive(pid)).await;
    }
    companion.wait().await.expect("it ended");
}

#[tokio::test]
async fn the_function_gets_the_window_of_the_workspace() {
    let serve = Serve::start(&["--prometheus", "none", "--out-of-order-window", "5m"]).await;
    send_one(&serve).await;
    let children = descendants(serve.pid());
    let (pid, _) = children.iter().find(|(_, name)| *name == "push-gateway").expect("it runs");
    let environment = fs::read_to_string(format!("/proc/{pid}/environ")).expect("it lives");
    assert!(environment.split('\0').any(|variable| variable == "OUT_OF_ORDER_WINDOW=300"), "{environment}");
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
async fn it_listens_on_the_given_ports() {
    let port = local_testing::scripted::closed_port().expect("a free port").to_string();
    let serve = Serve::start(&["--prometheus", "none", "--lambda-port", &port]).await;
    assert_eq!(serve.endpoint("/lambda/endpoint"), format!("http://127.0.0.1:{port}"));
}
