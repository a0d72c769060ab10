//! Prints each invocation as one line, with its log lines below.

use local_lambda::runtime::{Invocation, Outcome};
use local_lambda::service::PoolEvent;
use local_testing::truncate;
use owo_colors::OwoColorize as _;
use tokio::time::Instant;

use crate::console::{millis, print_line};

/// One invocation, or what a function and its extensions logged.
pub(crate) fn print(began: Instant, event: &PoolEvent<'_>) {
    match event {
        PoolEvent::Invocation { function, payload_bytes, invocation } => {
            print_invocation(began, function, *payload_bytes, invocation);
        }
        PoolEvent::Lines(lines) => print_lines(lines),
    }
}

fn print_invocation(began: Instant, function: &str, payload_bytes: usize, invocation: &Invocation) {
    let Invocation { duration, init, max_rss_kb, logs, .. } = invocation;
    let at = format!("{:>8.1} s", began.elapsed().as_secs_f64());
    let start = init.map(|init| format!(", cold start {}", millis(init))).unwrap_or_default();
    let memory = max_rss_kb.map(|kb| format!(", {} MB", kb.div_ceil(1_024))).unwrap_or_default();
    let (mark, answer) = match invocation.result() {
        Ok(body) => {
            let body = String::from_utf8_lossy(body);
            let answer = match invocation.outcome {
                Outcome::Streamed { bytes } => format!("{bytes} bytes streamed"),
                _ => truncate(&body, 100),
            };
            ("✓".green().to_string(), answer)
        }
        Err(error) => ("✗".red().to_string(), truncate(&String::from_utf8_lossy(&error), 200)),
    };
    print_line!(
        "  {} {mark} {function}: {payload_bytes} bytes in, {}{start}{memory}, {answer}",
        at.dimmed(),
        millis(*duration),
    );
    print_lines(logs);
}

fn print_lines(lines: &[String]) {
    // CloudWatch alone reads the lines in its embedded metric format.
    for line in lines.iter().filter(|line| !line.contains("\"_aws\":")) {
        print_line!("  {:>10}   {}", "", truncate(without_span(line), 400).dimmed());
    }
}

/// The line without the span, which repeats the request id.
fn without_span(line: &str) -> &str {
    line.split_once("invoke{").and_then(|(_, rest)| rest.split_once("}: ")).map_or(line, |(_, rest)| rest)
}
