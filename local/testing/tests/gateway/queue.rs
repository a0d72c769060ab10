//! Dead-letter queues on a real SQS API: one moto server for all tests, one queue for each.

use std::sync::OnceLock;
use std::sync::mpsc;

use local_lambda::sqs::{ReceivedMessage, Sqs};
use local_testing::moto::MotoServer;

use crate::support::{Setup, Stage, credentials, moto_server};

/// A queue that no other test uses.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) url: String,
    pub(crate) sqs: Sqs,
}

impl Queue {
    /// A queue of this name; FIFO if the name ends so.
    pub(crate) async fn create(name: &str) -> Self {
        let sqs = Sqs::new(endpoint(), "eu-west-1", credentials());
        let url = sqs.create_queue(name).await.expect("a queue");
        Self { url, sqs }
    }

    /// Takes out everything that arrived, in the order of the original messages' ids.
    pub(crate) async fn letters(&self) -> Vec<ReceivedMessage> {
        let mut letters = self.sqs.receive_all(&self.url).await.expect("the queue answers");
        letters.sort_by(|a, b| a.attributes.get("messageId").cmp(&b.attributes.get("messageId")));
        letters
    }

    /// Sets an attribute.
    pub(crate) async fn set(&self, name: &str, value: &str) {
        let request = self.sqs.client().set_queue_attributes().queue_url(&self.url);
        request.attributes(name.into(), value).send().await.expect("the attribute is set");
    }

    /// How many messages it has, hidden ones included.
    pub(crate) async fn messages(&self) -> usize {
        let request = self.sqs.client().get_queue_attributes().queue_url(&self.url);
        let answer = request.attribute_names("All".into()).send().await.expect("attributes");
        let attributes = answer.attributes.expect("attributes");
        let count = |name: &str| attributes[&name.into()].parse::<usize>().expect("a number");
        count("ApproximateNumberOfMessages") + count("ApproximateNumberOfMessagesNotVisible")
    }
}

/// A function with a dead-letter queue of this name.
pub(crate) async fn stage_with_queue(name: &str) -> (Stage, Queue) {
    start_with_queue(Setup::new(), name).await
}

pub(crate) async fn start_with_queue(setup: Setup, name: &str) -> (Stage, Queue) {
    let queue = Queue::create(name).await;
    let stage = with_queue(setup, &queue.url).start().await;
    (stage, queue)
}

/// Configures the queue at `url` of the shared server.
pub(crate) fn with_queue(setup: Setup, url: &str) -> Setup {
    setup.env("DEAD_LETTER_QUEUE_URL", url).env("AWS_ENDPOINT_URL_SQS", endpoint())
}

/// The server's endpoint. The server starts with the first test that needs it and ends with the process.
pub(crate) fn endpoint() -> &'static str {
    static ENDPOINT: OnceLock<String> = OnceLock::new();
    ENDPOINT.get_or_init(|| {
        let program = moto_server();
        let (ready, endpoint) = mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let server = MotoServer::start(&program, 0).await.expect("moto_server starts");
                ready.send(server.endpoint().to_owned()).expect("the test waits for it");
                std::future::pending::<()>().await;
            });
        });
        endpoint.recv().expect("moto_server is ready")
    })
}
