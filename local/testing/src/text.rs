//! Texts for people.

/// At most `max` characters on one line; a text that is cut ends in `…`.
pub fn truncate(text: &str, max: usize) -> String {
    let line = text.replace(['\n', '\r'], " ");
    match line.char_indices().nth(max) {
        None => line,
        Some(_) => line.chars().take(max - 1).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::truncate;

    #[test]
    fn a_long_text_is_cut_to_one_line() {
        assert_eq!(truncate("größer\nals", 8), "größer …");
        assert_eq!(truncate("kurz", 4), "kurz");
    }
}
