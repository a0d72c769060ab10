//! The process of the runtime; dropping it kills the process and closes its runtime API.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::process::Child;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::api::{Event, NextInvocation, RuntimeApi};
use super::output::Output;
use super::telemetry::{Stream, Telemetry};
use super::{FunctionOptions, environment, measure};

/// The next event in the life of a process.
#[derive(Debug)]
pub(super) enum Step {
    /// It sent a request.
    Event(Event),
    /// It has ended.
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
    began: Instant,
    /// From starting the program to its first poll.
    pub(super) init: Duration,
    /// The CPU time that took.
    pub(super) init_cpu: Option<Duration>,
}

impl Process {
    /// Starts the program.
    pub(super) fn spawn(
        options: &FunctionOptions,
        api: RuntimeApi,
        telemetry: &Telemetry,
    ) -> io::Result<Self> {
        let mut command = environment::runtime_command(options, &api.address().to_string())?;
        let began = Instant::now();
        let mut child = command.spawn()?;
        let output = Output::of(&mut child, usize::MAX, telemetry, Stream::Function);
        Ok(Self { child, api, output, waiting: None, began, init: Duration::ZERO, init_cpu: None })
    }

    /// It has requested its first invocation.
    pub(super) fn is_ready(&mut self, at: Instant, reply: oneshot::Sender<NextInvocation>) {
        self.init = at.duration_since(self.began);
        self.init_cpu = self.cpu();
        self.waits(reply);
    }

    /// It has requested an invocation.
    pub(super) fn waits(&mut self, reply: oneshot::Sender<NextInvocation>) {
        self.waiting = Some(reply);
    }

    /// Waits for the next step. Requests that it sent before it ended come first.
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

    /// Passes the invocation to the waiting function. If that has ended, the next step shows it.
    pub(super) fn hand_over(&mut self, invocation: NextInvocation) {
        self.api.expect_answer_to(&invocation.request_id);
        if let Some(waiting) = self.waiting.take() {
            let _ = waiting.send(invocation);
        }
    }

    /// False if it ended while idle.
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

    pub(super) fn signal(&self, signal: Signal) {
        measure::signal(self.pid(), signal);
    }

    /// Sends SIGTERM, and waits until it ends or the time is over.
    pub(super) async fn terminate(&mut self, until: Instant) {
        self.signal(Signal::SIGTERM);
        // The caller kills a process that does not end in time.
        let _ = tokio::time::timeout_at(until, self.child.wait()).await;
    }

    pub(super) async fn kill(&mut self) {
        // It fails only for a process that has ended.
        let _ = self.child.kill().await;
    }

    /// The lines written since the last call.
    pub(super) async fn take_logs(&mut self) -> Vec<String> {
        self.output.take(self.child.id().is_none()).await
    }
}
