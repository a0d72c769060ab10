//! Lines on a terminal: colours and progress where a person looks at it, plain text elsewhere.

use std::error::Error;
use std::io::{IsTerminal as _, stdout};

use tokio::time::Instant;

use crate::stdout::{print_line, print_part};

/// Where everything is printed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terminal {
    /// A person is looking, so a line may be written over.
    is_live: bool,
    is_coloured: bool,
}

/// How a text stands out.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Style {
    Bold,
    Dim,
    Good,
    Bad,
    Warm,
}

impl Terminal {
    /// Looks whether stdout is a terminal, and at `NO_COLOR` (<https://no-color.org>).
    pub(crate) fn detect() -> Self {
        let is_live = stdout().is_terminal();
        let wants_no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { is_live, is_coloured: is_live && !wants_no_colour }
    }

    /// The text, marked where colours are wanted. Pad before: the marks have no width.
    pub(crate) fn paint(self, style: Style, text: &str) -> String {
        if !self.is_coloured {
            return text.to_owned();
        }
        let code = match style {
            Style::Bold => "1",
            Style::Dim => "2",
            Style::Good => "32",
            Style::Bad => "31",
            Style::Warm => "33",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    pub(crate) fn title(self, text: &str) {
        print_line!("\n{}", self.paint(Style::Bold, text));
    }

    pub(crate) fn heading(self, text: &str) {
        print_line!("\n{}", self.paint(Style::Bold, text));
    }

    /// Something went wrong, with everything that led to it.
    pub(crate) fn error(self, error: &(dyn Error + 'static)) {
        print_line!("\n  {} {error}", self.paint(Style::Bad, "✗"));
        let mut cause = error.source();
        while let Some(error) = cause {
            print_line!("    because: {error}");
            cause = error.source();
        }
    }

    /// A line that the next one of its kind writes over; where nobody looks at it, it is not shown.
    pub(crate) fn progress(self, text: &str) {
        if self.is_live {
            print_part!("\r\x1b[K  {text}");
        }
    }

    /// Takes the progress line away.
    pub(crate) fn clear_progress(self) {
        if self.is_live {
            print_part!("\r\x1b[K");
        }
    }

    /// Whether a person is looking.
    pub(crate) fn is_live(self) -> bool {
        self.is_live
    }

    /// Announces something that takes a while.
    pub(crate) fn step(self, name: &str) -> Step {
        let step = Step { terminal: self, name: name.to_owned(), began: Instant::now() };
        if self.is_live {
            print_part!("  {} {name}", self.paint(Style::Dim, "…"));
        }
        step
    }
}

/// Something that is under way.
#[derive(Debug)]
pub(crate) struct Step {
    terminal: Terminal,
    name: String,
    began: Instant,
}

impl Step {
    /// Replaces the announcement by the result.
    pub(crate) fn done(self, result: &str) {
        let terminal = self.terminal;
        if terminal.is_live {
            print_part!("\r\x1b[K");
        }
        let time = format!("{:>7.2} s", self.began.elapsed().as_secs_f64());
        let tick = terminal.paint(Style::Good, "✓");
        print_line!("  {tick} {:<14} {:<70} {}", self.name, result, terminal.paint(Style::Dim, &time));
    }
}
