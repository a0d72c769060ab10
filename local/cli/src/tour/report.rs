//! What a person wants to see, within 100 columns.
//!
//! In: what is stored, the ledger, the invocations. Out: text on stdout, and whether all is well.

use std::error::Error;

use local_amp::{LabelSet, StoredSamples, StoredSeries};
use local_lambda::runtime::{InitError, Invocation, Outcome};

use super::Visit;
use super::ledger::{End, Ledger};
use crate::stdout::print_line;
use crate::terminal::{Style, Terminal};
use crate::wording::{clip, grouped, megabytes, millis};

/// Columns of a sparkline.
const SPARKS: usize = 26;

/// Problems shown one by one; a broken function makes a thousand of the same kind.
const SHOWN_PROBLEMS: usize = 10;

/// What an invocation ended with, in a few words.
pub(crate) fn outcome(invocation: &Invocation) -> String {
    match &invocation.outcome {
        Outcome::Response(body) => clip(&String::from_utf8_lossy(body), 70),
        Outcome::FunctionError { error_type, error_message, .. } => {
            clip(&format!("{error_type}: {error_message}"), 70)
        }
        Outcome::TimedOut => "timed out".to_owned(),
        Outcome::Exited { status } => format!("the function ended: {status}"),
        Outcome::ExtensionFailed(fault) => format!("extension {}: {}", fault.extension, fault.message),
        Outcome::InitFailed(error) => error.to_string(),
        Outcome::PayloadTooLarge { bytes } => format!("the payload of {bytes} bytes is too large"),
    }
}

/// The table of series.
pub(crate) fn series(terminal: Terminal, stored: &StoredSeries) {
    let head = format!("  {:<51} {:>7} {:>8}  {}", "series", "samples", "last", "course");
    print_line!("{}", terminal.paint(Style::Dim, &head));
    for (labels, samples) in stored {
        let last = samples.last_key_value().map_or(f64::NAN, |(_, value)| *value);
        let course = terminal.paint(Style::Good, &sparkline(samples));
        print_line!("  {:<51} {:>7} {last:>8}  {course}", clip(&compact(labels), 51), samples.len());
    }
}

/// What became of everything that did not arrive.
pub(crate) fn refused(terminal: Terminal, ledger: &Ledger) {
    for refused in ledger.refused.iter().take(SHOWN_PROBLEMS) {
        let end = match refused.end {
            End::DeadLettered => "dead-letter queue",
            End::GivenBack => "given back to the queue",
            End::Delivered => "delivered",
        };
        let status =
            if refused.status.is_empty() { String::new() } else { format!(", HTTP {}", refused.status) };
        let flaw = terminal.paint(Style::Warm, &format!("{:<26}", refused.flaw));
        print_line!("  {flaw} → {end}: {}{status}", refused.reason);
        print_line!("  {:<28} {}", "", terminal.paint(Style::Dim, &clip(&refused.detail, 68)));
    }
    more(ledger.refused.len());
}

/// The figures of the invocations.
pub(crate) fn figures(terminal: Terminal, visits: &[Visit]) {
    let head = format!(
        "  {:<14} {:>7} {:>8} {:>9} {:>10} {:>9} {:>9} {:>9} {:>10}",
        "invocation", "events", "samples", "requests", "duration", "CPU", "init", "billed", "memory"
    );
    print_line!("{}", terminal.paint(Style::Dim, &head));
    for visit in visits {
        let invocation = &visit.invocation;
        print_line!(
            "  {:<14} {:>7} {:>8} {:>9} {:>10} {:>9} {:>9} {:>9} {:>10}",
            visit.delivery.name,
            grouped(visit.delivery.messages.len()),
            grouped(visit.stored_samples),
            visit.write_requests,
            millis(invocation.duration),
            invocation.cpu.map_or_else(|| "?".to_owned(), millis),
            invocation.init.map_or_else(|| "warm".to_owned(), millis),
            format!("{} ms", invocation.billed_ms()),
            invocation.max_rss_kb.map_or_else(|| "?".to_owned(), megabytes),
        );
    }
    let explanation =
        "  init: from process start to the first poll (a cold start); memory: the process's peak so far";
    print_line!("{}", terminal.paint(Style::Dim, explanation));
}

/// The last line, which adds up or not.
pub(crate) fn sum(terminal: Terminal, ledger: &Ledger, visits: &[Visit]) -> bool {
    let sum = format!(
        "{} events sent = {} delivered + {} dead-lettered + {} given back",
        grouped(ledger.sent),
        grouped(ledger.delivered),
        grouped(ledger.dead_lettered),
        grouped(ledger.given_back)
    );
    if ledger.adds_up() {
        print_line!("\n{} {}", terminal.paint(Style::Good, "✓"), terminal.paint(Style::Bold, &sum));
        return true;
    }
    terminal.heading("Not as it must be");
    for problem in ledger.problems.iter().take(SHOWN_PROBLEMS) {
        print_line!("  {} {}", terminal.paint(Style::Bad, "✗"), clip(problem, 300));
    }
    more(ledger.problems.len());
    logs(terminal, visits.iter().flat_map(|visit| visit.invocation.logs.iter()));
    print_line!(
        "\n{} {}: it does not add up",
        terminal.paint(Style::Bad, "✗"),
        terminal.paint(Style::Bold, &sum)
    );
    false
}

/// Something that could not even begin.
pub(crate) fn error(terminal: Terminal, error: &(dyn Error + 'static)) {
    terminal.error(error);
    if let Some(error) = error.downcast_ref::<InitError>() {
        logs(terminal, error.logs().iter());
    }
    print_line!("");
}

/// The function's own words, when they may help.
fn logs<'a>(terminal: Terminal, lines: impl Iterator<Item = &'a String>) {
    const LAST_LINES: usize = 15;
    let lines: Vec<&String> = lines.collect();
    if lines.is_empty() {
        return;
    }
    terminal.heading("The function's log (its end)");
    for line in &lines[lines.len().saturating_sub(LAST_LINES)..] {
        print_line!("  {}", terminal.paint(Style::Dim, &clip(line, 400)));
    }
}

fn more(count: usize) {
    if count > SHOWN_PROBLEMS {
        print_line!("  … and {} more", count - SHOWN_PROBLEMS);
    }
}

/// `temperature{customerId="customer1"}`.
fn compact(labels: &LabelSet) -> String {
    let name = labels.get("__name__").map_or("", String::as_str);
    let others = labels.iter().filter(|(name, _)| *name != "__name__");
    let others: Vec<String> = others.map(|(name, value)| format!("{name}={value:?}")).collect();
    format!("{name}{{{}}}", others.join(", "))
}

/// The values as bars, each the mean of its share of the samples.
fn sparkline(samples: &StoredSamples) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let values: Vec<f64> = samples.values().copied().filter(|value| value.is_finite()).collect();
    let columns = values.len().min(SPARKS);
    let means: Vec<f64> = (0..columns)
        .map(|column| &values[column * values.len() / columns..(column + 1) * values.len() / columns])
        .map(|share| share.iter().sum::<f64>() / f64::from(u32::try_from(share.len()).unwrap_or(u32::MAX)))
        .collect();
    let low = means.iter().copied().fold(f64::INFINITY, f64::min);
    let high = means.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let thresholds = (1..8).map(|bar| low + (high - low) * f64::from(bar) / 8.0).collect::<Vec<_>>();
    means.iter().map(|mean| BARS[thresholds.iter().filter(|threshold| mean > threshold).count()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sparkline_follows_the_values() {
        let samples: StoredSamples = (0..8).zip([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]).collect();
        assert_eq!(sparkline(&samples), "▁▂▃▄▅▆▇█");
        assert_eq!(sparkline(&StoredSamples::from([(0, 5.0), (1, 5.0)])), "▁▁");
        assert_eq!(sparkline(&StoredSamples::from([(0, f64::NAN)])), "");
    }
}
