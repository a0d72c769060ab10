//! Dispatches an invocation to its operation.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws::Client;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::api::Api;
use crate::config::{Config, Serves};
use crate::control_plane;
use crate::error::{Error, json_excerpt};
use crate::find_workspace::{Selector, find_workspace};
use crate::http_api::{HttpApi, HttpResponse};
use crate::input::Input;
use crate::list_metrics::list_metrics;
use crate::operation::Operation;
use crate::parameter::REGION;
use crate::payload::Payload;
use crate::query::{query, range_query};
use crate::response::Response;
use crate::server_info::server_info;
use crate::time::Timestamp;
use crate::truncation::Caller;
use crate::workspace::{Workspace, region, resolve};

/// Time kept back to return the response, which may have 6 MB.
const MARGIN: Duration = Duration::from_millis(500);

/// The handler of the query functions.
#[derive(Debug)]
pub struct Handler {
    config: Config,
    client: Arc<Client>,
    /// With the handler `api`.
    http_api: Option<HttpApi>,
}

/// The reply to an invocation.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Reply {
    /// Of an operation.
    Operation(Response),
    /// Of the HTTP API of the workspace.
    Http(HttpResponse),
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
        let http_api = match &config.serves {
            Serves::Api(settings) => Some(HttpApi::new((**settings).clone(), Arc::clone(&client))),
            Serves::Operation(_) | Serves::Tools => None,
        };
        Self { config, client, http_api }
    }

    /// Handles an invocation within its time. Errors are responses too.
    pub async fn handle(&self, invocation: Invocation<'_>) -> Reply {
        let now = Timestamp::from_system(invocation.now);
        let deadline = Instant::now() + invocation.time - MARGIN.min(invocation.time / 10);
        if let Some(http_api) = &self.http_api {
            return match Box::pin(http_api.serve(invocation.payload, deadline)).await {
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
                // On the heap: the runtime moves its handler's future, and this one has 16 KB.
                let result = Box::pin(self.run(operation, payload, caller, now, deadline)).await;
                Response::new(Some(operation), caller, now, result)
            }
            Err(error) => Response::new(None, caller, now, Err(error)),
        }
    }

    /// The operation of the tool, or else of the handler name.
    fn operation(&self, tool: Option<&str>) -> Result<Operation, Error> {
        let (operation, name) = match tool {
            Some(name) => (Operation::from_tool_name(name), json_excerpt(&Value::from(name))),
            None => match self.config.serves {
                Serves::Operation(operation) => return Ok(operation),
                Serves::Tools | Serves::Api(_) => (None, "(no name)".to_owned()),
            },
        };
        operation.ok_or(Error::UnknownTool(name))
    }

    async fn run(
        &self,
        operation: Operation,
        payload: Payload,
        caller: Caller,
        now: Timestamp,
        deadline: Instant,
    ) -> Result<Box<RawValue>, Error> {
        let input = Input::new(payload.parameters?, operation, now)?;
        let Config { workspace: configured, region: default_region, control_plane, .. } = &self.config;
        let workspace = || resolve(&input, configured.as_ref(), default_region.as_deref());
        let api = |base, scope| Api { client: Arc::clone(&self.client), base, scope, deadline };
        let api_of = |workspace: Workspace| api(workspace.base, workspace.scope);
        match operation {
            Operation::Query => query(&input, &api_of(workspace()?), caller).await,
            Operation::RangeQuery => range_query(&input, &api_of(workspace()?), caller).await,
            Operation::ListMetrics => list_metrics(&input, &api_of(workspace()?), caller).await,
            Operation::ServerInfo => {
                let workspace = workspace()?;
                server_info(&api_of(workspace.clone()), &workspace).await
            }
            Operation::FindWorkspace => {
                let selector = Selector::read(&input)?;
                let region =
                    region(&input)?.or(default_region.as_deref()).ok_or_else(|| Error::MissingParameter {
                        name: REGION.name,
                        expected: "AWS region, such as us-east-1".to_owned(),
                    })?;
                let (base, scope) = control_plane::endpoint(control_plane.as_ref(), region);
                find_workspace(selector, &api(base, Some(scope)), region, caller).await
            }
        }
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
}
