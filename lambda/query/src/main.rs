//! The edge: environment, clock and randomness, the Lambda runtime, and the errors of the init phase.

use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use ::query::config::Config;
use ::query::handler::{Invocation, Queries};
use ::query::logging;
use amp::{Client, World};
use lambda_runtime::layers::TracingLayer;
use lambda_runtime::{Context, Error, LambdaEvent, Runtime, service_fn};
use serde_json::Value;

/// Where an agent gateway says which tool it calls.
///
/// <https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/gateway-add-target-lambda.html>
const TOOL_NAME: &str = "bedrockAgentCoreToolName";

#[expect(clippy::disallowed_methods, reason = "the edge, from where the environment is passed inwards")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[expect(clippy::disallowed_methods, reason = "the edge, from where the clock is passed inwards")]
fn now() -> SystemTime {
    SystemTime::now()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    logging::init(environment);
    if environment("AWS_LAMBDA_RUNTIME_API").is_none() {
        tracing::error!("query runs on Lambda: AWS_LAMBDA_RUNTIME_API is not set.");
        return ExitCode::FAILURE;
    }
    let config = match Config::from_lookup(environment) {
        Ok(config) => config,
        Err(error) => {
            tracing::error!("{error}");
            init_error("InvalidConfig", &error.to_string()).await;
            return ExitCode::FAILURE;
        }
    };
    match run(config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "The Lambda runtime stopped.");
            ExitCode::FAILURE
        }
    }
}

async fn run(config: Config) -> Result<(), Error> {
    let client = Client::new(config.region.clone(), World { now, random: fastrand::f64 });
    let queries = Queries::new(config, client);
    let handler = service_fn(async |event: LambdaEvent<Value>| {
        let started = now();
        let answer = queries
            .handle(Invocation {
                payload: &event.payload,
                tool: tool_name(&event.context),
                now: started,
                time: event.context.deadline().duration_since(started).unwrap_or_default(),
            })
            .await;
        let ms = now().duration_since(started).unwrap_or_default().as_millis();
        let operation = answer.body.operation.unwrap_or("unknown");
        let (status, bytes) =
            (answer.status_code, answer.body.data.as_ref().map_or(0, |data| data.get().len()));
        if let Some(error) = answer.body.error.as_ref().filter(|_| status >= 500) {
            tracing::error!(operation, status, error, "The query could not be answered.");
        }
        tracing::info!(operation, status, bytes, ms, "Invocation done.");
        Ok::<_, Error>(answer)
    });
    Runtime::new(handler).layer(TracingLayer::new()).run().await
}

fn tool_name(context: &Context) -> Option<&str> {
    context.client_context.as_ref()?.custom.get(TOOL_NAME).map(String::as_str)
}

/// Tells Lambda why the function cannot start, so that the caller sees the reason and not only an exit status.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html#runtimes-api-initerror>
async fn init_error(error_type: &str, message: &str) {
    use lambda_runtime_api_client::{Client, body::Body, build_request};
    let body = serde_json::json!({"errorType": error_type, "errorMessage": message, "stackTrace": []});
    let report = async {
        let request = build_request()
            .method("POST")
            .uri("/2018-06-01/runtime/init/error")
            .header("lambda-runtime-function-error-type", error_type)
            .body(Body::from(body.to_string()))?;
        Client::builder().build()?.call(request).await
    };
    if let Ok(Err(error)) = tokio::time::timeout(Duration::from_secs(1), report).await {
        tracing::error!(%error, "The runtime API did not take the init error.");
    }
}
