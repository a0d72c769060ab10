//! The programs that this one starts: they never outlive it, not even when it is killed.
//!
//! In: the path of a program. Out: a command whose process joins the group of a guard. The guard is a shell that
//! reads from a pipe of which this process holds the other end; the kernel closes that end when this process is
//! gone, for whatever reason, and the guard's last act is to kill its group: the children, theirs, and itself.
//!
//! The group is not the terminal's, so Ctrl-C reaches this process alone, which then stops its children in order.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command as StdCommand, Stdio};
use std::sync::OnceLock;

use tokio::process::Command;

/// `kill 0` means the process group of the one who asks. Signals sent by name to every process of a session must
/// not end the guard before its time.
const WATCH: &str = "trap '' HUP INT TERM; read -r _; kill -KILL 0";

/// One guard for all children of this process; it lives as long as the process does.
static GUARD: OnceLock<Result<Child, (io::ErrorKind, String)>> = OnceLock::new();

/// A command for `program` that ends with this process. It inherits the environment until told otherwise.
///
/// # Errors
/// There is no shell to guard it.
pub fn command(program: &Path) -> io::Result<Command> {
    let mut command = Command::new(program);
    command.process_group(group()?).kill_on_drop(true);
    Ok(command)
}

/// The process group of the children.
fn group() -> io::Result<i32> {
    let guard = GUARD.get_or_init(|| start_guard().map_err(|error| (error.kind(), error.to_string())));
    match guard {
        Ok(guard) => Ok(i32::try_from(guard.id()).expect("process ids fit in 31 bits")),
        Err((kind, why)) => Err(io::Error::new(*kind, format!("no shell to guard it: {why}"))),
    }
}

/// The write end of the pipe is kept in the child's handle and closed on exec in every other child.
fn start_guard() -> io::Result<Child> {
    StdCommand::new("/bin/sh")
        .args(["-c", WATCH])
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}
