//! Handles one request from its head to its answer. A request that is not for the read API is a write request: admit,
//! check, look for a fault, ingest, answer.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt as _, Collected, Limited};
use hyper::body::{Body, Frame, Incoming};
use tokio::time::{Instant, Sleep};

use super::answer::{Refusal, Written};
use super::decode::{Decoded, decode};
use super::envelope::Version;
use super::fault::{Action, take_action};
use super::ingest;
use super::journal::Entry;
use super::read_api::{self, Endpoint};
use super::store::RefusedSeries;
use super::{AmpOptions, Shared, envelope, protocol};
use local_testing::http_server::{Reply, ResponseBody};

/// Bodies beyond the receiver's limit are still read, to record their length, up to this limit.
const MAX_BODY_BYTES: usize = 64 * 1_024 * 1_024;

/// Answers one request.
pub(super) async fn handle(shared: Arc<Shared>, request: http::Request<Incoming>, connection: u64) -> Reply {
    let (head, body) = request.into_parts();
    if let Some(endpoint) = Endpoint::of_path(&shared.options.workspace, head.uri.path()) {
        let Some(body) = collect(body).await else { return Reply::Close };
        return Reply::Answer(read_api::answer(&shared, &endpoint, &head, body).await);
    }
    let entry = Entry::open(Arc::clone(&shared), &head, connection);
    let is_write = head.uri.path() == envelope::remote_write_path(&shared.options.workspace);
    let admitted = if is_write { shared.state().limits.take_call(&shared.options) } else { Ok(()) };
    // A refused request is read to its end too: a sender in the middle of a body would otherwise see a broken
    // connection instead of the answer.
    let Some(body) = collect(body).await else { return Reply::Close };
    entry.note(|received| received.body_bytes = body.len());
    if let Err(refusal) = admitted {
        return answer(&shared.options, &entry, None, Err(refusal));
    }
    let checked = check(&shared, &head, &body);
    let version = checked.as_ref().ok().map(|decoded| decoded.version);
    entry.note(|received| {
        let decoded = checked.as_ref().ok();
        received.decoded_bytes = decoded.map(|decoded| decoded.bytes);
        received.request = decoded.map(|decoded| Arc::clone(&decoded.request));
        received.violation = checked.as_ref().err().map(|refusal| refusal.text.clone());
    });
    let action = if is_write {
        let decoded = checked.as_ref().ok().map(|decoded| (&*decoded.request, decoded.bytes));
        take_action(&mut shared.state().faults, decoded)
    } else {
        None
    };
    let ingest = |refused: Option<RefusedSeries>| ingest(&shared, &entry, checked, refused);
    match action {
        None => answer(&shared.options, &entry, version, ingest(None).await),
        Some(Action::Delay(time)) => {
            tokio::time::sleep(time).await;
            answer(&shared.options, &entry, version, ingest(None).await)
        }
        Some(Action::RefuseSeries { series, code, text }) => {
            let refused = RefusedSeries::new(series, code, text);
            answer(&shared.options, &entry, version, ingest(Some(refused)).await)
        }
        Some(Action::AcceptThenDrop) => {
            // The sender does not learn the outcome.
            let _ = ingest(None).await;
            Reply::Close
        }
        Some(Action::Status { code, headers, body }) => {
            Reply::Answer(prescribed(&entry, code, headers, body))
        }
        Some(Action::SlowTrickle { code, interval }) => Reply::Answer(trickle(entry, code, interval)),
        Some(Action::Hang) => std::future::pending().await,
        Some(Action::Reset) => Reply::Reset,
    }
}

async fn collect(body: Incoming) -> Option<Bytes> {
    Limited::new(body, MAX_BODY_BYTES).collect().await.ok().map(Collected::to_bytes)
}

/// All rules that need no memory of the workspace, in AMP's order.
fn check(shared: &Shared, head: &http::request::Parts, body: &Bytes) -> Result<Decoded, Refusal> {
    envelope::check_route(&shared.options, head, body.len())?;
    shared.check_signature(head, body)?;
    let version = envelope::check_headers(&shared.options, &head.headers);
    if shared.options.strict {
        protocol::check_headers(&head.headers, *version.as_ref().unwrap_or(&Version::V1))?;
    }
    decode(&shared.options, version?, body)
}

async fn ingest(
    shared: &Arc<Shared>,
    entry: &Entry,
    decoded: Result<Decoded, Refusal>,
    refused: Option<RefusedSeries>,
) -> Result<Written, Refusal> {
    let result = ingest::ingest(Arc::clone(shared), decoded?, refused).await;
    if let Err(refusal) = &result {
        entry.note(|received| received.violation = Some(refusal.text.clone()));
    }
    result
}

/// The answer to a request of `version`, if it could be decoded.
fn answer(
    options: &AmpOptions,
    entry: &Entry,
    version: Option<Version>,
    result: Result<Written, Refusal>,
) -> Reply {
    let is_of_2 = version == Some(Version::V2);
    let written = result.as_ref().map_or_else(|refusal| refusal.written, |written| *written);
    let mut response = match result {
        Ok(_) if is_of_2 => Reply::full(StatusCode::NO_CONTENT, Bytes::new()),
        Ok(_) => Reply::full(status(options.success_status), Bytes::new()),
        Err(refusal) => {
            entry.note(|received| {
                received.violation.get_or_insert_with(|| refusal.text.clone());
                received.answer.clone_from(&refusal.text);
            });
            refusal.into_response()
        }
    };
    if is_of_2 {
        written.note(response.headers_mut());
    }
    entry.note(|received| received.status = Some(response.status().as_u16()));
    Reply::Answer(response)
}

fn prescribed(
    entry: &Entry,
    code: u16,
    headers: Vec<(String, String)>,
    body: Bytes,
) -> Response<ResponseBody> {
    entry.note(|received| {
        received.status = Some(code);
        received.answer = String::from_utf8_lossy(&body).into_owned();
    });
    let mut response = Reply::full(status(code), body);
    for (name, value) in headers {
        let name = HeaderName::try_from(name).expect("a fault's header names are valid");
        let value = HeaderValue::try_from(value).expect("a fault's header values are valid");
        response.headers_mut().append(name, value);
    }
    response
}

fn trickle(entry: Entry, code: u16, interval: Duration) -> Response<ResponseBody> {
    entry.note(|received| {
        received.status = Some(code);
        received.endless = true;
    });
    let body = Trickle { interval, next: Box::pin(tokio::time::sleep(interval)), _entry: entry };
    let mut response = Response::new(body.boxed());
    *response.status_mut() = status(code);
    response
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).expect("a status set by a test is between 100 and 999")
}

/// A body of one byte at each interval that never ends; the request lasts as long as its body.
struct Trickle {
    interval: Duration,
    next: Pin<Box<Sleep>>,
    _entry: Entry,
}

impl Body for Trickle {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        ready!(self.next.as_mut().poll(context));
        let next = Instant::now() + self.interval;
        self.next.as_mut().reset(next);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b".")))))
    }
}
