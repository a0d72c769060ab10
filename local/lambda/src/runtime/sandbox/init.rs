//! The init phase of a sandbox: extensions first, then the runtime, until all of them are ready.
//!
//! Nothing is left running after a failure. Source: Lambda Developer Guide, "Init phase" of the Extensions API page.

use std::time::Duration;

use tokio::time::Instant;

use super::super::api::{Event, RuntimeApi, error_fields};
use super::super::extension::{ExtensionFault, Extensions, Registry, ShutdownReason};
use super::super::process::{Process, Step};
use super::super::report::{self, Phase, Status};
use super::super::telemetry::Telemetry;
use super::super::{FunctionOptions, INIT_LIMIT, InitError};
use super::{Happening, Sandbox};
use local_testing::clock::Clock;

impl Sandbox {
    /// Starts the extensions, then the runtime, and waits until all of them are ready, but no longer than `until`.
    pub(crate) async fn start(
        options: &FunctionOptions,
        phase: Phase,
        until: Instant,
        telemetry: &Telemetry,
        clock: &Clock,
    ) -> Result<Self, InitError> {
        let began = Instant::now();
        telemetry.begin(!options.extensions.programs.is_empty(), options.logs_json());
        telemetry.platform("initStart", report::init_start(options, phase));
        let started = Self::start_processes(options, phase, telemetry, clock, until).await;
        let mut sandbox = started.inspect_err(|_| telemetry.end())?;
        let ready = sandbox.wait_until_ready(until).await;
        sandbox.init = if sandbox.extensions.is_empty() { sandbox.process.init } else { began.elapsed() };
        let status = ready.as_ref().map_or_else(InitError::status, |()| Status::success());
        telemetry.platform("initReport", report::init_report(phase, &status, began.elapsed()));
        match ready {
            Ok(()) => {
                sandbox.registry.close_registration();
                telemetry.close_subscription();
                sandbox.freeze();
                Ok(sandbox)
            }
            Err(error) if sandbox.extensions.is_empty() => Err(error),
            // "When the runtime fails, all extensions and the runtime itself participate in the `Shutdown` phase."
            Err(error) => {
                let reason = match &error {
                    InitError::TimedOut { .. } => ShutdownReason::Timeout,
                    _ => ShutdownReason::Failure,
                };
                let shutdown = sandbox.shutdown(reason).await;
                Err(error.and_logs(shutdown.logs))
            }
        }
    }

    async fn start_processes(
        options: &FunctionOptions,
        phase: Phase,
        telemetry: &Telemetry,
        clock: &Clock,
        until: Instant,
    ) -> Result<Self, InitError> {
        let not_started = |source| InitError::NotStarted { binary: options.binary.clone(), source };
        let registry = Registry::new(options);
        let api = RuntimeApi::start(&registry, telemetry).await.map_err(not_started)?;
        let address = api.address().to_string();
        let mut extensions = Extensions::start(options, &address, &registry, telemetry)
            .map_err(|(binary, source)| InitError::NotStarted { binary, source })?;
        // "After each extension registers, Lambda starts the `Runtime init` phase."
        if let Err(fault) = wait(&mut extensions, registry.all_registered(), until, "register").await {
            let _ = extensions.end(Instant::now()).await;
            return Err(InitError::Extension { fault, logs: extensions.last_logs().await });
        }
        Ok(Self {
            process: Process::spawn(options, api, telemetry).map_err(not_started)?,
            extensions,
            registry,
            telemetry: telemetry.clone(),
            clock: clock.clone(),
            phase,
            init: Duration::ZERO,
            is_fresh: true,
            open: None,
        })
    }

    async fn wait_until_ready(&mut self, until: Instant) -> Result<(), InitError> {
        let runtime = self.wait_for_first_poll(until).await;
        let status = runtime.as_ref().map_or_else(InitError::status, |()| Status::success());
        self.telemetry.platform("initRuntimeDone", report::init_runtime_done(self.phase, &status));
        runtime?;
        let registry = self.registry.clone();
        let ready = wait(&mut self.extensions, registry.all_ready(), until, "request an event").await;
        ready.map_err(|fault| InitError::Extension { fault, logs: Vec::new() })
    }

    async fn wait_for_first_poll(&mut self, until: Instant) -> Result<(), InitError> {
        loop {
            match self.happening(until).await {
                Happening::Runtime(Step::Event(Event::Poll { at, reply })) => {
                    self.process.is_ready(at, reply);
                    return Ok(());
                }
                Happening::Runtime(Step::Event(Event::InitError(report))) => {
                    let (error_type, message) = error_fields(&report);
                    self.process.kill().await;
                    let logs = self.process.take_logs().await;
                    return Err(InitError::Reported { error_type, message, logs });
                }
                Happening::Runtime(Step::Event(Event::Response(_) | Event::Error(_))) => {}
                Happening::Runtime(Step::Exited(status)) => {
                    return Err(InitError::Exited { status, logs: self.process.take_logs().await });
                }
                Happening::Runtime(Step::OutOfTime) => {
                    self.process.kill().await;
                    return Err(InitError::TimedOut { logs: self.process.take_logs().await });
                }
                Happening::Fault(fault) => {
                    return Err(InitError::Extension { fault, logs: Vec::new() });
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
