//! The samples that a Pushgateway shows (text exposition format, as it writes it itself).

use std::collections::BTreeMap;

/// Labels with `__name__` among them.
pub(crate) type Labels = BTreeMap<String, String>;

/// Every sample of a text, without empty labels, which Prometheus does not store.
pub(crate) fn samples(text: &str) -> BTreeMap<Labels, f64> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(sample).collect()
}

fn sample(line: &str) -> (Labels, f64) {
    let (series, value) = line.rsplit_once(' ').expect("a value");
    let (name, mut rest) = series.split_once('{').unwrap_or((series, "}"));
    let mut labels = Labels::from([("__name__".to_owned(), name.to_owned())]);
    while let Some((label, after)) = rest.split_once("=\"") {
        let (value, after) = label_value(after);
        labels.insert(label.to_owned(), value);
        rest = after.trim_start_matches(',');
    }
    labels.retain(|_, value| !value.is_empty());
    (labels, value.parse().expect("a number"))
}

/// The value before the closing quote, and what follows the quote.
fn label_value(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, &text[at + 1..]),
            '\\' => value
                .extend(characters.next().map(|(_, escaped)| if escaped == 'n' { '\n' } else { escaped })),
            _ => value.push(character),
        }
    }
    panic!("expected a closing quote, got {text:?}")
}
