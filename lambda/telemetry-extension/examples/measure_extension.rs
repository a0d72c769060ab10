//! Measures a built extension beside a push gateway: size, time from start to registration, CPU time of an invocation, and
//! peak memory, each with its budget.
//!
//! `cargo run --release -p telemetry-extension --example measure_extension -- <EXTENSION> <PUSH GATEWAY>`. Both run in the emulator,
//! which freezes them between invocations, and write to receivers in this process. A busy machine shows in the greatest figure.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use local_amp::{AmpOptions, AmpStandIn};
use local_lambda::runtime::{ExtensionFigures, Function, FunctionOptions};
use serde_json::json;

const STARTS: usize = 25;

/// The measurements of CPU time, each over this number of invocations.
const ROUNDS: usize = 5;
const INVOCATIONS: u32 = 1_000;

/// Batches of log lines, each with the most lines that Lambda delivers.
const BATCHES: usize = 20;
const BATCH_LINES: usize = 10_000;

type Failure = Box<dyn Error>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut programs = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(extension), Some(gateway)) = (programs.next(), programs.next()) else {
        return Err("usage: measure <EXTENSION> <PUSH GATEWAY>".into());
    };
    println!("artifact: {} bytes (at most 6,000,000)", std::fs::metadata(&extension)?.len());
    let (data, telemetry) =
        (AmpStandIn::start(AmpOptions::default()).await?, AmpStandIn::start(AmpOptions::default()).await?);
    let options = || {
        FunctionOptions::new(&gateway)
            .extension(&extension)
            .env("REMOTE_WRITE_URL", data.remote_write_url())
            .env("REMOTE_WRITE_AUTH", "none")
            .env("TELEMETRY_REMOTE_WRITE_URL", telemetry.remote_write_url())
            .env("TELEMETRY_REMOTE_WRITE_AUTH", "none")
    };
    starts(options).await?;
    invocations(options()).await?;
    memory(options()).await
}

async fn starts(options: impl Fn() -> FunctionOptions) -> Result<(), Failure> {
    let mut starts = Vec::new();
    for _ in 0..=STARTS {
        let mut function = Function::spawn(options()).await?;
        starts.push(figures(&function)?.registered.ok_or("it did not register")?);
        function.shutdown().await;
    }
    // The first one reads the file from disk.
    starts.remove(0);
    starts.sort();
    let [least, median, greatest] = [0, STARTS / 2, STARTS - 1].map(|n| starts[n].as_secs_f64() * 1e3);
    println!("start to registration: {median:.1} ms ({least:.1} to {greatest:.1}; at most 5)");
    Ok(())
}

async fn invocations(options: FunctionOptions) -> Result<(), Failure> {
    let mut function = Function::spawn(options).await?;
    let mut rounds = Vec::new();
    // The first round warms up.
    for _ in 0..=ROUNDS {
        let before = cpu(&function)?;
        for _ in 0..INVOCATIONS {
            let invocation = function.invoke("[]").await;
            invocation.response().ok_or("the function failed")?;
        }
        rounds.push(cpu(&function)?.saturating_sub(before) / INVOCATIONS);
    }
    rounds.remove(0);
    rounds.sort();
    let [least, median, greatest] = [0, ROUNDS / 2, ROUNDS - 1].map(|n| rounds[n].as_secs_f64() * 1e6);
    println!("CPU for an invocation: {median:.0} µs ({least:.0} to {greatest:.0}; at most 100)");
    function.shutdown().await;
    Ok(())
}

async fn memory(mut options: FunctionOptions) -> Result<(), Failure> {
    // A frozen extension would receive no batches.
    options.freezes = false;
    let mut function = Function::spawn(options).await?;
    function.invoke("[]").await;
    for batch in 1..=BATCHES {
        for line in 0..BATCH_LINES {
            let time = format!("2026-01-31T12:{batch:02}:00.{line:05}Z");
            function
                .telemetry()
                .inject(&json!({"time": time, "type": "function", "record": format!("line {line}")}));
        }
        while delivered(&function) < batch * BATCH_LINES {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        function.invoke("[]").await;
    }
    let peak = figures(&function)?.max_rss_kb.ok_or("this system has no figures of memory")?;
    println!("peak memory, {BATCHES} batches of {BATCH_LINES} lines: {peak} kB (at most {})", 24 * 1_024);
    function.shutdown().await;
    Ok(())
}

fn delivered(function: &Function) -> usize {
    function.telemetry().delivered()
}

fn cpu(function: &Function) -> Result<Duration, Failure> {
    Ok(figures(function)?.cpu.ok_or("this system has no figures of CPU time")?)
}

fn figures(function: &Function) -> Result<ExtensionFigures, Failure> {
    function.extensions().into_iter().next().ok_or_else(|| "the extension is gone".into())
}
