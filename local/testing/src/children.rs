//! Child processes that never outlive this process, even if it is killed.
//!
//! They join the process group of a guard: a shell that reads from a pipe whose other end this process holds. The kernel
//! closes that end when this process ends for any reason; then the guard kills its group: the children, their children and
//! itself. The group is not that of the terminal, so Ctrl-C reaches this process alone, which then stops its children in
//! order.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child as StdChild, Command as StdCommand, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use tokio::process::{Child, Command};

/// `kill 0` means the process group of the caller. The guard ignores signals that are sent to every process of a session.
const WATCH: &str = "trap '' HUP INT TERM; read -r _; kill -KILL 0";

/// A killed process ends as soon as it is scheduled.
const GONE_LIMIT: Duration = Duration::from_secs(5);

/// One guard for all children of this process.
static GUARD: OnceLock<Result<StdChild, (io::ErrorKind, String)>> = OnceLock::new();

/// A command for `program`, which ends with this process. It inherits the environment by default.
///
/// # Errors
/// The shell cannot be started.
pub fn command(program: &Path) -> io::Result<Command> {
    let mut command = Command::new(program);
    command.process_group(group()?).kill_on_drop(true);
    Ok(command)
}

/// Kills a child and waits until it is gone, for a `Drop`: it could still write into files that are removed next.
pub(crate) fn kill_and_wait(child: &mut Child) {
    let _ = child.start_kill();
    let step = Duration::from_millis(1);
    let mut waited = Duration::ZERO;
    while waited < GONE_LIMIT && matches!(child.try_wait(), Ok(None)) {
        std::thread::sleep(step);
        waited += step;
    }
}

/// The process group of the children.
fn group() -> io::Result<i32> {
    let guard = GUARD.get_or_init(|| start_guard().map_err(|error| (error.kind(), error.to_string())));
    match guard {
        Ok(guard) => Ok(i32::try_from(guard.id()).expect("process ids fit in 31 bits")),
        Err((kind, why)) => {
            Err(io::Error::new(*kind, format!("cannot start the guard of child processes: {why}")))
        }
    }
}

/// The write end of the pipe is in the child's handle, and closed on exec in every other child.
fn start_guard() -> io::Result<StdChild> {
    StdCommand::new("/bin/sh")
        .args(["-c", WATCH])
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}
