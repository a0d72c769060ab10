//! The edge: environment, clock and randomness, the client context, and the Lambda runtime.

use std::process::ExitCode;

use ::query::answer::Answer;
use ::query::config::Config;
use ::query::handler::{Invocation, Queries};
use aws::{Client, Network, World};
use aws::{Environment, now};
use serde::Deserialize;

/// What an agent gateway says of its call; the other members, which may be anything, are not read.
///
/// <https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/gateway-add-target-lambda.html>
#[derive(Deserialize)]
struct ClientContext {
    custom: Custom,
}

#[derive(Deserialize)]
struct Custom {
    #[serde(rename = "bedrockAgentCoreToolName")]
    tool: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    aws::start("query", configure, handler).await
}

fn configure(lookup: Environment) -> Result<(Config, Network), String> {
    let config = Config::from_lookup(lookup).map_err(|error| error.to_string())?;
    let network =
        Network::from_lookup(lookup, |path| std::fs::read(path)).map_err(|error| error.to_string())?;
    Ok((config, network))
}

fn handler(
    (config, network): (Config, Network),
) -> impl AsyncFn(aws::Invocation) -> Result<Answer, aws::Diagnostic> {
    let client = Client::new(config.region.clone(), &network, World { now, random: fastrand::f64 });
    let queries = Queries::new(config, client);
    async move |event| {
        let started = now();
        let tool = tool_name(&event);
        let answer = queries
            .handle(Invocation {
                payload: &event.payload,
                tool: tool.as_deref(),
                now: started,
                time: event.deadline.duration_since(started).unwrap_or_default(),
            })
            .await;
        answer.log(now().duration_since(started).unwrap_or_default());
        Ok(answer)
    }
}

/// The name of the tool that an agent gateway calls; none for other callers, whatever their client context is.
fn tool_name(event: &aws::Invocation) -> Option<String> {
    let context: ClientContext = serde_json::from_slice(event.client_context.as_ref()?.as_bytes()).ok()?;
    Some(context.custom.tool)
}
