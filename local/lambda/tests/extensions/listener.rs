//! A telemetry listener in the test, so that it can be slow, refuse, or not be there.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Takes deliveries; what it answers can be changed.
pub(crate) struct Listener {
    port: u16,
    batches: Arc<watch::Sender<Vec<Vec<Value>>>>,
    status: Arc<Mutex<u16>>,
}

impl Listener {
    pub(crate) async fn start() -> Self {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let port = socket.local_addr().expect("it is bound").port();
        let listener = Self {
            port,
            batches: Arc::new(watch::Sender::new(Vec::new())),
            status: Arc::new(Mutex::new(200)),
        };
        let (batches, status) = (Arc::clone(&listener.batches), Arc::clone(&listener.status));
        tokio::spawn(async move {
            while let Ok((stream, _)) = socket.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&batches), Arc::clone(&status)));
            }
        });
        listener
    }

    /// What the next requests are answered with; no answer at all if it is zero.
    pub(crate) fn answers_with(&self, status: u16) {
        *self.status.lock().expect("no panic") = status;
    }

    /// A request that subscribes this listener to all streams, with the shortest time-out.
    pub(crate) fn subscription(&self) -> Value {
        json!({
            "schemaVersion": "2025-01-29",
            "types": ["platform", "function", "extension"],
            "buffering": { "maxItems": 1000, "maxBytes": 262_144, "timeoutMs": 25 },
            "destination": { "protocol": "HTTP", "URI": format!("http://sandbox.localdomain:{}/in", self.port) },
        })
    }

    /// Everything that came so far and was taken.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.batches.borrow().concat()
    }

    /// The deliveries so far that were taken.
    pub(crate) fn batches(&self) -> Vec<Vec<Value>> {
        self.batches.borrow().clone()
    }

    /// Waits until the events fulfil a condition, and returns them.
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

async fn serve(
    stream: TcpStream,
    batches: Arc<watch::Sender<Vec<Vec<Value>>>>,
    status: Arc<Mutex<u16>>,
) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head).await.ok()? == 0 {
                return None;
            }
        }
        assert!(head.starts_with("POST /in HTTP/1.1\r\n"), "{head}");
        let head = head.to_lowercase();
        assert!(head.contains("host: sandbox.localdomain:"), "{head}");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
        let mut body = vec![0; length.parse().ok()?];
        stream.read_exact(&mut body).await.ok()?;
        let status = *status.lock().expect("no panic");
        match status {
            0 => std::future::pending::<()>().await,
            200 => {
                let batch = serde_json::from_slice(&body).expect("a JSON array");
                batches.send_modify(|batches| batches.push(batch));
            }
            _ => {}
        }
        let answer = format!("HTTP/1.1 {status} Status\r\ncontent-length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.ok()?;
    }
}
