//! Receivers, queues and credentials that cannot be reached: everything is given back before the deadline.

use local_testing::scripted::{Answer, ScriptedServer, closed_port};

use crate::queue::{Queue, with_queue};
use crate::support::{NOW_MS, Setup, event, one_event_each};

#[tokio::test]
async fn an_unreachable_receiver_gives_everything_back() {
    let silent = ScriptedServer::by(|_, _| Answer::hang()).await;
    let closed = format!("http://127.0.0.1:{}", closed_port().expect("a free port"));
    for url in [closed.clone(), silent.url(), "http://no-such-host.invalid".to_owned()] {
        let mut stage = Setup::new().timeout_s(2).url(&format!("{url}/api/v1/remote_write")).start().await;
        assert_eq!(stage.bodies(&one_event_each(3)).await, [0, 1, 2], "{url}");
        if url == closed {
            let (kind, message) = stage.error(event("a", NOW_MS, 1)).await;
            assert_eq!(kind, "WriteFailed");
            assert!(message.to_lowercase().contains("connect"), "{message}");
        }
    }
}

#[tokio::test]
async fn messages_stay_in_their_queue_if_they_cannot_be_moved() {
    let silent = ScriptedServer::by(|_, _| Answer::hang()).await;
    for port in [closed_port().expect("a free port"), silent.port()] {
        let mut stage = Setup::new()
            .timeout_s(3)
            .env("DEAD_LETTER_QUEUE_URL", &format!("http://127.0.0.1:{port}/123456789012/down"))
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
async fn messages_stay_in_their_queue_if_the_other_is_deleted() {
    let queue = Queue::create("deleted-soon").await;
    let deleted = queue.sqs.client().delete_queue().queue_url(&queue.url).send().await;
    deleted.expect("the queue is deleted");
    let mut stage = with_queue(Setup::new().timeout_s(5), &queue.url).start().await;
    let mut bodies = one_event_each(30);
    let bad = [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 29];
    for at in bad {
        bodies[at] = format!("hello {at}");
    }
    assert_eq!(stage.bodies(&bodies).await, bad);
    assert_eq!(stage.amp.sample_count(), 18);
}

/// A thousand calls would fail one by one; the answer does not wait for them.
#[tokio::test]
async fn thousands_of_dead_letters_do_not_delay_the_answer() {
    let port = closed_port().expect("a free port");
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

/// The chain tries every source of credentials; an instance's metadata service does not answer here.
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
