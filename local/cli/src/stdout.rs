//! Standard output, whose reader may go away, as with `serve | head -3`: then the command ends, and nothing panics.

use std::fmt::Arguments;
use std::future::pending;
use std::io::{ErrorKind, Write as _, stdout};
use std::os::fd::AsFd as _;

use tokio::io::Interest;
use tokio::net::unix::pipe::Sender;

/// The exit code that a shell reports for a program that SIGPIPE ended.
pub(crate) const READER_IS_GONE: u8 = 141;

/// Prints a line, as `println!` does. What cannot be written is dropped: [`reader_is_gone`] ends the command.
macro_rules! print_line {
    ($($text:tt)*) => { $crate::stdout::write(format_args!("{}\n", format_args!($($text)*))) };
}

/// As [`print_line`], without the end of the line.
macro_rules! print_part {
    ($($text:tt)*) => { $crate::stdout::write(format_args!($($text)*)) };
}

pub(crate) use {print_line, print_part};

pub(crate) fn write(text: Arguments<'_>) {
    let mut stdout = stdout();
    let _ = stdout.write_fmt(text).and_then(|()| stdout.flush());
}

/// Waits until nobody can read any more what is printed.
pub(crate) async fn reader_is_gone() {
    // A second descriptor, which is only watched. A file has no reader and cannot be watched.
    let duplicate = stdout().as_fd().try_clone_to_owned();
    let Ok(watched) = duplicate.and_then(Sender::from_owned_fd_unchecked) else { return pending().await };
    loop {
        match watched.ready(Interest::WRITABLE).await {
            Ok(state) if state.is_write_closed() => return,
            // The answer of a write that would block: wait for the next change.
            Ok(_) => drop(watched.try_io(|| Err::<(), _>(ErrorKind::WouldBlock.into()))),
            Err(_) => return pending().await,
        }
    }
}
