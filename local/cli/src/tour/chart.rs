//! A small chart for a terminal: lines of values → rows of text, drawn with the dots of Braille patterns.
//!
//! Every character is a grid of two by four dots (The Unicode Standard, block "Braille Patterns"), so a chart has
//! twice as many points across and four times as many up as it has characters.

const COLUMNS: usize = 64;
const ROWS: usize = 11;
const DOTS_ACROSS: usize = 2 * COLUMNS;
const DOTS_UP: usize = 4 * ROWS;

/// The bits of the dots of a character, from the top, left and right.
const DOTS: [[u32; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];

/// The pattern without dots.
const BLANK: u32 = 0x2800;

/// Values at equal distances, and what they are called.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) values: Vec<f64>,
}

/// The rows from the top: scale, dots, and the name of each line beside its end.
pub(crate) fn draw(lines: &[Line]) -> Vec<String> {
    let values = || lines.iter().flat_map(|line| &line.values).copied().filter(|value| value.is_finite());
    let low = values().fold(f64::INFINITY, f64::min);
    let high = values().fold(f64::NEG_INFINITY, f64::max);
    if low > high {
        return Vec::new();
    }
    let thresholds = thresholds(low, high);
    let mut cells = [[BLANK; COLUMNS]; ROWS];
    let mut names = [""; ROWS];
    for line in lines {
        let heights = heights(&line.values, &thresholds);
        let mut before = None;
        for (across, height) in heights.iter().enumerate() {
            if let Some(height) = *height {
                let from = before.unwrap_or(height);
                for up in from.min(height)..=from.max(height) {
                    let down = DOTS_UP - 1 - up;
                    cells[down / 4][across / 2] |= DOTS[down % 4][across % 2];
                }
            }
            before = *height;
        }
        let last = heights.iter().rev().find_map(|height| *height);
        if let Some(row) = last.and_then(|height| free_row(&names, ROWS - 1 - height / 4)) {
            names[row] = &line.name;
        }
    }
    let rows = cells.iter().zip(names).enumerate();
    rows.map(|(row, (cells, name))| {
        let dots: String = cells.iter().filter_map(|pattern| char::from_u32(*pattern)).collect();
        let scale = match row {
            0 => format!("{high:.1}"),
            row if row == ROWS - 1 => format!("{low:.1}"),
            _ => String::new(),
        };
        format!("{scale:>7} │{dots} {name}").trim_end().to_owned()
    })
    .collect()
}

/// The values that a dot has to be above, for each height but the lowest.
fn thresholds(low: f64, high: f64) -> Vec<f64> {
    let parts = u32::try_from(DOTS_UP).unwrap_or(u32::MAX);
    (1..parts).map(|part| low + (high - low) * f64::from(part) / f64::from(parts)).collect()
}

/// For each column of dots the height of the value there; none where it is no number.
fn heights(values: &[f64], thresholds: &[f64]) -> Vec<Option<usize>> {
    let height = |value: f64| thresholds.iter().filter(|threshold| value > **threshold).count();
    let at = |across: usize| values.get(across * values.len() / DOTS_ACROSS).copied();
    (0..DOTS_ACROSS).map(|across| at(across).filter(|value| value.is_finite()).map(height)).collect()
}

/// The row nearest to `wanted` that has no name yet.
fn free_row(names: &[&str; ROWS], wanted: usize) -> Option<usize> {
    (0..ROWS).filter(|row| names[*row].is_empty()).min_by_key(|row| row.abs_diff(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, values: impl IntoIterator<Item = f64>) -> Line {
        Line { name: name.to_owned(), values: values.into_iter().collect() }
    }

    #[test]
    fn a_rising_line_goes_from_the_lower_left_to_the_upper_right() {
        let rows = draw(&[line("up", (0..128).map(f64::from))]);
        assert_eq!(rows.len(), ROWS);
        assert!(rows[0].starts_with("  127.0 │⠀"), "{}", rows[0]);
        assert!(rows[0].ends_with(" up") && !rows[0].contains("⠀ up"), "{}", rows[0]);
        assert!(rows[ROWS - 1].starts_with("    0.0 │⣀"), "{}", rows[ROWS - 1]);
        assert!(rows[ROWS - 1].ends_with('⠀'), "{}", rows[ROWS - 1]);
    }

    #[test]
    fn lines_that_end_at_the_same_height_have_their_names_in_different_rows() {
        let rows = draw(&[line("one", [1.0, 2.0]), line("two", [1.5, 2.0])]);
        assert!(rows[0].ends_with(" one") && rows[1].ends_with(" two"), "{rows:?}");
    }

    #[test]
    fn what_is_no_number_leaves_a_gap_and_nothing_draws_nothing() {
        let rows = draw(&[line("gap", [1.0, f64::NAN, 1.0])]);
        let dots = rows.iter().flat_map(|row| row.chars()).filter(|c| ('⠁'..='⣿').contains(c)).count();
        assert!(dots < COLUMNS, "{rows:?}");
        assert_eq!(draw(&[line("none", [f64::NAN])]), Vec::<String>::new());
        assert_eq!(draw(&[]), Vec::<String>::new());
    }
}
