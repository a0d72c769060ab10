//! Freezes, thaws and shuts down a sandbox. Source: Lambda Developer Guide, "Lambda execution environment lifecycle" and
//! "Shutdown phase" of the Extensions API page.

use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::time::Instant;

use super::super::Shutdown;
use super::super::extension::ShutdownReason;
use super::Sandbox;

/// "2,000 ms – A function with one or more registered external extensions."
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(2);

/// The part of this for a runtime that shuts down gracefully (AWS samples, "graceful-shutdown-with-aws-lambda").
const RUNTIME_SHUTDOWN_LIMIT: Duration = Duration::from_millis(300);

impl Sandbox {
    /// Ends the environment: the runtime first, then the extensions, all within the limit.
    pub(crate) async fn shutdown(&mut self, reason: ShutdownReason) -> Shutdown {
        self.thaw();
        let began = Instant::now();
        let limit = began + if self.extensions.is_empty() { Duration::ZERO } else { SHUTDOWN_LIMIT };
        if !self.extensions.is_empty() && reason == ShutdownReason::Spindown {
            self.process.terminate(began + RUNTIME_SHUTDOWN_LIMIT).await;
        }
        self.process.kill().await;
        let mut logs = self.process.take_logs().await;
        // "If any of the input streams are closed, Lambda flushes the logs." SHUTDOWN does not wait for this delivery.
        self.telemetry.flush();
        let remaining = i64::try_from(limit.saturating_duration_since(Instant::now()).as_millis());
        self.registry.send_shutdown(reason, self.clock.now_ms() + remaining.unwrap_or_default());
        let killed = self.extensions.end(limit).await;
        logs.extend(self.extensions.last_logs().await);
        let duration = began.elapsed();
        self.telemetry.drain().await;
        self.telemetry.end();
        Shutdown { reason, duration, killed, logs }
    }

    /// "Lambda freezes the execution environment when each process has completed and there are no pending events."
    pub(super) fn freeze(&mut self) {
        if self.registry.options.extensions.freezes && !self.extensions.is_empty() {
            self.telemetry.freeze();
            self.process.signal(Signal::SIGSTOP);
            self.extensions.signal(Signal::SIGSTOP);
        }
    }

    pub(super) fn thaw(&mut self) {
        if self.registry.options.extensions.freezes && !self.extensions.is_empty() {
            self.extensions.signal(Signal::SIGCONT);
            self.process.signal(Signal::SIGCONT);
            self.telemetry.thaw();
        }
    }
}
