//! One process of a function: its environment, its output, its life from init to the kill.
//!
//! In: the options of a function. Out: steps of its life as they happen. Everything it owns ends when it is
//! dropped: the process is killed and its runtime API closes.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::api::{Event, NextInvocation, RuntimeApi, error_fields};
use super::{FunctionOptions, INIT_LIMIT, InitError, RoleCredentials, measure};
use crate::children;

/// What happens next in the life of a process.
#[derive(Debug)]
pub(super) enum Step {
    /// It asks or tells something.
    Event(Event),
    /// It is gone.
    Exited(ExitStatus),
    /// Nothing happened until the deadline.
    OutOfTime,
}

/// A running process.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    api: RuntimeApi,
    output: Output,
    /// Set while the function waits for an invocation.
    waiting: Option<oneshot::Sender<NextInvocation>>,
    pub(super) init: Duration,
    pub(super) init_cpu: Option<Duration>,
    is_fresh: bool,
}

impl Process {
    /// Starts the program and waits for its first poll.
    pub(super) async fn start(options: &FunctionOptions) -> Result<Self, InitError> {
        let not_started = |source| InitError::NotStarted { binary: options.binary.clone(), source };
        let api = RuntimeApi::start().await.map_err(not_started)?;
        let mut command = command(options, &api.address().to_string()).map_err(not_started)?;
        let began = Instant::now();
        let mut child = command.spawn().map_err(not_started)?;
        let output = Output::of(&mut child);
        let (init, init_cpu) = (Duration::ZERO, None);
        let mut process = Self { child, api, output, waiting: None, init, init_cpu, is_fresh: true };
        loop {
            match process.step(began + INIT_LIMIT).await {
                Step::Event(Event::Poll { at, reply }) => {
                    process.init = at.duration_since(began);
                    process.init_cpu = process.cpu();
                    process.waiting = Some(reply);
                    return Ok(process);
                }
                Step::Event(Event::InitError(report)) => {
                    let (error_type, message) = error_fields(&report);
                    process.kill().await;
                    return Err(InitError::Reported { error_type, message, logs: process.take_logs().await });
                }
                Step::Event(Event::Response(_) | Event::Error(_)) => {}
                Step::Exited(status) => {
                    return Err(InitError::Exited { status, logs: process.take_logs().await });
                }
                Step::OutOfTime => {
                    process.kill().await;
                    return Err(InitError::TimedOut { logs: process.take_logs().await });
                }
            }
        }
    }

    /// Waits for the next step. What the function said before it ended comes before its end.
    pub(super) async fn step(&mut self, until: Instant) -> Step {
        tokio::select! {
            biased;
            Some(event) = self.api.events.recv() => Step::Event(event),
            status = self.child.wait() => match self.api.events.try_recv() {
                Ok(event) => Step::Event(event),
                Err(_) => Step::Exited(status.unwrap_or_default()),
            },
            () = tokio::time::sleep_until(until) => Step::OutOfTime,
        }
    }

    /// Gives the waiting function its invocation. One that is gone by now shows in the next step.
    pub(super) fn hand_over(&mut self, invocation: NextInvocation) {
        self.api.expect_answer_to(&invocation.request_id);
        if let Some(waiting) = self.waiting.take() {
            let _ = waiting.send(invocation);
        }
    }

    /// Waits until it asks for another invocation; false if it ends or lets the deadline pass instead.
    pub(super) async fn wait_for_poll(&mut self, until: Instant) -> bool {
        loop {
            match self.step(until).await {
                Step::Event(Event::Poll { reply, .. }) => {
                    self.waiting = Some(reply);
                    return true;
                }
                Step::Event(_) => {}
                Step::Exited(_) | Step::OutOfTime => return false,
            }
        }
    }

    /// False when it ended while nobody asked anything of it.
    pub(super) fn is_running(&self) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| !waiting.is_closed())
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// CPU time of the process since it started.
    pub(super) fn cpu(&self) -> Option<Duration> {
        measure::cpu_time(self.pid()?)
    }

    pub(super) fn max_rss_kb(&self) -> Option<u64> {
        measure::max_rss_kb(self.pid()?)
    }

    /// The init phase, once.
    pub(super) fn take_init(&mut self) -> Option<Duration> {
        std::mem::take(&mut self.is_fresh).then_some(self.init)
    }

    pub(super) async fn kill(&mut self) {
        // It fails only for a process that is gone, which is what is wanted.
        let _ = self.child.kill().await;
    }

    /// The lines written since the last time.
    pub(super) async fn take_logs(&mut self) -> Vec<String> {
        self.output.take(self.child.id().is_none()).await
    }
}

/// The environment that Lambda gives a custom runtime ("Defined runtime environment variables").
fn command(options: &FunctionOptions, runtime_api: &str) -> io::Result<Command> {
    let task_root = options.binary.parent().map(|folder| folder.display().to_string()).unwrap_or_default();
    let mut command = children::command(&options.binary)?;
    command
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", runtime_api)
        .env("AWS_LAMBDA_FUNCTION_NAME", &options.name)
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", options.memory_mb.to_string())
        .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", options.name))
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "local")
        .env("AWS_REGION", &options.region)
        .env("AWS_DEFAULT_REGION", &options.region)
        .env("LAMBDA_TASK_ROOT", task_root)
        .env("LAMBDA_RUNTIME_DIR", "/var/runtime")
        .env("LANG", "en_US.UTF-8")
        .env("PATH", "/usr/local/bin:/usr/bin/:/bin:/opt/bin")
        .env("TZ", ":UTC")
        .env("_HANDLER", "bootstrap")
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
    // Last, because on Lambda too a function's own variables win over the defaults that are not reserved.
    command.envs(options.env.iter().map(|(name, value)| (name, value)));
    Ok(command)
}

/// The lines of stdout and stderr as they come.
#[derive(Debug)]
struct Output {
    lines: Arc<Mutex<Vec<String>>>,
    readers: Vec<JoinHandle<()>>,
}

impl Output {
    fn of(child: &mut Child) -> Self {
        let lines = Arc::default();
        let mut readers = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            readers.push(tokio::spawn(read_lines(stdout, Arc::clone(&lines))));
        }
        if let Some(stderr) = child.stderr.take() {
            readers.push(tokio::spawn(read_lines(stderr, Arc::clone(&lines))));
        }
        Self { lines, readers }
    }

    fn len(&self) -> usize {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// What the function wrote before its last request is in the pipe by now, but perhaps not read: waits until
    /// nothing comes any more. A pipe whose writer is gone is read to its end.
    async fn take(&mut self, is_over: bool) -> Vec<String> {
        const QUIET: Duration = Duration::from_millis(2);
        const LAST_WORDS: Duration = Duration::from_millis(500);
        if is_over {
            for reader in self.readers.drain(..) {
                // A grandchild may hold the pipe open; its output is not waited for.
                let _ = tokio::time::timeout(LAST_WORDS, reader).await;
            }
        }
        let mut seen = None;
        while seen != Some(self.len()) {
            seen = Some(self.len());
            tokio::time::sleep(QUIET).await;
        }
        std::mem::take(&mut *self.lines.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn read_lines(stream: impl AsyncRead + Unpin, lines: Arc<Mutex<Vec<String>>>) {
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).await.is_ok_and(|read| read > 0) {
        let text = String::from_utf8_lossy(&line);
        lines.lock().unwrap_or_else(PoisonError::into_inner).push(text.trim_end().to_owned());
        line.clear();
    }
}
