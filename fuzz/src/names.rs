//! The characters of names in Prometheus's data model, from its documentation.

/// Whether `name` matches `[a-zA-Z_:][a-zA-Z0-9_:]*`.
pub fn is_metric_name(name: &str) -> bool {
    matches(name, |c| c == ':')
}

/// Whether `name` matches `[a-zA-Z_][a-zA-Z0-9_]*`.
pub fn is_label_name(name: &str) -> bool {
    matches(name, |_| false)
}

fn matches(name: &str, also: fn(char) -> bool) -> bool {
    let starts = |c: char| matches!(c, 'a'..='z' | 'A'..='Z' | '_') || also(c);
    let mut chars = name.chars();
    chars.next().is_some_and(starts) && chars.all(|c| starts(c) || c.is_ascii_digit())
}
