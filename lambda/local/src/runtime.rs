//! A Lambda function on this machine: a real binary behind the real runtime API, with deadlines that hold.
//!
//! In: a binary, its configuration, payloads. Out: what the function answered and what that cost. One
//! [`Function`] is one execution environment: it takes one invocation at a time, is killed when it overruns its
//! time-out, and is started again for the next invocation, as Lambda does.
//!
//! Not emulated: limits of memory and CPU (both are reported), the freeze between invocations.

mod api;
mod invocation;
mod measure;
mod process;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aws_credential_types::Credentials;
use bytes::Bytes;
use tokio::time::Instant;

use crate::clock::Clock;
use api::{Event, NextInvocation};
pub use invocation::{InitError, Invocation, InvocationRequest, Outcome};
use process::{Process, Step};

/// Lambda quotas: the limit of a synchronous invocation's payload and of its answer.
pub const MAX_PAYLOAD_BYTES: usize = 6 * 1_024 * 1_024;

/// The runtime API takes answers a little longer than the limit, for the envelope of an error.
const MAX_RESPONSE_BYTES: usize = MAX_PAYLOAD_BYTES + 100;

/// Lambda, "execution environment": the init phase is limited to 10 seconds.
const INIT_LIMIT: Duration = Duration::from_secs(10);

/// The account that everything here belongs to; moto's queues have the same.
pub(crate) const ACCOUNT: &str = "123456789012";

/// How a function is configured.
#[derive(Debug, Clone)]
pub struct FunctionOptions {
    /// The program.
    pub binary: PathBuf,
    /// The function's name.
    pub name: String,
    /// The environment variables that its owner sets; nothing else of this process's environment is passed on.
    pub env: Vec<(String, String)>,
    /// How long one invocation may take.
    pub timeout: Duration,
    /// The configured memory (reported to the function, not enforced).
    pub memory_mb: u32,
    /// The region it runs in.
    pub region: String,
    /// The credentials of its role.
    pub credentials: RoleCredentials,
}

/// How a function comes by the credentials of its role.
#[derive(Debug, Clone)]
pub enum RoleCredentials {
    /// Environment variables, good for as long as the process lives. This is how Lambda gives them to most functions.
    Environment(Credentials),
    /// An HTTP endpoint that hands out credentials which expire
    /// (AWS SDKs and Tools Reference Guide, "Container credential provider").
    Endpoint {
        /// Where to ask.
        url: String,
        /// What to show there.
        authorization_token: String,
    },
}

impl FunctionOptions {
    /// A function with Lambda's smallest memory, a time-out of 10 seconds and made-up credentials.
    pub fn new(binary: impl Into<PathBuf>) -> Self {
        Self {
            binary: binary.into(),
            name: "push-gateway".to_owned(),
            env: Vec::new(),
            timeout: Duration::from_secs(10),
            memory_mb: 128,
            region: "eu-west-1".to_owned(),
            credentials: RoleCredentials::Environment(Credentials::new(
                "AKIDLOCAL",
                "local-secret",
                Some("local-token".to_owned()),
                None,
                "local",
            )),
        }
    }

    /// The function's Amazon Resource Name.
    pub fn arn(&self) -> String {
        format!("arn:aws:lambda:{}:{ACCOUNT}:function:{}", self.region, self.name)
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.push((name.to_owned(), value.into()));
        self
    }
}

/// One execution environment of a function.
#[derive(Debug)]
pub struct Function {
    options: FunctionOptions,
    process: Option<Process>,
    invocations: u64,
    clock: Clock,
    pid: Arc<AtomicU32>,
}

impl Function {
    /// An environment without a process: the first invocation starts it.
    pub fn cold(options: FunctionOptions) -> Self {
        Self { options, process: None, invocations: 0, clock: Clock::system(), pid: Arc::default() }
    }

    /// Starts the program and waits until it asks for its first invocation.
    ///
    /// # Errors
    /// The init phase failed; nothing is left running.
    pub async fn spawn(options: FunctionOptions) -> Result<Self, InitError> {
        let mut function = Self::cold(options);
        function.process = Some(function.start().await?);
        Ok(function)
    }

    /// Time from starting the program to its first poll, and the CPU time that took; `None` after it was killed.
    pub fn init(&self) -> Option<(Duration, Option<Duration>)> {
        self.process.as_ref().map(|process| (process.init, process.init_cpu))
    }

    /// The process id, if it is running.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().and_then(Process::pid)
    }

    /// Where the process id can be read while an invocation has the function; zero when no process runs.
    pub(crate) fn watch_pid(&self) -> Arc<AtomicU32> {
        Arc::clone(&self.pid)
    }

    /// The options it runs with; changes hold from the next start.
    pub fn options_mut(&mut self) -> &mut FunctionOptions {
        &mut self.options
    }

    /// Stops the process; the next invocation is a cold start.
    pub fn kill(&mut self) {
        self.process = None;
        self.pid.store(0, Ordering::Relaxed);
    }

    /// Hands over a payload and waits for the outcome, starting the program again if it is not running.
    pub async fn invoke(&mut self, payload: impl Into<Bytes>) -> Invocation {
        self.invocations += 1;
        let request_id = format!("00000000-0000-4000-8000-{:012x}", self.invocations);
        self.invoke_as(InvocationRequest { request_id, payload: payload.into(), client_context: None }).await
    }

    /// As [`Function::invoke`], with everything that a caller can say.
    pub async fn invoke_as(&mut self, request: InvocationRequest) -> Invocation {
        if request.payload.len() > MAX_PAYLOAD_BYTES {
            let bytes = request.payload.len();
            return not_run(request.request_id, Outcome::PayloadTooLarge { bytes });
        }
        let waiting = self.process.take().filter(Process::is_running);
        let mut process = match waiting {
            Some(process) => process,
            None => match self.start().await {
                Ok(process) => process,
                Err(error) => return not_run(request.request_id, Outcome::InitFailed(error)),
            },
        };
        let (invocation, survives) = self.run(&mut process, request).await;
        if survives {
            self.process = Some(process);
        } else {
            self.pid.store(0, Ordering::Relaxed);
        }
        invocation
    }

    async fn start(&self) -> Result<Process, InitError> {
        let process = Process::start(&self.options).await?;
        self.pid.store(process.pid().unwrap_or_default(), Ordering::Relaxed);
        Ok(process)
    }

    /// One invocation on a process that is waiting for one; also says whether the process can take another.
    async fn run(&self, process: &mut Process, request: InvocationRequest) -> (Invocation, bool) {
        let InvocationRequest { request_id, payload, client_context } = request;
        let init = process.take_init();
        let cpu_before = process.cpu();
        let began = Instant::now();
        let deadline = began + self.options.timeout;
        process.hand_over(NextInvocation {
            request_id: request_id.clone(),
            deadline_ms: self.clock.now_ms()
                + i64::try_from(self.options.timeout.as_millis()).unwrap_or(i64::MAX),
            function_arn: self.options.arn(),
            client_context,
            payload,
        });
        let outcome = wait_for_outcome(process, deadline).await;
        let duration = began.elapsed();
        let answered = matches!(outcome, Outcome::Response(_) | Outcome::FunctionError { .. });
        // Lambda ends an invocation when the runtime asks for the next one; until then it may still compute.
        let survives = answered && process.wait_for_poll(deadline).await;
        let cpu = process.cpu().zip(cpu_before).map(|(after, before)| after.saturating_sub(before));
        let max_rss_kb = process.max_rss_kb();
        if !survives {
            process.kill().await;
        }
        let logs = process.take_logs().await;
        (Invocation { outcome, request_id, duration, cpu, max_rss_kb, logs, init }, survives)
    }
}

async fn wait_for_outcome(process: &mut Process, deadline: Instant) -> Outcome {
    loop {
        match process.step(deadline).await {
            Step::Event(Event::Response(body)) => return Outcome::Response(body),
            Step::Event(Event::Error(raw)) => {
                let (error_type, error_message) = api::error_fields(&raw);
                return Outcome::FunctionError { error_type, error_message, raw };
            }
            // A poll without an answer, or a late init error: neither ends the invocation.
            Step::Event(Event::Poll { .. } | Event::InitError(_)) => {}
            Step::Exited(status) => return Outcome::Exited { status },
            Step::OutOfTime => return Outcome::TimedOut,
        }
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
    }
}
