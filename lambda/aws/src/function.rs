//! The I/O boundary of a Lambda function: process environment → a configuration to run with, or an init error that says
//! what to set; then invocations, one at a time, until Lambda ends the process.
//!
//! The functions are `push-gateway` and `query`. How they start, log, fail to start and are given their invocations is
//! the same, and is here. Clock and environment are read here and in their `main.rs` only.

use std::fmt::Display;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::runtime::{Diagnostic, Invocation};
use crate::runtime_api::RuntimeApi;
use crate::{logging, runtime};

/// Where Lambda says that its runtime API is.
const RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";

/// The error type that Lambda shows for a function whose environment variables are wrong.
const INVALID_CONFIG: &str = "InvalidConfig";

/// The error type that Lambda shows for a function that could not be restored from its snapshot.
const NOT_RESTORED: &str = "NotRestored";

/// How long a report may take: without it the function ends all the same, only with less of an explanation.
const REPORT_LIMIT: Duration = Duration::from_secs(1);

/// Reads environment variables: name → value, if there is one that is text.
pub type Environment = fn(&str) -> Option<String>;

/// The value of an environment variable.
#[expect(clippy::disallowed_methods, reason = "the edge, from where the environment is passed inwards")]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The time of day.
#[expect(clippy::disallowed_methods, reason = "the edge, from where the clock is passed inwards")]
pub fn now() -> SystemTime {
    SystemTime::now()
}

/// Starts the log, has `configure` read the environment, and hands every invocation to the handler that `build` makes of
/// the configuration. Returns when the runtime API fails for good. Errors are logged; those of the init phase are reported
/// to Lambda too.
///
/// `name` is what the binary is called.
pub async fn start<Config, Invalid, Handler, Answer, Failed>(
    name: &str,
    configure: impl FnOnce(Environment) -> Result<Config, Invalid>,
    build: impl FnOnce(Config) -> Handler,
) -> ExitCode
where
    Invalid: Display,
    Handler: AsyncFn(Invocation) -> Result<Answer, Failed>,
    Answer: Serialize,
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

/// Reports to Lambda why the function cannot start, so that the caller sees the reason and not only an exit status.
async fn report_init_error(api: &RuntimeApi, error_type: &'static str, message: &str) {
    if let Ok(Err(error)) = tokio::time::timeout(REPORT_LIMIT, api.init_error(error_type, message)).await {
        tracing::error!(%error, "The runtime API did not take the init error.");
    }
}
