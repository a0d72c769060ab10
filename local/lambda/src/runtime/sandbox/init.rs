//! The init phase of a sandbox: extensions first, then the runtime, until all of them are ready.
//!
//! Nothing is left running after a failure. Source: Lambda Developer Guide, "Init phase" of the Extensions API page.

use std::time::Duration;

use tokio::time::Instant;

use super::super::api::{Event, RuntimeApi, error_fields};
use super::super::extension::{ExtensionFault, Extensions, Registry, ShutdownReason};
use super::super::process::Process;
use super::super::report::{self, Phase, Status};
use super::super::telemetry::{Stream, Telemetry};
use super::super::{FunctionOptions, INIT_LIMIT, InitError, environment};
use super::Sandbox;

impl Sandbox {
    /// Starts the extensions, then the runtime, and waits until all of them are ready, but no longer than `until`.
    pub(crate) async fn start(
        options: &FunctionOptions,
        phase: Phase,
        until: Instant,
        telemetry: &Telemetry,
    ) -> Result<Self, InitError> {
        let began = Instant::now();
        telemetry.begin(!options.extensions.is_empty(), options.logs_json());
        telemetry.platform("initStart", &report::init_start(options, phase));
        let started = Self::start_processes(options, phase, telemetry, until).await;
        let mut sandbox = started.inspect_err(|_| telemetry.end())?;
        let ready = sandbox.wait_until_ready(until).await;
        sandbox.init = if sandbox.extensions.is_empty() { sandbox.runtime_init.0 } else { began.elapsed() };
        let status = ready.as_ref().map_or_else(InitError::status, |()| Status::success());
        telemetry.platform("initReport", &report::init_report(phase, &status, began.elapsed()));
        match ready {
            Ok(()) => {
                sandbox.extensions.registry.close_registration();
                telemetry.close_subscription();
                sandbox.freeze();
                Ok(sandbox)
            }
            Err(error) if sandbox.extensions.is_empty() => Err(error),
            // "When the runtime fails, all extensions and the runtime itself participate in the `Shutdown` phase."
            Err(error) => {
                let is_late = matches!(error, InitError::TimedOut { .. });
                let reason = if is_late { ShutdownReason::Timeout } else { ShutdownReason::Failure };
                let shutdown = sandbox.shutdown(reason).await;
                Err(error.and_logs(shutdown.logs))
            }
        }
    }

    async fn start_processes(
        options: &FunctionOptions,
        phase: Phase,
        telemetry: &Telemetry,
        until: Instant,
    ) -> Result<Self, InitError> {
        let not_started = |source| InitError::NotStarted { binary: options.binary.clone(), source };
        let registry = Registry::new(options);
        let api = RuntimeApi::start(&registry, telemetry).await.map_err(not_started)?;
        let address = api.address().to_string();
        let mut extensions = Extensions::start(options, &address, &registry, telemetry)
            .map_err(|(binary, source)| InitError::NotStarted { binary, source })?;
        // "After each extension registers, Lambda starts the `Runtime init` phase."
        let registered = registry.all(|entry| entry.registered_at.is_some());
        if let Err(fault) = wait(&mut extensions, registered, until, "register").await {
            let _ = extensions.end(Instant::now()).await;
            return Err(InitError::Extension { fault, logs: extensions.last_logs().await });
        }
        let runtime = environment::runtime_command(options, &address)
            .and_then(|command| Process::spawn(command, usize::MAX, telemetry, Stream::Function));
        Ok(Self {
            runtime: runtime.map_err(not_started)?,
            api,
            extensions,
            telemetry: telemetry.clone(),
            phase,
            init: Duration::ZERO,
            runtime_init: (Duration::ZERO, None),
            is_fresh: true,
            open: None,
        })
    }

    async fn wait_until_ready(&mut self, until: Instant) -> Result<(), InitError> {
        let runtime = self.wait_for_first_poll(until).await;
        let status = runtime.as_ref().map_or_else(InitError::status, |()| Status::success());
        self.telemetry.platform("initRuntimeDone", &report::init_runtime_done(self.phase, &status));
        runtime?;
        let registry = self.extensions.registry.clone();
        let all_ready = registry.all(|entry| entry.ready_at.is_some());
        let ready = wait(&mut self.extensions, all_ready, until, "request an event").await;
        ready.map_err(|fault| InitError::Extension { fault, logs: Vec::new() })
    }

    async fn wait_for_first_poll(&mut self, until: Instant) -> Result<(), InitError> {
        loop {
            match self.next_event(until).await {
                Event::Poll { at, reply } => {
                    self.runtime_init = (self.runtime.age(at), self.runtime.cpu());
                    self.api.waiting = Some(reply);
                    return Ok(());
                }
                Event::Answer(..) => {}
                Event::InitError(report) => {
                    let (error_type, message) = error_fields(&report);
                    self.runtime.kill().await;
                    let logs = self.runtime.all_lines().await;
                    return Err(InitError::Reported { error_type, message, logs });
                }
                Event::Exited(status) => {
                    return Err(InitError::Exited { status, logs: self.runtime.all_lines().await });
                }
                Event::Fault(fault) => return Err(InitError::Extension { fault, logs: Vec::new() }),
                Event::OutOfTime => {
                    self.runtime.kill().await;
                    return Err(InitError::TimedOut { logs: self.runtime.all_lines().await });
                }
            }
        }
    }
}

/// Waits for a condition that all extensions must meet, or for a failure.
async fn wait(
    extensions: &mut Extensions,
    condition: impl Future<Output = ()>,
    until: Instant,
    what: &str,
) -> Result<(), ExtensionFault> {
    if extensions.is_empty() {
        return Ok(());
    }
    tokio::select! {
        biased;
        fault = extensions.fault() => Err(fault),
        () = condition => Ok(()),
        () = tokio::time::sleep_until(until) => {
            let mut figures = extensions.figures();
            figures.sort_by_key(|figures| (figures.registered.is_some(), figures.ready.is_some()));
            let late = figures.into_iter().next();
            Err(ExtensionFault {
                extension: late.map(|figures| figures.name).unwrap_or_default(),
                error_type: ExtensionFault::TIMED_OUT.to_owned(),
                message: format!("did not {what} within {} s", INIT_LIMIT.as_secs()),
            })
        }
    }
}
