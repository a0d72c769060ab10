//! A server between the gateway and a real receiver: it records requests, passes them on, and fails as a test specifies.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use local_testing::scripted::{Answer, Request, ScriptedServer};
use tokio::time::Instant;

const WRITTEN: [&str; 3] = [
    "x-prometheus-remote-write-samples-written",
    "x-prometheus-remote-write-histograms-written",
    "x-prometheus-remote-write-exemplars-written",
];

/// The treatment of a request.
#[derive(Debug, Clone)]
pub(crate) enum Fate {
    /// It is answered with this status and text, and does not reach the receiver.
    Refused(u16, &'static str),
    /// The receiver's answer gets a body.
    WithBody(&'static str),
    /// The receiver's answer gets a header.
    WithHeader(&'static str, &'static str),
    /// The receiver's answer loses the headers with numbers of written samples.
    WithoutWritten,
    /// It is answered later.
    Late(Duration),
}

/// A request with its answer.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    pub(crate) request: Request,
    pub(crate) status: u16,
    pub(crate) began: Instant,
    pub(crate) ended: Instant,
}

#[derive(Debug, Default)]
struct State {
    recorded: Vec<Recorded>,
    fates: VecDeque<Fate>,
    /// For requests after those.
    always: Option<Fate>,
}

#[derive(Debug)]
pub(crate) struct Recorder {
    server: ScriptedServer,
    state: Arc<Mutex<State>>,
}

impl Recorder {
    pub(crate) async fn start(receiver: String) -> Self {
        let state = Arc::<Mutex<State>>::default();
        let client = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
        let shared = Arc::clone(&state);
        let server = ScriptedServer::start(move |request, _| {
            let (state, client, receiver) = (Arc::clone(&shared), client.clone(), receiver.clone());
            async move {
                let began = Instant::now();
                let fate = {
                    let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
                    state.fates.pop_front().or_else(|| state.always.clone())
                };
                let (status, answer) = answer(fate, &request, &client, &receiver).await;
                let recorded = Recorded { request, status, began, ended: Instant::now() };
                state.lock().unwrap_or_else(PoisonError::into_inner).recorded.push(recorded);
                answer
            }
        });
        Self { server: server.await, state }
    }

    /// The URL that the gateway writes to.
    pub(crate) fn url(&self) -> String {
        format!("{}{PATH}", self.server.url())
    }

    /// The fates of the next requests, and of all after them.
    pub(crate) fn fates(&self, next: impl Into<VecDeque<Fate>>, always: Option<Fate>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (state.fates, state.always) = (next.into(), always);
    }

    /// The requests since the last call, in the order of their answers.
    pub(crate) fn take(&self) -> Vec<Recorded> {
        std::mem::take(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner).recorded)
    }
}

/// The path of the URL that the gateway writes to.
pub(crate) const PATH: &str = "/some/path";

async fn answer(
    fate: Option<Fate>,
    request: &Request,
    client: &Client<HttpConnector, Full<Bytes>>,
    receiver: &str,
) -> (u16, Answer) {
    if let Some(Fate::Refused(status, text)) = fate {
        return (status, Answer::new(status, text));
    }
    if let Some(Fate::Late(delay)) = fate {
        tokio::time::sleep(delay).await;
    }
    let mut forwarded = http::Request::builder().method(&request.method).uri(receiver);
    for (name, value) in &request.headers {
        if name != http::header::HOST {
            forwarded = forwarded.header(name, value);
        }
    }
    let forwarded = forwarded.body(Full::new(request.body.clone())).expect("a request");
    let (head, body) = client.request(forwarded).await.expect("an answer of the receiver").into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    let mut status = head.status.as_u16();
    let body = match fate {
        Some(Fate::WithBody(text)) => {
            // 204 has none.
            status = if status == 204 { 200 } else { status };
            Bytes::from_static(text.as_bytes())
        }
        _ => body,
    };
    let mut answer = Answer::new(status, body);
    for name in WRITTEN {
        if let Some(value) = head.headers.get(name).filter(|_| !matches!(fate, Some(Fate::WithoutWritten))) {
            answer = answer.header(name, value.to_str().expect("a number"));
        }
    }
    if let Some(Fate::WithHeader(name, value)) = fate {
        answer = answer.header(name, value);
    }
    (status, answer)
}
