//! The processes of a function with the environment variables that Lambda sets.
//!
//! Nothing of this process's own environment is passed on. Source: Lambda Developer Guide, "Defined runtime environment
//! variables", and "Permissions and configuration" of the Extensions API.

use std::io;
use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use super::{FunctionOptions, RoleCredentials};
use local_testing::children;

/// The process of the function's runtime.
pub(super) fn runtime_command(options: &FunctionOptions, runtime_api: &str) -> io::Result<Command> {
    let task_root = options.binary.parent().map(|folder| folder.display().to_string()).unwrap_or_default();
    let mut command = base(&options.binary, options, runtime_api)?;
    command
        .env("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", options.name))
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "local")
        .env("LAMBDA_TASK_ROOT", task_root)
        .env("LAMBDA_RUNTIME_DIR", "/var/runtime")
        .env("_HANDLER", super::HANDLER);
    // Last, because on Lambda too a function's own variables override the defaults that are not reserved.
    command.envs(options.env.iter().map(|(name, value)| (name, value)));
    Ok(command)
}

/// The process of an extension: it has the function's variables, but not those of the runtime process.
pub(super) fn extension_command(
    program: &Path,
    options: &FunctionOptions,
    runtime_api: &str,
) -> io::Result<Command> {
    let mut command = base(program, options, runtime_api)?;
    // The host `sandbox.localdomain` does not exist here; extensions listen on 127.0.0.1 if this is set.
    command.env("AWS_SAM_LOCAL", "true");
    command.envs(options.env.iter().map(|(name, value)| (name, value)));
    Ok(command)
}

fn base(program: &Path, options: &FunctionOptions, runtime_api: &str) -> io::Result<Command> {
    let mut command = children::command(program)?;
    command
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", runtime_api)
        .env("AWS_LAMBDA_FUNCTION_NAME", &options.name)
        .env("AWS_LAMBDA_FUNCTION_VERSION", super::VERSION)
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", options.memory_mb.to_string())
        .env("AWS_LAMBDA_INITIALIZATION_TYPE", super::INITIALIZATION_TYPE)
        .env("AWS_REGION", &options.region)
        .env("AWS_DEFAULT_REGION", &options.region)
        .env("LANG", "en_US.UTF-8")
        .env("PATH", "/usr/local/bin:/usr/bin/:/bin:/opt/bin")
        .env("TZ", ":UTC")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    match &options.credentials {
        RoleCredentials::Environment(credentials) => {
            command
                .env("AWS_ACCESS_KEY_ID", credentials.access_key_id())
                .env("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key())
                .envs(credentials.session_token().map(|token| ("AWS_SESSION_TOKEN", token)));
        }
        RoleCredentials::Endpoint { url, authorization_token } => {
            command
                .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", url)
                .env("AWS_CONTAINER_AUTHORIZATION_TOKEN", authorization_token);
        }
    }
    Ok(command)
}
