//! How the stack is put together: plain data with the defaults of a user's first try.

use std::path::PathBuf;
use std::time::Duration;

use super::Ports;
use local_amp::Fault;

/// Where the samples go that the stand-in accepted, beside its own memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Storage {
    /// Nowhere: its memory is all there is, and PromQL is not spoken.
    Memory,
    /// To a Prometheus that is started with the stack, from this program.
    Program(PathBuf),
    /// To a Prometheus that is there already, at this URL.
    At(String),
}

/// The whole stack.
#[derive(Debug, Clone)]
pub(crate) struct StackOptions {
    /// The push gateway's binary.
    pub(crate) function: PathBuf,
    /// The binary of the functions that read the workspace; without it there are none.
    pub(crate) query: Option<PathBuf>,
    /// The telemetry extension's binary; with it the push gateway writes metrics of itself into the workspace.
    pub(crate) telemetry_extension: Option<PathBuf>,
    /// The program `moto_server`.
    pub(crate) moto: PathBuf,
    /// What stands behind the AMP stand-in.
    pub(crate) storage: Storage,
    /// Where everything listens.
    pub(crate) ports: Ports,
    /// The region that everything claims to be in.
    pub(crate) region: String,
    /// Whether the queue and its dead-letter queue are FIFO queues.
    pub(crate) fifo: bool,
    /// Messages a batch has at most.
    pub(crate) batch_size: usize,
    /// How long a batch is gathered.
    pub(crate) batching_window: Duration,
    /// Batches at work at a time, at most; five, with which Lambda begins, if not given.
    pub(crate) max_concurrency: Option<usize>,
    /// How long a received message stays hidden; six times the function's time-out and the window if not given.
    pub(crate) visibility_timeout: Option<Duration>,
    /// After how many receptions the queue moves a message to its dead-letter queue.
    pub(crate) max_receive_count: u32,
    /// The function's time-out.
    pub(crate) function_timeout: Duration,
    /// The function's memory in MB (reported to it, not enforced).
    pub(crate) memory_mb: u32,
    /// Execution environments of the function, at most.
    pub(crate) concurrency: u32,
    /// Further environment variables of the function.
    pub(crate) env: Vec<(String, String)>,
    /// The workspace's out-of-order window.
    pub(crate) out_of_order_window: Duration,
    /// How long credentials live; without it they are in the environment and do not expire.
    pub(crate) credentials_lifetime: Option<Duration>,
    /// Faults of the stand-in from the start.
    pub(crate) faults: Vec<Fault>,
}

impl StackOptions {
    /// A stack with AWS's defaults where it has some, and short waits elsewhere.
    pub(crate) fn new(function: PathBuf, moto: PathBuf) -> Self {
        Self {
            function,
            query: None,
            telemetry_extension: None,
            moto,
            storage: Storage::Memory,
            ports: Ports::default(),
            region: "eu-west-1".to_owned(),
            fifo: false,
            batch_size: 1_000,
            batching_window: Duration::from_secs(1),
            max_concurrency: None,
            visibility_timeout: None,
            max_receive_count: 5,
            function_timeout: Duration::from_secs(10),
            memory_mb: 128,
            concurrency: 10,
            env: Vec::new(),
            out_of_order_window: Duration::from_mins(1),
            credentials_lifetime: None,
            faults: Vec::new(),
        }
    }

    /// The visibility timeout that the queue gets.
    ///
    /// Lambda Developer Guide, "Creating and configuring an Amazon SQS event source mapping": at least six times
    /// the function's time-out, plus the batching window.
    pub(crate) fn visibility_timeout(&self) -> Duration {
        self.visibility_timeout.unwrap_or(self.function_timeout * 6 + self.batching_window)
    }
}
