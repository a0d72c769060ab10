//! The scripted Extensions and Telemetry APIs, with a log of the requests.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use local_testing::scripted::{Answer, Request};
use serde_json::{Value, json};
use tokio::sync::Notify;

/// The identifier of the extension.
const IDENTIFIER: &str = "a1b2c3d4-5678-90ab-cdef-example11111";

/// The requests of the extension.
#[derive(Debug, Default)]
pub(crate) struct Log {
    /// Name and body of each registration.
    pub(crate) registrations: Vec<(String, Value)>,
    /// The body of each subscription.
    pub(crate) subscriptions: Vec<Value>,
    /// Path, type and body of each error.
    pub(crate) errors: Vec<(String, String, Value)>,
    /// The number of requests for the next event that were accepted.
    pub(crate) nexts: u64,
    /// Methods and paths in their order.
    pub(crate) paths: Vec<String>,
    pub(crate) events: VecDeque<Value>,
}

/// An answer that differs from that of Lambda, given the number of earlier requests.
pub(crate) type Exception = Box<dyn Fn(&Request, usize) -> Option<Answer> + Send + Sync>;

/// The script and its log.
#[derive(Default)]
pub(crate) struct Api {
    pub(crate) exception: Option<Exception>,
    log: Mutex<Log>,
    pub(crate) changed: Notify,
}

impl Api {
    pub(crate) fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer to a request.
    pub(crate) async fn respond(&self, request: Request) -> Answer {
        let path = request.path();
        let earlier = self.log().paths.len();
        self.log().paths.push(format!("{} {path}", request.method));
        match path {
            "/2020-01-01/extension/register" => {
                let name = request.header("lambda-extension-name").to_owned();
                self.log().registrations.push((name, request.json()));
            }
            _ => assert_eq!(request.header("lambda-extension-identifier"), IDENTIFIER, "{path}"),
        }
        if path == "/2022-07-01/telemetry" {
            self.log().subscriptions.push(request.json());
        }
        let exception = self.exception.as_ref().and_then(|exception| exception(&request, earlier));
        let answer = match path {
            _ if exception.is_some() => exception.expect("there is one"),
            "/2020-01-01/extension/register" => {
                Answer::new(200, r#"{"functionName":"shop","functionVersion":"$LATEST","handler":"h"}"#)
                    .header("lambda-extension-identifier", IDENTIFIER)
            }
            "/2022-07-01/telemetry" => Answer::new(200, "\"OK\""),
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

pub(crate) fn refusal(status: u16, error_type: &str) -> Answer {
    Answer::json(status, &json!({ "errorType": error_type, "errorMessage": "rejected by the test" }))
}
