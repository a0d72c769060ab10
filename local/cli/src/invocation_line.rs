//! One invocation as a person reads it.

use local_lambda::lambda::{FunctionError, Seen, SeenInvocation};
use local_lambda::runtime::Invocation;
use tokio::time::Instant;

use crate::stdout::print_line;
use crate::terminal::{Style, Terminal};
use crate::wording::{clip, grouped, megabytes, millis};

/// One invocation, and what the function and its extensions logged.
pub(crate) fn print(terminal: Terminal, began: Instant, seen: &Seen<'_>) {
    match seen {
        Seen::Invocation(seen) => print_invocation(terminal, began, seen),
        Seen::Lines(lines) => print_lines(terminal, lines),
    }
}

fn print_invocation(terminal: Terminal, began: Instant, seen: &SeenInvocation<'_>) {
    let Invocation { duration, init, max_rss_kb, logs, .. } = seen.invocation;
    let (mark, style) = match FunctionError::of(seen.invocation, seen.timeout) {
        None => ("✓", Style::Good),
        Some(_) => ("✗", Style::Bad),
    };
    let at = format!("{:>8.1} s", began.elapsed().as_secs_f64());
    let start = init.map(|init| format!(", cold start {}", millis(init))).unwrap_or_default();
    let memory = max_rss_kb.map(|kb| format!(", {}", megabytes(kb))).unwrap_or_default();
    print_line!(
        "  {} {} {}: {} bytes in, {}{start}{memory}, {}",
        terminal.paint(Style::Dim, &at),
        terminal.paint(style, mark),
        seen.function,
        grouped(seen.payload_bytes),
        millis(*duration),
        answer(seen),
    );
    print_lines(terminal, logs);
}

fn print_lines(terminal: Terminal, lines: &[String]) {
    // The lines in CloudWatch's embedded metric format are for CloudWatch.
    for line in lines.iter().filter(|line| !line.contains("\"_aws\":")) {
        print_line!("  {:>10}   {}", "", terminal.paint(Style::Dim, &clip(without_span(line), 400)));
    }
}

/// The span says which invocation it is, which the line before has said.
fn without_span(line: &str) -> &str {
    line.split_once("invoke{").and_then(|(_, rest)| rest.split_once("}: ")).map_or(line, |(_, rest)| rest)
}

fn answer(seen: &SeenInvocation<'_>) -> String {
    match FunctionError::of(seen.invocation, seen.timeout) {
        Some(error) => clip(&String::from_utf8_lossy(&error.payload), 200),
        None => clip(&String::from_utf8_lossy(seen.invocation.response().map_or(&[], |body| &body[..])), 100),
    }
}
