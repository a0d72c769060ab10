//! Documents: the figures → `benchmarks.md`, and the measured table in `cost.md`.

use std::fmt::Write as _;

use super::{Results, plots, tables};

/// Between these the measured table of `cost.md` is replaced; everything else in it is written by hand.
const MEASURED_FROM: &str = "<!-- measured: written by `npm run bench` -->";
const MEASURED_TO: &str = "<!-- end of measured -->";

/// The whole of `benchmarks.md`.
pub(super) fn benchmarks(results: &Results) -> String {
    let mut text = String::from("# Benchmarks\n\nWritten by `npm run bench`; do not edit.\n\n");
    let _ = writeln!(text, "{}\n", results.machine.for_markdown());
    let _ = writeln!(
        text,
        "Each figure is the median of {} rounds, with the least and the greatest. The servers are given their load fewer times.\n",
        results.rounds
    );
    for plot in plots::PLOTS {
        let _ = writeln!(text, "![{}]({})\n", plot.title, plot.file);
    }
    for table in tables::all(results) {
        let _ = writeln!(text, "{}", table.for_markdown());
    }
    let _ = writeln!(text, "## What is not alike, and how it is measured\n\n{}", tables::NOTES.join("\n"));
    text
}

/// `cost.md` with the table of this run. A text without the marks stays as it is.
pub(super) fn with_measured_cost(text: &str, results: &Results) -> String {
    let table = tables::cost_of_writing(results).rows_for_markdown();
    let measured = format!("\n{}\n\n{table}", results.machine.for_markdown());
    replaced(text, &measured)
}

fn replaced(text: &str, measured: &str) -> String {
    let parts = text.split_once(MEASURED_FROM).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(MEASURED_TO)?;
        Some((before, after))
    });
    match parts {
        Some((before, after)) => format!("{before}{MEASURED_FROM}\n{measured}\n{MEASURED_TO}{after}"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let text = format!("a\n{MEASURED_FROM}\nold\n{MEASURED_TO}\nb\n");
        assert_eq!(replaced(&text, "new"), format!("a\n{MEASURED_FROM}\nnew\n{MEASURED_TO}\nb\n"));
        assert_eq!(replaced("no marks", "new"), "no marks");
    }
}
