//! The command line of the stack, shared by the commands that run it.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use push_gateway_local::amp::{Fault, MAX_OUT_OF_ORDER_WINDOW};
use push_gateway_local::prometheus::Prometheus;
use push_gateway_local::stack::{Ports, StackOptions, Storage};

/// The parts that are programs of their own.
#[derive(Debug, Args)]
pub(crate) struct Programs {
    /// The function's binary.
    #[arg(long, value_name = "FILE")]
    pub(crate) function: PathBuf,
    /// The program `moto_server`, which serves SQS.
    #[arg(long, value_name = "FILE")]
    pub(crate) moto: PathBuf,
    /// What stands behind the workspace: `auto` (the Prometheus that the variable PROMETHEUS names or that is in PATH,
    /// if there is one), `none` (memory, no PromQL), the URL of a running Prometheus, or the path of the program.
    #[arg(long, default_value = "auto", value_name = "WHAT")]
    prometheus: String,
}

impl Programs {
    /// What the option `--prometheus` means on this machine.
    pub(crate) fn storage(&self) -> Storage {
        match self.prometheus.as_str() {
            "none" => Storage::Memory,
            "auto" => Prometheus::find().map_or(Storage::Memory, Storage::Program),
            url if url.contains("://") => Storage::At(url.to_owned()),
            path => Storage::Program(path.into()),
        }
    }
}

/// `tour`: the programs it shows.
#[derive(Debug, Args)]
pub(crate) struct TourArguments {
    #[command(flatten)]
    pub(crate) programs: Programs,
    /// The binary of the functions that read the workspace; without it the tour ends with what was written.
    #[arg(long, value_name = "FILE")]
    pub(crate) query: Option<PathBuf>,
}

/// `serve`: every part and how it is configured.
#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    #[command(flatten)]
    pub(crate) programs: Programs,
    /// The binary of the functions that read the workspace, which are there only with it.
    #[arg(long, value_name = "FILE")]
    query: Option<PathBuf>,
    /// The telemetry extension's binary, with which the function writes metrics of itself into the workspace.
    #[arg(long, value_name = "FILE")]
    telemetry_extension: Option<PathBuf>,
    /// Write the endpoints to this file, as JSON, once everything is up.
    #[arg(long, value_name = "FILE")]
    pub(crate) endpoints: Option<PathBuf>,
    /// Stop when the process with this id ends, however it ends; may be given again.
    #[arg(long, value_name = "PID")]
    pub(crate) stop_with: Vec<u32>,
    #[command(flatten)]
    ports: PortArguments,
    #[command(flatten)]
    queue: QueueArguments,
    #[command(flatten)]
    function: FunctionArguments,
    #[command(flatten)]
    workspace: WorkspaceArguments,
}

/// Where the parts listen, all on 127.0.0.1.
#[derive(Debug, Args)]
#[command(next_help_heading = "Ports (0 takes a free one)")]
struct PortArguments {
    /// Port of the AMP stand-in.
    #[arg(id = "amp-port", long, default_value_t = 0, value_name = "PORT")]
    amp: u16,
    /// Port of SQS.
    #[arg(id = "sqs-port", long, default_value_t = 0, value_name = "PORT")]
    sqs: u16,
    /// Port of the Lambda service.
    #[arg(id = "lambda-port", long, default_value_t = 0, value_name = "PORT")]
    lambda: u16,
    /// Port of Prometheus, if it is started with the stack.
    #[arg(id = "prometheus-port", long, default_value_t = 0, value_name = "PORT")]
    prometheus: u16,
    /// Port of the stack's control API.
    #[arg(id = "control-port", long, default_value_t = 0, value_name = "PORT")]
    control: u16,
}

/// The queue and its event source mapping.
#[derive(Debug, Args)]
#[command(next_help_heading = "Queue and event source mapping")]
struct QueueArguments {
    /// Make the queue and its dead-letter queue FIFO queues.
    #[arg(long)]
    fifo: bool,
    /// Messages in a batch, at most [default: 1000; FIFO: 10].
    #[arg(long, value_name = "COUNT")]
    batch_size: Option<usize>,
    /// How long a batch is gathered [default: 1s; FIFO: none].
    #[arg(long, value_parser = humantime::parse_duration, value_name = "TIME")]
    batching_window: Option<Duration>,
    /// Batches at work at a time, at most (2 to 1000) [default: five, with which Lambda begins].
    #[arg(long, value_name = "COUNT")]
    max_concurrency: Option<usize>,
    /// How long a received message stays hidden [default: 6 × the function's time-out + the window].
    #[arg(long, value_parser = humantime::parse_duration, value_name = "TIME")]
    visibility_timeout: Option<Duration>,
    /// Receptions after which the queue moves a message to the dead-letter queue.
    #[arg(long, default_value_t = 5, value_name = "COUNT")]
    max_receive_count: u32,
}

/// The function.
#[derive(Debug, Args)]
#[command(next_help_heading = "Function")]
struct FunctionArguments {
    /// The function's time-out.
    #[arg(long, default_value = "10s", value_parser = humantime::parse_duration, value_name = "TIME")]
    function_timeout: Duration,
    /// The function's memory in MB, which it is told but not held to.
    #[arg(long, default_value_t = 128, value_name = "MB")]
    memory: u32,
    /// Execution environments, at most.
    #[arg(long, default_value_t = 10, value_name = "COUNT")]
    concurrency: u32,
    /// A further environment variable of the function; may be given again.
    #[arg(long, value_parser = variable, value_name = "NAME=VALUE")]
    env: Vec<(String, String)>,
    /// Let the function's credentials expire after this time, and hand out new ones [default: they never do].
    #[arg(long, value_parser = humantime::parse_duration, value_name = "TIME")]
    rotate_credentials: Option<Duration>,
}

/// The workspace.
#[derive(Debug, Args)]
#[command(next_help_heading = "Workspace")]
struct WorkspaceArguments {
    /// The workspace's out-of-order window (0s to 600s).
    #[arg(long, default_value = "60s", value_parser = out_of_order_window, value_name = "TIME")]
    out_of_order_window: Duration,
    /// Make write requests fail: a status, hang, reset, slow, drop, trickle or refuse, then `:times`, then
    /// `@label=value`; for example 503:2 or refuse@device=d1. May be given again.
    #[arg(long, value_name = "FAULT")]
    fail: Vec<Fault>,
}

impl ServeArguments {
    /// The stack that is asked for.
    pub(crate) fn stack_options(&self) -> StackOptions {
        let Self { programs, query, telemetry_extension, ports, queue, function, workspace, .. } = self;
        let defaults = StackOptions::new(programs.function.clone(), programs.moto.clone());
        let (batch_size, window) =
            if queue.fifo { (10, Duration::ZERO) } else { (defaults.batch_size, defaults.batching_window) };
        StackOptions {
            query: query.clone(),
            telemetry_extension: telemetry_extension.clone(),
            storage: programs.storage(),
            ports: Ports {
                amp: ports.amp,
                sqs: ports.sqs,
                lambda: ports.lambda,
                prometheus: ports.prometheus,
                control: ports.control,
            },
            fifo: queue.fifo,
            batch_size: queue.batch_size.unwrap_or(batch_size),
            batching_window: queue.batching_window.unwrap_or(window),
            max_concurrency: queue.max_concurrency,
            visibility_timeout: queue.visibility_timeout,
            max_receive_count: queue.max_receive_count,
            function_timeout: function.function_timeout,
            memory_mb: function.memory,
            concurrency: function.concurrency,
            env: function.env.clone(),
            credentials_lifetime: function.rotate_credentials,
            out_of_order_window: workspace.out_of_order_window,
            faults: workspace.fail.clone(),
            ..defaults
        }
    }
}

pub(crate) fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("it is not of the form NAME=VALUE".to_owned()),
    }
}

pub(crate) fn out_of_order_window(text: &str) -> Result<Duration, String> {
    let window = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if window > MAX_OUT_OF_ORDER_WINDOW {
        return Err("AMP allows 600s at most".to_owned());
    }
    Ok(window)
}
