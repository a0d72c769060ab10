//! `lambda`: functions behind the invoke API, alone.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use aws_credential_types::Credentials;
use clap::Args;
use push_gateway_local::lambda::{AsyncPolicy, LambdaApi, Pool};
use push_gateway_local::runtime::{FunctionOptions, RoleCredentials};
use tokio::time::Instant;

use super::Common;
use crate::arguments::variable;
use crate::invocation_line;
use crate::terminal::Terminal;

/// The functions.
#[derive(Debug, Args)]
pub(crate) struct LambdaArguments {
    #[command(flatten)]
    common: Common,
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// A function and its binary; may be given again.
    #[arg(long, required = true, value_parser = function, value_name = "NAME=FILE")]
    function: Vec<(String, PathBuf)>,
    /// An environment variable of the functions; may be given again.
    #[arg(long, value_parser = variable, value_name = "NAME=VALUE")]
    env: Vec<(String, String)>,
    /// The functions' time-out.
    #[arg(long, default_value = "10s", value_parser = humantime::parse_duration, value_name = "TIME")]
    timeout: Duration,
    /// The functions' memory in MB, which they are told but not held to.
    #[arg(long, default_value_t = 128, value_name = "MB")]
    memory: u32,
    /// Execution environments of each function, at most.
    #[arg(long, default_value_t = 10, value_name = "COUNT")]
    concurrency: u32,
    /// The access key id of the functions' role.
    #[arg(long, default_value = "AKIDLOCAL", value_name = "ID")]
    access_key_id: String,
    /// The secret access key of the functions' role.
    #[arg(long, default_value = "local-secret", value_name = "KEY")]
    secret_access_key: String,
    /// The session token of the functions' role.
    #[arg(long, value_name = "TOKEN")]
    session_token: Option<String>,
}

fn function(text: &str) -> Result<(String, PathBuf), String> {
    variable(text)
        .map(|(name, file)| (name, file.into()))
        .map_err(|_| "it is not of the form NAME=FILE".to_owned())
}

/// Runs them.
pub(super) async fn run(arguments: LambdaArguments) -> Result<(), Box<dyn Error>> {
    let (terminal, began) = (Terminal::detect(), Instant::now());
    let credentials = Credentials::new(
        arguments.access_key_id,
        arguments.secret_access_key,
        arguments.session_token,
        None,
        "local",
    );
    let pools = arguments.function.into_iter().map(|(name, binary)| {
        let options = FunctionOptions {
            name,
            env: arguments.env.clone(),
            timeout: arguments.timeout,
            memory_mb: arguments.memory,
            region: arguments.common.region.clone(),
            credentials: RoleCredentials::Environment(credentials.clone()),
            ..FunctionOptions::new(binary)
        };
        Pool::new(options, arguments.concurrency, move |seen| invocation_line::print(terminal, began, &seen))
    });
    let (region, policy) = (&arguments.common.region, AsyncPolicy::default());
    let api = LambdaApi::start(arguments.port, region, pools.collect(), policy).await?;
    println!("{}", api.endpoint());
    arguments.common.until_stopped().await
}
