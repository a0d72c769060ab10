//! A process with its output, line by line, and its resource usage as the kernel counts it (Linux only).

use std::io;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::time::ClockId;
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::telemetry::{Stream, Telemetry};

/// A running process; dropping it kills it.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    began: Instant,
    output: Output,
    readers: Vec<JoinHandle<()>>,
}

#[derive(Debug, Clone)]
struct Output {
    lines: Arc<Mutex<Vec<String>>>,
    /// How many lines are kept until they are taken.
    limit: usize,
    telemetry: Telemetry,
    stream: Stream,
}

impl Process {
    /// Starts a program and keeps at most `limit` lines of its output.
    pub(super) fn spawn(
        mut command: Command,
        limit: usize,
        telemetry: &Telemetry,
        stream: Stream,
    ) -> io::Result<Self> {
        let began = Instant::now();
        let mut child = command.spawn()?;
        let output = Output { lines: Arc::default(), limit, telemetry: telemetry.clone(), stream };
        let stdout = child.stdout.take().map(|stdout| tokio::spawn(read_lines(stdout, output.clone())));
        let stderr = child.stderr.take().map(|stderr| tokio::spawn(read_lines(stderr, output.clone())));
        Ok(Self { child, began, output, readers: stdout.into_iter().chain(stderr).collect() })
    }

    /// The time from its start until then.
    pub(super) fn age(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.began)
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// User and system time of all threads since it started.
    pub(super) fn cpu(&self) -> Option<Duration> {
        cpu_time(self.pid()?)
    }

    /// The largest resident set since it started.
    pub(super) fn max_rss_kb(&self) -> Option<u64> {
        max_rss_kb(self.pid()?)
    }

    /// Sends a signal. A child that is not reaped yet still has its id.
    pub(super) fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid().and_then(|pid| i32::try_from(pid).ok()) {
            // It fails only for a process that has ended.
            let _ = kill(Pid::from_raw(pid), signal);
        }
    }

    /// Whether it runs, according to the kernel.
    pub(super) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits until it ends.
    pub(super) async fn exit(&mut self) -> ExitStatus {
        self.child.wait().await.unwrap_or_default()
    }

    /// Waits until it ends; false if it does not end in time.
    pub(super) async fn exits_before(&mut self, until: Instant) -> bool {
        tokio::time::timeout_at(until, self.child.wait()).await.is_ok()
    }

    pub(super) async fn kill(&mut self) {
        // It fails only for a process that has ended.
        let _ = self.child.kill().await;
    }

    /// The lines since the last call, as far as they are read.
    pub(super) fn lines(&self) -> Vec<String> {
        std::mem::take(&mut *self.output.lines())
    }

    /// The lines since the last call. Waits until the output before the process's last request is read, or, if it has ended,
    /// all of its output.
    pub(super) async fn all_lines(&mut self) -> Vec<String> {
        const QUIET: Duration = Duration::from_millis(2);
        const LAST_WORDS: Duration = Duration::from_millis(500);
        if self.pid().is_none() {
            for reader in self.readers.drain(..) {
                // A grandchild may keep the pipe open; its output is not waited for.
                let _ = tokio::time::timeout(LAST_WORDS, reader).await;
            }
        }
        let mut seen = None;
        while seen != Some(self.output.lines().len()) {
            seen = Some(self.output.lines().len());
            tokio::time::sleep(QUIET).await;
        }
        self.lines()
    }
}

impl Output {
    fn lines(&self) -> MutexGuard<'_, Vec<String>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn read_lines(stream: impl AsyncRead + Unpin, output: Output) {
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).await.is_ok_and(|read| read > 0) {
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        output.telemetry.line(output.stream, &text);
        let mut lines = output.lines();
        if lines.len() < output.limit {
            lines.push(text);
        }
        drop(lines);
        line.clear();
    }
}

/// The precision is that of the scheduler (`/proc/<pid>/stat` counts in hundredths of a second, longer than an invocation).
fn cpu_time(pid: u32) -> Option<Duration> {
    let pid = Pid::from_raw(i32::try_from(pid).ok()?);
    let used = ClockId::pid_cpu_clock_id(pid).and_then(ClockId::now).ok()?;
    Some(used.into())
}

/// `VmHWM` of `/proc/<pid>/status`.
fn max_rss_kb(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_does_not_exist_has_used_nothing() {
        // Linux hands out ids up to 4,194,304.
        assert_eq!((cpu_time(4_194_305), max_rss_kb(4_194_305)), (None, None));
    }
}
