//! `push-gateway-local`: the cloud on one machine, as a program.
//!
//! In: a command line. Out: what the command prints; the exit code is 1 when something is not as it must be.

mod tour;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Run the push gateway against a stand-in of the cloud, on this machine only.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start everything, send events through the real function, show what became of each, and stop.
    Tour {
        /// The function's binary.
        #[arg(long)]
        function: PathBuf,
        /// The program `moto_server`, which serves SQS.
        #[arg(long)]
        moto: PathBuf,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Tour { function, moto } => tour::run(&function, &moto).await,
    }
}
