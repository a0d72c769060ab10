//! A scripted SQS endpoint with one standard queue. It fails on demand, is fast enough for many messages, and unlike moto
//! never returns a message to two receives at once.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use local_lambda::event_source::{EventSourceOptions, Invoked};
use local_testing::http_server::{HttpServer, Reply};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{Mapping, client};

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
    /// By number: body, times received, and when it is visible.
    messages: BTreeMap<usize, (String, usize, Option<Instant>)>,
    visibility_timeout: Duration,
    /// The faults of the next requests of an operation.
    faults: BTreeMap<&'static str, Vec<Fault>>,
    requests: BTreeMap<String, usize>,
}

/// The endpoint. It ends with the value.
#[derive(Debug)]
pub(crate) struct ScriptedSqs {
    endpoint: String,
    state: Arc<Mutex<State>>,
    _server: HttpServer,
}

impl ScriptedSqs {
    /// A queue with these messages.
    pub(crate) async fn start(bodies: &[String], visibility_timeout: Duration) -> Self {
        let messages = (0..).zip(bodies).map(|(number, body)| (number, (body.clone(), 0, None))).collect();
        let state = State { messages, visibility_timeout, ..State::default() };
        let state = Arc::new(Mutex::new(state));
        let for_requests = Arc::clone(&state);
        let server = HttpServer::start(0, move |request, _| answer(request, Arc::clone(&for_requests)));
        let server = server.await.expect("a free port");
        Self { endpoint: format!("http://{}", server.address()), state, _server: server }
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

    /// Starts a mapping to a function that answers with the result of `answer`.
    pub(crate) async fn map<Fut>(
        &self,
        options: EventSourceOptions,
        answer: impl Fn(Vec<Value>) -> Fut + Send + Sync + 'static,
    ) -> Mapping
    where
        Fut: Future<Output = Invoked> + Send + 'static,
    {
        Mapping::start(client(&self.endpoint), options, answer).await.expect("a mapping")
    }

    pub(crate) fn options(&self) -> EventSourceOptions {
        let options = EventSourceOptions::new(format!("{}/123456789012/scripted", self.endpoint));
        EventSourceOptions { function_timeout: Duration::from_secs(1), ..options }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(request: Request<Incoming>, state: Arc<Mutex<State>>) -> Reply {
    let target = request.headers()["x-amz-target"].to_str().expect("text").to_owned();
    let operation = target.strip_prefix("AmazonSQS.").expect("an operation of SQS").to_owned();
    let body = request.into_body().collect().await.expect("a body").to_bytes();
    let request: Value = serde_json::from_slice(&body).expect("JSON");
    let fault = {
        let mut state = lock(&state);
        *state.requests.entry(operation.clone()).or_default() += 1;
        let faults = state.faults.get_mut(operation.as_str()).filter(|faults| !faults.is_empty());
        faults.map(|faults| faults.remove(0))
    };
    let (status, answer) = match fault {
        Some(Fault::Close) => return Reply::Close,
        Some(Fault::Status(status)) => (status, json!({ "__type": "ServiceUnavailable" })),
        fault => (200, lock(&state).perform(&operation, &request, fault)),
    };
    if operation == "ReceiveMessage" && answer.get("Messages").is_none() {
        // A short long poll.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let status = StatusCode::from_u16(status).expect("a status");
    let mut response = Reply::full(status, answer.to_string());
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0".parse().expect("a value"));
    Reply::Answer(response)
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
