//! The edge of a Lambda function: process environment → a configuration to run with, or an init error that says what to
//! set.
//!
//! The functions are `push-gateway` and `query`. What they do with an event is theirs; how they come up, log and fail to
//! come up is the same, and is here. Clock and environment are read here and in their `main.rs` only.

mod external_labels;
pub mod logging;
mod members;

use std::fmt::Display;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

pub use external_labels::{InvalidLabels, external_labels};
pub use members::Members;

/// Where Lambda says that its runtime API is.
const RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";

/// The error type that Lambda shows for a function whose environment variables are wrong.
const INVALID_CONFIG: &str = "InvalidConfig";

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

/// Starts the log, has `configure` read the environment, and runs the function until the runtime ends. What goes wrong
/// is logged; a configuration that is wrong is reported to Lambda too.
///
/// `name` is what the binary is called.
pub async fn start<Config, Invalid: Display, Stopped: Display>(
    name: &str,
    configure: impl FnOnce(Environment) -> Result<Config, Invalid>,
    run: impl AsyncFnOnce(Config) -> Result<(), Stopped>,
) -> ExitCode {
    logging::init(environment);
    let config = match configure(environment) {
        Ok(config) => config,
        Err(error) => {
            tracing::error!("{error}");
            // Without a runtime API there is no one to tell.
            if environment(RUNTIME_API).is_some() {
                report_init_error(INVALID_CONFIG, &error.to_string()).await;
            }
            return ExitCode::FAILURE;
        }
    };
    if environment(RUNTIME_API).is_none() {
        tracing::error!("{name} runs on Lambda, or locally with `npm start`: {RUNTIME_API} is not set.");
        return ExitCode::FAILURE;
    }
    match run(config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "The Lambda runtime stopped.");
            ExitCode::FAILURE
        }
    }
}

/// Tells Lambda why the function cannot start, so that the caller sees the reason and not only an exit status.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html#runtimes-api-initerror>
async fn report_init_error(error_type: &str, message: &str) {
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
    if let Ok(Err(error)) = tokio::time::timeout(REPORT_LIMIT, report).await {
        tracing::error!(%error, "The runtime API did not take the init error.");
    }
}
