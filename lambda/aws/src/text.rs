//! Text from outside, made fit for one line of a log or an error.

/// `text` without line breaks and other control characters, and without space around it.
pub fn one_line(text: &str) -> String {
    text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The first `max_chars` characters of `text`.
pub fn truncate(text: &str, max_chars: usize) -> &str {
    text.char_indices().nth(max_chars).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(truncate("äöü", 2), "äö");
        assert_eq!(truncate("äöü", 3), "äöü");
        assert_eq!(truncate("äöü", 0), "");
        assert_eq!(one_line(" a\r\nb\t"), "a  b");
    }
}
