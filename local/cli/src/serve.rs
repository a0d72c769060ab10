//! `serve`: the whole stack, until somebody stops it.
//!
//! In: a command line, signals. Out: the endpoints with a line to copy for each, what every invocation did, and the
//! figures at the end. The first Ctrl-C stops in order, the second at once.

mod screen;

use std::io;
use std::path::Path;
use std::process::{ExitCode, exit};

use crate::stack::{Endpoints, Figures, Stack, StackError, StackOptions};
use tokio::time::Instant;

use crate::arguments::ServeArguments;
use crate::invocation_line;
use crate::stdout::print_line;
use crate::stop_signal::StopSignal;
use crate::terminal::Terminal;

/// What a shell says of a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// Why there was nothing to serve.
#[derive(Debug, thiserror::Error)]
enum ServeError {
    #[error(transparent)]
    Stack(#[from] StackError),
    #[error("cannot write the endpoints to {file}")]
    Endpoints { file: String, source: io::Error },
    #[error("cannot wait for signals")]
    Signals(#[source] io::Error),
}

/// Runs the stack.
pub(crate) async fn run(arguments: &ServeArguments) -> ExitCode {
    let options = arguments.stack_options().await.unwrap_or_else(|error| error.exit());
    let terminal = Terminal::detect();
    match serve(terminal, arguments, &options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            terminal.error(&error);
            print_line!("");
            ExitCode::FAILURE
        }
    }
}

async fn serve(
    terminal: Terminal,
    arguments: &ServeArguments,
    options: &StackOptions,
) -> Result<(), ServeError> {
    let mut signals = StopSignal::listen(arguments.stop_with.clone()).map_err(ServeError::Signals)?;
    terminal.title("Serverless Prometheus push gateway: the whole stack on this machine");
    let began = Instant::now();
    let step = terminal.step("starting");
    let starting = Stack::start(options, move |seen| invocation_line::print(terminal, began, &seen));
    let stack = tokio::select! {
        stack = starting => stack?,
        () = signals.wait() => return Ok(()),
    };
    step.done("everything listens on 127.0.0.1 only");
    if let Some(file) = &arguments.endpoints {
        write_endpoints(file, stack.endpoints())?;
    }
    screen::endpoints(terminal, stack.endpoints());

    signals.wait().await;
    tokio::spawn(async move {
        signals.wait().await;
        exit(INTERRUPTED);
    });
    let step = terminal.step("stopping");
    stack.drain().await;
    step.done("no invocation is left at work");
    let figures: Option<Figures> = stack.figures().await.ok();
    drop(stack);
    if let Some(figures) = figures {
        screen::figures(terminal, &figures);
    }
    Ok(())
}

/// Whoever waits for the file must never see half of it.
fn write_endpoints(file: &Path, endpoints: &Endpoints) -> Result<(), ServeError> {
    let failed = |source| ServeError::Endpoints { file: file.display().to_string(), source };
    let unfinished = file.with_extension("unfinished");
    std::fs::write(&unfinished, format!("{:#}\n", endpoints.to_json())).map_err(failed)?;
    std::fs::rename(&unfinished, file).map_err(failed)
}
