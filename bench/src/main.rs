//! `push-gateway-bench`: what the function costs, measured side by side with what one would run instead.
//!
//! In: the release builds of the function and of the null function, found beside this program; the peers in
//! `bench/peers`; agents, if they are installed. Out: tables on standard output, progress on standard error, documents
//! and plots in a folder. Functions run under the Lambda runtime emulator of `push-gateway-local`, in turns, and write
//! to a receiver in another process. The exit code is 1 when one answered wrongly, never for a missed budget.

mod agents;
mod batch;
mod budget;
mod cost;
mod floor;
mod machine;
mod measure;
mod plan;
mod progress;
mod proof;
mod receiver;
mod report;
mod scale;
mod spread;
mod subject;
mod used;

use std::env::current_exe;
use std::error::Error;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use batch::{Batch, Shape};
use machine::Machine;
use plan::Plan;
use progress::Progress;
use receiver::Receiver;
use report::Results;
use subject::Subject;

/// Measure what the function costs, side by side with what one would run instead.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Run everything once, to see that it works; the figures mean little, and the documents go to --documents only.
    #[arg(long)]
    quick: bool,
    /// Only the scale check: 1 to 8 execution environments under load.
    #[arg(long)]
    scale: bool,
    /// The function's binary; the one beside this program if not given.
    #[arg(long)]
    function: Option<PathBuf>,
    /// The folder of the peers.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/peers"))]
    peers: PathBuf,
    /// Where documents and plots are written; not at all if not given.
    #[arg(long)]
    documents: Option<PathBuf>,
    /// Where programs are looked for.
    #[arg(long, env = "PATH", hide_env_values = true)]
    path: OsString,
    /// How often everything is measured.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: Option<u16>,
    /// Batches to measure, in records; all of them and other shapes if not given.
    #[arg(long, value_delimiter = ',')]
    batches: Option<Vec<usize>>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answer 200 to everything until standard input ends.
    #[command(name = receiver::COMMAND, hide = true)]
    Receiver,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.command {
        Some(Command::Receiver) => receiver::run().await.map_err(Into::into),
        None => measure_and_report(arguments).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("✗ {error}");
            ExitCode::FAILURE
        }
    }
}

async fn measure_and_report(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let documents = arguments.documents.clone();
    let results = measure_all(arguments).await?;
    results.print();
    if let Some(folder) = documents {
        results.write(&folder)?;
        println!("\nWritten: benchmarks.md and its plots, in {}", folder.display());
    }
    Ok(())
}

async fn measure_all(arguments: Arguments) -> Result<Results, Box<dyn Error>> {
    let plan = plan_of(&arguments);
    let this = current_exe()?;
    let receiver = Receiver::start(&this).await?;
    let machine = Machine::describe(&arguments.path, &arguments.peers).await;
    let function = arguments.function.clone().unwrap_or_else(|| this.with_file_name("push-gateway"));
    let mut subjects = vec![Subject::gateway(&function, &receiver.url)?];
    let mut absent = Vec::new();
    if !arguments.scale {
        for (name, peer) in peers(&arguments, &receiver) {
            match peer {
                Ok(peer) => subjects.push(peer),
                Err(error) => absent.push((name.to_owned(), error.to_string())),
            }
        }
        subjects.push(Subject::null_function(&this.with_file_name("null-function"))?);
    }
    let only_scale = arguments.scale;
    let of_functions = if only_scale { 0 } else { measure::ticks(&plan) + agents::ticks() };
    let mut progress = Progress::of(of_functions + scale::ticks());
    let rounds = plan.rounds;
    let mut results = Results {
        machine,
        subjects,
        absent,
        starts: vec![],
        batches: vec![],
        agents: vec![],
        scale: scale::Scale::default(),
        rounds,
    };
    if !only_scale {
        measure_functions(&mut results, &plan, &mut progress).await?;
        results.agents = agents::measure(&arguments.path, &receiver, plan.agent_rounds, &mut progress).await;
    }
    results.scale = scale::check(&results.subjects[0], plan.scale_step, &mut progress).await?;
    progress.done();
    Ok(results)
}

async fn measure_functions(
    results: &mut Results,
    plan: &Plan,
    progress: &mut Progress,
) -> Result<(), Box<dyn Error>> {
    let subjects = &results.subjects;
    progress.step("starting");
    results.starts = measure::starts(subjects, &Batch::of(Shape::Usual, 1), plan.rounds, progress).await?;
    for &(shape, records) in &plan.cases {
        progress.step(&format!("batches of {records} records: {}", shape.name()));
        let batch = Batch::of(shape, records);
        let messages = proof::same_job(subjects, &batch).await?;
        let measured = measure::invocations(subjects, batch, &messages, plan, progress).await?;
        results.batches.push(measured);
    }
    Ok(())
}

fn plan_of(arguments: &Arguments) -> Plan {
    let mut plan = if arguments.quick { Plan::quick() } else { Plan::full() };
    if let Some(rounds) = arguments.rounds {
        plan.rounds = usize::from(rounds);
    }
    if let Some(batches) = &arguments.batches {
        plan.cases = batches.iter().map(|&records| (Shape::Usual, records)).collect();
    }
    plan
}

/// The handlers that one would write instead, as far as they are installed.
fn peers(arguments: &Arguments, receiver: &Receiver) -> [(&'static str, io::Result<Subject>); 2] {
    let python = Subject::python(&arguments.peers, &receiver.url);
    let node = agents::find("node", &arguments.path)
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "node is not installed"))
        .and_then(|node| Subject::node(&arguments.peers, &node, &receiver.url));
    [("Python handler", python), ("Node handler", node)]
}
