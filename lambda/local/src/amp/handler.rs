//! One write request from its head to its answer: check, look for a fault, store, answer.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body, Frame, Incoming};
use prometheus_proto::WriteRequest;
use tokio::time::{Instant, Sleep};

use super::answer::Refusal;
use super::decode::{Decoded, decode};
use super::fault::{Action, take_action};
use super::journal::Entry;
use super::store::RefusedSeries;
use super::{AmpOptions, Shared, envelope, sigv4};
use crate::http_server::{Reply, ResponseBody};

/// Bodies beyond the receiver's limit are still read, to be able to say how long they are, but not endlessly.
const MAX_BODY_BYTES: usize = 64 * 1_024 * 1_024;

/// Answers one request.
pub(super) async fn handle(shared: Arc<Shared>, request: http::Request<Incoming>, connection: u64) -> Reply {
    let (head, body) = request.into_parts();
    let entry = Entry::open(Arc::clone(&shared), &head, connection);
    let Ok(body) = Limited::new(body, MAX_BODY_BYTES).collect().await else { return Reply::Close };
    let body = body.to_bytes();
    let checked = check(&shared.options, &head, &body);
    let decoded = checked.as_ref().ok().map(|decoded| (Arc::new(decoded.request.clone()), decoded.bytes));
    entry.note(|received| {
        received.body_bytes = body.len();
        received.decoded_bytes = decoded.as_ref().map(|(_, bytes)| *bytes);
        received.request = decoded.as_ref().map(|(request, _)| Arc::clone(request));
        received.violation = checked.as_ref().err().map(|refusal| refusal.text.clone());
    });
    let action = {
        let faults = &mut shared.state().faults;
        take_action(faults, decoded.as_ref().map(|(request, bytes)| (&**request, *bytes)))
    };
    let ingest =
        |refused: Option<&RefusedSeries>| checked.and_then(|d| store(&shared, &entry, &d.request, refused));
    match action {
        None => answer(&shared.options, &entry, ingest(None)),
        Some(Action::Delay(time)) => {
            tokio::time::sleep(time).await;
            answer(&shared.options, &entry, ingest(None))
        }
        Some(Action::RefuseSeries { series, code, text }) => {
            let refused = RefusedSeries::new(series, code, text);
            answer(&shared.options, &entry, ingest(Some(&refused)))
        }
        Some(Action::AcceptThenDrop) => {
            // The sender learns nothing of the outcome, good or bad.
            let _ = ingest(None);
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

/// Everything that can be said without the memory of the workspace, in the order in which AMP comes across it.
fn check(options: &AmpOptions, head: &http::request::Parts, body: &Bytes) -> Result<Decoded, Refusal> {
    envelope::check_route(options, head, body.len())?;
    if let Some(credentials) = &options.credentials {
        sigv4::verify(&options.region, credentials, options.clock.now_ms(), head, body)?;
    }
    envelope::check_headers(&head.headers)?;
    decode(options, body)
}

fn store(
    shared: &Shared,
    entry: &Entry,
    request: &WriteRequest,
    refused: Option<&RefusedSeries>,
) -> Result<(), Refusal> {
    let result = shared.state().store.ingest(&shared.options, request, refused);
    if let Err(refusal) = &result {
        entry.note(|received| received.violation = Some(refusal.text.clone()));
    }
    result
}

fn answer(options: &AmpOptions, entry: &Entry, result: Result<(), Refusal>) -> Reply {
    let response = match result {
        Ok(()) => Reply::full(status(options.success_status), Bytes::new()),
        Err(refusal) => {
            entry.note(|received| received.answer.clone_from(&refusal.text));
            refusal.into_response()
        }
    };
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
    entry.note(|received| received.status = Some(code));
    let body = Trickle { interval, next: Box::pin(tokio::time::sleep(interval)), _entry: entry };
    let mut response = Response::new(body.boxed());
    *response.status_mut() = status(code);
    response
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).expect("a status set by a test is between 100 and 999")
}

/// A body that gives one byte at each interval and never ends; the request lasts as long as it does.
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
