//! The options of the commands that run the stack. Invalid ones are reported by name before anything is started.

pub(crate) mod values;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::stack::{Ports, StackOptions, Storage};
use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _, value_parser};
use local_amp::Fault;
use local_lambda::event_source::EventSourceOptions;
use local_testing::prometheus::{self, Prometheus};

/// An option whose value contradicts other options, or is not possible on this machine.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{option}: expected {expected}, got {given}")]
pub(crate) struct InvalidOption {
    option: &'static str,
    expected: String,
    given: String,
}

impl InvalidOption {
    pub(crate) fn new(option: &'static str, expected: impl Into<String>, given: impl Into<String>) -> Self {
        Self { option, expected: expected.into(), given: given.into() }
    }

    /// Ends this process as clap does for an invalid option.
    pub(crate) fn exit(&self) -> ! {
        crate::Arguments::command().error(ErrorKind::ValueValidation, self).exit()
    }
}

/// The programs of the stack.
#[derive(Debug, Args)]
pub(crate) struct Programs {
    /// The function's binary.
    #[arg(long, value_parser = values::program(), value_name = "FILE")]
    pub(crate) function: PathBuf,
    /// The program `moto_server`, which serves SQS.
    #[arg(long, value_parser = values::moto(), value_name = "FILE")]
    pub(crate) moto: PathBuf,
    /// Storage of the workspace: `auto` (the Prometheus in the variable PROMETHEUS or in PATH, if there is one), `none`
    /// (memory, without PromQL), the URL of a running Prometheus, or the path of the program.
    #[arg(long, default_value = "auto", value_name = "WHAT")]
    prometheus: String,
}

impl Programs {
    /// The storage for the option `--prometheus`.
    pub(crate) async fn storage(&self) -> Result<Storage, InvalidOption> {
        match self.prometheus.as_str() {
            "none" => Ok(Storage::Memory),
            "auto" => Ok(Prometheus::find().map_or(Storage::Memory, Storage::Program)),
            url if url.contains("://") => prometheus_at(url).await.map(Storage::At),
            path => match values::executable(path.into()) {
                Ok(program) => Ok(Storage::Program(program)),
                Err(_) => {
                    Err(InvalidOption::new("--prometheus", "auto, none, a URL or an executable file", path))
                }
            },
        }
    }
}

/// The URL of a Prometheus that can be the storage of a workspace.
pub(crate) async fn prometheus_at(url: &str) -> Result<String, InvalidOption> {
    let expected = "a Prometheus that takes and returns samples";
    match prometheus::check(url).await {
        Ok(()) => Ok(url.to_owned()),
        Err(unusable) => Err(InvalidOption::new("--prometheus", expected, unusable.to_string())),
    }
}

/// The options of `tour`.
#[derive(Debug, Args)]
pub(crate) struct TourArguments {
    #[command(flatten)]
    pub(crate) programs: Programs,
    /// The binary of the query functions; without it nothing is read back.
    #[arg(long, value_parser = values::program(), value_name = "FILE")]
    pub(crate) query: Option<PathBuf>,
}

/// The options of `serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    #[command(flatten)]
    pub(crate) programs: Programs,
    /// The binary of the query functions, one of which serves the HTTP API of Prometheus at a function URL.
    #[arg(long, value_parser = values::program(), value_name = "FILE")]
    query: Option<PathBuf>,
    /// The telemetry extension's binary: writes metrics of the function into the workspace.
    #[arg(long, value_parser = values::program(), value_name = "FILE")]
    telemetry_extension: Option<PathBuf>,
    /// Write the endpoints to this file, as JSON, once everything is running.
    #[arg(long, value_name = "FILE")]
    pub(crate) endpoints: Option<PathBuf>,
    /// Stop when the process with this id ends; may be given again.
    #[arg(long, value_name = "PID")]
    pub(crate) stop_with: Vec<u32>,
    #[command(flatten)]
    ports: Ports,
    #[command(flatten)]
    queue: QueueArguments,
    #[command(flatten)]
    function: FunctionArguments,
    #[command(flatten)]
    workspace: WorkspaceArguments,
}

/// The queue and its event source mapping.
#[derive(Debug, Args)]
#[command(next_help_heading = "Queue and event source mapping")]
struct QueueArguments {
    /// Make the queue and its dead-letter queue FIFO queues.
    #[arg(long)]
    fifo: bool,
    /// Messages in a batch, at most [default: 1000; FIFO: 10].
    #[arg(long, value_parser = value_parser!(u16).range(1..=10_000), value_name = "COUNT")]
    batch_size: Option<u16>,
    /// How long a batch is gathered [default: 1s; FIFO: none].
    #[arg(long, value_parser = values::batching_window, value_name = "TIME")]
    batching_window: Option<Duration>,
    /// Concurrent batches, at most (2 to 1000) [default: five, Lambda's initial number].
    #[arg(long, value_parser = value_parser!(u16).range(2..=1_000), value_name = "COUNT")]
    max_concurrency: Option<u16>,
    /// How long a received message stays hidden [default: 6 × the function's timeout + the window].
    #[arg(long, value_parser = values::visibility_timeout, value_name = "TIME")]
    visibility_timeout: Option<Duration>,
    /// Receptions after which the queue moves a message to the dead-letter queue.
    #[arg(long, default_value_t = 5, value_parser = value_parser!(u32).range(1..=1_000), value_name = "COUNT")]
    max_receive_count: u32,
}

/// The function.
#[derive(Debug, Args)]
#[command(next_help_heading = "Function")]
struct FunctionArguments {
    /// The function's timeout (1s to 900s).
    #[arg(long, default_value = "10s", value_parser = values::function_timeout, value_name = "TIME")]
    function_timeout: Duration,
    /// The function's memory in MB (128 to 10240): reported to it, not enforced.
    #[arg(long, default_value_t = 128, value_parser = value_parser!(u32).range(128..=10_240), value_name = "MB")]
    memory: u32,
    /// Execution environments, at most.
    #[arg(long, default_value_t = 10, value_parser = value_parser!(u32).range(1..=1_000), value_name = "COUNT")]
    concurrency: u32,
    /// A further environment variable of the function; may be given again.
    #[arg(long, value_parser = values::variable, value_name = "NAME=VALUE")]
    env: Vec<(String, String)>,
    /// Let the function's credentials expire after this time, and return new ones [default: they do not expire].
    #[arg(long, value_parser = values::some_time, value_name = "TIME")]
    rotate_credentials: Option<Duration>,
}

/// The workspace.
#[derive(Debug, Args)]
#[command(next_help_heading = "Workspace")]
struct WorkspaceArguments {
    /// The out-of-order window of the workspace and the function (0s to 600s).
    #[arg(long, default_value = "60s", value_parser = values::out_of_order_window, value_name = "TIME")]
    out_of_order_window: Duration,
    /// Make write requests fail: a status, hang, reset, slow, drop, trickle or refuse, then `:times`, then
    /// `@label=value`; for example 503:2 or refuse@device=d1. May be given again.
    #[arg(long, value_name = "FAULT")]
    fail: Vec<Fault>,
}

impl ServeArguments {
    /// The options of the stack.
    pub(crate) async fn stack_options(&self) -> Result<StackOptions, InvalidOption> {
        let Self { programs, query, telemetry_extension, ports, queue, function, workspace, .. } = self;
        let defaults = StackOptions::new(programs.function.clone(), programs.moto.clone());
        let default = &defaults.mapping;
        let (batch_size, window) =
            if queue.fifo { (10, Duration::ZERO) } else { (default.batch_size, default.batching_window) };
        let mapping = EventSourceOptions {
            batch_size: queue.batch_size.map_or(batch_size, usize::from),
            batching_window: queue.batching_window.unwrap_or(window),
            max_concurrency: queue.max_concurrency.map(usize::from),
            function_timeout: function.function_timeout,
            ..default.clone()
        };
        let options = StackOptions {
            query: query.clone(),
            telemetry_extension: telemetry_extension.clone(),
            storage: programs.storage().await?,
            ports: *ports,
            fifo: queue.fifo,
            mapping,
            visibility_timeout: queue.visibility_timeout,
            max_receive_count: queue.max_receive_count,
            memory_mb: function.memory,
            concurrency: function.concurrency,
            env: function.env.clone(),
            credentials_lifetime: function.rotate_credentials,
            out_of_order_window: workspace.out_of_order_window,
            faults: workspace.fail.clone(),
            ..defaults
        };
        check(&options)?;
        if let Some(file) = self.endpoints.as_deref().filter(|file| !folder_of(file).is_dir()) {
            let expected = "a file in a folder that exists";
            return Err(InvalidOption::new("--endpoints", expected, file.display().to_string()));
        }
        Ok(options)
    }
}

/// Checks combinations of options.
fn check(options: &StackOptions) -> Result<(), InvalidOption> {
    let EventSourceOptions { batch_size, batching_window: window, function_timeout, .. } = options.mapping;
    if options.fifo && batch_size > 10 {
        return Err(InvalidOption::new("--batch-size", "1 to 10 with --fifo", batch_size.to_string()));
    }
    if options.fifo && !window.is_zero() {
        return Err(InvalidOption::new("--batching-window", "0s with --fifo", time(window)));
    }
    if batch_size > 10 && window.is_zero() {
        let expected = "1s or more with a --batch-size over 10";
        return Err(InvalidOption::new("--batching-window", expected, time(window)));
    }
    let hidden = options.visibility_timeout();
    if hidden < function_timeout {
        let expected = format!("{} or more, the --function-timeout", time(function_timeout));
        return Err(InvalidOption::new("--visibility-timeout", expected, time(hidden)));
    }
    if options.ports.query_url != 0 && options.query.is_none() {
        return Err(InvalidOption::new(
            "--query-url-port",
            "--query beside it",
            options.ports.query_url.to_string(),
        ));
    }
    if options.ports.prometheus != 0 && !matches!(options.storage, Storage::Program(_)) {
        let expected = "a --prometheus that is started with the stack";
        return Err(InvalidOption::new("--prometheus-port", expected, options.ports.prometheus.to_string()));
    }
    Ok(())
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn time(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}
