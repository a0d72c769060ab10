//! The spill queue: pushes that it cannot take, and pushes that are larger than its messages.

use std::fmt::Write as _;

use fastrand::Rng;
use local_amp::{Action, Fault, Matcher};
use local_testing::scripted::{Answer, ScriptedServer, closed_port};

use crate::function_url::FunctionUrl;
use crate::queue::{Queue, endpoint};
use crate::support::Setup;

const PATH: &str = "/metrics/job/backup";

const DELIVERIES: [&str; 2] = ["direct", "queue"];

fn setup(delivery: &str, queue_url: &str) -> Setup {
    Setup::new().env("HTTP_DELIVERY", delivery).env("SPILL_QUEUE_URL", queue_url)
}

async fn stage(delivery: &str, queue: &Queue) -> FunctionUrl {
    FunctionUrl::start(setup(delivery, &queue.url).timeout_s(6).env("AWS_ENDPOINT_URL_SQS", endpoint())).await
}

fn is_down() -> Vec<Fault> {
    vec![Fault::always(Matcher::Any, Action::status(503, ""))]
}

/// A gauge with this many series of 1,500 bytes that no encoding makes much smaller.
fn family(name: &str, series: usize, random: &mut Rng) -> String {
    let mut family = format!("# TYPE {name} gauge\n");
    for at in 0..series {
        let noise: String = (0..1_500).map(|_| random.alphanumeric()).collect();
        let _ = writeln!(family, "{name}{{noise=\"{noise}\"}} {at}");
    }
    family
}

#[tokio::test]
async fn a_push_that_is_neither_written_nor_queued_is_503() {
    let silent = ScriptedServer::by(|_, _| Answer::hang()).await;
    for port in [closed_port().expect("a free port"), silent.port()] {
        for delivery in DELIVERIES {
            let queue = format!("http://127.0.0.1:{port}/123456789012/down");
            let stage = FunctionUrl::start(setup(delivery, &queue).timeout_s(2)).await;
            stage.amp.set_faults(is_down());
            let answer = stage.put(PATH, "m 1\n").await;
            assert_eq!((answer.status, answer.retry_after.as_deref()), (503, Some("5")), "{answer:?}");
            assert_eq!(answer.body, "the metrics cannot be written now\n");
            assert_eq!(stage.amp.sample_count(), 0);
        }
    }
}

#[tokio::test]
async fn a_large_push_is_queued_in_parts_and_written_whole() {
    let mut random = Rng::with_seed(16);
    let body: String = (0..40).map(|at| family(&format!("size_{at}_bytes"), 40, &mut random)).collect();
    assert!(body.len() > 2_400_000, "{}", body.len());
    for delivery in DELIVERIES {
        let queue = Queue::create(&format!("parts-{delivery}")).await;
        let stage = stage(delivery, &queue).await;
        stage.amp.set_faults(is_down());
        let answer = stage.put(PATH, body.clone()).await;
        assert_eq!((answer.status, &*answer.body), (202, ""), "{delivery}");
        assert!(queue.messages().await > 1, "{delivery}");
        stage.amp.set_faults(Vec::new());
        stage.consume_all(&queue).await;
        let stored = stage.amp.series();
        let of_push = stored.keys().filter(|labels| labels["__name__"].starts_with("size_"));
        assert_eq!(of_push.count(), 40 * 40, "{delivery}");
        let mut times: Vec<_> = stored.values().flat_map(|samples| samples.keys()).collect();
        times.dedup();
        assert_eq!(times.len(), 1, "{delivery}: it arrived once");
    }
}

/// It is refused before any part of it is in the queue.
#[tokio::test]
async fn a_family_larger_than_a_message_is_not_queued() {
    let body =
        family("small", 2, &mut Rng::with_seed(1)) + &family("size_bytes", 1_600, &mut Rng::with_seed(2));
    for (delivery, is_failing, status, stored) in
        [("direct", false, 202, 1_602 + 1), ("direct", true, 503, 0), ("queue", false, 413, 0)]
    {
        let queue = Queue::create(&format!("family-{delivery}-{is_failing}")).await;
        let stage = stage(delivery, &queue).await;
        stage.amp.set_faults(if is_failing { is_down() } else { Vec::new() });
        let answer = stage.put(PATH, body.clone()).await;
        assert_eq!(answer.status, status, "{delivery}: {answer:?}");
        assert_eq!((queue.messages().await, stage.amp.sample_count()), (0, stored), "{delivery}");
        if status == 413 {
            assert_eq!((answer.retry_after, answer.body.lines().count()), (None, 1));
            assert!(answer.body.contains("too large for a message of the queue"), "{}", answer.body);
        }
    }
}
