//! Handler: an invocation → its answer. The only module that knows all operations.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws::Client;
use tokio::time::Instant;

use crate::answer::Answer;
use crate::api::Api;
use crate::config::Config;
use crate::control_plane;
use crate::error::Error;
use crate::find_workspace::FindWorkspace;
use crate::input::{Input, InvalidInput, shown};
use crate::list_metrics::ListMetrics;
use crate::operation::Operation;
use crate::parameter::REGION;
use crate::payload::Payload;
use crate::query::Query;
use crate::range_query::RangeQuery;
use crate::selection::Audience;
use crate::server_info;
use crate::timestamp::Timestamp;
use crate::workspace::{region, resolve};

/// The most time that is kept back for handing over the answer, which may have 6 MB.
const MARGIN: Duration = Duration::from_millis(500);

/// The functions, with what they keep from one invocation to the next.
#[derive(Debug)]
pub struct Queries {
    config: Config,
    client: Arc<Client>,
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
    /// The time until Lambda ends it.
    pub time: Duration,
}

impl Queries {
    /// The functions of `config`, which ask with `client`.
    pub fn new(config: Config, client: Client) -> Self {
        Self { config, client: Arc::new(client.for_queries()) }
    }

    /// Answers an invocation, in time and whatever it is.
    pub async fn handle(&self, invocation: Invocation<'_>) -> Answer {
        let now = Timestamp::from_system(invocation.now);
        let payload = Payload::parse(invocation.payload);
        let audience = match invocation.tool {
            Some(_) => Audience::Agent,
            None if payload.is_http => Audience::Http,
            None => Audience::Program,
        };
        match self.operation(invocation.tool) {
            Ok(operation) => {
                let deadline = Instant::now() + invocation.time - MARGIN.min(invocation.time / 10);
                // On the heap: the runtime moves its handler's future, and this one is 16 KB.
                let result = Box::pin(self.run(operation, payload, audience, now, deadline)).await;
                Answer::new(Some(operation), audience, now, result)
            }
            Err(error) => Answer::new(None, audience, now, Err(error.into())),
        }
    }

    /// The operation of the tool, or else of the handler.
    fn operation(&self, tool: Option<&str>) -> Result<Operation, InvalidInput> {
        let operation = match tool {
            Some(name) => Operation::from_tool_name(name),
            None => self.config.operation,
        };
        operation.ok_or_else(|| InvalidInput::Tool {
            given: tool.map_or_else(|| "(no name)".to_owned(), |name| shown(&name.into())),
            allowed: Operation::names(),
        })
    }

    async fn run(
        &self,
        operation: Operation,
        payload: Payload,
        audience: Audience,
        now: Timestamp,
        deadline: Instant,
    ) -> Result<String, Error> {
        let input = Input::new(payload.parameters?, operation, now)?;
        if operation == Operation::FindWorkspace {
            let find = FindWorkspace::read(&input)?;
            let region =
                region(&input)?.or(self.config.region.as_deref()).ok_or_else(|| InvalidInput::Missing {
                    name: REGION.name,
                    allowed: "AWS region, such as us-east-1".to_owned(),
                })?;
            let (base, scope) = control_plane::endpoint(&self.config, region);
            let api = Api::new(Arc::clone(&self.client), base, scope, deadline);
            return find.run(&api, region, audience).await;
        }
        let workspace = resolve(&input, &self.config)?;
        let api =
            Api::new(Arc::clone(&self.client), workspace.base.clone(), workspace.scope.clone(), deadline);
        match operation {
            Operation::Query => Query::read(&input)?.run(&api, audience).await,
            Operation::RangeQuery => RangeQuery::read(&input)?.run(&api, audience).await,
            Operation::ListMetrics => ListMetrics::read(&input)?.run(&api, audience).await,
            Operation::ServerInfo | Operation::FindWorkspace => server_info::run(&api, &workspace).await,
        }
    }
}
