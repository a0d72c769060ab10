//! What was used: the CPU time of a process or of this thread, and how busy the machine is, as the kernel counts it.

use std::fs;
use std::time::Duration;

use nix::time::ClockId;
use nix::unistd::Pid;

/// User and system time of all threads of a process; nothing once it is gone.
pub(crate) fn by_process(id: u32) -> Option<Duration> {
    let id = Pid::from_raw(i32::try_from(id).ok()?);
    ClockId::pid_cpu_clock_id(id).and_then(ClockId::now).ok().map(Into::into)
}

/// User and system time of this thread.
pub(crate) fn by_this_thread() -> Option<Duration> {
    ClockId::CLOCK_THREAD_CPUTIME_ID.now().ok().map(Into::into)
}

/// The largest resident set that a process had, in bytes (`VmHWM`).
pub(crate) fn peak_bytes(id: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1_024)
}

/// What all processors have done since the machine started, in ticks of the kernel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Machine {
    total: u64,
    idle: u64,
}

impl Machine {
    /// As it is now (proc(5), `/proc/stat`).
    pub(crate) fn now() -> Option<Self> {
        let stat = fs::read_to_string("/proc/stat").ok()?;
        let line = stat.lines().next()?.strip_prefix("cpu ")?;
        // User, nice, system, idle, iowait, irq, softirq, steal; what follows is part of user.
        let ticks: Vec<u64> =
            line.split_whitespace().take(8).filter_map(|field| field.parse().ok()).collect();
        Some(Self { total: ticks.iter().sum(), idle: ticks.get(3)? + ticks.get(4)? })
    }

    /// Which share of its processors was busy since `before`, from 0 to 1.
    pub(crate) fn busy_since(self, before: Self) -> f64 {
        let total = self.total.saturating_sub(before.total).max(1);
        1.0 - as_f64(self.idle.saturating_sub(before.idle)) / as_f64(total)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a machine is not up for 2^53 ticks")]
fn as_f64(ticks: u64) -> f64 {
    ticks as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_and_this_thread_have_used_something() {
        assert!(by_process(std::process::id()).is_some_and(|used| used > Duration::ZERO));
        assert!(by_this_thread().is_some_and(|used| used > Duration::ZERO));
        assert!(peak_bytes(std::process::id()).is_some_and(|bytes| bytes > 100_000));
    }

    #[test]
    fn a_machine_is_busy_for_what_is_not_idle() {
        let (before, after) = (Machine { total: 100, idle: 50 }, Machine { total: 300, idle: 100 });
        assert!((after.busy_since(before) - 0.75).abs() < 1e-9);
    }
}
