//! Prints to standard output: in colour on a terminal, without colour elsewhere or if `NO_COLOR` is set.
//!
//! The reader may go away, as with `serve | head -3`: then the command ends without a panic.

use std::error::Error;
use std::fmt::Arguments;
use std::future::pending;
use std::io::{ErrorKind, Write as _, stdout};
use std::os::fd::AsFd as _;
use std::time::Duration;

use owo_colors::OwoColorize as _;
use tokio::io::Interest;
use tokio::net::unix::pipe::Sender;

/// The exit code that a shell reports for a program that SIGPIPE ended.
pub(crate) const BROKEN_PIPE: u8 = 141;

/// Prints a line, as `println!` does. Failed writes are ignored: [`reader_is_gone`] ends the command.
macro_rules! print_line {
    ($($text:tt)*) => { $crate::console::write(format_args!("{}\n", format_args!($($text)*))) };
}

pub(crate) use print_line;

pub(crate) fn write(text: Arguments<'_>) {
    // Removes the colours if stdout is not a terminal.
    let mut stdout = anstream::stdout();
    let _ = stdout.write_fmt(text).and_then(|()| stdout.flush());
}

/// Returns when nothing reads standard output any more.
pub(crate) async fn reader_is_gone() {
    // A second descriptor, which is only watched. A file has no reader and cannot be watched.
    let duplicate = stdout().as_fd().try_clone_to_owned();
    let Ok(watched) = duplicate.and_then(Sender::from_owned_fd_unchecked) else { return pending().await };
    loop {
        match watched.ready(Interest::WRITABLE).await {
            Ok(state) if state.is_write_closed() => return,
            // The result of a write that would block: wait for the next change.
            Ok(_) => drop(watched.try_io(|| Err::<(), _>(ErrorKind::WouldBlock.into()))),
            Err(_) => return pending().await,
        }
    }
}

pub(crate) fn print_heading(text: &str) {
    print_line!("\n{}", text.bold());
}

/// An error with all its causes.
pub(crate) fn print_error(error: &(dyn Error + 'static)) {
    print_line!("\n  {} {error}", "✗".red());
    let mut cause = error.source();
    while let Some(error) = cause {
        print_line!("    because: {error}");
        cause = error.source();
    }
    print_line!("");
}

/// The last line of a command that compares sums.
pub(crate) fn print_verdict(is_good: bool, text: &str) {
    let mark = if is_good { "✓".green().to_string() } else { "✗".red().to_string() };
    print_line!("\n{mark} {}\n", text.bold());
}

pub(crate) fn millis(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1_000.0)
}
