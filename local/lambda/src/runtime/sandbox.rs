//! One execution environment: the process of the runtime, its extensions and their telemetry.
//!
//! The init phase ends when the runtime and all extensions have requested their next event, and so does an invocation; its
//! caller gets the response before that. Then everything is frozen until the next event. Source: Lambda Developer Guide,
//! "Lambda execution environment lifecycle" and "Shutdown phase" of the Extensions API page.

mod init;

use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::time::Instant;

use super::api::{Answer, Event, RuntimeApi};
use super::extension::{Extensions, ShutdownReason};
use super::process::Process;
use super::report::{self, Began, Phase, Status};
use super::telemetry::Telemetry;
use super::{Invocation, InvocationRequest, Outcome, Shutdown};

/// "2,000 ms – A function with one or more registered external extensions."
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(2);

/// The part of this for a runtime that shuts down gracefully (AWS samples, "graceful-shutdown-with-aws-lambda").
const RUNTIME_SHUTDOWN_LIMIT: Duration = Duration::from_millis(300);

/// An execution environment. Dropping it kills its processes.
#[derive(Debug)]
pub(super) struct Sandbox {
    pub(super) runtime: Process,
    api: RuntimeApi,
    pub(super) extensions: Extensions,
    telemetry: Telemetry,
    phase: Phase,
    /// The duration of the init phase.
    init: Duration,
    /// Time from starting the runtime to its first poll, and the CPU time that took.
    pub(super) runtime_init: (Duration, Option<Duration>),
    is_fresh: bool,
    /// The invocation that has not ended yet.
    open: Option<Open>,
}

/// An invocation whose runtime has finished or failed.
#[derive(Debug)]
struct Open {
    request_id: String,
    began: Began,
    deadline: Instant,
    runtime_done: Instant,
    init: Option<Duration>,
    max_rss_kb: u64,
    status: Status,
    /// Set if the environment must be reset.
    end: Option<ShutdownReason>,
}

impl Sandbox {
    /// Waits for the next event, at most until a deadline. Requests that the runtime sent before it ended come first.
    async fn next_event(&mut self, until: Instant) -> Event {
        tokio::select! {
            biased;
            fault = self.extensions.fault() => Event::Fault(fault),
            Some(event) = self.api.events.recv() => event,
            status = self.runtime.exit() => self.api.events.try_recv().unwrap_or(Event::Exited(status)),
            () = tokio::time::sleep_until(until) => Event::OutOfTime,
        }
    }

    /// Passes on a payload and waits, at most for `time`, until the runtime requests the next invocation.
    /// [`Sandbox::finish`] waits for extensions.
    pub(super) async fn answer(&mut self, request: InvocationRequest, time: Duration) -> Invocation {
        let request_id = request.request_id.clone();
        self.thaw();
        let init = std::mem::take(&mut self.is_fresh).then_some(self.init);
        let cpu_before = self.runtime.cpu();
        let began = Began { at: Instant::now(), epoch_ms: self.telemetry.now_ms() };
        let deadline = began.at + time;
        let deadline_ms = began.epoch_ms + i64::try_from(time.as_millis()).unwrap_or(i64::MAX / 2);
        self.telemetry.platform("start", &report::start(&request_id));
        self.api.hand_over(request, deadline_ms);
        self.extensions.registry.send_invoke(&request_id, deadline_ms);
        let (outcome, answer) = self.wait_for_outcome(deadline).await;
        let duration = began.at.elapsed();
        // Lambda ends an invocation when the runtime requests the next one; until then it may still run.
        let poll = match &outcome {
            Outcome::Response(_) | Outcome::Streamed { .. } | Outcome::FunctionError { .. } => {
                self.wait_for_poll(deadline).await
            }
            Outcome::TimedOut { .. } => Err((ShutdownReason::Timeout, Status::timeout())),
            _ => Err((ShutdownReason::Failure, Status::of(&outcome))),
        };
        let (runtime_done, status, end) = match poll {
            Ok(at) => (at, Status::of(&outcome), None),
            Err((reason, status)) => (Instant::now(), status, Some(reason)),
        };
        self.extensions.runtime_done = Some(runtime_done);
        let done = report::runtime_done(&request_id, &status, began, runtime_done, answer.as_ref());
        self.telemetry.platform("runtimeDone", &done);
        let cpu = self.runtime.cpu().zip(cpu_before).map(|(after, before)| after.saturating_sub(before));
        let max_rss_kb = self.runtime.max_rss_kb();
        if end.is_some() {
            self.runtime.kill().await;
        }
        let logs = self.runtime.all_lines().await;
        self.open = Some(Open {
            request_id: request_id.clone(),
            began,
            deadline,
            runtime_done,
            init,
            max_rss_kb: max_rss_kb.unwrap_or_default(),
            status,
            end,
        });
        let extension_overhead = Duration::ZERO;
        Invocation { outcome, request_id, duration, cpu, max_rss_kb, logs, init, extension_overhead }
    }

    async fn wait_for_outcome(&mut self, deadline: Instant) -> (Outcome, Option<Answer>) {
        let outcome = loop {
            match self.next_event(deadline).await {
                Event::Answer(outcome, answer) => return (outcome, Some(answer)),
                // A poll without a response, or a late init error, does not end the invocation.
                Event::Poll { .. } | Event::InitError(_) => {}
                Event::Exited(status) => break Outcome::Exited { status },
                Event::Fault(fault) => break Outcome::ExtensionFailed(fault),
                Event::OutOfTime => {
                    break Outcome::TimedOut { timeout: self.extensions.registry.options.timeout };
                }
            }
        };
        (outcome, None)
    }

    /// When the runtime requested another invocation, or why it will not.
    async fn wait_for_poll(&mut self, deadline: Instant) -> Result<Instant, (ShutdownReason, Status)> {
        loop {
            match self.next_event(deadline).await {
                Event::Poll { at, reply } => {
                    self.api.waiting = Some(reply);
                    return Ok(at);
                }
                Event::Answer(..) | Event::InitError(_) => {}
                Event::Exited(_) => {
                    return Err((ShutdownReason::Failure, Status::failure("Runtime.ExitError")));
                }
                Event::Fault(fault) => {
                    return Err((ShutdownReason::Failure, Status::failure(&fault.error_type)));
                }
                Event::OutOfTime => return Err((ShutdownReason::Timeout, Status::timeout())),
            }
        }
    }

    /// Whether extensions may still process the latest invocation.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some() && !self.extensions.is_empty()
    }

    /// Waits until the latest invocation is over. Returns the time that the extensions added to it, and how the
    /// sandbox was shut down if it was.
    pub(super) async fn finish(&mut self) -> (Duration, Option<Shutdown>) {
        let Some(open) = self.open.take() else { return (Duration::ZERO, None) };
        let Open { request_id, began, deadline, runtime_done, init, max_rss_kb, mut status, mut end } = open;
        if end.is_none() && !self.extensions.is_empty() {
            let registry = self.extensions.registry.clone();
            tokio::select! {
                biased;
                fault = self.extensions.fault() => {
                    (status, end) = (Status::failure(&fault.error_type), Some(ShutdownReason::Failure));
                }
                () = registry.all(|entry| !entry.is_busy) => {}
                // "The function's timeout setting limits the duration of the entire `Invoke` phase."
                () = tokio::time::sleep_until(deadline) => {
                    (status, end) = (Status::timeout(), Some(ShutdownReason::Timeout));
                }
            }
        }
        let figures = self.extensions.figures();
        let kept_open = figures.iter().map(|figures| figures.kept_open).max().unwrap_or_default();
        let ended = if end.is_some() { Instant::now() } else { runtime_done + kept_open };
        let metrics = report::metrics(
            ended.saturating_duration_since(began.at),
            init.map(|init| (init, self.phase)),
            self.extensions.registry.options.memory_mb,
            max_rss_kb + figures.iter().filter_map(|figures| figures.max_rss_kb).sum::<u64>(),
        );
        let overhead = began.span("extensionOverhead", runtime_done, ended);
        self.telemetry.platform("report", &report::report(&request_id, &status, &metrics, &overhead));
        let shutdown = if let Some(reason) = end {
            Some(self.shutdown(reason).await)
        } else {
            self.freeze();
            None
        };
        let added = ended.saturating_duration_since(runtime_done);
        (if self.extensions.is_empty() { Duration::ZERO } else { added }, shutdown)
    }

    /// Ends the environment: the runtime first, then the extensions, all within the limit.
    pub(super) async fn shutdown(&mut self, reason: ShutdownReason) -> Shutdown {
        self.thaw();
        let began = Instant::now();
        let limit = began + if self.extensions.is_empty() { Duration::ZERO } else { SHUTDOWN_LIMIT };
        if !self.extensions.is_empty() && reason == ShutdownReason::Spindown {
            self.runtime.signal(Signal::SIGTERM);
            self.runtime.exits_before(began + RUNTIME_SHUTDOWN_LIMIT).await;
        }
        self.runtime.kill().await;
        let mut logs = self.runtime.all_lines().await;
        // "If any of the input streams are closed, Lambda flushes the logs." SHUTDOWN does not wait for this delivery.
        self.telemetry.flush();
        let remaining = i64::try_from(limit.saturating_duration_since(Instant::now()).as_millis());
        let deadline_ms = self.telemetry.now_ms() + remaining.unwrap_or_default();
        self.extensions.registry.send_shutdown(reason, deadline_ms);
        let killed = self.extensions.end(limit).await;
        logs.extend(self.extensions.last_logs().await);
        let duration = began.elapsed();
        self.telemetry.drain().await;
        self.telemetry.end();
        Shutdown { reason, duration, killed, logs }
    }

    /// "Lambda freezes the execution environment when each process has completed and there are no pending events."
    fn freeze(&mut self) {
        if self.freezes() {
            self.telemetry.freeze();
            self.runtime.signal(Signal::SIGSTOP);
            self.extensions.signal(Signal::SIGSTOP);
        }
    }

    fn thaw(&mut self) {
        if self.freezes() {
            self.extensions.signal(Signal::SIGCONT);
            self.runtime.signal(Signal::SIGCONT);
            self.telemetry.thaw();
        }
    }

    fn freezes(&self) -> bool {
        self.extensions.registry.options.freezes && !self.extensions.is_empty()
    }

    /// False if a process ended while idle.
    pub(super) fn is_running(&mut self) -> bool {
        self.api.is_waiting() && self.extensions.are_running()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.telemetry.end();
    }
}
