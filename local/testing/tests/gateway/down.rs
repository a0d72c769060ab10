//! Receivers and queues that are not there at all: everything is given back before the deadline.

use tokio::net::TcpListener;

use crate::queue::Queue;
use crate::support::{NOW_MS, Setup, event, one_event_each};

/// A port on which no one listens.
async fn closed_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    listener.local_addr().expect("an address").port()
}

#[tokio::test]
async fn a_refused_connection_gives_everything_back() {
    let url = format!("http://127.0.0.1:{}/api/v1/remote_write", closed_port().await);
    let mut stage = Setup::new().timeout_s(2).url(&url).start().await;
    assert_eq!(stage.bodies(&one_event_each(3)).await, [0, 1, 2]);
    let (kind, message) = stage.error(event("a", NOW_MS, 1)).await;
    assert_eq!(kind, "WriteFailed");
    assert!(message.to_lowercase().contains("connect"), "{message}");
}

#[tokio::test]
async fn a_host_that_accepts_and_stays_silent_gives_everything_back() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let url = format!("http://{}/api/v1/remote_write", listener.local_addr().expect("an address"));
    let mut stage = Setup::new().timeout_s(2).url(&url).start().await;
    assert_eq!(stage.bodies(&one_event_each(3)).await, [0, 1, 2]);
}

#[tokio::test]
async fn a_host_name_that_does_not_exist_gives_everything_back() {
    let mut stage =
        Setup::new().timeout_s(2).url("http://no-such-host.invalid/api/v1/remote_write").start().await;
    assert_eq!(stage.bodies(&one_event_each(2)).await, [0, 1]);
}

/// What cannot be moved stays in its queue, and the good messages are written all the same.
#[tokio::test]
async fn a_dead_letter_queue_that_is_down_gives_back_what_it_was_for() {
    let silent = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let silent_port = silent.local_addr().expect("an address").port();
    for port in [closed_port().await, silent_port] {
        let mut stage = Setup::new()
            .timeout_s(3)
            .env("DEAD_LETTER_QUEUE_URL", &format!("http://127.0.0.1:{port}/123456789012/down"))
            .env("AWS_ENDPOINT_URL_SQS", &format!("http://127.0.0.1:{port}"))
            .start()
            .await;
        stage.fail(crate::outcomes::refuse("bad", 400));
        let bodies =
            [event("a", NOW_MS, 1), "hello".to_owned(), event("bad", NOW_MS, 1), event("b", NOW_MS, 1)];
        assert_eq!(stage.bodies(&bodies).await, [1, 2]);
        assert_eq!(stage.stored_devices(), ["a", "b"]);
    }
}

#[tokio::test]
async fn a_dead_letter_queue_that_does_not_exist_gives_back_what_it_was_for() {
    let queue = Queue::create("deleted-soon").await;
    let deleted = queue.sqs.client().delete_queue().queue_url(&queue.url).send().await;
    deleted.expect("the queue is deleted");
    let mut stage = crate::queue::with_queue(Setup::new().timeout_s(5), &queue.url).start().await;
    let mut bodies = one_event_each(30);
    for at in [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 29] {
        bodies[at] = format!("hello {at}");
    }
    assert_eq!(stage.bodies(&bodies).await, [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 29]);
    assert_eq!(stage.amp.sample_count(), 18);
}

/// A thousand calls would fail one by one; the answer does not wait for them.
#[tokio::test]
async fn thousands_of_letters_to_a_queue_that_is_down_do_not_hold_up_the_answer() {
    let port = closed_port().await;
    let mut stage = Setup::new()
        .timeout_s(3)
        .env("DEAD_LETTER_QUEUE_URL", &format!("http://127.0.0.1:{port}/123456789012/down"))
        .start()
        .await;
    let mut bodies: Vec<_> = (0..5_000).map(|at| format!("hello {at}")).collect();
    bodies.push(event("a", NOW_MS, 1));
    assert_eq!(stage.bodies(&bodies).await, (0..5_000).collect::<Vec<_>>());
    assert_eq!(stage.stored_devices(), ["a"]);
}

/// The chain asks every place where credentials may be; an instance's metadata service does not answer here.
#[tokio::test]
async fn without_credentials_everything_is_given_back() {
    for disabled in ["true", "false"] {
        let mut stage = Setup::new()
            .timeout_s(3)
            .env("AWS_ACCESS_KEY_ID", "")
            .env("AWS_SECRET_ACCESS_KEY", "")
            .env("AWS_EC2_METADATA_DISABLED", disabled)
            .start()
            .await;
        assert_eq!(stage.bodies(&one_event_each(3)).await, [0, 1, 2]);
        assert_eq!(stage.amp.requests().len(), 0);
        let (kind, _) = stage.error(event("a", NOW_MS, 1)).await;
        assert_eq!(kind, "WriteFailed");
    }
}
