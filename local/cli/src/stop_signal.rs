//! The signals to stop: from a person, a process manager, or the end of another process.

use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGINT, SIGTERM, SIGHUP, or the end of a process that this one must not outlive.
pub(crate) struct StopSignal {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
    companions: Vec<u32>,
}

impl StopSignal {
    /// Listens for them; `companions` are the ids of the processes that this one must not outlive.
    pub(crate) fn listen(companions: Vec<u32>) -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            companions,
        })
    }

    /// Waits for any of them. The end of a process is reported once.
    pub(crate) async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
            () = end_of_any(&self.companions) => self.companions.clear(),
        }
    }
}

/// Waits until one of these processes has ended, or is a zombie.
async fn end_of_any(companions: &[u32]) {
    const LOOK: Duration = Duration::from_millis(250);
    let is_alive = |pid: &u32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"));
        status.is_ok_and(|status| !status.contains("\nState:\tZ"))
    };
    while companions.iter().all(is_alive) {
        tokio::time::sleep(LOOK).await;
    }
}
