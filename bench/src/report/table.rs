//! A table: rows of text → lines for a terminal, or Markdown.

use std::fmt::Write as _;

/// A table with its title.
#[derive(Debug)]
pub(super) struct Table {
    /// What it is about.
    pub(super) title: String,
    /// The names of the columns; the first `texts` of them hold text, the others figures.
    pub(super) header: Vec<&'static str>,
    /// How many columns are aligned to the left.
    pub(super) texts: usize,
    /// The rows, as long as the header.
    pub(super) rows: Vec<Vec<String>>,
    /// What has to be known to read it.
    pub(super) note: &'static str,
}

impl Table {
    /// Lines of equal columns.
    pub(super) fn for_terminal(&self) -> String {
        let width = |column: usize| {
            let cells = self.rows.iter().map(|row| row[column].chars().count());
            cells.chain([self.header[column].chars().count()]).max().unwrap_or_default()
        };
        let widths: Vec<_> = (0..self.header.len()).map(width).collect();
        let mut text = format!("{}\n", self.title);
        let header = self.header.iter().map(|&name| name.to_owned()).collect();
        for row in [&header].into_iter().chain(&self.rows) {
            let mut line = String::new();
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let padding = " ".repeat(width - cell.chars().count());
                let (before, after) = if column < self.texts { ("", &*padding) } else { (&*padding, "") };
                let _ = write!(line, "  {before}{cell}{after}");
            }
            let _ = writeln!(text, "{}", line.trim_end());
        }
        if !self.note.is_empty() {
            let _ = writeln!(text, "  {}", self.note);
        }
        text
    }

    /// A section in Markdown.
    pub(super) fn for_markdown(&self) -> String {
        format!("## {}\n\n{}", self.title, self.rows_for_markdown())
    }

    /// The table alone in Markdown.
    pub(super) fn rows_for_markdown(&self) -> String {
        let rule = |column| if column < self.texts { "---" } else { "---:" };
        let rule: Vec<_> = (0..self.header.len()).map(rule).collect();
        let mut text = format!("| {} |\n| {} |\n", self.header.join(" | "), rule.join(" | "));
        for row in &self.rows {
            let _ = writeln!(text, "| {} |", row.join(" | "));
        }
        if !self.note.is_empty() {
            let _ = writeln!(text, "\n{}", self.note);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_stand_to_the_right_and_texts_to_the_left() {
        let rows = vec![vec!["ab".to_owned(), "1".to_owned()], vec!["c".to_owned(), "23".to_owned()]];
        let table = Table { title: "T".to_owned(), header: vec!["n", "ms"], texts: 1, rows, note: "" };
        assert_eq!(table.for_terminal(), "T\n  n   ms\n  ab   1\n  c   23\n");
        assert_eq!(table.for_markdown(), "## T\n\n| n | ms |\n| --- | ---: |\n| ab | 1 |\n| c | 23 |\n");
    }
}
