//! A scripted SQS endpoint with one standard queue. It fails on demand, is fast enough for many messages, and unlike moto
//! never returns a message to two receives at once.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use local_testing::scripted::{Answer, Request, ScriptedServer};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{Queue, client};

/// How an operation fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The whole request is answered with this status.
    Status(u16),
    /// The connection is closed without an answer.
    Close,
    /// Each entry fails, and may succeed the next time.
    EntriesFail,
    /// Each entry is rejected as the sender's fault.
    EntriesRefused,
}

#[derive(Debug, Default)]
struct State {
    /// By number: the body, how often it was received, and when it becomes visible.
    messages: BTreeMap<usize, (String, usize, Option<Instant>)>,
    visibility_timeout: Duration,
    /// The faults of the next requests of an operation.
    faults: BTreeMap<&'static str, Vec<Fault>>,
    requests: BTreeMap<String, usize>,
}

/// The endpoint. It ends with the value.
#[derive(Debug)]
pub(crate) struct ScriptedSqs {
    pub(crate) queue: Queue,
    _server: ScriptedServer,
    state: Arc<Mutex<State>>,
}

impl ScriptedSqs {
    /// A queue with these messages.
    pub(crate) async fn start(bodies: &[String], visibility_timeout: Duration) -> Self {
        let messages = (0..).zip(bodies).map(|(number, body)| (number, (body.clone(), 0, None))).collect();
        let state = State { messages, visibility_timeout, ..State::default() };
        let state = Arc::new(Mutex::new(state));
        let for_server = Arc::clone(&state);
        let server = ScriptedServer::by(move |request, _| answer(request, &mut lock(&for_server))).await;
        let url = format!("{}/123456789012/scripted", server.url());
        Self { queue: Queue { sqs: client(&server.url()), url }, _server: server, state }
    }

    /// The next requests of this operation fail like this, one after the other.
    pub(crate) fn fail(&self, operation: &'static str, faults: &[Fault]) {
        lock(&self.state).faults.insert(operation, faults.to_vec());
    }

    /// How many requests of this operation were made.
    pub(crate) fn requests(&self, operation: &str) -> usize {
        lock(&self.state).requests.get(operation).copied().unwrap_or_default()
    }

    /// The bodies of the messages that are not deleted.
    pub(crate) fn left(&self) -> Vec<String> {
        lock(&self.state).messages.values().map(|(body, ..)| body.clone()).collect()
    }

    /// Messages that a receiver could have, and messages hidden from it.
    pub(crate) fn visible_and_hidden(&self) -> (usize, usize) {
        let (now, state) = (Instant::now(), lock(&self.state));
        let is_hidden = |at: &Option<Instant>| at.is_some_and(|at| at > now);
        let hidden = state.messages.values().filter(|(_, _, at)| is_hidden(at)).count();
        (state.messages.len() - hidden, hidden)
    }

    /// Puts another message into the queue.
    pub(crate) fn send(&self, body: &str) {
        let mut state = lock(&self.state);
        let number = state.messages.last_key_value().map_or(1_000_000, |(last, _)| last + 1);
        state.messages.insert(number, (body.to_owned(), 0, None));
    }
}

impl Deref for ScriptedSqs {
    type Target = Queue;

    fn deref(&self) -> &Queue {
        &self.queue
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn answer(request: &Request, state: &mut State) -> Answer {
    let operation = request.header("x-amz-target").strip_prefix("AmazonSQS.").expect("an operation of SQS");
    *state.requests.entry(operation.to_owned()).or_default() += 1;
    let faults = state.faults.get_mut(operation).filter(|faults| !faults.is_empty());
    let (status, answer) = match faults.map(|faults| faults.remove(0)) {
        Some(Fault::Close) => return Answer::close(),
        Some(Fault::Status(status)) => (status, json!({ "__type": "ServiceUnavailable" })),
        fault => (200, state.perform(operation, &request.json(), fault)),
    };
    // A long poll returns late if the queue is empty.
    let is_empty = operation == "ReceiveMessage" && answer.get("Messages").is_none();
    let delay = Duration::from_millis(if is_empty { 20 } else { 0 });
    Answer::new(status, answer.to_string()).header("content-type", "application/x-amz-json-1.0").after(delay)
}

impl State {
    fn perform(&mut self, operation: &str, request: &Value, fault: Option<Fault>) -> Value {
        match operation {
            "GetQueueAttributes" => json!({ "Attributes": {
                "QueueArn": "arn:aws:sqs:eu-west-1:123456789012:scripted",
                "VisibilityTimeout": self.visibility_timeout.as_secs().to_string(),
            } }),
            "ReceiveMessage" => self.receive(request["MaxNumberOfMessages"].as_u64().expect("a number")),
            "DeleteMessageBatch" => self.delete(request["Entries"].as_array().expect("entries"), fault),
            "ChangeMessageVisibilityBatch" => json!({ "Successful": [], "Failed": [] }),
            _ => panic!("{operation} is not known"),
        }
    }

    fn receive(&mut self, max: u64) -> Value {
        let now = Instant::now();
        let visible = self.messages.iter_mut().filter(|(_, (_, _, at))| at.is_none_or(|at| at <= now));
        let messages: Vec<_> = visible
            .take(usize::try_from(max).expect("at most 10"))
            .map(|(number, (body, times, visible_at))| {
                *times += 1;
                *visible_at = Some(now + self.visibility_timeout);
                json!({
                    "MessageId": format!("message-{number}"),
                    "ReceiptHandle": format!("{number}/{times}"),
                    "Body": body,
                    "MD5OfBody": "",
                    "Attributes": { "ApproximateReceiveCount": times.to_string() },
                })
            })
            .collect();
        if messages.is_empty() { json!({}) } else { json!({ "Messages": messages }) }
    }

    fn delete(&mut self, entries: &[Value], fault: Option<Fault>) -> Value {
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for entry in entries {
            let handle = entry["ReceiptHandle"].as_str().expect("a handle");
            let (number, _) = handle.split_once('/').expect("a handle of this server");
            if let Some(fault) = fault {
                let is_senders = fault == Fault::EntriesRefused;
                failed.push(json!({ "Id": entry["Id"], "SenderFault": is_senders, "Code": "Scripted" }));
            } else {
                self.messages.remove(&number.parse().expect("a number"));
                successful.push(json!({ "Id": entry["Id"] }));
            }
        }
        json!({ "Successful": successful, "Failed": failed })
    }
}
