//! The scripted Extensions and Telemetry APIs, with a log of the requests.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};

use local_testing::scripted::{Answer, Request};
use serde_json::{Value, json};
use tokio::sync::Notify;

/// The identifier of the extension.
const IDENTIFIER: &str = "a1b2c3d4-5678-90ab-cdef-example11111";

/// The responses to requests for the next event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Events {
    /// Events.
    Given,
    /// Events, after this number of broken connections.
    AfterBreaks(u32),
    /// Errors.
    Refused,
}

/// The requests of the extension.
#[derive(Debug, Default)]
pub(crate) struct Log {
    /// Name and body of each registration.
    pub(crate) registrations: Vec<(String, Value)>,
    /// The body of each subscription.
    pub(crate) subscriptions: Vec<Value>,
    /// Path, type and body of each error.
    pub(crate) errors: Vec<(String, String, Value)>,
    /// The number of requests for the next event.
    pub(crate) nexts: u64,
    /// Methods and paths in their order.
    pub(crate) paths: Vec<String>,
    pub(crate) events: VecDeque<Value>,
}

/// The script and its log.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) refuses_invoke: bool,
    pub(crate) refused_schemas: Vec<&'static str>,
    pub(crate) telemetry_status: u16,
    pub(crate) events: Mutex<Events>,
    pub(crate) log: Mutex<Log>,
    pub(crate) changed: Notify,
}

impl Api {
    pub(crate) fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn events(&self) -> MutexGuard<'_, Events> {
        self.events.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Whether this connection breaks.
    fn breaks(&self) -> bool {
        let mut events = self.events();
        match *events {
            Events::AfterBreaks(left) if left > 0 => {
                *events = Events::AfterBreaks(left - 1);
                true
            }
            _ => false,
        }
    }

    /// The answer to a request.
    pub(crate) async fn respond(&self, request: Request) -> Answer {
        let path = request.path();
        self.log().paths.push(format!("{} {path}", request.method));
        if path != "/2020-01-01/extension/register" {
            assert_eq!(request.header("lambda-extension-identifier"), IDENTIFIER, "{path}");
        }
        let answer = match path {
            "/2020-01-01/extension/register" => {
                let events = request.json();
                let has_invoke = events["events"].as_array().is_some_and(|e| e.iter().any(|e| e == "INVOKE"));
                self.log().registrations.push((request.header("lambda-extension-name").to_owned(), events));
                if self.refuses_invoke && has_invoke {
                    refusal(403, "Extension.InvalidEventType")
                } else {
                    Answer::new(200, r#"{"functionName":"shop","functionVersion":"$LATEST","handler":"h"}"#)
                        .header("lambda-extension-identifier", IDENTIFIER)
                }
            }
            "/2022-07-01/telemetry" => {
                let subscription = request.json();
                let schema = subscription["schemaVersion"].as_str().unwrap_or_default().to_owned();
                self.log().subscriptions.push(subscription);
                if self.refused_schemas.contains(&schema.as_str()) {
                    refusal(400, "ValidationError")
                } else {
                    Answer::new(self.telemetry_status, "\"OK\"")
                }
            }
            "/2020-01-01/extension/event/next" if self.breaks() => Answer::close(),
            "/2020-01-01/extension/event/next" if *self.events() == Events::Refused => {
                refusal(500, "Extension.UnknownError")
            }
            "/2020-01-01/extension/event/next" => {
                self.log().nexts += 1;
                self.changed.notify_waiters();
                Answer::json(200, &self.next_event().await)
            }
            _ => {
                let error_type = request.header("lambda-extension-function-error-type");
                self.log().errors.push((path.to_owned(), error_type.to_owned(), request.json()));
                Answer::new(202, r#"{"status":"OK"}"#)
            }
        };
        self.changed.notify_waiters();
        answer
    }

    async fn next_event(&self) -> Value {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            let event = self.log().events.pop_front();
            match event {
                Some(event) => return event,
                None => changed.await,
            }
        }
    }
}

fn refusal(status: u16, error_type: &str) -> Answer {
    Answer::json(status, &json!({ "errorType": error_type, "errorMessage": "rejected by the test" }))
}
