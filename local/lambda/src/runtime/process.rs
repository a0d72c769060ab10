//! The runtime's process: its life from start to kill, its side of the runtime API.
//!
//! In: the options of a function. Out: steps of its life as they happen. Everything it owns ends when it is
//! dropped: the process is killed and its runtime API closes.

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

    /// It has asked for its first invocation.
    pub(super) fn is_ready(&mut self, at: Instant, reply: oneshot::Sender<NextInvocation>) {
        self.init = at.duration_since(self.began);
        self.init_cpu = self.cpu();
        self.waits(reply);
    }

    /// It has asked for an invocation.
    pub(super) fn waits(&mut self, reply: oneshot::Sender<NextInvocation>) {
        self.waiting = Some(reply);
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

    pub(super) fn signal(&self, signal: Signal) {
        measure::signal(self.pid(), signal);
    }

    /// Asks it to end, and waits until it did or time is up.
    pub(super) async fn terminate(&mut self, until: Instant) {
        self.signal(Signal::SIGTERM);
        // Whoever does not end in time is killed by the caller.
        let _ = tokio::time::timeout_at(until, self.child.wait()).await;
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
