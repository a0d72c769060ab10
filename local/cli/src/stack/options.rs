//! The options of the stack, with the defaults of a first try.

use std::path::PathBuf;
use std::time::Duration;

use local_amp::Fault;
use local_lambda::event_source::EventSourceOptions;

use super::Ports;

/// Where the samples that the stand-in accepts are stored, besides its own memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Storage {
    /// Nowhere else: PromQL is not available.
    Memory,
    /// In a Prometheus that is started with the stack, from this program.
    Program(PathBuf),
    /// In a running Prometheus, at this URL.
    At(String),
}

/// The whole stack; the options of `serve` describe most of these.
#[derive(Debug, Clone)]
pub(crate) struct StackOptions {
    pub(crate) function: PathBuf,
    /// The binary of the query functions; without it there are none.
    pub(crate) query: Option<PathBuf>,
    /// The telemetry extension's binary; with it the push gateway writes metrics of itself into the workspace.
    pub(crate) telemetry_extension: Option<PathBuf>,
    pub(crate) moto: PathBuf,
    pub(crate) storage: Storage,
    pub(crate) ports: Ports,
    pub(crate) region: String,
    pub(crate) fifo: bool,
    /// The event source mapping, with the function's timeout; the stack sets the queue.
    pub(crate) mapping: EventSourceOptions,
    pub(crate) visibility_timeout: Option<Duration>,
    pub(crate) max_receive_count: u32,
    pub(crate) memory_mb: u32,
    pub(crate) concurrency: u32,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) out_of_order_window: Duration,
    /// How long the role's credentials live; without it they are in the environment and do not expire.
    pub(crate) credentials_lifetime: Option<Duration>,
    /// Faults of the stand-in from the start.
    pub(crate) faults: Vec<Fault>,
}

impl StackOptions {
    /// A stack with AWS's defaults where it has some, and short waits elsewhere.
    pub(crate) fn new(function: PathBuf, moto: PathBuf) -> Self {
        let mapping = EventSourceOptions {
            batch_size: 1_000,
            batching_window: Duration::from_secs(1),
            report_batch_item_failures: true,
            function_timeout: Duration::from_secs(10),
            ..EventSourceOptions::new("")
        };
        Self {
            function,
            query: None,
            telemetry_extension: None,
            moto,
            storage: Storage::Memory,
            ports: Ports::default(),
            region: "eu-west-1".to_owned(),
            fifo: false,
            mapping,
            visibility_timeout: None,
            max_receive_count: 5,
            memory_mb: 128,
            concurrency: 10,
            env: Vec::new(),
            out_of_order_window: Duration::from_mins(1),
            credentials_lifetime: None,
            faults: Vec::new(),
        }
    }

    /// The visibility timeout of the queue.
    ///
    /// Lambda Developer Guide, "Creating and configuring an Amazon SQS event source mapping": at least six times
    /// the function's timeout, plus the batching window.
    pub(crate) fn visibility_timeout(&self) -> Duration {
        let default = self.mapping.function_timeout * 6 + self.mapping.batching_window;
        self.visibility_timeout.unwrap_or(default)
    }
}
