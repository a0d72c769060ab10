//! Progress: one line on a terminal that says what is under way and how far it is; plain lines elsewhere.

use std::io::{IsTerminal as _, Write as _, stderr};

/// How far the benchmark is.
#[derive(Debug)]
pub(crate) struct Progress {
    ticks: usize,
    ticked: usize,
    now: String,
    is_live: bool,
}

impl Progress {
    /// A benchmark of `ticks` equal steps.
    pub(crate) fn of(ticks: usize) -> Self {
        Self { ticks, ticked: 0, now: String::new(), is_live: stderr().is_terminal() }
    }

    /// Says what comes next.
    pub(crate) fn step(&mut self, what: &str) {
        what.clone_into(&mut self.now);
        if self.is_live {
            self.show();
        } else {
            eprintln!("• {what}");
        }
    }

    /// One step further.
    pub(crate) fn tick(&mut self) {
        self.ticked += 1;
        if self.is_live {
            self.show();
        }
    }

    /// Leaves the terminal as it was.
    pub(crate) fn done(self) {
        if self.is_live {
            eprint!("\r\x1b[K");
        }
    }

    fn show(&self) {
        let percent = 100 * self.ticked / self.ticks.max(1);
        eprint!("\r\x1b[K  {percent:>3} %  {}", self.now);
        // A progress line that cannot be shown is no reason to stop.
        let _ = stderr().flush();
    }
}
