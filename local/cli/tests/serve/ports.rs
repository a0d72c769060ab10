//! Ports that the user chose: each is checked before anything is started.

use std::net::TcpListener;

use crate::support::{Trap, run};

const OPTIONS: [&str; 9] = [
    "--amp-port",
    "--sqs-port",
    "--lambda-port",
    "--function-url-port",
    "--http-api-port",
    "--alb-port",
    "--query-url-port",
    "--prometheus-port",
    "--control-port",
];

fn taken() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port().to_string();
    (listener, port)
}

/// Another server on the port could be taken for a part of this stack, as another stack's SQS was.
#[tokio::test]
async fn a_taken_port_is_named_before_anything_starts() {
    let (_listener, port) = taken();
    for option in OPTIONS {
        let trap = Trap::new();
        let (code, printed) = run(trap.serve(&[option, &port, "--query", "/bin/true"])).await;
        let error = format!("{option}: cannot listen on port {port} of 127.0.0.1");
        assert!(printed.contains(&error) && printed.contains("in use"), "{option}: {printed}");
        assert_eq!((code, trap.has_started()), (Some(1), false), "{option}: {printed}");
    }
}

#[tokio::test]
async fn a_port_given_twice_is_named() {
    let (listener, port) = taken();
    drop(listener);
    let trap = Trap::new();
    let (code, printed) = run(trap.serve(&["--sqs-port", &port, "--control-port", &port])).await;
    assert!(printed.contains(&format!("--control-port: cannot listen on port {port}")), "{printed}");
    assert_eq!((code, trap.has_started()), (Some(1), false), "{printed}");
}

#[tokio::test]
async fn a_part_names_its_taken_port() {
    let (_listener, port) = taken();
    for part in [vec!["amp"], vec!["lambda", "--function", "f=/bin/true"]] {
        let (code, printed) = run(part.iter().chain(&["--port", &port])).await;
        let error = format!("--port: cannot listen on port {port} of 127.0.0.1");
        assert!(printed.contains(&error), "{part:?}: {printed}");
        assert_eq!(code, Some(1));
    }
}
