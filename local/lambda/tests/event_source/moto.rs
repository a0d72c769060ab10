//! moto, which the other tests rely on: it must not lose messages.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_sqs::types::DeleteMessageBatchRequestEntry;
use local_testing::moto::{MotoError, MotoServer};
use tokio::time::Instant;

use crate::support::{PATIENCE, Queue, moto_server};

const MESSAGES: usize = 800;
const SENDERS: usize = 4;
const RECEIVERS: usize = 4;

/// SQS: a message that was accepted is delivered, whatever else is sent, received and deleted at that moment. And though
/// SQS may deliver twice, tests that count could not live with it.
#[tokio::test(flavor = "multi_thread")]
async fn messages_sent_during_deletions_are_delivered_once() {
    let queue = Queue::create("busy", 300).await;
    let received = Arc::new(Mutex::new(BTreeMap::<String, usize>::new()));
    let mut tasks = tokio::task::JoinSet::new();
    for sender in 0..SENDERS {
        let queue = queue.clone();
        tasks.spawn(async move {
            for batch in 0..MESSAGES / SENDERS / 10 {
                let bodies: Vec<String> = (0..10).map(|n| format!("{sender}-{batch}-{n}")).collect();
                queue.send(&bodies).await;
            }
        });
    }
    let deadline = Instant::now() + PATIENCE;
    for _ in 0..RECEIVERS {
        let (queue, received) = (queue.clone(), Arc::clone(&received));
        tasks.spawn(async move {
            let count = || received.lock().unwrap_or_else(PoisonError::into_inner).values().sum::<usize>();
            while count() < MESSAGES && Instant::now() < deadline {
                for body in take(&queue).await {
                    let mut received = received.lock().unwrap_or_else(PoisonError::into_inner);
                    *received.entry(body).or_default() += 1;
                }
            }
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.expect("nobody panics");
    }
    let received = received.lock().unwrap_or_else(PoisonError::into_inner);
    let twice: Vec<_> = received.iter().filter(|(_, times)| **times > 1).collect();
    assert_eq!(twice, Vec::<(&String, &usize)>::new());
    assert_eq!(received.len(), MESSAGES);
}

/// Receives up to ten messages and deletes them.
async fn take(queue: &Queue) -> Vec<String> {
    let client = queue.sqs.client();
    let request = client.receive_message().queue_url(&queue.url).max_number_of_messages(10);
    let messages = request.send().await.expect("messages").messages.unwrap_or_default();
    if messages.is_empty() {
        return Vec::new();
    }
    let entries = messages.iter().enumerate().map(|(at, message)| {
        let entry = DeleteMessageBatchRequestEntry::builder().id(at.to_string());
        entry.receipt_handle(message.receipt_handle().expect("a handle")).build().expect("it is complete")
    });
    let deleted =
        client.delete_message_batch().queue_url(&queue.url).set_entries(Some(entries.collect())).send().await;
    assert!(deleted.expect("they are deleted").failed().is_empty());
    messages.into_iter().map(|message| message.body.expect("a body")).collect()
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
