//! Report: the figures → tables that a person reads in a terminal.

use std::fs;

use crate::batch::Batch;
use crate::budget::{Verdict, verdicts};
use crate::measure::{Costs, Start, megabytes};
use crate::spread::Spread;
use crate::subject::Subject;

/// Everything that was measured.
#[derive(Debug)]
pub(crate) struct Results {
    /// The subjects in their order; the last one is the yardstick.
    pub(crate) subjects: Vec<Subject>,
    /// One for each subject.
    pub(crate) starts: Vec<Start>,
    /// For each batch the costs of each subject.
    pub(crate) batches: Vec<(Batch, Vec<Costs>)>,
    /// How often each figure was taken.
    pub(crate) rounds: usize,
}

impl Results {
    /// Prints all tables.
    pub(crate) fn print(&self) {
        println!("\nMachine: {}", machine());
        println!("Each figure is the median of {} rounds, with the least and the greatest.", self.rounds);
        self.print_batches();
        self.print_starts();
        self.print_budgets();
        println!("\n{NOTES}");
    }

    fn print_batches(&self) {
        println!("\nOne SQS batch");
        println!(
            "  {:>7} {:>7} {:>8}  {:<14} {:>26} {:>12} {:>20} {:>26} {:>9}",
            "records",
            "samples",
            "bytes",
            "subject",
            "CPU, ms",
            "µs/sample",
            "CPU, × null function",
            "wall, ms",
            "peak, MB"
        );
        for (batch, costs) in &self.batches {
            for (subject, costs) in self.subjects.iter().zip(costs) {
                println!(
                    "  {:>7} {:>7} {:>8}  {:<14} {:>26} {:>12.2} {:>20} {:>26} {:>9.1}",
                    batch.records,
                    batch.samples,
                    batch.payload.len(),
                    subject.name,
                    spread(costs.cpu_ms, 2),
                    costs.cpu_ms.median * 1e3 / count(batch.samples),
                    spread(costs.cpu_ratio, 2),
                    spread(costs.wall_ms, 2),
                    costs.peak_mb,
                );
            }
        }
    }

    fn print_starts(&self) {
        println!("\nFrom starting the program to its first poll");
        println!("  {:<14} {:>26} {:>26} {:>12}", "subject", "wall, ms", "CPU, ms", "artifact, MB");
        for (subject, start) in self.subjects.iter().zip(&self.starts) {
            println!(
                "  {:<14} {:>26} {:>26} {:>12.2}",
                subject.name,
                spread(start.wall_ms, 2),
                spread(start.cpu_ms, 2),
                megabytes(subject.artifact_bytes),
            );
        }
    }

    /// The budgets of the first subject, which is ours.
    fn print_budgets(&self) {
        let (Some(subject), Some(start)) = (self.subjects.first(), self.starts.first()) else { return };
        let costs_of = |records| {
            let (batch, costs) = self.batches.iter().find(|(batch, _)| batch.records == records)?;
            Some((batch.samples, costs.first()?))
        };
        println!("\nBudgets of {}", subject.name);
        for verdict in verdicts(subject, start, costs_of) {
            let Verdict { what, figure, unit, budget, aim } = verdict;
            let aim = aim.map(|aim| format!(", aim {aim} {unit}")).unwrap_or_default();
            let limit = format!("at most {budget} {unit}{aim}");
            println!("  {what:<58} {:>9} {limit:<28} {}", format!("{figure:.2} {unit}"), verdict.says());
        }
    }
}

/// What a reader has to know to judge the figures.
const NOTES: &str = "\
CPU is user and system time of the function's process alone, from handing over the payload until it asks for the
next one. The ratio is that of two invocations of the same round. The receiver is another process and only answers 200.
Not alike: the null function has glibc's allocator told by its environment to keep its pages (MALLOC_TRIM_THRESHOLD_,
MALLOC_MMAP_THRESHOLD_, MALLOC_TOP_PAD_), push-gateway has only what Lambda would give it; the write requests are signed
but travel without TLS.";

/// `median (least–greatest)`
fn spread(spread: Spread, decimals: usize) -> String {
    format!("{:.*} ({:.*}–{:.*})", decimals, spread.median, decimals, spread.min, decimals, spread.max)
}

/// The processor and the kernel, as far as Linux says.
fn machine() -> String {
    let cpu_info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let mut models = cpu_info.lines().filter_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = models.next().map_or("unknown processor", |(_, model)| model);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    format!("{model}, {cores} cores, Linux {}", kernel.trim())
}

#[expect(clippy::cast_precision_loss, reason = "a batch has fewer than 2^53 samples")]
fn count(samples: usize) -> f64 {
    samples as f64
}
