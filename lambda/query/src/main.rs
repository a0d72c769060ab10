//! The edge: environment, clock and randomness, the client context, and the Lambda runtime.

use std::process::ExitCode;

use ::query::config::Config;
use ::query::handler::{Invocation, Queries};
use amp::{Client, World};
use function::now;
use lambda_runtime::layers::TracingLayer;
use lambda_runtime::{Context, Error, LambdaEvent, Runtime, service_fn};
use serde_json::value::RawValue;

/// Where an agent gateway says which tool it calls.
///
/// <https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/gateway-add-target-lambda.html>
const TOOL_NAME: &str = "bedrockAgentCoreToolName";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    function::start("query", Config::from_lookup, run).await
}

async fn run(config: Config) -> Result<(), Error> {
    let client = Client::new(config.region.clone(), World { now, random: fastrand::f64 });
    let queries = Queries::new(config, client);
    let handler = service_fn(async |event: LambdaEvent<Box<RawValue>>| {
        let started = now();
        let answer = queries
            .handle(Invocation {
                payload: event.payload.get().as_bytes(),
                tool: tool_name(&event.context),
                now: started,
                time: event.context.deadline().duration_since(started).unwrap_or_default(),
            })
            .await;
        answer.log(now().duration_since(started).unwrap_or_default());
        Ok::<_, Error>(answer)
    });
    Runtime::new(handler).layer(TracingLayer::new()).run().await
}

fn tool_name(context: &Context) -> Option<&str> {
    context.client_context.as_ref()?.custom.get(TOOL_NAME).map(String::as_str)
}
