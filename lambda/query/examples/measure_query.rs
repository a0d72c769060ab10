//! Measures a built function: size, time from start to the first poll, and peak memory for responses of 5 MB.
//!
//! `cargo run -p query --example measure_query -- <FILE>` prints a line for each figure with its budget. The function runs
//! under the Lambda runtime emulator and queries a server in this process. On a busy machine the maximum grows.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use local_lambda::runtime::{Function, FunctionOptions};
use local_testing::scripted::{Answer, ScriptedServer};

const STARTS: usize = 25;
const INVOCATIONS: usize = 5;

/// The size of a response in bytes, for which the memory budget is defined.
const RESPONSE_BYTES: usize = 5_000_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let program = std::env::args_os().nth(1).map(PathBuf::from).ok_or("usage: measure <FILE>")?;
    let bytes = std::fs::metadata(&program)?.len();
    println!("artifact: {bytes} bytes (at most 9,500,000)");

    let mut starts = Vec::new();
    for _ in 0..=STARTS {
        let function = Function::spawn(options(&program, "query", "http://127.0.0.1:9")).await?;
        starts.push(function.init().ok_or("this system does not report the CPU time of a process")?.0);
    }
    // The first one finds the file on a cold disk.
    starts.remove(0);
    starts.sort();
    let [min, median, max] = [0, STARTS / 2, STARTS - 1].map(|n| millis(starts[n]));
    println!("start to first poll: {median:.1} ms ({min:.1} to {max:.1}; at most 8)");

    for (handler, body) in [("query", vector()), ("range_query", matrix())] {
        let size = body.len();
        let server = ScriptedServer::in_order(vec![Answer::new(200, body)]).await;
        let mut function = Function::spawn(options(&program, handler, &server.url())).await?;
        let mut peak = 0;
        for _ in 0..INVOCATIONS {
            let invocation = function.invoke(r#"{"query":"a"}"#).await;
            let response = invocation.response().ok_or("the function failed")?;
            if response.len() < RESPONSE_BYTES || !response.starts_with(br#"{"statusCode":200"#) {
                return Err(format!("the response of {handler} is incomplete").into());
            }
            peak = invocation.max_rss_kb.ok_or("this system does not report the memory of a process")?;
        }
        println!("peak memory of {handler}, response of {size} bytes: {peak} kB (at most {})", 48 * 1_024);
    }
    Ok(())
}

fn options(program: &Path, handler: &str, workspace: &str) -> FunctionOptions {
    FunctionOptions::new(program).env("_HANDLER", handler).env("WORKSPACE_URL", workspace)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// Series of one point.
fn vector() -> String {
    document("vector", r#""value":[1700000000,"1.5"]"#)
}

/// Series of 250 points.
fn matrix() -> String {
    let points: Vec<_> = (0..250).map(|n| format!(r#"[{},"{n}.5"]"#, 1_700_000_000 + n)).collect();
    document("matrix", &format!(r#""values":[{}]"#, points.join(",")))
}

/// A response of Prometheus with as many series as it takes.
fn document(kind: &str, values: &str) -> String {
    let mut document = format!(r#"{{"status":"success","data":{{"resultType":"{kind}","result":["#);
    let mut number = 0;
    while document.len() < RESPONSE_BYTES {
        let comma = if number == 0 { "" } else { "," };
        write!(document, r#"{comma}{{"metric":{{"__name__":"a","n":"{number:0200}"}},{values}}}"#)
            .expect("writing to a text cannot fail");
        number += 1;
    }
    document + "]}}"
}
