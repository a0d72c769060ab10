//! Dispatches an invocation to its operation.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws::{Answer, Client};
use serde::Serialize;
use serde_json::Value;
use tokio::time::Instant;

use crate::config::{Config, Serves};
use crate::error::{Error, json_excerpt};
use crate::http_api::{HttpApi, HttpResponse};
use crate::operation::Operation;
use crate::operations::{Call, Operations};
use crate::payload::Payload;
use crate::response::Response;
use crate::time::Timestamp;
use crate::truncation::Caller;

/// Time kept back to return the response, or the end of it.
const MARGIN: Duration = Duration::from_millis(500);

/// The handler of the query functions.
#[derive(Debug)]
pub struct Handler {
    serves: Serves,
    operations: Arc<Operations>,
    /// With the handler `api`.
    http_api: Option<HttpApi>,
}

/// The reply to an invocation.
#[derive(Debug)]
pub enum Reply {
    /// Of an operation.
    Operation(Response),
    /// Of the HTTP API of the workspace.
    Http(HttpResponse),
}

/// A reply in JSON.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum JsonReply {
    /// Of an operation.
    Operation(Response),
    /// Of the HTTP API of the workspace.
    Http(http_endpoint::Reply),
}

/// One invocation.
#[derive(Debug)]
pub struct Invocation<'a> {
    /// The bytes of the event.
    pub payload: &'a [u8],
    /// The name of the tool that an agent gateway calls.
    pub tool: Option<&'a str>,
    /// The time of day.
    pub now: SystemTime,
    /// The time left before Lambda ends the invocation.
    pub time: Duration,
}

impl Handler {
    /// A handler that sends its requests with `client`.
    pub fn new(config: Config, client: Client) -> Self {
        let client = Arc::new(client.for_queries());
        let serves = config.serves.clone();
        let operations = Arc::new(Operations::new(config, Arc::clone(&client)));
        let http_api = match &serves {
            Serves::Api(settings) => {
                Some(HttpApi::new((**settings).clone(), client, Arc::clone(&operations)))
            }
            Serves::Operation(_) | Serves::Tools => None,
        };
        Self { serves, operations, http_api }
    }

    /// Handles an invocation within its time. Errors are responses too.
    pub async fn handle(&self, invocation: Invocation<'_>) -> Reply {
        let now = Timestamp::from_system(invocation.now);
        let deadline = Instant::now() + invocation.time - MARGIN.min(invocation.time / 10);
        if let Some(http_api) = &self.http_api {
            return match Box::pin(http_api.serve(invocation.payload, now, deadline)).await {
                Some(response) => Reply::Http(response),
                None => Reply::Operation(Response::new(None, Caller::Direct, now, Err(Error::NotHttp))),
            };
        }
        Reply::Operation(self.operate(invocation, now, deadline).await)
    }

    async fn operate(&self, invocation: Invocation<'_>, now: Timestamp, deadline: Instant) -> Response {
        let payload = Payload::parse(invocation.payload);
        let caller = match invocation.tool {
            Some(_) => Caller::Agent,
            None if payload.is_http => Caller::Http,
            None => Caller::Direct,
        };
        match self.operation(invocation.tool) {
            Ok(operation) => {
                let call = Call { caller, now, deadline };
                let result = match payload.parameters {
                    // On the heap: the runtime moves its handler's future, and this one has 16 KB.
                    Ok(given) => Box::pin(self.operations.run(operation, given, call)).await,
                    Err(error) => Err(error),
                };
                Response::new(Some(operation), caller, now, result)
            }
            Err(error) => Response::new(None, caller, now, Err(error)),
        }
    }

    /// The operation of the tool, or else of the handler name.
    fn operation(&self, tool: Option<&str>) -> Result<Operation, Error> {
        let (operation, name) = match tool {
            Some(name) => (Operation::from_tool_name(name), json_excerpt(&Value::from(name))),
            None => match self.serves {
                Serves::Operation(operation) => return Ok(operation),
                Serves::Tools | Serves::Api(_) => (None, "(no name)".to_owned()),
            },
        };
        operation.ok_or(Error::UnknownTool(name))
    }
}

impl Reply {
    /// Logs the invocation in one line, and a second one at level ERROR if the function or the workspace failed.
    pub fn log(&self, took: Duration) {
        match self {
            Self::Operation(response) => response.log(took),
            Self::Http(response) => response.log(took),
        }
    }

    /// The answer for Lambda.
    pub fn into_answer(self) -> Answer<JsonReply> {
        match self {
            Self::Operation(response) => Answer::Json(JsonReply::Operation(response)),
            Self::Http(HttpResponse { answer: Answer::Json(reply), .. }) => {
                Answer::Json(JsonReply::Http(reply))
            }
            Self::Http(HttpResponse { answer: Answer::Http(response), .. }) => Answer::Http(response),
        }
    }
}
