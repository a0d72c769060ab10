//! The tables of a report.

use super::Results;
use super::table::Table;
use crate::agents::Outcome;
use crate::batch::{FULL, Shape};
use crate::budget::{Verdict, verdicts};
use crate::cost::{self, Workload};
use crate::measure::{Measured, count, megabytes};
use crate::scale;
use crate::spread::Spread;

/// What a reader has to know to judge the figures.
pub(super) const NOTES: [&str; 7] = [
    "- CPU is user and system time of the function's process alone, from handing over the payload until it asks for the next one. A ratio is that of two invocations of the same round. All subjects take turns, have the same warm-ups and write to the same receiver, another process that only answers 200. Requests are signed and travel without TLS.",
    "- Before anything is measured, each subject writes every batch to a strict stand-in for the workspace, which verifies signature, order and limits; what it stored is the same for all of them.",
    "- The null function is `lambda_runtime` handing over the payload as `Box<RawValue>` and answering at once. Its environment tells glibc's allocator to keep its pages (`MALLOC_TRIM_THRESHOLD_`, `MALLOC_MMAP_THRESHOLD_`, `MALLOC_TOP_PAD_`); the others have only what Lambda would give them.",
    "- The floor is one scan of the payload, snappy of the same messages and SHA-256 of the bodies, in the benchmark's process: no runtime API, no grouping, no signature, no network.",
    "- The handlers in Python and Node do less than the function: they do not take refused requests apart, have no dead-letter queue, do not escape names. Their runtime loop is a few lines; AWS's own runtimes do more for each invocation, and Python's has its HTTP client in C++. Their artifact is sources and packages without the interpreter, which Lambda brings.",
    "- `vmagent` and `prometheus` are servers: no SQS envelope, no event rules, no signature, samples sent when they see fit. Their figure is the CPU time of ten batches of 11,000 samples, until the receiver has them all and with what they use without load taken off, divided by ten.",
    "- Memory is the largest resident set, pages of shared libraries included.",
];

/// All tables in their order.
pub(super) fn all(results: &Results) -> Vec<Table> {
    let mut tables = vec![batches(results), shapes(results), agents(results), starts(results)];
    if !results.scale.steps.is_empty() {
        tables.push(scale_check(results));
    }
    tables.push(cost_of_writing(results));
    tables.push(budgets(results));
    tables.retain(|table| !table.rows.is_empty());
    tables
}

fn batches(results: &Results) -> Table {
    let usual = |measured: &&Measured| measured.batch.shape == Shape::Usual;
    let title = format!("One SQS batch: {}", Shape::Usual.name());
    of_batches(title, results, results.batches.iter().filter(usual), |measured| {
        measured.batch.records.to_string()
    })
}

fn shapes(results: &Results) -> Table {
    let shaped = results.batches.iter().filter(|measured| measured.batch.shape != Shape::Usual);
    of_batches("Other batches".to_owned(), results, shaped, |measured| {
        format!("{}; {}", measured.batch.records, measured.batch.shape.name())
    })
}

fn of_batches<'a>(
    title: String,
    results: &Results,
    batches: impl Iterator<Item = &'a Measured>,
    name: impl Fn(&Measured) -> String,
) -> Table {
    let mut rows = Vec::new();
    for measured in batches {
        let Measured { batch, costs, floor_ms, .. } = measured;
        for (subject, costs) in results.subjects.iter().zip(costs) {
            rows.push(vec![
                name(measured),
                subject.name.clone(),
                spread(costs.cpu_ms, 2),
                format!("{:.2}", costs.cpu_ms.median * 1e3 / count(batch.samples)),
                spread(costs.of_gateway, 2),
                spread(costs.of_null, 2),
                spread(costs.wall_ms, 2),
                format!("{:.1}", costs.peak_mb),
            ]);
        }
        let mut floor = vec![
            name(measured),
            "floor".to_owned(),
            spread(*floor_ms, 2),
            format!("{:.2}", floor_ms.median * 1e3 / count(batch.samples)),
        ];
        floor.resize(8, "–".to_owned());
        rows.push(floor);
    }
    let header = vec![
        "records",
        "subject",
        "CPU, ms",
        "µs/sample",
        "CPU, × push-gateway",
        "CPU, × null function",
        "wall, ms",
        "peak, MB",
    ];
    Table { title, header, texts: 2, rows, note: "" }
}

fn agents(results: &Results) -> Table {
    let full = full_batch(results);
    let gateway = full.and_then(|measured| measured.costs.first());
    let mut rows = Vec::new();
    if let Some(costs) = gateway {
        let name = results.subjects.first().map(|subject| subject.name.clone()).unwrap_or_default();
        let whole = "the whole job, for comparison".to_owned();
        rows.push(vec![
            name,
            whole,
            spread(costs.cpu_ms, 2),
            "1.00".to_owned(),
            format!("{:.1}", costs.peak_mb),
        ]);
    }
    for outcome in &results.agents {
        rows.push(match outcome {
            Outcome::Measured(costs) => vec![
                costs.name.clone(),
                costs.differs.to_owned(),
                spread(costs.cpu_ms, 1),
                gateway.map_or_else(dash, |gateway| {
                    format!("{:.2}", costs.cpu_ms.median / gateway.cpu_ms.median)
                }),
                format!("{:.1}", costs.peak_mb),
            ],
            Outcome::Absent(name, why) => {
                vec![(*name).to_owned(), format!("not measured: {why}"), dash(), dash(), dash()]
            }
        });
    }
    for (name, why) in &results.absent {
        rows.push(vec![name.clone(), format!("not measured: {why}"), dash(), dash(), dash()]);
    }
    Table {
        title: "Servers that share a part of the job: 11,000 samples in 1,000 series".to_owned(),
        header: vec!["subject", "what differs", "CPU, ms", "CPU, × push-gateway", "peak, MB"],
        texts: 2,
        rows,
        note: "",
    }
}

fn starts(results: &Results) -> Table {
    let rows = results.subjects.iter().zip(&results.starts).map(|(subject, start)| {
        vec![
            subject.name.clone(),
            spread(start.wall_ms, 2),
            spread(start.cpu_ms, 2),
            spread(start.first_cpu_ms, 2),
            format!("{:.2}", megabytes(subject.artifact_bytes)),
        ]
    });
    Table {
        title: "From starting the program to its first poll".to_owned(),
        header: vec!["subject", "wall, ms", "CPU, ms", "CPU of the first event after it, ms", "artifact, MB"],
        texts: 1,
        rows: rows.collect(),
        note: "",
    }
}

fn scale_check(results: &Results) -> Table {
    let limit = scale::limit(&results.scale.steps).map(|step| step.environments);
    let rows = results.scale.steps.iter().map(|step| {
        let is_limit = if Some(step.environments) == limit { "this machine is the limit" } else { "" };
        vec![
            step.environments.to_string(),
            is_limit.to_owned(),
            format!("{:.0}", step.events_per_second),
            format!("{:.2}", step.cpu_us),
            format!("{:.0} %", step.busy * 100.0),
            format!("{:.0} %", step.ours * 100.0),
        ]
    });
    Table {
        title: format!(
            "Scale check: full batches, as many as so many execution environments take; {:.0} % of the machine was busy before",
            results.scale.busy_before * 100.0
        ),
        header: vec!["environments", "", "events/s", "CPU, µs/event", "machine busy", "by the function"],
        texts: 2,
        rows: rows.collect(),
        note: "What is busy besides the function is the runtime emulator that feeds it, the receiver, and whatever else the machine does. After each batch the emulator waits some milliseconds for log lines, so one environment is never fully loaded.",
    }
}

/// What a million samples cost with each subject's CPU time.
pub(super) fn cost_of_writing(results: &Results) -> Table {
    let mut rows = Vec::new();
    for measured in results.batches.iter().filter(|measured| measured.batch.shape == Shape::Usual) {
        for (subject, costs) in results.subjects.iter().zip(&measured.costs) {
            if !subject.writes() {
                continue;
            }
            let memory_mb = cost::memory_for(costs.peak_mb);
            let workload = Workload {
                cpu_ms: costs.cpu_ms.median,
                records: count(measured.batch.records),
                samples: count(measured.batch.samples),
                memory_mb,
            };
            let cost = cost::per_million_samples(workload);
            rows.push(vec![
                measured.batch.records.to_string(),
                subject.name.clone(),
                format!("{memory_mb:.0}"),
                format!("{:.0}", cost::billed_ms(workload)),
                format!("{:.6}", cost.lambda),
                format!("{:.4}", cost.queue),
                format!("{:.4}", cost.ingestion),
                format!("{:.6}", cost.total()),
            ]);
        }
    }
    Table {
        title: "What a million samples cost, in US dollars".to_owned(),
        header: vec!["records", "subject", "memory, MB", "billed, ms", "Lambda", "SQS", "AMP", "total"],
        texts: 2,
        rows,
        note: "By the formula and the prices of [cost.md](cost.md), for x86-64 without free tiers, storage, queries and logs.",
    }
}

fn full_batch(results: &Results) -> Option<&Measured> {
    let is_full =
        |measured: &&Measured| (measured.batch.shape, measured.batch.records) == (Shape::Usual, FULL);
    results.batches.iter().find(is_full)
}

/// The budgets of the first subject, which is ours.
fn budgets(results: &Results) -> Table {
    let costs_of = |records| {
        let mut usual = results.batches.iter().filter(|measured| measured.batch.shape == Shape::Usual);
        let measured = usual.find(|measured| measured.batch.records == records)?;
        Some((measured.batch.samples, measured.costs.first()?))
    };
    let ours = results.subjects.first().zip(results.starts.first());
    let verdicts = ours.map(|(subject, start)| verdicts(subject, start, costs_of)).unwrap_or_default();
    let rows = verdicts.into_iter().map(|verdict| {
        let says = verdict.says();
        let Verdict { what, figure, unit, budget, aim } = verdict;
        let aim = aim.map_or_else(dash, |aim| format!("{aim} {unit}"));
        vec![what.to_owned(), says.to_owned(), format!("{figure:.2} {unit}"), format!("{budget} {unit}"), aim]
    });
    Table {
        title: "Budgets of push-gateway".to_owned(),
        header: vec!["what", "", "measured", "at most", "aim"],
        texts: 2,
        rows: rows.collect(),
        note: "",
    }
}

/// `median (least–greatest)`
fn spread(spread: Spread, decimals: usize) -> String {
    format!("{:.*} ({:.*}–{:.*})", decimals, spread.median, decimals, spread.min, decimals, spread.max)
}

fn dash() -> String {
    "–".to_owned()
}
