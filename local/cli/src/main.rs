//! `push-gateway-local`: the push gateway and the AWS services around it on one machine.
//!
//! The exit code is 1 if a check fails or a part cannot start.

// These macros panic when nothing reads the output.
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod arguments;
mod audit;
mod check;
mod console;
mod events;
mod invocation_line;
mod part;
mod serve;
mod soak;
mod stack;
mod stop_signal;
mod tour;

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use arguments::{ServeArguments, TourArguments};
use check::CheckArguments;
use part::Part;
use soak::SoakArguments;
use soak::cortex::CortexSoakArguments;

/// Whether the checks of a command succeeded, or why it could not run.
type CommandResult = Result<bool, Box<dyn Error>>;

/// Run the push gateway against local stand-ins of AWS, on this machine only.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start everything, send events through the real function, show the result of each, read them back, and stop.
    Tour(TourArguments),
    /// Keep the whole stack up: queue, event source mapping, function, workspace, and Prometheus if it is installed.
    Serve(Box<ServeArguments>),
    /// Send a steady load while things fail at random, and compare every sample at the end.
    Soak(SoakArguments),
    /// Send many messages through several functions into a real Cortex while things fail, and account for each.
    CortexSoak(CortexSoakArguments),
    /// Run a function or an extension once, and report whether it starts and answers.
    Check(CheckArguments),
    /// The function that `check` runs beside an extension.
    #[command(hide = true)]
    EchoFunction,
    #[command(flatten)]
    Part(Part),
}

#[tokio::main]
async fn main() -> ExitCode {
    let command = Arguments::parse().command;
    tokio::select! {
        code = run(command) => code,
        () = console::reader_is_gone() => ExitCode::from(console::BROKEN_PIPE),
    }
}

async fn run(command: Command) -> ExitCode {
    let result = match command {
        Command::Tour(arguments) => tour::run(&arguments).await,
        Command::Serve(arguments) => serve::run(&arguments).await,
        Command::Soak(arguments) => soak::run(&arguments).await,
        Command::CortexSoak(arguments) => soak::cortex::run(&arguments).await,
        Command::Check(arguments) => check::run(&arguments).await,
        Command::EchoFunction => check::run_echo_function().await,
        Command::Part(part) => part::run(part).await,
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            console::print_error(&*error);
            ExitCode::FAILURE
        }
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
