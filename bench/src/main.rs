//! Measures the function side by side with a null function, a handler in Node.js and, if requested, another build of the
//! function.
//!
//! All of them run under the Lambda runtime emulator, take turns, and write to a receiver that answers 200. The exit code
//! is 1 if one of them does not do its job or the function misses a budget.

mod batch;
mod budget;
mod cost;
mod measure;
mod peers;
mod proof;
mod push;
mod report;
mod subject;
mod versions;

use std::env::current_exe;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use http::{HeaderValue, StatusCode};
use http_body_util::BodyExt as _;
use local_testing::http_server::{HttpServer, Reply};

use batch::{Batch, CASES};
use push::{FULL_PUSHES, SMALL_PUSH};
use report::Results;
use subject::Subject;

/// The header of a receiver of remote write 2.0.
const SAMPLES_WRITTEN: &str = "x-prometheus-remote-write-samples-written";

/// Measures the function side by side with a null function and a handler in Node.js.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The function's binary; by default the one beside this program.
    #[arg(long)]
    function: Option<PathBuf>,
    /// Another build of the function to compare with, such as that of another commit.
    #[arg(long)]
    against: Option<PathBuf>,
    /// The handler in Node.js, with its packages installed; by default there is none.
    #[arg(long)]
    peer: Option<PathBuf>,
    /// The folders in which the peer looks for programs.
    #[arg(long, default_value = "/usr/local/bin:/usr/bin:/bin")]
    peer_path: String,
    /// How often each figure is measured.
    #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// The machine and the versions, for the document.
    #[arg(long, default_value = "")]
    heading: String,
    /// The Markdown file to write; by default none is written.
    #[arg(long)]
    document: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("✗ A budget is missed.");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("✗ {error}");
            ExitCode::FAILURE
        }
    }
}

/// Measures and reports; whether every budget is met.
async fn run(arguments: Arguments) -> Result<bool, Box<dyn Error>> {
    let receiver = HttpServer::start(0, |request, _| async {
        // The whole request is read first, as a real receiver would.
        let _ = request.into_body().collect().await;
        let mut response = Reply::full(StatusCode::OK, "");
        // A receiver of 2.0 has to count what it writes, and more than was sent is not less.
        response.headers_mut().insert(SAMPLES_WRITTEN, HeaderValue::from(u32::MAX));
        Reply::Answer(response)
    })
    .await?;
    let url = format!("http://{}/workspaces/ws-bench/api/v1/remote_write", receiver.address());
    let this = current_exe()?;
    let function = arguments.function.unwrap_or_else(|| this.with_file_name("push-gateway"));
    let mut subjects = vec![Subject::function("push-gateway", &function, &url)?];
    if let Some(other) = &arguments.against {
        subjects.push(Subject::function(subject::OTHER_BUILD, other, &url)?);
    }
    if let Some(peer) = &arguments.peer {
        subjects.push(Subject::peer(peer, &arguments.peer_path, &url));
    }
    subjects.push(Subject::null_function(&this.with_file_name("null-function"))?);

    let rounds = usize::from(arguments.rounds);
    eprintln!("• Starting");
    let starts = measure::starts(&subjects, &Batch::of(CASES[0]), rounds).await?;
    let mut batches = Vec::new();
    for case in CASES {
        let batch = Batch::of(case);
        eprintln!("• {batch}");
        proof::same_samples(&subjects, &batch).await?;
        batches.push(measure::invocations(&subjects, batch, rounds).await?);
    }

    let takers: Vec<_> = subjects.iter().filter(|subject| subject.takes_pushes).cloned().collect();
    let mut pushes = Vec::new();
    for push in FULL_PUSHES.into_iter().chain([SMALL_PUSH]) {
        let batch = Batch::of_push(push);
        eprintln!("• {batch}");
        proof::same_samples(&takers, &batch).await?;
        pushes.push(measure::invocations(&takers, batch, rounds).await?);
    }
    eprintln!("• Versions of remote write");
    let versions = versions::measure(&subjects[0], rounds).await?;
    let peers = peers::measure(&arguments.peer_path, &url, rounds).await?;

    let results = Results {
        heading: arguments.heading,
        subjects,
        starts,
        batches,
        takers,
        pushes,
        peers,
        versions,
        rounds,
    };
    let budgets = results.budgets();
    let text = results.markdown(&budgets);
    println!("\n{text}");
    if let Some(file) = &arguments.document {
        std::fs::write(file, text)?;
    }
    Ok(budgets.iter().all(budget::Budget::is_met))
}
