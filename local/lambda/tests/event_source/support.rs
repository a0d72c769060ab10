//! One moto server for all tests, one queue for each, and a function that is a closure.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_sqs::types::{QueueAttributeName, SendMessageBatchRequestEntry};
use bytes::Bytes;
use local_lambda::event_source::{EventSource, EventSourceError, EventSourceOptions, Figures, Invoked};
use local_lambda::sqs::Sqs;
use local_testing::moto::MotoServer;
use serde_json::{Value, json};

/// The time limit of every wait.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A queue that no other test uses.
#[derive(Debug, Clone)]
pub(crate) struct Queue {
    pub(crate) url: String,
    pub(crate) sqs: Sqs,
}

impl Queue {
    /// A queue with this name (FIFO if it ends in `.fifo`) and visibility timeout.
    pub(crate) async fn create(name: &str, visibility_seconds: u32) -> Self {
        let sqs = client(endpoint());
        let url = sqs.create_queue(name).await.expect("a queue");
        let queue = Self { url, sqs };
        queue.set(QueueAttributeName::VisibilityTimeout, &visibility_seconds.to_string()).await;
        queue
    }

    pub(crate) async fn set(&self, name: QueueAttributeName, value: &str) {
        let request = self.sqs.client().set_queue_attributes().queue_url(&self.url);
        request.attributes(name, value).send().await.expect("the attribute is set");
    }

    /// Sends messages with these bodies, in this order; in a FIFO queue, the group is the first letter.
    pub(crate) async fn send<S: AsRef<str>>(&self, bodies: &[S]) {
        let is_fifo = self.url.strip_suffix(".fifo").is_some();
        let entry = |(at, body): (usize, &S)| {
            let body = body.as_ref();
            let mut entry = SendMessageBatchRequestEntry::builder().id(at.to_string()).message_body(body);
            if is_fifo {
                // The bodies of a test differ in their first bytes.
                let id = &body[..body.len().min(80)];
                entry = entry.message_group_id(&body[..1]).message_deduplication_id(id);
            }
            entry.build().expect("id and body are set")
        };
        let entries: Vec<_> = bodies.iter().enumerate().map(entry).collect();
        for entries in entries.chunks(10) {
            let request = self.sqs.client().send_message_batch().queue_url(&self.url);
            let sent = request.set_entries(Some(entries.to_vec())).send().await.expect("SQS takes messages");
            assert_eq!(sent.successful.len(), entries.len());
        }
    }

    /// Messages that a receiver could have, and messages hidden from it.
    pub(crate) async fn visible_and_hidden(&self) -> (u64, u64) {
        let request = self.sqs.client().get_queue_attributes().queue_url(&self.url);
        let answer = request.attribute_names(QueueAttributeName::All).send().await.expect("attributes");
        let attributes = answer.attributes.expect("attributes");
        let number = |name| attributes[&name].parse().expect("a number");
        (
            number(QueueAttributeName::ApproximateNumberOfMessages),
            number(QueueAttributeName::ApproximateNumberOfMessagesNotVisible),
        )
    }

    /// Nothing is left.
    pub(crate) async fn is_empty(&self) -> bool {
        self.visible_and_hidden().await == (0, 0)
    }

    /// The options of a mapping of this queue, whose function may take a second.
    pub(crate) fn options(&self) -> EventSourceOptions {
        EventSourceOptions { function_timeout: Duration::from_secs(1), ..EventSourceOptions::new(&self.url) }
    }

    /// Starts a mapping to a function that answers with the result of `answer`.
    pub(crate) async fn map<Fut>(
        &self,
        options: EventSourceOptions,
        answer: impl Fn(Vec<Value>) -> Fut + Send + Sync + 'static,
    ) -> Mapping
    where
        Fut: Future<Output = Invoked> + Send + 'static,
    {
        Mapping::start(self.sqs.clone(), options, answer).await.expect("a mapping")
    }
}

/// A mapping and what its function was invoked with.
#[derive(Debug)]
pub(crate) struct Mapping {
    pub(crate) source: EventSource,
    payloads: Arc<Mutex<Vec<Bytes>>>,
}

impl Mapping {
    pub(crate) async fn start<Fut>(
        sqs: Sqs,
        options: EventSourceOptions,
        answer: impl Fn(Vec<Value>) -> Fut + Send + Sync + 'static,
    ) -> Result<Self, EventSourceError>
    where
        Fut: Future<Output = Invoked> + Send + 'static,
    {
        let payloads: Arc<Mutex<Vec<Bytes>>> = Arc::default();
        let journal = Arc::clone(&payloads);
        let invoke = move |payload: Bytes| {
            let records = records(&payload);
            journal.lock().unwrap_or_else(PoisonError::into_inner).push(payload);
            answer(records)
        };
        Ok(Self { source: EventSource::start(sqs, options, invoke).await?, payloads })
    }

    /// Waits until the figures satisfy a condition.
    pub(crate) async fn until(&self, is_wanted: impl Fn(&Figures) -> bool) -> Figures {
        let waiting = tokio::time::timeout(PATIENCE, self.source.wait_for(is_wanted));
        let Ok(figures) = waiting.await else { panic!("it never happens: {:?}", self.source.figures()) };
        figures
    }

    /// Stops the mapping; every message must have been settled.
    pub(crate) async fn stop(self) -> Figures {
        let stopping = tokio::time::timeout(PATIENCE, self.source.stop());
        let figures = stopping.await.expect("it stops");
        assert_eq!((figures.in_flight, figures.invocations_in_flight), (0, 0), "{figures:?}");
        figures
    }

    pub(crate) fn payloads(&self) -> Vec<Bytes> {
        self.payloads.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The bodies of each invocation, in the order of the invocations.
    pub(crate) fn batches(&self) -> Vec<Vec<String>> {
        self.payloads().iter().map(|payload| bodies(&records(payload))).collect()
    }

    /// The sizes of the batches.
    pub(crate) fn sizes(&self) -> Vec<usize> {
        self.batches().iter().map(Vec::len).collect()
    }
}

pub(crate) fn records(payload: &Bytes) -> Vec<Value> {
    let payload: Value = serde_json::from_slice(payload).expect("the payload is JSON");
    payload["Records"].as_array().expect("records").clone()
}

pub(crate) fn bodies(records: &[Value]) -> Vec<String> {
    records.iter().map(|record| record["body"].as_str().expect("a body").to_owned()).collect()
}

/// The function processed all messages.
pub(crate) async fn succeed(_: Vec<Value>) -> Invoked {
    Invoked::Response(Bytes::from_static(br#"{"batchItemFailures":[]}"#))
}

/// The response that reports the messages whose bodies satisfy `is_bad`.
pub(crate) fn report(records: &[Value], is_bad: impl Fn(&str) -> bool) -> Invoked {
    let bad = records.iter().filter(|record| is_bad(record["body"].as_str().expect("a body")));
    let items: Vec<_> = bad.map(|record| json!({ "itemIdentifier": record["messageId"] })).collect();
    Invoked::Response(json!({ "batchItemFailures": items }).to_string().into())
}

/// `name-00`, `name-01`, …
pub(crate) fn numbered(name: &str, count: usize) -> Vec<String> {
    (0..count).map(|at| format!("{name}-{at:02}")).collect()
}

/// Waits until a condition is true.
pub(crate) async fn eventually<Fut: Future<Output = bool>>(is_so: impl Fn() -> Fut) {
    let asking = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.expect("it happens");
}

pub(crate) fn client(endpoint: &str) -> Sqs {
    Sqs::new(endpoint, "eu-west-1", Credentials::new("AKIDTEST", "a-secret-key", None, None, "test"))
}

/// The server's endpoint. The first test starts the server, which ends with the process: its thread, on
/// which its life depends, never ends before.
fn endpoint() -> &'static str {
    static ENDPOINT: OnceLock<String> = OnceLock::new();
    ENDPOINT.get_or_init(|| {
        let (ready, endpoint) = mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let server = MotoServer::start(&moto_server(), 0).await.expect("moto_server starts");
                ready.send(server.endpoint().to_owned()).expect("the test waits for it");
                std::future::pending::<()>().await;
            });
        });
        endpoint.recv().expect("moto_server is ready")
    })
}

pub(crate) fn moto_server() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let otherwise = workspace.join(".venv/bin/moto_server");
    let path = std::env::var_os("MOTO_SERVER").map_or(otherwise, PathBuf::from);
    assert!(path.is_file(), "{} is missing: run `scripts/setup.sh`, or set MOTO_SERVER", path.display());
    path
}
