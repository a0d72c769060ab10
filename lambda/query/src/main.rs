//! The I/O boundary of the query functions: environment, clock, randomness and the Lambda runtime.

use std::process::ExitCode;

use aws::{Answer, Client, Diagnostic, Environment, Network, World, now};
use query::{Config, Handler, InvalidConfig, Invocation, JsonReply};
use serde::Deserialize;

/// The client context of an agent gateway. Other members are skipped unread: they may have lone surrogates, for example.
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

fn configure(lookup: Environment) -> Result<(Config, Network), InvalidConfig> {
    Ok((Config::from_lookup(lookup)?, Network::from_lookup(lookup, |path| std::fs::read(path))?))
}

fn handler(
    (config, network): (Config, Network),
) -> impl AsyncFn(aws::Invocation) -> Result<Answer<JsonReply>, Diagnostic> {
    let client = Client::new(config.region.clone(), &network, World { now, random: fastrand::f64 });
    let handler = Handler::new(config, client);
    async move |event| {
        let started = now();
        let tool = tool_name(&event);
        let invocation = Invocation {
            payload: &event.payload,
            tool: tool.as_deref(),
            now: started,
            time: event.deadline.duration_since(started).unwrap_or_default(),
        };
        let reply = handler.handle(invocation).await;
        reply.log(now().duration_since(started).unwrap_or_default());
        Ok(reply.into_answer())
    }
}

/// The name of the tool that an agent gateway calls; `None` for other callers, whatever their client context is.
fn tool_name(event: &aws::Invocation) -> Option<String> {
    let context: ClientContext = serde_json::from_slice(event.client_context.as_ref()?.as_bytes()).ok()?;
    Some(context.custom.tool)
}
