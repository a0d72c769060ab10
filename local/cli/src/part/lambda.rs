//! `lambda`: functions behind the invoke API.

use std::collections::BTreeSet;
use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use aws_credential_types::Credentials;
use clap::{Args, value_parser};
use futures_util::future::join_all;
use local_lambda::runtime::{FunctionOptions, RoleCredentials};
use local_lambda::service::{AsyncPolicy, IdleShutdown, LambdaApi, Pool};
use tokio::time::Instant;

use super::Common;
use crate::arguments::{InvalidOption, values};
use crate::console::print_line;
use crate::invocation_line;
use crate::stack::PortError;

/// The functions.
#[derive(Debug, Args)]
pub(crate) struct LambdaArguments {
    #[command(flatten)]
    common: Common,
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// A function and its binary; may be given again.
    #[arg(long, required = true, value_parser = values::function, value_name = "NAME=FILE")]
    function: Vec<(String, PathBuf)>,
    /// An extension that runs beside each function, in every execution environment; may be given again.
    #[arg(long, value_parser = values::program(), value_name = "FILE")]
    extension: Vec<PathBuf>,
    /// An environment variable of the functions and extensions; may be given again.
    #[arg(long, value_parser = values::variable, value_name = "NAME=VALUE")]
    env: Vec<(String, String)>,
    /// The functions' timeout (1s to 900s).
    #[arg(long, default_value = "10s", value_parser = values::function_timeout, value_name = "TIME")]
    timeout: Duration,
    /// The functions' memory in MB (128 to 10240): reported to them, not enforced.
    #[arg(long, default_value_t = 128, value_parser = value_parser!(u32).range(128..=10_240), value_name = "MB")]
    memory: u32,
    /// Execution environments of each function, at most.
    #[arg(long, default_value_t = 10, value_parser = value_parser!(u32).range(1..=1_000), value_name = "COUNT")]
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

/// Lambda quotas, "Extensions": 10 for each function.
const MAX_EXTENSIONS: usize = 10;

impl LambdaArguments {
    fn check(&self) -> Result<(), InvalidOption> {
        let names = self.function.iter().map(|(name, _)| name.as_str());
        if let Some(name) = first_repeated(names) {
            return Err(InvalidOption::new("--function", "a different name for each", name));
        }
        // An extension registers with the name of its file.
        let names: Vec<_> = self.extension.iter().filter_map(|file| file.file_name()?.to_str()).collect();
        if let Some(name) = first_repeated(names.iter().copied()) {
            return Err(InvalidOption::new("--extension", "a different file name for each", name));
        }
        if names.len() > MAX_EXTENSIONS {
            let expected = format!("at most {MAX_EXTENSIONS}");
            return Err(InvalidOption::new("--extension", expected, names.len().to_string()));
        }
        Ok(())
    }
}

fn first_repeated<'a>(names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut seen = BTreeSet::new();
    names.into_iter().find(|name| !seen.insert(*name))
}

/// Runs them.
pub(super) async fn run(arguments: LambdaArguments) -> Result<(), Box<dyn Error>> {
    arguments.check().unwrap_or_else(|error| error.exit());
    let began = Instant::now();
    let credentials = Credentials::new(
        arguments.access_key_id,
        arguments.secret_access_key,
        arguments.session_token,
        None,
        "local",
    );
    let pools: Vec<Pool> = arguments
        .function
        .into_iter()
        .map(|(name, binary)| {
            let options = FunctionOptions {
                name,
                env: arguments.env.clone(),
                timeout: arguments.timeout,
                memory_mb: arguments.memory,
                region: arguments.common.region.clone(),
                credentials: RoleCredentials::Environment(credentials.clone()),
                extensions: arguments.extension.clone(),
                ..FunctionOptions::new(binary)
            };
            Pool::new(options, arguments.concurrency, move |event| {
                invocation_line::print(began, &event);
            })
        })
        .collect();
    let has_extensions = !arguments.extension.is_empty();
    // Extensions send their last data when an environment ends.
    let idle_shutdowns: Vec<IdleShutdown> =
        pools.iter().filter(|_| has_extensions).cloned().map(IdleShutdown::of).collect();
    let (region, policy) = (&arguments.common.region, AsyncPolicy::default());
    let api = LambdaApi::start(arguments.port, region, pools.clone(), policy).await;
    let api = api.map_err(PortError::of("--port", arguments.port))?;
    print_line!("{}", api.endpoint());
    arguments.common.until_stopped().await?;
    drop(api);
    if has_extensions {
        join_all(pools.iter().map(Pool::shutdown)).await;
    }
    // Last, because it may be shutting down an environment, whose extension would lose its last data.
    drop(idle_shutdowns);
    Ok(())
}
