//! moto, which the other tests rely on: it must not lose messages.

use std::sync::Mutex;

use futures_util::future::join_all;
use local_testing::moto::{MotoError, MotoServer};

use crate::support::{PATIENCE, Queue, moto_server};

/// SQS: a message that was accepted is delivered, whatever else is sent, received and deleted at that moment. And though
/// SQS may deliver twice, tests that count could not live with it.
#[tokio::test]
async fn messages_sent_during_deletions_are_delivered_once() {
    const MESSAGES: usize = 800;
    let queue = Queue::create("busy", 300).await;
    let sent: Vec<String> = (0..MESSAGES).map(|number| format!("{number:03}")).collect();
    let senders = sent.chunks(MESSAGES / 4).map(async |bodies| {
        for bodies in bodies.chunks(10) {
            queue.send(bodies).await;
        }
    });
    let received = Mutex::new(Vec::new());
    let receivers = (0..4).map(async |_| {
        while received.lock().expect("no panic").len() < MESSAGES {
            let messages = queue.sqs.receive_all(&queue.url).await.expect("messages");
            received.lock().expect("no panic").extend(messages.into_iter().map(|message| message.body));
        }
    });
    let all = async { tokio::join!(join_all(senders), join_all(receivers)) };
    let is_in_time = tokio::time::timeout(PATIENCE, all).await.is_ok();
    let mut received = received.into_inner().expect("no panic");
    received.sort();
    assert_eq!((received, is_in_time), (sent, true));
}

/// Another server's queues belong to others.
#[tokio::test]
async fn a_port_that_is_taken_is_not_joined() {
    let other = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = other.local_addr().expect("an address").port();
    let error = MotoServer::start(&moto_server(), port).await.expect_err("the port is taken");
    assert!(matches!(error, MotoError::Port { .. }), "{error:?}");
    assert_eq!(error.to_string(), format!("cannot listen on port {port} of 127.0.0.1"));
}

#[tokio::test]
async fn a_server_that_ends_before_it_is_ready_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("moto_server");
    std::fs::write(&program, "").expect("a file");
    std::os::unix::fs::symlink("/bin/false", folder.path().join("python")).expect("a link");
    let error = MotoServer::start(&program, 0).await.expect_err("it ends");
    assert_eq!(error.to_string(), "moto_server exited before it was ready: exit status: 1");
}
