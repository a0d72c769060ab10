//! Writes the results as Markdown.

use std::fmt::Write as _;

use crate::batch::Kind;
use crate::budget::{self, Budget};
use crate::cost::{self, Workload};
use crate::measure::{Costs, Measured, Spread, Start, count, megabytes};
use crate::peers::Peer;
use crate::subject::Subject;
use crate::versions::Version;

/// How to read the figures.
const NOTES: &str = "\
## How it is measured

- CPU is user and system time of the function's process, from handing over the payload until the process requests the next one. Ratios are medians of the ratios within a round. All subjects take turns, have the same warm-ups and write to the same receiver, which answers 200. Requests are signed and use no TLS.
- Before a batch is measured, each subject writes it to a strict stand-in for AMP, which checks signatures, order and limits. The stored samples are the same for all subjects.
- The null function is `lambda_runtime` with the payload as `Box<RawValue>`, and returns at once. Its environment makes glibc's allocator keep its pages (`MALLOC_TRIM_THRESHOLD_`, `MALLOC_MMAP_THRESHOLD_`, `MALLOC_TOP_PAD_`); the others have the environment of Lambda.
- The Node.js handler does less than the function: it gives back rejected requests as a whole, has no dead-letter queue and escapes no names. Its runtime loop is a few lines; that of AWS does more in each invocation.
- A push has the two gauges of the events once for each customer in the event of a function URL. Expositions have no timestamps, and the gateway adds `push_time_seconds`. The other programs get the same body over HTTP; theirs is the mean CPU time of a push. That of vmagent and the collector includes sending it on, that of Prometheus storing it.
- Memory is the largest resident set, which includes pages of shared libraries.
";

/// All measurements. The first subject is the function, the last one the null function.
#[derive(Debug)]
pub(crate) struct Results {
    pub(crate) heading: String,
    pub(crate) subjects: Vec<Subject>,
    pub(crate) starts: Vec<Start>,
    pub(crate) batches: Vec<Measured>,
    /// The subjects that take pushes.
    pub(crate) takers: Vec<Subject>,
    pub(crate) pushes: Vec<Measured>,
    pub(crate) peers: Vec<Peer>,
    pub(crate) versions: Vec<Version>,
    pub(crate) rounds: usize,
}

impl Results {
    pub(crate) fn budgets(&self) -> Vec<Budget> {
        budget::budgets(&self.subjects, &self.starts, &self.batches, &self.pushes, &self.peers)
    }

    pub(crate) fn markdown(&self, budgets: &[Budget]) -> String {
        let mut text = String::from("# Benchmarks\n\nWritten by `npm run bench`; do not edit.\n\n");
        if !self.heading.is_empty() {
            let _ = writeln!(text, "{}\n", self.heading);
        }
        let _ = writeln!(text, "Figures are medians of {} rounds, with the range.\n", self.rounds);
        let _ = writeln!(text, "## Budgets\n\n{}", budget_table(budgets));
        let _ = writeln!(text, "## SQS batches\n\n{}", self.batch_table());
        let _ = writeln!(text, "## Pushes at a function URL\n\n{}", self.push_table());
        let _ = writeln!(text, "## A full batch in each version of remote write\n\n{}", self.version_table());
        let _ = writeln!(text, "## From starting the program to its first poll\n\n{}", self.start_table());
        let _ = writeln!(text, "## US dollars for a million samples\n\n{}", self.cost_table());
        text.push_str("By the formula and the prices of [cost.md](cost.md).\n\n");
        text.push_str(NOTES);
        text
    }

    /// The costs of each subject for each batch.
    fn rows(&self) -> impl Iterator<Item = (&Measured, &Subject, &Costs)> {
        self.batches.iter().flat_map(move |measured| {
            let of_batch = self.subjects.iter().zip(&measured.costs);
            of_batch.map(move |(subject, costs)| (measured, subject, costs))
        })
    }

    /// The costs of each push, of functions and of the peers with the same body.
    fn push_table(&self) -> String {
        let mut table =
            Table::new(&["format", "samples", "subject"], &["CPU, ms", "µs/sample", "wall, ms", "peak, MB"]);
        for measured in &self.pushes {
            let Kind::Push(push) = measured.batch.kind else { continue };
            let samples = measured.batch.samples;
            let per_sample = |cpu_ms: f64| format!("{:.2}", cpu_ms * 1e3 / count(samples));
            let format = push.format.name();
            for (subject, costs) in self.takers.iter().zip(&measured.costs) {
                table.row(&[
                    format.to_owned(),
                    samples.to_string(),
                    subject.name.to_owned(),
                    spread(costs.cpu_ms),
                    per_sample(costs.cpu_ms.median),
                    spread(costs.wall_ms),
                    format!("{:.1}", costs.peak_mb),
                ]);
            }
            let is_full = crate::push::FULL_PUSHES.contains(&push);
            for peer in self.peers.iter().filter(|peer| is_full && peer.format == push.format) {
                table.row(&[
                    format.to_owned(),
                    samples.to_string(),
                    peer.name.to_owned(),
                    format!("{:.2}", peer.cpu_ms),
                    per_sample(peer.cpu_ms),
                    String::new(),
                    String::new(),
                ]);
            }
        }
        table.text
    }

    fn version_table(&self) -> String {
        let mut table = Table::new(
            &["version"],
            &["requests", "sent, kB", "message, kB", "CPU, ms", "CPU, × 1.0", "peak, MB"],
        );
        let kilobytes = |bytes: usize| format!("{:.1}", count(bytes) / 1e3);
        for version in &self.versions {
            table.row(&[
                version.name.to_owned(),
                version.requests.to_string(),
                kilobytes(version.sent_bytes),
                kilobytes(version.message_bytes),
                spread(version.costs.cpu_ms),
                spread(version.costs.ratios[0]),
                format!("{:.1}", version.costs.peak_mb),
            ]);
        }
        table.text
    }

    fn batch_table(&self) -> String {
        let mut table = Table::new(
            &["records", "label sets", "subject"],
            &["CPU, ms", "µs/sample", "CPU, × push-gateway", "CPU, × null function", "wall, ms", "peak, MB"],
        );
        for (measured, subject, costs) in self.rows() {
            table.row(&[
                measured.batch.records().to_string(),
                measured.batch.label_sets().to_string(),
                subject.name.to_owned(),
                spread(costs.cpu_ms),
                format!("{:.2}", costs.cpu_ms.median * 1e3 / count(measured.batch.samples)),
                spread(costs.ratios[0]),
                spread(costs.ratios[costs.ratios.len() - 1]),
                spread(costs.wall_ms),
                format!("{:.1}", costs.peak_mb),
            ]);
        }
        table.text
    }

    fn start_table(&self) -> String {
        let mut table =
            Table::new(&["subject"], &["wall, ms", "CPU, ms", "CPU of the first event, ms", "artifact, MB"]);
        for (subject, start) in self.subjects.iter().zip(&self.starts) {
            let artifact = subject.artifact_bytes.map(|bytes| format!("{:.2}", megabytes(bytes)));
            table.row(&[
                subject.name.to_owned(),
                spread(start.wall_ms),
                spread(start.cpu_ms),
                spread(start.first_cpu_ms),
                artifact.unwrap_or_default(),
            ]);
        }
        table.text
    }

    fn cost_table(&self) -> String {
        let mut table = Table::new(
            &["records", "label sets", "subject"],
            &["memory, MB", "billed, ms", "Lambda", "SQS", "AMP", "total"],
        );
        for (measured, subject, costs) in self.rows().filter(|(_, subject, _)| subject.writes) {
            let workload = Workload {
                cpu_ms: costs.cpu_ms.median,
                records: count(measured.batch.records()),
                samples: count(measured.batch.samples),
                memory_mb: cost::memory_for(costs.peak_mb),
            };
            let cost = cost::per_million_samples(workload);
            table.row(&[
                measured.batch.records().to_string(),
                measured.batch.label_sets().to_string(),
                subject.name.to_owned(),
                workload.memory_mb.to_string(),
                cost::billed_ms(workload).to_string(),
                format!("{:.6}", cost.lambda),
                format!("{:.4}", cost.queue),
                format!("{:.4}", cost.ingestion),
                format!("{:.6}", cost.total()),
            ]);
        }
        table.text
    }
}

fn budget_table(budgets: &[Budget]) -> String {
    let mut table = Table::new(&["budget"], &["measured", "at most", ""]);
    for budget in budgets {
        table.row(&[
            budget.what.clone(),
            format!("{:.2} {}", budget.measured, budget.unit),
            format!("{} {}", budget.at_most, budget.unit),
            if budget.is_met() { "met" } else { "**missed**" }.to_owned(),
        ]);
    }
    table.text
}

/// A table in Markdown.
struct Table {
    text: String,
}

impl Table {
    fn new(texts: &[&str], figures: &[&str]) -> Self {
        let header = [texts, figures].concat().join(" | ");
        let rule = [vec!["---"; texts.len()], vec!["---:"; figures.len()]].concat().join(" | ");
        Self { text: format!("| {header} |\n| {rule} |\n") }
    }

    fn row(&mut self, cells: &[String]) {
        let _ = writeln!(self.text, "| {} |", cells.join(" | "));
    }
}

/// `median (least–greatest)`
fn spread(spread: Spread) -> String {
    format!("{:.2} ({:.2}–{:.2})", spread.median, spread.min, spread.max)
}
