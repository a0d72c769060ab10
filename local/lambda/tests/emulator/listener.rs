//! A scripted telemetry listener.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use local_testing::scripted::{Answer, ScriptedServer};
use serde_json::{Value, json};
use tokio::sync::watch;

/// Takes deliveries; its answer can be changed.
pub(crate) struct Listener {
    server: ScriptedServer,
    batches: Arc<watch::Sender<Vec<Vec<Value>>>>,
    status: Arc<AtomicU16>,
}

impl Listener {
    pub(crate) async fn start() -> Self {
        let batches = Arc::new(watch::Sender::new(Vec::new()));
        let status = Arc::new(AtomicU16::new(200));
        let (accepted, answered) = (Arc::clone(&batches), Arc::clone(&status));
        let server = ScriptedServer::by(move |request, _| {
            assert_eq!((request.method.as_str(), &*request.target), ("POST", "/in"));
            assert!(request.header("host").starts_with("sandbox.localdomain:"), "{:?}", request.headers);
            let status = answered.load(Ordering::SeqCst);
            if status == 0 {
                return Answer::hang();
            }
            if status == 200 {
                let batch = serde_json::from_slice(&request.body).expect("a JSON array");
                accepted.send_modify(|batches| batches.push(batch));
            }
            Answer::new(status, "")
        })
        .await;
        Self { server, batches, status }
    }

    /// The status of the next answers; no answer at all if it is zero.
    pub(crate) fn answers_with(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    /// A request that subscribes this listener to all streams, with the shortest timeout.
    pub(crate) fn subscription(&self) -> Value {
        json!({
            "schemaVersion": "2025-01-29",
            "types": ["platform", "function", "extension"],
            "buffering": { "maxItems": 1000, "maxBytes": 262_144, "timeoutMs": 25 },
            "destination": {
                "protocol": "HTTP",
                "URI": format!("http://sandbox.localdomain:{}/in", self.server.port()),
            },
        })
    }

    /// All accepted events.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.batches.borrow().concat()
    }

    /// The accepted deliveries so far.
    pub(crate) fn batches(&self) -> Vec<Vec<Value>> {
        self.batches.borrow().clone()
    }

    /// Waits until the events meet a condition, and returns them.
    pub(crate) async fn until(&self, is_enough: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let mut changes = self.batches.subscribe();
        let enough = changes.wait_for(|batches| is_enough(&batches.concat()));
        let in_time = tokio::time::timeout(Duration::from_secs(20), enough).await.is_ok();
        assert!(in_time, "not in time: {:#?}", self.events());
        self.events()
    }

    /// Waits for an event of this type.
    pub(crate) async fn until_type(&self, kind: &str) -> Value {
        let events = self.until(|events| find(events, kind).is_some()).await;
        find(&events, kind).expect("it was waited for")
    }
}

/// A call that subscribes.
pub(crate) fn subscribe(body: &Value) -> Value {
    json!({
        "method": "PUT",
        "path": "/2022-07-01/telemetry",
        "headers": { "Lambda-Extension-Identifier": "$ID", "content-type": "application/json" },
        "body": body,
    })
}

/// The first event of a type.
pub(crate) fn find(events: &[Value], kind: &str) -> Option<Value> {
    events.iter().find(|event| event["type"] == kind).cloned()
}

/// The types of the platform's events in their order.
pub(crate) fn types(events: &[Value]) -> Vec<String> {
    let types = events.iter().filter_map(|event| event["type"].as_str()?.strip_prefix("platform."));
    types.map(str::to_owned).collect()
}
