//! Starts a Lambda function: log, configuration or init error, then invocations until Lambda ends the process.

use std::fmt::Display;
use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;

use crate::runtime::{Answer, Diagnostic, Invocation};
use crate::runtime_api::RuntimeApi;
use crate::world::{Environment, environment, now};
use crate::{logging, runtime};

/// The variable with the address of the runtime API.
const RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";

/// The error type that Lambda shows for a function whose environment variables are wrong.
const INVALID_CONFIG: &str = "InvalidConfig";

/// The error type that Lambda shows for a function that could not be restored from its snapshot.
const NOT_RESTORED: &str = "NotRestored";

/// The limit for reporting an error. Without the report the function ends all the same.
const REPORT_LIMIT: Duration = Duration::from_secs(1);

/// Runs the function `name`: `configure` reads the environment, and `build` makes the handler of all invocations from the
/// configuration. Returns when the runtime API fails permanently. Errors are logged, and those of the init phase are also
/// reported to Lambda.
pub async fn start<Config, Invalid, Handler, Json, Failed>(
    name: &str,
    configure: impl FnOnce(Environment) -> Result<Config, Invalid>,
    build: impl FnOnce(Config) -> Handler,
) -> ExitCode
where
    Invalid: Display,
    Handler: AsyncFn(Invocation) -> Result<Answer<Json>, Failed>,
    Json: Serialize,
    Failed: Into<Diagnostic>,
{
    logging::init(environment);
    let configured = configure(environment);
    if let Err(error) = &configured {
        tracing::error!("{error}");
    }
    let Some(address) = environment(RUNTIME_API) else {
        if configured.is_ok() {
            tracing::error!("{name} runs on Lambda, or locally with `npm start`: {RUNTIME_API} is not set.");
        }
        return ExitCode::FAILURE;
    };
    let stopped = async {
        let api = RuntimeApi::new(&address)?;
        let config = match configured {
            Ok(config) => config,
            Err(error) => {
                report_init_error(&api, INVALID_CONFIG, &error.to_string()).await;
                return Ok(());
            }
        };
        let handler = build(config);
        let initialization = environment("AWS_LAMBDA_INITIALIZATION_TYPE");
        if initialization.as_deref() == Some("snap-start")
            && let Err(error) = api.wait_for_restore().await
        {
            report_init_error(&api, NOT_RESTORED, &error.to_string()).await;
            return Err(error);
        }
        if environment("AWS_LAMBDA_MAX_CONCURRENCY").is_some() {
            tracing::warn!(
                "AWS_LAMBDA_MAX_CONCURRENCY has no effect: invocations are handled one at a time."
            );
        }
        runtime::serve(&RuntimeApi::new(&address)?, now, handler).await.map(|never| match never {})
    };
    if let Err(error) = stopped.await {
        tracing::error!(%error, "The Lambda runtime stopped.");
    }
    ExitCode::FAILURE
}

/// Reports an init error to Lambda, so that the caller gets the reason and not only an exit status.
async fn report_init_error(api: &RuntimeApi, error_type: &'static str, message: &str) {
    if let Ok(Err(error)) = tokio::time::timeout(REPORT_LIMIT, api.init_error(error_type, message)).await {
        tracing::error!(%error, "Failed to report the init error to the Lambda runtime API.");
    }
}
