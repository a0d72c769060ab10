//! `serve`: the whole stack until it is stopped. The first Ctrl-C stops it in order, the second at once.

mod screen;

use std::io;
use std::path::Path;
use std::process::exit;

use tokio::time::Instant;

use crate::CommandResult;
use crate::arguments::ServeArguments;
use crate::console::{print_heading, print_line};
use crate::invocation_line;
use crate::stack::{Endpoints, Stack};
use crate::stop_signal::StopSignal;

/// The exit code that a shell reports for a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// Why the stack is not served.
#[derive(Debug, thiserror::Error)]
enum ServeError {
    #[error("cannot write the endpoints to {file}")]
    Endpoints { file: String, source: io::Error },
    #[error("cannot listen for signals")]
    Signals(#[source] io::Error),
}

/// Runs the stack.
pub(crate) async fn run(arguments: &ServeArguments) -> CommandResult {
    let options = arguments.stack_options().await.unwrap_or_else(|error| error.exit());
    let mut signals = StopSignal::listen(arguments.stop_with.clone()).map_err(ServeError::Signals)?;
    print_heading("Serverless Prometheus push gateway: the whole stack on this machine");
    let began = Instant::now();
    let starting = Stack::start(&options, move |event| invocation_line::print(began, &event));
    let stack = tokio::select! {
        stack = starting => stack?,
        () = signals.wait() => return Ok(true),
    };
    print_line!("  started after {:.1} s, on 127.0.0.1 only", began.elapsed().as_secs_f64());
    if let Some(file) = &arguments.endpoints {
        write_endpoints(file, stack.endpoints())?;
    }
    screen::print_endpoints(stack.endpoints());

    signals.wait().await;
    tokio::spawn(async move {
        signals.wait().await;
        exit(INTERRUPTED);
    });
    print_heading("Stopping");
    stack.drain().await;
    if let Ok(figures) = stack.figures().await {
        screen::print_figures(&figures);
    }
    Ok(true)
}

/// Writes the file in one step: a reader must never see half of it.
fn write_endpoints(file: &Path, endpoints: &Endpoints) -> Result<(), ServeError> {
    let failed = |source| ServeError::Endpoints { file: file.display().to_string(), source };
    let unfinished = file.with_extension("unfinished");
    std::fs::write(&unfinished, format!("{:#}\n", endpoints.to_json())).map_err(failed)?;
    std::fs::rename(&unfinished, file).map_err(failed)
}
