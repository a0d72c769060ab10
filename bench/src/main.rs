//! `push-gateway-bench`: what the function costs, measured side by side with a function that does nothing.
//!
//! In: the release builds of both, found beside this program. Out: tables on standard output, progress on standard
//! error. Both run under the Lambda runtime emulator of `push-gateway-local`, in turns, and the function writes to a
//! receiver in another process. The exit code is 1 when a function answered wrongly, never for a missed budget.

mod batch;
mod budget;
mod measure;
mod progress;
mod receiver;
mod report;
mod spread;
mod subject;

use std::env::current_exe;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use batch::Batch;
use progress::Progress;
use receiver::Receiver;
use report::Results;
use subject::Subject;

/// Batches that are measured, in records: from a single one to as many as fit, and the one that growth is told by.
const BATCHES: [usize; 6] = [1, 10, 100, budget::SMALLER, 1_000, budget::FULL];

/// Measure what the function costs, side by side with a function that does nothing.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// The function's binary; the one beside this program if not given.
    #[arg(long)]
    function: Option<PathBuf>,
    /// How often everything is measured.
    #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Batches to measure, in records.
    #[arg(long, value_delimiter = ',', default_values_t = BATCHES)]
    batches: Vec<usize>,
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
        None => measure_all(arguments).await.map(|results| results.print()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("✗ {error}");
            ExitCode::FAILURE
        }
    }
}

async fn measure_all(arguments: Arguments) -> Result<Results, Box<dyn Error>> {
    let this = current_exe()?;
    let receiver = Receiver::start(&this).await?;
    let function = arguments.function.unwrap_or_else(|| this.with_file_name("push-gateway"));
    let subjects = vec![
        Subject::gateway(&function, &receiver.url)?,
        Subject::null_function(&this.with_file_name("null-function"))?,
    ];
    let rounds = usize::from(arguments.rounds);
    let mut progress = Progress::of(measure::ticks(arguments.batches.len(), rounds));
    progress.step("starting");
    let starts = measure::starts(&subjects, rounds, &mut progress).await?;
    let mut batches = Vec::new();
    for records in arguments.batches {
        progress.step(&format!("batches of {records} records"));
        let batch = Batch::of(records);
        let costs = measure::invocations(&subjects, &batch, rounds, &mut progress).await?;
        batches.push((batch, costs));
    }
    progress.done();
    Ok(Results { subjects, starts, batches, rounds })
}
