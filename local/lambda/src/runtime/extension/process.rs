//! The processes of a sandbox's extensions; dropping them kills them.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

use futures_util::future::select_all;
use nix::sys::signal::Signal;
use tokio::time::Instant;

use super::super::process::Process;
use super::super::telemetry::{Stream, Telemetry};
use super::super::{FunctionOptions, environment};
use super::registry::Entry;
use super::{ExtensionFault, ExtensionFigures, Registry};

/// Lines of one extension that are kept until they are taken.
const KEPT_LINES: usize = 10_000;

/// All extensions of a sandbox.
#[derive(Debug)]
pub(crate) struct Extensions {
    /// With their names.
    processes: Vec<(String, Process)>,
    pub(crate) registry: Registry,
    /// When the runtime finished the latest invocation; from then on extensions keep it open.
    pub(crate) runtime_done: Option<Instant>,
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
        let start = |program: &PathBuf| {
            let process = environment::extension_command(program, options, runtime_api)
                .and_then(|command| Process::spawn(command, KEPT_LINES, telemetry, Stream::Extension))
                .map_err(|error| (program.clone(), error))?;
            Ok((program.file_name().unwrap_or_default().to_string_lossy().into_owned(), process))
        };
        let processes = options.extensions.iter().map(start).collect::<Result<_, _>>()?;
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
        tokio::select! {
            // An extension ends after it reports an error; the report has more information.
            biased;
            fault = self.registry.fault() => fault,
            (extension, status) = first_exit(&mut self.processes) => ExtensionFault {
                extension,
                error_type: "Extension.Crash".to_owned(),
                message: status.to_string(),
            },
        }
    }

    /// Whether all of them run.
    pub(crate) fn are_running(&mut self) -> bool {
        self.processes.iter_mut().all(|(_, process)| process.is_running())
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.processes.iter().for_each(|(_, process)| process.signal(signal));
    }

    pub(crate) fn figures(&self) -> Vec<ExtensionFigures> {
        let figures = |(name, process): &(String, Process)| {
            let look = |read: fn(&Entry) -> Option<Instant>| self.registry.look(name, read).flatten();
            let kept_open = look(Entry::done_at)
                .zip(self.runtime_done)
                .map(|(done, runtime_done)| done.saturating_duration_since(runtime_done));
            ExtensionFigures {
                name: name.clone(),
                pid: process.pid(),
                registered: look(|entry| entry.registered_at).map(|at| process.age(at)),
                ready: look(|entry| entry.ready_at).map(|at| process.age(at)),
                cpu: process.cpu(),
                max_rss_kb: process.max_rss_kb(),
                kept_open: kept_open.unwrap_or_default(),
            }
        };
        self.processes.iter().map(figures).collect()
    }

    /// Their output since the last call, each line after the extension's name and a colon.
    pub(crate) fn logs(&self) -> Vec<String> {
        self.processes.iter().flat_map(|(name, process)| named(name, process.lines())).collect()
    }

    /// As [`Extensions::logs`], for processes that have ended: up to their last line.
    pub(crate) async fn last_logs(&mut self) -> Vec<String> {
        let mut logs = Vec::new();
        for (name, process) in &mut self.processes {
            logs.extend(named(name, process.all_lines().await));
        }
        logs
    }

    /// Waits for the end of those that got SHUTDOWN, at most until `until`, and kills the others. Returns the names of those
    /// that did not end in time.
    pub(crate) async fn end(&mut self, until: Instant) -> Vec<String> {
        let mut killed = Vec::new();
        for (name, process) in &self.processes {
            if self.registry.look(name, Entry::gets_shutdown) != Some(true) {
                process.signal(Signal::SIGKILL);
            }
        }
        for (name, process) in &mut self.processes {
            if !process.exits_before(until).await {
                killed.push(name.clone());
                process.kill().await;
            }
        }
        killed
    }
}

fn named(name: &str, lines: Vec<String>) -> Vec<String> {
    lines.into_iter().map(|line| format!("{name}: {line}")).collect()
}

async fn first_exit(processes: &mut [(String, Process)]) -> (String, ExitStatus) {
    let exits =
        processes.iter_mut().map(|(name, process)| Box::pin(async { (name.clone(), process.exit().await) }));
    select_all(exits).await.0
}
