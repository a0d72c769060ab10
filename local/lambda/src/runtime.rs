//! One execution environment of a Lambda function: a real binary behind the runtime API, with its external extensions behind
//! the Extensions and Telemetry APIs.
//!
//! A [`Function`] runs one invocation at a time. It is killed when it exceeds its timeout, and started again for the next
//! invocation. With extensions it is frozen between invocations, as on Lambda: its processes are stopped (but not their own
//! child processes), and so is the time of its telemetry.
//!
//! Not emulated: limits of memory and CPU (both are reported), internal extensions, telemetry over TCP.

mod active_time;
mod api;
mod environment;
mod extension;
mod invocation;
mod options;
mod process;
mod report;
mod response_stream;
mod sandbox;
mod telemetry;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

pub use extension::{ExtensionFault, ExtensionFigures, ShutdownReason};
pub use invocation::{InitError, Invocation, InvocationRequest, Outcome, Shutdown};
use local_testing::clock::Clock;
pub use options::{FunctionOptions, RoleCredentials};
use report::Phase;
pub use response_stream::ResponseStream;
use sandbox::Sandbox;
pub use telemetry::Telemetry;

/// Lambda quotas: the limit of a synchronous invocation's payload and of its response.
pub const MAX_PAYLOAD_BYTES: usize = 6 * 1_024 * 1_024;

/// The runtime API accepts responses a little larger than the limit, for the envelope of an error.
const MAX_RESPONSE_BYTES: usize = MAX_PAYLOAD_BYTES + 100;

/// Lambda, "execution environment": the init phase is limited to 10 seconds.
const INIT_LIMIT: Duration = Duration::from_secs(10);

/// The only version of a function.
const VERSION: &str = "$LATEST";

/// The name of a custom runtime's program.
const HANDLER: &str = "bootstrap";

/// Environments are started on demand.
const INITIALIZATION_TYPE: &str = "on-demand";

/// Nothing is traced.
const TRACE_ID: &str = "Root=1-00000000-000000000000000000000000;Parent=0000000000000000;Sampled=0";

/// One execution environment of a function.
#[derive(Debug)]
pub struct Function {
    options: FunctionOptions,
    sandbox: Option<Sandbox>,
    /// Where the next init phase happens: after a reset, it is part of the invocation.
    phase: Phase,
    invocations: u64,
    telemetry: Telemetry,
    pid: Arc<AtomicU32>,
    last_shutdown: Option<Shutdown>,
    /// The last lines of environments that were reset, until they are taken.
    last_lines: Vec<String>,
}

impl Function {
    /// An environment without a process: the first invocation starts it.
    pub fn cold(options: FunctionOptions) -> Self {
        Self {
            options,
            sandbox: None,
            phase: Phase::Init,
            invocations: 0,
            telemetry: Telemetry::new(Clock::system()),
            pid: Arc::default(),
            last_shutdown: None,
            last_lines: Vec::new(),
        }
    }

    /// Starts the program and waits for its first request for an invocation.
    ///
    /// # Errors
    /// The init phase failed; nothing is left running.
    pub async fn spawn(options: FunctionOptions) -> Result<Self, InitError> {
        let mut function = Self::cold(options);
        function.sandbox = Some(function.start(Instant::now() + INIT_LIMIT).await?);
        Ok(function)
    }

    /// Time from the start of the program to its first poll, and the CPU time of that; `None` if it does not run.
    pub fn init(&self) -> Option<(Duration, Option<Duration>)> {
        self.sandbox.as_ref().map(|sandbox| sandbox.runtime_init)
    }

    /// The process id, if it is running.
    pub fn pid(&self) -> Option<u32> {
        self.sandbox.as_ref()?.runtime.pid()
    }

    /// The resource usage of its extensions; empty without an environment.
    pub fn extensions(&self) -> Vec<ExtensionFigures> {
        self.sandbox.as_ref().map(|sandbox| sandbox.extensions.figures()).unwrap_or_default()
    }

    /// The output of its extensions since the last call, each line after the extension's name and a colon, and the last lines
    /// of environments that were reset.
    pub(crate) fn take_extension_logs(&mut self) -> Vec<String> {
        let mut lines = std::mem::take(&mut self.last_lines);
        lines.extend(self.sandbox.iter().flat_map(|sandbox| sandbox.extensions.logs()));
        lines
    }

    /// The telemetry of its environments; available during an invocation as well.
    pub fn telemetry(&self) -> Telemetry {
        self.telemetry.clone()
    }

    /// How its latest environment was shut down, unless it was killed.
    pub fn last_shutdown(&self) -> Option<&Shutdown> {
        self.last_shutdown.as_ref()
    }

    /// The process id, readable during an invocation; zero if no process runs.
    pub(crate) fn watch_pid(&self) -> Arc<AtomicU32> {
        Arc::clone(&self.pid)
    }

    /// Shuts down the environment as Lambda does: extensions get the event SHUTDOWN and two seconds. The next invocation is a
    /// cold start. Returns `None` if there was no environment.
    pub async fn shutdown(&mut self) -> Option<Shutdown> {
        let mut sandbox = self.sandbox.take()?;
        let shutdown = sandbox.shutdown(ShutdownReason::Spindown).await;
        self.phase = Phase::Init;
        self.pid.store(0, Ordering::Relaxed);
        self.last_shutdown = Some(shutdown.clone());
        Some(shutdown)
    }

    /// Invokes the function and waits for the outcome; starts the program again if it does not run.
    pub async fn invoke(&mut self, payload: impl Into<Bytes>) -> Invocation {
        self.invocations += 1;
        self.invoke_as(InvocationRequest::new(self.invocations, payload.into())).await
    }

    /// As [`Function::invoke`], with all fields of a request. Returns when the extensions have finished the invocation as well
    /// and the environment is frozen.
    pub async fn invoke_as(&mut self, request: InvocationRequest) -> Invocation {
        let mut invocation = self.answer(request).await;
        invocation.extension_overhead = self.finish().await;
        invocation
    }

    /// Runs an invocation until its response is available; [`Function::finish`] must follow.
    pub(crate) async fn answer(&mut self, request: InvocationRequest) -> Invocation {
        if request.payload.len() > MAX_PAYLOAD_BYTES {
            let bytes = request.payload.len();
            return not_run(request.request_id, Outcome::PayloadTooLarge { bytes });
        }
        let mut logs = Vec::new();
        let (spent, sandbox) = self.take_or_start(&mut logs).await;
        match sandbox {
            Ok(mut sandbox) => {
                let time = self.options.timeout.saturating_sub(spent);
                let mut invocation = sandbox.answer(request, time).await;
                self.sandbox = Some(sandbox);
                logs.append(&mut invocation.logs);
                Invocation { logs, ..invocation }
            }
            Err(error) => {
                logs.extend_from_slice(error.logs());
                let timeout = self.options.timeout;
                let outcome = if error.is_timeout() {
                    Outcome::TimedOut { timeout }
                } else {
                    Outcome::InitFailed(error)
                };
                Invocation { duration: spent, logs, ..not_run(request.request_id, outcome) }
            }
        }
    }

    /// An environment, and the part of the invocation's time that its start took.
    ///
    /// "Lambda retries the `Init` phase at the time of the first function invocation with the configured function
    /// timeout" (lambda-runtime-environment, "Init phase"). The log of the first attempt goes to `logs`.
    async fn take_or_start(&mut self, logs: &mut Vec<String>) -> (Duration, Result<Sandbox, InitError>) {
        if let Some(sandbox) = self.take_running().await {
            return (Duration::ZERO, Ok(sandbox));
        }
        if self.phase == Phase::Init {
            match self.start(Instant::now() + INIT_LIMIT).await {
                Ok(sandbox) => return (Duration::ZERO, Ok(sandbox)),
                Err(error) => logs.extend_from_slice(error.logs()),
            }
        }
        let began = Instant::now();
        let started = self.start(began + self.options.timeout).await;
        (began.elapsed(), started)
    }

    /// Whether the response is available but extensions may still process the invocation.
    pub(crate) fn is_unfinished(&self) -> bool {
        self.sandbox.as_ref().is_some_and(Sandbox::is_open)
    }

    /// Waits for the end of the latest invocation, and returns the time that extensions added to it.
    pub(crate) async fn finish(&mut self) -> Duration {
        let Some(mut sandbox) = self.sandbox.take() else { return Duration::ZERO };
        let (added, shutdown) = sandbox.finish().await;
        if shutdown.is_some() {
            self.was_reset(shutdown);
        } else {
            self.sandbox = Some(sandbox);
        }
        added
    }

    /// The environment, if it can take an invocation. One that failed while idle is shut down.
    async fn take_running(&mut self) -> Option<Sandbox> {
        let mut sandbox = self.sandbox.take()?;
        if sandbox.is_running() {
            return Some(sandbox);
        }
        let shutdown = sandbox.shutdown(ShutdownReason::Failure).await;
        self.was_reset(Some(shutdown));
        None
    }

    fn was_reset(&mut self, shutdown: Option<Shutdown>) {
        self.last_lines.extend(shutdown.iter().flat_map(|shutdown| shutdown.logs.iter().cloned()));
        self.last_shutdown = shutdown;
        self.phase = Phase::Invoke;
        self.pid.store(0, Ordering::Relaxed);
    }

    /// The init phase; after a failure, the next one is part of an invocation.
    async fn start(&mut self, until: Instant) -> Result<Sandbox, InitError> {
        let phase = std::mem::replace(&mut self.phase, Phase::Invoke);
        let sandbox = Sandbox::start(&self.options, phase, until, &self.telemetry).await?;
        self.phase = phase;
        self.pid.store(sandbox.runtime.pid().unwrap_or_default(), Ordering::Relaxed);
        Ok(sandbox)
    }
}

fn not_run(request_id: String, outcome: Outcome) -> Invocation {
    Invocation {
        outcome,
        request_id,
        duration: Duration::ZERO,
        cpu: None,
        max_rss_kb: None,
        logs: Vec::new(),
        init: None,
        extension_overhead: Duration::ZERO,
    }
}
