//! Resource usage of a process, as the kernel counts it (Linux only), and signals to it.

use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::time::ClockId;
use nix::unistd::Pid;

/// User and system time of all threads, including those that ended, with the precision of the scheduler
/// (`/proc/<pid>/stat` counts in hundredths of a second, which is longer than an invocation).
pub(super) fn cpu_time(pid: u32) -> Option<Duration> {
    let pid = Pid::from_raw(i32::try_from(pid).ok()?);
    let used = ClockId::pid_cpu_clock_id(pid).and_then(ClockId::now).ok()?;
    Some(used.into())
}

/// `VmHWM` of `/proc/<pid>/status`: the largest resident set since the process started.
pub(super) fn max_rss_kb(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// Sends a signal to a child that is not reaped yet, so that its id is still its own.
pub(super) fn signal(pid: Option<u32>, signal: Signal) {
    if let Some(pid) = pid.and_then(|pid| i32::try_from(pid).ok()) {
        // It fails only for a process that has ended.
        let _ = kill(Pid::from_raw(pid), signal);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_used_something() {
        let pid = std::process::id();
        assert!(cpu_time(pid).is_some_and(|used| used > Duration::ZERO));
        assert!(max_rss_kb(pid).is_some_and(|kb| kb > 100));
    }

    #[test]
    fn a_process_that_does_not_exist_has_used_nothing() {
        // Linux hands out ids up to 4,194,304.
        assert_eq!(cpu_time(4_194_305), None);
        assert_eq!(max_rss_kb(4_194_305), None);
    }
}
