//! One invocation as a person reads it.

use push_gateway_local::lambda::{FunctionError, Seen};
use push_gateway_local::runtime::Invocation;
use tokio::time::Instant;

use crate::terminal::{Style, Terminal};
use crate::wording::{clip, grouped, megabytes, millis};

/// One invocation, and what the function said.
pub(crate) fn print(terminal: Terminal, began: Instant, seen: &Seen<'_>) {
    let Invocation { duration, init, max_rss_kb, logs, .. } = seen.invocation;
    let (mark, style) = match FunctionError::of(seen.invocation, seen.timeout) {
        None => ("✓", Style::Good),
        Some(_) => ("✗", Style::Bad),
    };
    let at = format!("{:>8.1} s", began.elapsed().as_secs_f64());
    let start = init.map(|init| format!(", cold start {}", millis(init))).unwrap_or_default();
    let memory = max_rss_kb.map(|kb| format!(", {}", megabytes(kb))).unwrap_or_default();
    println!(
        "  {} {} {}: {} bytes in, {}{start}{memory}, {}",
        terminal.paint(Style::Dim, &at),
        terminal.paint(style, mark),
        seen.function,
        grouped(seen.payload_bytes),
        millis(*duration),
        answer(seen),
    );
    // The lines in CloudWatch's embedded metric format are for CloudWatch.
    for line in logs.iter().filter(|line| !line.contains("\"_aws\":")) {
        println!("  {:>10}   {}", "", terminal.paint(Style::Dim, &clip(without_span(line), 400)));
    }
}

/// The span says which invocation it is, which the line before has said.
fn without_span(line: &str) -> &str {
    line.split_once("invoke{").and_then(|(_, rest)| rest.split_once("}: ")).map_or(line, |(_, rest)| rest)
}

fn answer(seen: &Seen<'_>) -> String {
    match FunctionError::of(seen.invocation, seen.timeout) {
        Some(error) => clip(&String::from_utf8_lossy(&error.payload), 200),
        None => clip(&String::from_utf8_lossy(seen.invocation.response().map_or(&[], |body| &body[..])), 100),
    }
}
