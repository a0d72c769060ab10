//! Sends JSON events to the queue or to the function of a push gateway.
//!
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>

use aws::sqs::{Entry, Queue, Stored};
use aws::{Cause, Client, Request, Response, Scope, Service};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Method, Uri};

use super::timeline::Timeline;
use super::{Dispatch, Identity, Undelivered, send};
use crate::json_events::Events;

/// A push gateway.
#[derive(Debug)]
pub struct Gateway {
    client: Client,
    input: Input,
    identity: Identity,
    timeline: Timeline,
}

/// The input of a push gateway.
#[derive(Debug)]
enum Input {
    Queue(Queue),
    /// An asynchronous invocation: Lambda responds once it has the event, and keeps it while this environment is frozen.
    Function {
        uri: Uri,
        scope: Scope,
    },
}

impl Gateway {
    /// Sends to a queue.
    pub fn queue(client: Client, queue: Queue, identity: Identity) -> Self {
        Self { client, input: Input::Queue(queue), identity, timeline: Timeline::default() }
    }

    /// Invokes a function, given by its name or ARN.
    pub fn function(client: Client, name: &str, service: Service, identity: Identity) -> Self {
        let base = service.endpoint.uri().to_string();
        let name = name.replace(':', "%3A").replace('$', "%24");
        let url = format!("{}/2015-03-31/functions/{name}/invocations", base.trim_end_matches('/'));
        let uri = url.parse().expect("the configuration checked the parts");
        let input = Input::Function { uri, scope: service.scope };
        Self { client, input, identity, timeline: Timeline::default() }
    }

    pub(super) async fn dispatch(&mut self, dispatch: &Dispatch) -> Result<(), Undelivered> {
        let Dispatch { snapshot, now_ms, .. } = dispatch;
        let mut events = Events::new(&self.identity.labels);
        events.extend(self.timeline.zeros(snapshot, *now_ms));
        events.extend(&self.timeline.samples(snapshot, *now_ms));
        let request = self.request(events.json(), self.timeline.end_ms());
        let sent = send(&self.client, &request, dispatch).await;
        let sent = sent.and_then(|response| self.check(response));
        let has_failed = match &sent {
            Err(Undelivered::Failed(_)) => true,
            Err(Undelivered::Message(error)) => !error.sender_fault,
            _ => false,
        };
        if has_failed {
            self.timeline.failed();
        } else {
            // Events that may have arrived are not sent again: a zero after its values would be out of order.
            self.timeline.begin();
        }
        if sent.is_ok() {
            self.timeline.delivered();
        }
        sent
    }

    fn request(&self, events: Vec<u8>, end_ms: i64) -> Request {
        match &self.input {
            Input::Queue(queue) => {
                let events = String::from_utf8(events).expect("JSON is text");
                let mut entry = Entry::new("0".to_owned(), events);
                if queue.is_fifo() {
                    // Only the order of one environment's events matters.
                    let instance = &self.identity.instance;
                    entry.group_id = Some(instance.clone());
                    entry.deduplication_id = Some(format!("{instance}-{end_ms}"));
                }
                queue.send_message_batch(&[entry])
            }
            Input::Function { uri, scope } => Request {
                method: Method::POST,
                uri: uri.clone(),
                headers: vec![
                    (CONTENT_TYPE, HeaderValue::from_static("application/json")),
                    (HeaderName::from_static("x-amz-invocation-type"), HeaderValue::from_static("Event")),
                ],
                body: Bytes::from(events),
                scope: Some(scope.clone()),
                wanted_body: 0,
            },
        }
    }

    /// A call of SQS that succeeds may still have rejected the message.
    fn check(&self, response: Response) -> Result<(), Undelivered> {
        if matches!(self.input, Input::Function { .. }) {
            return Ok(());
        }
        match Stored::of(response) {
            Ok(Stored { first_error: Some(error), .. }) => Err(Undelivered::Message(error)),
            Ok(_) => Ok(()),
            Err(error) => Err(Undelivered::Unknown(Cause::Network(error.to_string()).into())),
        }
    }
}
