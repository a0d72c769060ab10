//! Finds the series selectors of a PromQL expression, for hints. An expression that Prometheus rejects gives those that are
//! recognizable.
//!
//! <https://prometheus.io/docs/prometheus/latest/querying/basics/#time-series-selectors>

use crate::list_metrics::promql_text;

/// Words before a list of labels.
const BEFORE_LABELS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];

/// Words that are not names.
const KEYWORDS: [&str; 13] = [
    "and", "or", "unless", "atan2", "bool", "offset", "start", "end", "inf", "nan", "smoothed", "anchored",
    "fill",
];

/// The most selectors that are read.
const MAX_SELECTORS: usize = 20;

/// A series selector.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Selector {
    pub(super) name: Option<String>,
    pub(super) matchers: Vec<Matcher>,
}

/// A label matcher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Matcher {
    pub(super) label: String,
    pub(super) operator: &'static str,
    pub(super) value: String,
}

impl Selector {
    /// PromQL for this selector.
    pub(super) fn promql(&self) -> String {
        let name = self.name.iter().map(|name| format!("__name__={}", promql_text(name)));
        let matchers = self.matchers.iter().map(|Matcher { label, operator, value }| {
            let label = if is_identifier(label) { label.clone() } else { promql_text(label) };
            format!("{label}{operator}{}", promql_text(value))
        });
        format!("{{{}}}", name.chain(matchers).collect::<Vec<_>>().join(","))
    }
}

/// The selectors of `expression`, at most [`MAX_SELECTORS`].
pub(super) fn selectors(expression: &str) -> Vec<Selector> {
    let mut selectors: Vec<Selector> = Vec::new();
    let mut rest = expression;
    while let Some(c) = rest.chars().next()
        && selectors.len() < MAX_SELECTORS
    {
        let (word, after) = rest.split_at(word_len(rest));
        if c == '{' {
            let (selector, after) = matchers(None, &rest[1..]);
            selectors.push(selector);
            rest = after;
        } else if word.is_empty() {
            rest = skip(c, rest);
        } else if c.is_ascii_digit() {
            rest = after;
        } else {
            rest = after.trim_start();
            let lower = word.to_ascii_lowercase();
            if BEFORE_LABELS.contains(&&*lower) {
                if rest.starts_with('(') {
                    rest = rest.find(')').map_or("", |end| &rest[end..]);
                }
            } else if rest.starts_with('{') {
                let (selector, after) = matchers(Some(word), &rest[1..]);
                selectors.push(selector);
                rest = after;
            } else if !rest.starts_with('(') && !is_aggregation(rest) && !KEYWORDS.contains(&&*lower) {
                selectors.push(Selector { name: Some(word.to_owned()), matchers: Vec::new() });
            }
        }
    }
    selectors.retain(|selector| *selector != Selector::default());
    selectors
}

/// A name with dots, which PromQL accepts in quotes only.
pub(super) fn dotted_name(expression: &str) -> Option<&str> {
    let mut rest = expression;
    while let Some(c) = rest.chars().next() {
        let len = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.')))
            .unwrap_or(rest.len());
        let word = rest[..len].trim_end_matches('.');
        if !c.is_ascii_digit() && c != '.' && word.contains('.') {
            return Some(word);
        }
        rest = if len > 0 { &rest[len..] } else { skip(c, rest) };
    }
    None
}

/// Whether `expression` has a comparison, which removes series.
pub(super) fn has_comparison(expression: &str) -> bool {
    let mut rest = expression;
    while let Some(c) = rest.chars().next() {
        match c {
            '<' | '>' => return true,
            '=' | '!' if rest[1..].starts_with('=') => return true,
            '{' => rest = matchers(None, &rest[1..]).1,
            c => rest = skip(c, rest),
        }
    }
    false
}

/// The rest after a string, a comment, a range or another character.
fn skip(c: char, rest: &str) -> &str {
    match c {
        '"' | '\'' | '`' => string(rest).map_or("", |(_, rest)| rest),
        '#' => rest.find('\n').map_or("", |end| &rest[end..]),
        '[' => rest.find(']').map_or("", |end| &rest[end..]),
        c => &rest[c.len_utf8()..],
    }
}

/// The selector whose matchers are at the beginning of `rest`, and what follows its brace.
fn matchers<'a>(name: Option<&str>, mut rest: &'a str) -> (Selector, &'a str) {
    let mut selector = Selector { name: name.map(str::to_owned), matchers: Vec::new() };
    loop {
        rest = rest.trim_start_matches(|c: char| c == ',' || c.is_whitespace());
        let (label, after) = match rest.chars().next() {
            Some('"' | '\'' | '`') => match string(rest) {
                Some((label, after)) => (label, after),
                None => return (selector, ""),
            },
            Some('}') => return (selector, &rest[1..]),
            _ => {
                let (word, after) = rest.split_at(word_len(rest));
                (word.to_owned(), after)
            }
        };
        let after = after.trim_start();
        let operator = ["=~", "!~", "!=", "="].into_iter().find(|operator| after.starts_with(operator));
        let Some(operator) = operator else {
            // A name in quotes, or else not PromQL.
            let is_name = rest.starts_with(['"', '\'', '`']) && after.starts_with([',', '}']);
            if !is_name {
                return (selector, after.find('}').map_or("", |end| &after[end + 1..]));
            }
            selector.name = Some(label);
            rest = after;
            continue;
        };
        let Some((value, after)) = string(after[operator.len()..].trim_start()) else {
            return (selector, after.find('}').map_or("", |end| &after[end + 1..]));
        };
        if label == "__name__" && operator == "=" {
            selector.name = Some(value);
        } else {
            selector.matchers.push(Matcher { label, operator, value });
        }
        rest = after;
    }
}

/// The string literal at the beginning of `text`, and the rest.
fn string(text: &str) -> Option<(String, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'))?;
    let mut value = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote => return Some((value, &text[at + 1..])),
            '\\' if quote != '`' => match chars.next()?.1 {
                'n' => value.push('\n'),
                't' => value.push('\t'),
                c => value.push(c),
            },
            c => value.push(c),
        }
    }
    None
}

fn word_len(text: &str) -> usize {
    text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':')).unwrap_or(text.len())
}

/// Whether the grouping of an aggregation follows.
fn is_aggregation(rest: &str) -> bool {
    let word = &rest[..word_len(rest)];
    ["by", "without"].iter().any(|grouping| grouping.eq_ignore_ascii_case(word))
}

fn is_identifier(text: &str) -> bool {
    !text.is_empty() && word_len(text) == text.len() && !text.starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(expression: &str) -> Vec<String> {
        selectors(expression).iter().map(Selector::promql).collect()
    }

    #[test]
    fn selectors_are_found_with_their_matchers() {
        for (expression, expected) in [
            ("up", vec![r#"{__name__="up"}"#]),
            (
                "sum by (job, up) (rate(a:b{x=\"1\", y=~'2|\\'3'}[5m] offset 1h)) / on (z) group_left (w) c > 0.5",
                vec![r#"{__name__="a:b",x="1",y=~"2|'3"}"#, r#"{__name__="c"}"#],
            ),
            (
                "{__name__=\"a\",b!=\"c\"} and {\"d.e\", \"f.g\"!~`h\\d`}",
                vec![r#"{__name__="a",b!="c"}"#, r#"{__name__="d.e","f.g"!~"h\\d"}"#],
            ),
            (
                "histogram_quantile(0.9, sum(rate(x_bucket[1m])) by (le)) # y",
                vec![r#"{__name__="x_bucket"}"#],
            ),
            ("label_replace(v, \"a\", \"$1\", \"b\", \"(c)\") > bool 1e3", vec![r#"{__name__="v"}"#]),
            ("1 + time() - 5m", vec![]),
            ("{job=\"api\"}", vec![r#"{job="api"}"#]),
            ("up @ end()", vec![r#"{__name__="up"}"#]),
        ] {
            assert_eq!(found(expression), expected, "{expression}");
        }
    }

    #[test]
    fn any_text_is_read_to_its_end() {
        let expression = "sum(rate(a.b{x=\"1\\\"}\",y=~'é'}[5m])) by (z) # é\n or {\"ü\"} + `c`";
        for start in 0..expression.len() {
            for end in start..=expression.len() {
                if let Some(part) = expression.get(start..end) {
                    let _ = (selectors(part), dotted_name(part), has_comparison(part));
                }
            }
        }
        assert_eq!(selectors(&"a+".repeat(1_000)).len(), MAX_SELECTORS);
    }

    #[test]
    fn dotted_names_are_found_outside_of_strings() {
        assert_eq!(dotted_name("rate(http.server.duration[5m])"), Some("http.server.duration"));
        assert_eq!(dotted_name("a.b{c=\"d\"}"), Some("a.b"));
        for expression in ["up{a=\"b.c\"} * 1.5", "{\"a.b\"}", "x + 0.5", "up # a.b"] {
            assert_eq!(dotted_name(expression), None, "{expression}");
        }
    }

    #[test]
    fn matchers_are_not_comparisons() {
        for (expression, expected) in [
            ("up == 0", true),
            ("up{a!=\"b\"} != 1", true),
            ("a > b", true),
            ("up{a!=\"b\",c=\"d>e\"}", false),
            ("label_replace(a, \"<\", \"\", \"\", \"\")", false),
        ] {
            assert_eq!(has_comparison(expression), expected, "{expression}");
        }
    }
}
