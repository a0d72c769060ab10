//! `push-gateway-local`: the cloud on one machine, as a program.
//!
//! In: a command line. Out: what the command prints; the exit code is 1 when something is not as it must be.

// They panic when the reader is gone.
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod arguments;
mod invocation_line;
mod noise;
mod part;
mod serve;
mod soak;
mod stack;
mod stdout;
mod stop_signal;
mod terminal;
mod tour;
mod wording;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use arguments::{ServeArguments, TourArguments};
use part::Part;
use soak::SoakArguments;

/// Run the push gateway against a stand-in of the cloud, on this machine only.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start everything, send events through the real function, show what became of each, read it back, and stop.
    Tour(TourArguments),
    /// Keep the whole stack up: queue, event source mapping, function, workspace, and Prometheus if it is there.
    Serve(Box<ServeArguments>),
    /// Send a steady load for a time while things fail at random, and prove that the sums match.
    Soak(SoakArguments),
    #[command(flatten)]
    Part(Part),
}

#[tokio::main]
async fn main() -> ExitCode {
    let command = Arguments::parse().command;
    tokio::select! {
        code = run(command) => code,
        () = stdout::reader_is_gone() => ExitCode::from(stdout::READER_IS_GONE),
    }
}

async fn run(command: Command) -> ExitCode {
    match command {
        Command::Tour(arguments) => tour::run(&arguments).await,
        Command::Serve(arguments) => serve::run(&arguments).await,
        Command::Soak(arguments) => soak::run(&arguments).await,
        Command::Part(part) => part::run(part).await,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    /// `scripts/start.sh` passes these itself.
    const OF_THE_SCRIPT: [&str; 4] = ["--function=", "--moto=", "--query=", "--telemetry-extension="];

    #[test]
    fn the_command_line_is_free_of_contradictions() {
        Arguments::command().debug_assert();
    }

    /// `scripts/start.sh` reads the list and refuses other options before it builds anything.
    #[test]
    fn serve_takes_the_options_in_the_list_of_the_scripts() {
        let mut command = Arguments::command();
        command.build();
        let serve = command.find_subcommand("serve").expect("a command");
        let mut options: Vec<String> = serve
            .get_arguments()
            .filter_map(|argument| {
                let value = if argument.get_action().takes_values() { "=" } else { "" };
                argument.get_long().map(|long| format!("--{long}{value}"))
            })
            .filter(|option| !OF_THE_SCRIPT.contains(&option.as_str()))
            .collect();
        options.sort_unstable();
        let listed: Vec<&str> = include_str!("../../../scripts/serve-options.txt").lines().collect();
        assert_eq!(options, listed);
    }
}
