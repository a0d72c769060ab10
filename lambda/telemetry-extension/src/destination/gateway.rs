//! Gateway: a dispatch → an array of JSON events, to the queue of a push gateway or to its function.
//!
//! Spoken directly over the client that is there anyway; the SDKs of the two services would double the artifact.
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>,
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>

use aws::{Client, Request, Scope};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Method, Uri};
use serde::Serialize;

use super::timeline::Timeline;
use super::{Dispatch, Identity, Undelivered, send};
use crate::config::Service;
use crate::json_events::Events;

/// A push gateway.
#[derive(Debug)]
pub struct Gateway {
    client: Client,
    uri: Uri,
    scope: Scope,
    door: Door,
    identity: Identity,
    timeline: Timeline,
}

/// How the events come in.
#[derive(Debug)]
enum Door {
    /// By a queue with this URL.
    Queue { url: String },
    /// By an asynchronous invocation: Lambda answers once it has the event, and keeps it over a freeze of ours.
    Function,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SendMessage<'a> {
    queue_url: &'a str,
    message_body: &'a str,
    /// The order of an environment's events, which is all that matters.
    #[serde(skip_serializing_if = "Option::is_none")]
    message_group_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_deduplication_id: Option<String>,
}

impl Gateway {
    /// Sends to a queue.
    pub fn queue(client: Client, url: String, service: Service, identity: Identity) -> Self {
        let Service { endpoint, scope } = service;
        Self {
            client,
            uri: endpoint.uri().clone(),
            scope,
            door: Door::Queue { url },
            identity,
            timeline: Timeline::default(),
        }
    }

    /// Invokes a function, given by its name or ARN.
    pub fn function(client: Client, name: &str, service: &Service, identity: Identity) -> Self {
        let base = service.endpoint.uri().to_string();
        let name = name.replace(':', "%3A").replace('$', "%24");
        let url = format!("{}/2015-03-31/functions/{name}/invocations", base.trim_end_matches('/'));
        let uri = url.parse().expect("the configuration checked the parts");
        Self {
            client,
            uri,
            scope: service.scope.clone(),
            door: Door::Function,
            identity,
            timeline: Timeline::default(),
        }
    }

    pub(super) async fn dispatch(&mut self, dispatch: &Dispatch) -> Result<(), Undelivered> {
        let Dispatch { snapshot, now_ms, .. } = dispatch;
        let mut events = Events::new(&self.identity.labels);
        events.extend(self.timeline.zeros(snapshot, *now_ms));
        events.extend(&self.timeline.samples(snapshot, *now_ms));
        let request = self.request(events.json(), self.timeline.end_ms());
        let sent = send(&self.client, &request, dispatch).await.map(drop);
        if matches!(sent, Err(Undelivered::Failed(_))) {
            self.timeline.failed();
        } else {
            // What may be on its way is not sent again: behind the values that travel with it, the zero would be out
            // of order.
            self.timeline.begin();
        }
        if sent.is_ok() {
            self.timeline.delivered();
        }
        sent
    }

    fn request(&self, events: Vec<u8>, end_ms: i64) -> Request {
        let (headers, body) = match &self.door {
            Door::Queue { url } => {
                let is_fifo = url.strip_suffix(".fifo").is_some();
                let instance = self.identity.instance.as_str();
                let message = SendMessage {
                    queue_url: url,
                    message_body: std::str::from_utf8(&events).expect("JSON is text"),
                    message_group_id: is_fifo.then_some(instance),
                    message_deduplication_id: is_fifo.then(|| format!("{instance}-{end_ms}")),
                };
                let headers = vec![
                    (CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0")),
                    (
                        HeaderName::from_static("x-amz-target"),
                        HeaderValue::from_static("AmazonSQS.SendMessage"),
                    ),
                ];
                (headers, serde_json::to_vec(&message).expect("texts are JSON"))
            }
            Door::Function => {
                let headers = vec![
                    (CONTENT_TYPE, HeaderValue::from_static("application/json")),
                    (HeaderName::from_static("x-amz-invocation-type"), HeaderValue::from_static("Event")),
                ];
                (headers, events)
            }
        };
        Request {
            method: Method::POST,
            uri: self.uri.clone(),
            headers,
            body: Bytes::from(body),
            scope: Some(self.scope.clone()),
            wanted_body: 0,
        }
    }
}
