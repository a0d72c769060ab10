//! `amp`, `lambda`, `event-source`: one part of the stack alone, until it is stopped. The first line is its address.

mod amp;
mod event_source;
mod lambda;

use std::error::Error;

use clap::{Args, Subcommand};

use crate::CommandResult;
use crate::arguments::values;
use crate::stop_signal::StopSignal;

/// A part that runs by itself.
#[derive(Debug, Subcommand)]
pub(crate) enum Part {
    /// Stand in for one AMP workspace.
    Amp(amp::AmpArguments),
    /// Serve functions by Lambda's invoke API.
    Lambda(lambda::LambdaArguments),
    /// Deliver the messages of a queue to a function of any Lambda API.
    EventSource(event_source::EventSourceArguments),
}

/// The options of every part.
#[derive(Debug, Args)]
struct Common {
    /// The region.
    #[arg(long, default_value = "eu-west-1", value_parser = values::region)]
    region: String,
    /// Stop when the process with this id ends, however it ends; may be given again.
    #[arg(long, value_name = "PID")]
    stop_with: Vec<u32>,
}

/// Runs a part until it is stopped.
pub(crate) async fn run(part: Part) -> CommandResult {
    match part {
        Part::Amp(arguments) => amp::run(arguments).await,
        Part::Lambda(arguments) => lambda::run(arguments).await,
        Part::EventSource(arguments) => event_source::run(arguments).await,
    }?;
    Ok(true)
}

impl Common {
    async fn until_stopped(&self) -> Result<(), Box<dyn Error>> {
        StopSignal::listen(self.stop_with.clone())?.wait().await;
        Ok(())
    }
}
