//! What a built function costs: its file → size, time from start to the first poll, and peak memory for answers of 5 MB.
//!
//! In: the path of the function, `cargo run -p query --example measure -- <FILE>`. Out: a line for each figure with its
//! budget. The function runs under the Lambda runtime emulator and asks a server in this process. A machine that does
//! something else meanwhile shows in the greatest figure.

use std::error::Error;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use local_lambda::runtime::{Function, FunctionOptions};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

const STARTS: usize = 25;
const INVOCATIONS: usize = 5;

/// How large the answers are, in bytes: what the budget for memory is about.
const ANSWER: usize = 5_000_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let program = std::env::args_os().nth(1).map(PathBuf::from).ok_or("usage: measure <FILE>")?;
    let bytes = std::fs::metadata(&program)?.len();
    println!("artifact: {bytes} bytes (at most 8,000,000)");

    let mut starts = Vec::new();
    for _ in 0..=STARTS {
        let function = Function::spawn(options(&program, "query", "http://127.0.0.1:9")).await?;
        starts.push(function.init().ok_or("this system does not tell the CPU time of a process")?.0);
    }
    // The first one finds the file on a cold disk.
    starts.remove(0);
    starts.sort();
    let [least, median, greatest] = [0, STARTS / 2, STARTS - 1].map(|n| millis(starts[n]));
    println!("start to first poll: {median:.1} ms ({least:.1} to {greatest:.1}; at most 8)");

    for (handler, body) in [("query", vector()), ("range_query", matrix())] {
        let size = body.len();
        let server = Server::start(body).await?;
        let mut function = Function::spawn(options(&program, handler, &server.url)).await?;
        let mut peak = 0;
        for _ in 0..INVOCATIONS {
            let invocation = function.invoke(r#"{"query":"a"}"#).await;
            let answer = invocation.response().ok_or("the function failed")?;
            if answer.len() < ANSWER || !answer.starts_with(br#"{"statusCode":200"#) {
                return Err(format!("{handler} did not answer with all that it was given").into());
            }
            peak = invocation.max_rss_kb.ok_or("this system does not tell the memory of a process")?;
        }
        println!("peak memory of {handler}, answer of {size} bytes: {peak} kB (at most {})", 48 * 1_024);
    }
    Ok(())
}

fn options(program: &Path, handler: &str, workspace: &str) -> FunctionOptions {
    FunctionOptions::new(program).env("_HANDLER", handler).env("WORKSPACE_URL", workspace)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// Many series of one point each.
fn vector() -> String {
    document("vector", r#""value":[1700000000,"1.5"]"#)
}

/// Fewer series of 250 points each.
fn matrix() -> String {
    let points: Vec<_> = (0..250).map(|n| format!(r#"[{},"{n}.5"]"#, 1_700_000_000 + n)).collect();
    document("matrix", &format!(r#""values":[{}]"#, points.join(",")))
}

/// A document as Prometheus writes it, of series with these values, as many as it takes.
fn document(kind: &str, values: &str) -> String {
    let mut document = format!(r#"{{"status":"success","data":{{"resultType":"{kind}","result":["#);
    let mut number = 0;
    while document.len() < ANSWER {
        let comma = if number == 0 { "" } else { "," };
        write!(document, r#"{comma}{{"metric":{{"__name__":"a","n":"{number:0200}"}},{values}}}"#)
            .expect("writing to a text cannot fail");
        number += 1;
    }
    document + "]}}"
}

/// A server that answers every request with the same document.
struct Server {
    url: String,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    async fn start(body: String) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let body: Arc<str> = body.into();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&body)));
            }
        });
        Ok(Self { url, task })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Requests here are GETs, so each ends with an empty line.
async fn answer(stream: TcpStream, body: Arc<str>) -> io::Result<()> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 0 {
        if line == "\r\n" {
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(body.as_bytes()).await?;
        }
        line.clear();
    }
    Ok(())
}
