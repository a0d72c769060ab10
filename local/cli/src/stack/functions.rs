//! The functions of the stack behind the Lambda API: the push gateway, with the telemetry extension if there is one, and
//! the query functions.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use local_lambda::runtime::FunctionOptions;
use local_lambda::service::{AsyncPolicy, IdleShutdown, LambdaApi, Pool, PoolEvent};

use super::queues::Queues;
use super::workspace::Workspace;
use super::{PortError, StackError, StackOptions};

/// Handler name, memory in MB and timeout in seconds of each query function (`lambda/query/README.md`).
const QUERY_FUNCTIONS: [(&str, u32, u64); 5] = [
    ("query", 256, 30),
    ("range_query", 512, 60),
    ("list_metrics", 256, 30),
    ("server_info", 256, 30),
    ("find_workspace", 256, 30),
];

/// The handler that serves the HTTP API of Prometheus, with its memory and timeout, and the name of its function.
const QUERY_API: (&str, u32, u64) = ("api", 512, 60);
const QUERY_API_NAME: &str = "query_api";

/// The settings of the telemetry extension, which the options of the stack override: every invocation sends its data.
const TELEMETRY: [(&str, &str); 2] = [("DISPATCH_MIN_BATCH_SIZE", "1"), ("DISPATCH_MAX_AGE_SECONDS", "1")];

/// The functions and the API that invokes them.
#[derive(Debug)]
pub(super) struct Functions {
    pub(super) push_gateway: Pool,
    pub(super) queries: Vec<Pool>,
    /// The HTTP API of Prometheus.
    pub(super) query_api: Option<Pool>,
    pub(super) api: LambdaApi,
    /// With the telemetry extension only, which sends its last data when an environment ends.
    pub(super) idle_shutdown: Option<IdleShutdown>,
}

impl Functions {
    pub(super) async fn start(
        options: &StackOptions,
        workspace: &Workspace,
        queues: &Queues,
        watcher: impl Fn(PoolEvent<'_>) + Send + Sync + 'static,
    ) -> Result<Self, StackError> {
        let watcher = Arc::new(watcher);
        let pool = |function| {
            let watcher = Arc::clone(&watcher);
            Pool::new(function, options.concurrency, move |event| watcher(event))
        };
        let push_gateway = pool(push_gateway(options, workspace, queues));
        let queries: Vec<Pool> = query_functions(options, workspace, queues).into_iter().map(pool).collect();
        let query_api = query_api(options, workspace, queues).map(pool);
        let pools = std::iter::once(&push_gateway).chain(&queries).chain(&query_api).cloned().collect();
        let port = options.ports.lambda;
        let api = LambdaApi::start(port, &options.region, pools, AsyncPolicy::default()).await;
        let api = api.map_err(PortError::of("--lambda-port", port))?;
        let idle_shutdown =
            options.telemetry_extension.as_ref().map(|_| IdleShutdown::of(push_gateway.clone()));
        Ok(Self { push_gateway, queries, query_api, api, idle_shutdown })
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Pool> {
        std::iter::once(&self.push_gateway).chain(&self.queries).chain(&self.query_api)
    }
}

fn push_gateway(options: &StackOptions, workspace: &Workspace, queues: &Queues) -> FunctionOptions {
    let remote_write_url = workspace.amp.remote_write_url();
    let mut function = function(&options.function, options, workspace)
        .env("REMOTE_WRITE_URL", &remote_write_url)
        .env("DEAD_LETTER_QUEUE_URL", &queues.dead_letters_url)
        .env("OUT_OF_ORDER_WINDOW", options.out_of_order_window.as_secs().to_string())
        .env("HTTP_AUTH", "secret")
        .env("HTTP_AUTH_SECRET", &queues.secret_arn)
        .env("SPILL_QUEUE_URL", &queues.url)
        .env("AWS_ENDPOINT_URL_SECRETS_MANAGER", queues.endpoint())
        .env("AWS_ENDPOINT_URL_SQS", queues.endpoint());
    if let Some(program) = &options.telemetry_extension {
        function = function.extension(program).env("TELEMETRY_REMOTE_WRITE_URL", remote_write_url);
        function = TELEMETRY.into_iter().fold(function, |function, (name, value)| function.env(name, value));
    }
    // The last value of a variable counts, so these override those above.
    function.env.extend(options.env.iter().cloned());
    function.timeout = options.mapping.function_timeout;
    function.memory_mb = options.memory_mb;
    function
}

/// A function for each operation of the program `query`, named as the operation.
fn query_functions(options: &StackOptions, workspace: &Workspace, queues: &Queues) -> Vec<FunctionOptions> {
    let Some(program) = &options.query else { return Vec::new() };
    QUERY_FUNCTIONS.map(|handler| query_function(program, handler, options, workspace, queues)).into()
}

/// The HTTP API, for the same clients as those of the push gateway, behind a function URL that streams.
fn query_api(options: &StackOptions, workspace: &Workspace, queues: &Queues) -> Option<FunctionOptions> {
    let mut function = query_function(options.query.as_ref()?, QUERY_API, options, workspace, queues)
        .env("RESPONSE_STREAMING", "true")
        .env("HTTP_AUTH", "secret")
        .env("HTTP_AUTH_SECRET", &queues.secret_arn)
        .env("AWS_ENDPOINT_URL_SECRETS_MANAGER", queues.endpoint());
    QUERY_API_NAME.clone_into(&mut function.name);
    Some(function)
}

fn query_function(
    program: &Path,
    (handler, memory_mb, timeout): (&str, u32, u64),
    options: &StackOptions,
    workspace: &Workspace,
    queues: &Queues,
) -> FunctionOptions {
    let mut function = function(program, options, workspace)
        .env("_HANDLER", handler)
        .env("WORKSPACE_URL", workspace.amp.endpoint())
        .env("AWS_ENDPOINT_URL_AMP", queues.endpoint());
    handler.clone_into(&mut function.name);
    function.memory_mb = memory_mb;
    function.timeout = Duration::from_secs(timeout);
    function
}

fn function(program: &Path, options: &StackOptions, workspace: &Workspace) -> FunctionOptions {
    let mut function = FunctionOptions::new(program).env("AWS_LAMBDA_LOG_FORMAT", "Text");
    function.region.clone_from(&options.region);
    function.credentials = workspace.role.clone();
    function
}
