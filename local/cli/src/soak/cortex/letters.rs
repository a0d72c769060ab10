//! The dead-letter queue: an SQS endpoint in this process that keeps what `SendMessageBatch` stores.

use std::sync::{Arc, Mutex, PoisonError};

use local_testing::scripted::{Answer, Request, ScriptedServer};
use serde_json::{Value, json};

use super::queue::Newest;

/// One call in this many is not answered after its messages were stored.
const LOST: usize = 40;

/// A dead letter.
#[derive(Debug, Clone)]
pub(super) struct Letter {
    pub(super) message_id: String,
    pub(super) body: String,
    pub(super) reason: String,
    pub(super) detail: String,
    /// The newest timestamp that any function had when the letter arrived.
    pub(super) newest_ms: i64,
}

/// The queue; it ends with this value.
#[derive(Debug)]
pub(super) struct DeadLetters {
    server: ScriptedServer,
    letters: Arc<Mutex<Vec<Letter>>>,
}

impl DeadLetters {
    pub(super) async fn start(newest: Newest) -> Self {
        let letters = Arc::<Mutex<Vec<Letter>>>::default();
        let kept = Arc::clone(&letters);
        let server = ScriptedServer::by(move |request, number| {
            let entries = entries(request);
            let stored = entries.iter().map(|entry| json!({ "Id": entry["Id"], "MessageId": "stored" }));
            let answer = Answer::json(200, &json!({ "Successful": stored.collect::<Value>(), "Failed": [] }));
            let new = entries.iter().map(|entry| letter(entry, newest.get()));
            kept.lock().unwrap_or_else(PoisonError::into_inner).extend(new);
            if number % LOST == LOST - 1 { Answer::reset() } else { answer }
        });
        Self { server: server.await, letters }
    }

    pub(super) fn endpoint(&self) -> String {
        self.server.url()
    }

    pub(super) fn queue_url(&self) -> String {
        format!("{}/000000000000/dead-letters", self.server.url())
    }

    pub(super) fn all(&self) -> Vec<Letter> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn entries(request: &Request) -> Vec<Value> {
    match request.json()["Entries"].take() {
        Value::Array(entries) => entries,
        _ => Vec::new(),
    }
}

fn letter(entry: &Value, newest_ms: i64) -> Letter {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let attribute = |name| text(&entry["MessageAttributes"][name]["StringValue"]);
    Letter {
        message_id: attribute("messageId"),
        body: text(&entry["MessageBody"]),
        reason: attribute("reason"),
        detail: attribute("detail"),
        newest_ms,
    }
}
