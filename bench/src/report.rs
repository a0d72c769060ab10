//! Report: the figures → tables in a terminal, documents and plots.

mod document;
mod plots;
mod table;
mod tables;

use std::io;
use std::path::Path;

use crate::agents;
use crate::machine::Machine;
use crate::measure::{Measured, Start};
use crate::scale::Scale;
use crate::subject::Subject;

/// Everything that was measured.
#[derive(Debug)]
pub(crate) struct Results {
    /// Where and when.
    pub(crate) machine: Machine,
    /// The subjects in their order; the first one is the function, the last one the yardstick.
    pub(crate) subjects: Vec<Subject>,
    /// Subjects that could not be measured, and why.
    pub(crate) absent: Vec<(String, String)>,
    /// One for each subject.
    pub(crate) starts: Vec<Start>,
    /// One for each batch.
    pub(crate) batches: Vec<Measured>,
    /// The servers.
    pub(crate) agents: Vec<agents::Outcome>,
    /// The scale check.
    pub(crate) scale: Scale,
    /// How often each figure was taken.
    pub(crate) rounds: usize,
}

impl Results {
    /// Prints all tables.
    pub(crate) fn print(&self) {
        println!("\n{}", self.machine);
        println!("Each figure is the median of {} rounds, with the least and the greatest.", self.rounds);
        for table in tables::all(self) {
            println!("\n{}", table.for_terminal());
        }
        println!("{}", tables::NOTES.join("\n"));
    }

    /// Writes `benchmarks.md` and its plots into `folder`, and the measured table into its `cost.md`, if there is one.
    ///
    /// # Errors
    /// A file cannot be written, or a plot cannot be drawn.
    pub(crate) fn write(&self, folder: &Path) -> io::Result<()> {
        std::fs::create_dir_all(folder)?;
        plots::draw(self, folder)?;
        std::fs::write(folder.join("benchmarks.md"), document::benchmarks(self))?;
        let cost = folder.join("cost.md");
        match std::fs::read_to_string(&cost) {
            Ok(text) => std::fs::write(&cost, document::with_measured_cost(&text, self)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }
}
