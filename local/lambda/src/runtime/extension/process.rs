//! The processes of a sandbox's extensions; dropping them kills them.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

use futures_util::future::select_all;
use nix::sys::signal::Signal;
use tokio::process::Child;
use tokio::time::Instant;

use super::super::output::Output;
use super::super::telemetry::{Stream, Telemetry};
use super::super::{FunctionOptions, environment, measure};
use super::{ExtensionFault, ExtensionFigures, Lifecycle, Registry};

/// Lines of one extension that are kept until they are taken.
const KEPT_LINES: usize = 10_000;

/// All extensions of a sandbox.
#[derive(Debug)]
pub(crate) struct Extensions {
    processes: Vec<Extension>,
    registry: Registry,
    /// When the runtime finished the latest invocation.
    runtime_done: Option<Instant>,
}

#[derive(Debug)]
struct Extension {
    name: String,
    child: Child,
    output: Output,
    began: Instant,
}

impl Extensions {
    /// Starts every program.
    ///
    /// # Errors
    /// The program that could not be started; those before it are killed.
    pub(crate) fn start(
        options: &FunctionOptions,
        runtime_api: &str,
        registry: &Registry,
        telemetry: &Telemetry,
    ) -> Result<Self, (PathBuf, io::Error)> {
        let mut processes = Vec::new();
        for program in &options.extensions.programs {
            let not_started = |error| (program.clone(), error);
            let mut command =
                environment::extension_command(program, options, runtime_api).map_err(not_started)?;
            let began = Instant::now();
            let mut child = command.spawn().map_err(not_started)?;
            let output = Output::of(&mut child, KEPT_LINES, telemetry, Stream::Extension);
            let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
            processes.push(Extension { name, child, output, began });
        }
        Ok(Self { processes, registry: registry.clone(), runtime_done: None })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.processes.is_empty()
    }

    /// Waits for the first failure: an error report of an extension, or its end. Never returns without extensions.
    pub(crate) async fn fault(&mut self) -> ExtensionFault {
        if self.processes.is_empty() {
            return std::future::pending().await;
        }
        let registry = self.registry.clone();
        tokio::select! {
            // An extension ends after it reports an error; the report has more information.
            biased;
            fault = registry.fault() => fault,
            (extension, status) = first_exit(&mut self.processes) => ExtensionFault {
                extension,
                error_type: "Extension.Crash".to_owned(),
                message: status.to_string(),
            },
        }
    }

    /// Whether all of them run, according to the kernel.
    pub(crate) fn are_running(&mut self) -> bool {
        self.processes.iter_mut().all(|extension| matches!(extension.child.try_wait(), Ok(None)))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        for extension in &self.processes {
            measure::signal(extension.child.id(), signal);
        }
    }

    /// The runtime has finished; from now on extensions keep the invocation open.
    pub(crate) fn runtime_is_done(&mut self, at: Instant) {
        self.runtime_done = Some(at);
    }

    pub(crate) fn figures(&self) -> Vec<ExtensionFigures> {
        let figures = |extension: &Extension| {
            let pid = extension.child.id();
            let look = |read: fn(&super::registry::Entry) -> Option<Instant>| {
                self.registry.look(&extension.name, read).flatten()
            };
            let since_start = |at: Instant| at.saturating_duration_since(extension.began);
            let requested =
                look(|entry| entry.requested_at.filter(|_| entry.events.contains(&Lifecycle::Invoke)));
            let kept_open = requested
                .zip(self.runtime_done)
                .map(|(requested, done)| requested.saturating_duration_since(done));
            ExtensionFigures {
                name: extension.name.clone(),
                pid,
                registered: look(|entry| entry.registered_at).map(since_start),
                ready: look(|entry| entry.ready_at).map(since_start),
                cpu: pid.and_then(measure::cpu_time),
                max_rss_kb: pid.and_then(measure::max_rss_kb),
                kept_open: kept_open.unwrap_or_default(),
            }
        };
        self.processes.iter().map(figures).collect()
    }

    /// Their output since the last call, each line after the extension's name and a colon.
    pub(crate) fn logs(&self) -> Vec<String> {
        let lines = |extension: &Extension| {
            let named = |line: String| format!("{}: {line}", extension.name);
            extension.output.drain().into_iter().map(named).collect::<Vec<_>>()
        };
        self.processes.iter().flat_map(lines).collect()
    }

    /// Waits for the end of those that got SHUTDOWN, at most until `until`, and kills the others. Returns the names of those
    /// that did not end in time.
    pub(crate) async fn end(&mut self, until: Instant) -> Vec<String> {
        let mut killed = Vec::new();
        for extension in &mut self.processes {
            let gets_shutdown = self.registry.look(&extension.name, |entry| {
                entry.registered_at.is_some() && entry.events.contains(&Lifecycle::Shutdown)
            });
            if gets_shutdown != Some(true) {
                // It fails only for a process that has ended.
                let _ = extension.child.start_kill();
            }
        }
        for extension in &mut self.processes {
            if tokio::time::timeout_at(until, extension.child.wait()).await.is_err() {
                killed.push(extension.name.clone());
                let _ = extension.child.kill().await;
            }
        }
        killed
    }

    /// As [`Extensions::logs`], for processes that have ended: up to their last line.
    pub(crate) async fn last_logs(&mut self) -> Vec<String> {
        let mut logs = Vec::new();
        for extension in &mut self.processes {
            let lines = extension.output.take(true).await;
            logs.extend(lines.into_iter().map(|line| format!("{}: {line}", extension.name)));
        }
        logs
    }
}

async fn first_exit(processes: &mut [Extension]) -> (String, ExitStatus) {
    let exits = processes.iter_mut().map(|extension| {
        Box::pin(async { (extension.name.clone(), extension.child.wait().await.unwrap_or_default()) })
    });
    select_all(exits).await.0
}
