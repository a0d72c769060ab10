//! One execution environment: the process of the runtime, its extensions and their telemetry.
//!
//! The init phase ends when the runtime and all extensions have requested their next event, and so does an invocation; its
//! caller gets the response before that. Then everything is frozen until the next event. Source: Lambda Developer Guide,
//! "Lambda execution environment lifecycle" of the Extensions API page.

mod end;
mod init;

use std::time::Duration;

use tokio::time::Instant;

use super::api::{Answer, Event, NextInvocation, error_fields};
use super::extension::{ExtensionFault, ExtensionFigures, Extensions, Registry, ShutdownReason};
use super::process::{Process, Step};
use super::report::{self, Began, Phase, ReportFigures, Span, Status};
use super::telemetry::Telemetry;
use super::{FunctionOptions, Invocation, InvocationRequest, Outcome, Shutdown};
use local_testing::clock::Clock;

/// An execution environment. Dropping it kills its processes.
#[derive(Debug)]
pub(super) struct Sandbox {
    process: Process,
    extensions: Extensions,
    registry: Registry,
    telemetry: Telemetry,
    clock: Clock,
    phase: Phase,
    init: Duration,
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

/// The next thing that happens in a sandbox.
enum Happening {
    Runtime(Step),
    Fault(ExtensionFault),
}

impl Sandbox {
    /// Waits for the next event, at most until a deadline.
    async fn happening(&mut self, until: Instant) -> Happening {
        tokio::select! {
            biased;
            fault = self.extensions.fault() => Happening::Fault(fault),
            step = self.process.step(until) => Happening::Runtime(step),
        }
    }

    /// Passes on a payload and waits, at most for `time`, until the runtime requests the next invocation.
    /// [`Sandbox::finish`] waits for extensions.
    pub(super) async fn answer(
        &mut self,
        request: InvocationRequest,
        options: &FunctionOptions,
        time: Duration,
    ) -> Invocation {
        let InvocationRequest { request_id, payload, client_context, headers } = request;
        self.thaw();
        let init = std::mem::take(&mut self.is_fresh).then_some(self.init);
        let cpu_before = self.process.cpu();
        let began = Began { at: Instant::now(), epoch_ms: self.clock.now_ms() };
        let deadline = began.at + time;
        let deadline_ms = began.epoch_ms + i64::try_from(time.as_millis()).unwrap_or(i64::MAX / 2);
        self.telemetry.platform("start", report::start(&request_id));
        let function_arn = options.arn();
        self.process.hand_over(NextInvocation {
            request_id: request_id.clone(),
            deadline_ms,
            function_arn,
            client_context,
            headers,
            payload,
        });
        self.registry.send_invoke(&request_id, deadline_ms);
        let (outcome, answer) = self.wait_for_outcome(deadline).await;
        let duration = began.at.elapsed();
        let mut status = Status::of(&outcome);
        // Lambda ends an invocation when the runtime requests the next one; until then it may still run.
        let end = match &outcome {
            Outcome::Response(_) | Outcome::FunctionError { .. } => self.wait_for_poll(deadline).await,
            _ => Err((reason(&outcome), status.clone())),
        };
        let runtime_done = end.as_ref().copied().unwrap_or_else(|_| Instant::now());
        let end = end.err().map(|(reason, after)| {
            status = after;
            reason
        });
        self.extensions.runtime_is_done(runtime_done);
        self.tell_runtime_done(&request_id, &status, began, runtime_done, answer.as_ref());
        let cpu = self.process.cpu().zip(cpu_before).map(|(after, before)| after.saturating_sub(before));
        let max_rss_kb = self.process.max_rss_kb();
        if end.is_some() {
            self.process.kill().await;
        }
        let logs = self.process.take_logs().await;
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

    fn tell_runtime_done(
        &self,
        request_id: &str,
        status: &Status,
        began: Began,
        done: Instant,
        answer: Option<&Answer>,
    ) {
        let spans = answer.map(|answer| {
            [
                Span { name: "responseLatency", from: began.at, to: answer.began },
                Span { name: "responseDuration", from: answer.began, to: answer.ended },
                Span { name: "runtimeOverhead", from: answer.ended, to: done },
            ]
        });
        let answer = answer.map(|answer| answer.body.len()).zip(spans.as_ref().map(|spans| &spans[..]));
        let record = report::runtime_done(request_id, status, began, done, answer);
        self.telemetry.platform("runtimeDone", record);
    }

    async fn wait_for_outcome(&mut self, deadline: Instant) -> (Outcome, Option<Answer>) {
        loop {
            match self.happening(deadline).await {
                Happening::Runtime(Step::Event(Event::Response(answer))) => {
                    return (Outcome::Response(answer.body.clone()), Some(answer));
                }
                Happening::Runtime(Step::Event(Event::Error(answer))) => {
                    let (error_type, error_message) = error_fields(&answer.body);
                    let raw = answer.body.clone();
                    return (Outcome::FunctionError { error_type, error_message, raw }, Some(answer));
                }
                // A poll without a response, or a late init error, does not end the invocation.
                Happening::Runtime(Step::Event(Event::Poll { .. } | Event::InitError(_))) => {}
                Happening::Runtime(Step::Exited(status)) => return (Outcome::Exited { status }, None),
                Happening::Runtime(Step::OutOfTime) => {
                    return (Outcome::TimedOut { timeout: self.registry.options.timeout }, None);
                }
                Happening::Fault(fault) => return (Outcome::ExtensionFailed(fault), None),
            }
        }
    }

    /// When the runtime requested another invocation, or why it will not.
    async fn wait_for_poll(&mut self, deadline: Instant) -> Result<Instant, (ShutdownReason, Status)> {
        loop {
            match self.happening(deadline).await {
                Happening::Runtime(Step::Event(Event::Poll { at, reply })) => {
                    self.process.waits(reply);
                    return Ok(at);
                }
                Happening::Runtime(Step::Event(_)) => {}
                Happening::Runtime(Step::Exited(_)) => {
                    return Err((ShutdownReason::Failure, Status::failure("Runtime.ExitError")));
                }
                Happening::Runtime(Step::OutOfTime) => {
                    return Err((ShutdownReason::Timeout, Status::timeout()));
                }
                Happening::Fault(fault) => {
                    return Err((ShutdownReason::Failure, Status::failure(&fault.error_type)));
                }
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
        let registry = self.registry.clone();
        if end.is_none() && !self.extensions.is_empty() {
            tokio::select! {
                biased;
                fault = self.extensions.fault() => {
                    (status, end) = (Status::failure(&fault.error_type), Some(ShutdownReason::Failure));
                }
                () = registry.all_done() => {}
                // "The function's timeout setting limits the duration of the entire `Invoke` phase."
                () = tokio::time::sleep_until(deadline) => {
                    (status, end) = (Status::timeout(), Some(ShutdownReason::Timeout));
                }
            }
        }
        let figures = self.extensions.figures();
        let kept_open = figures.iter().map(|figures| figures.kept_open).max().unwrap_or_default();
        let ended = if end.is_some() { Instant::now() } else { runtime_done + kept_open };
        let report = ReportFigures {
            duration: ended.saturating_duration_since(began.at),
            init: init.map(|init| (init, self.phase)),
            memory_mb: self.registry.options.memory_mb,
            max_rss_kb: max_rss_kb + figures.iter().filter_map(|figures| figures.max_rss_kb).sum::<u64>(),
        };
        let overhead = Span { name: "extensionOverhead", from: runtime_done, to: ended };
        let record = report::report(&request_id, &status, report, began, Some(overhead));
        self.telemetry.platform("report", record);
        let shutdown = if let Some(reason) = end {
            Some(self.shutdown(reason).await)
        } else {
            self.freeze();
            None
        };
        let added = if self.extensions.is_empty() {
            Duration::ZERO
        } else {
            ended.saturating_duration_since(runtime_done)
        };
        (added, shutdown)
    }

    /// False if a process ended while idle.
    pub(super) fn is_running(&mut self) -> bool {
        self.process.is_running() && self.extensions.are_running()
    }

    /// Time from starting the program to its first poll, and the CPU time that took.
    pub(super) fn runtime_init(&self) -> (Duration, Option<Duration>) {
        (self.process.init, self.process.init_cpu)
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.process.pid()
    }

    pub(super) fn figures(&self) -> Vec<ExtensionFigures> {
        self.extensions.figures()
    }

    pub(super) fn extension_logs(&self) -> Vec<String> {
        self.extensions.logs()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.telemetry.end();
    }
}

/// The reason for the shutdown of an environment without a response.
fn reason(outcome: &Outcome) -> ShutdownReason {
    match outcome {
        Outcome::TimedOut { .. } => ShutdownReason::Timeout,
        _ => ShutdownReason::Failure,
    }
}
