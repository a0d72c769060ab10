//! Selectors by themselves; what they find is held against a real Prometheus elsewhere.

use super::*;

fn labels(pairs: &[(&str, &str)]) -> LabelSet {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Prometheus, "Time series selectors".
#[test]
fn a_selector_holds_for_the_series_it_describes() {
    let series = labels(&[("__name__", "job:ph:mean5m"), ("device", "d\"1"), ("site", "north")]);
    for text in [
        "job:ph:mean5m",
        "  job:ph:mean5m { } ",
        "job:ph:mean5m{site=\"north\"}",
        "job:ph:mean5m{site='north',}",
        "{__name__=\"job:ph:mean5m\"}",
        "{__name__=~\"job:.+\" , site != `south` # a comment\n}",
        "{device=\"d\\\"1\"}",
        "{site=~\"n.*|s.*\"}",
        "{site=~\"nor\\u0074h\"}",
        "{site!~\"sou.*\", device=~`d.1`}",
        "{site=\"north\", missing=\"\"}",
        "{site=\"north\", missing=~\"a?\"}",
        "{site=\"north\", missing!=\"a\"}",
        "{site=\"north\", site=~\"n.*\"}",
    ] {
        assert!(parse(text).expect(text).matches(&series), "{text}");
    }
    for text in [
        "ph",
        "job:ph:mean5m{site=\"south\"}",
        "{site=~\"nor\"}",
        "{site=~\"orth\"}",
        "{site!~\"n.*\", site!=\"\"}",
        "{site=\"north\", device=\"\"}",
        "{site=\"north\", missing!=\"\"}",
        "{site=\"north\", missing=~\".+\"}",
        "{site=\"north\", site=\"south\"}",
    ] {
        assert!(!parse(text).expect(text).matches(&series), "{text}");
    }
}

#[test]
fn what_needs_an_engine_is_more_than_a_selector() {
    for text in [
        "1",
        "-a",
        "+Inf",
        "NaN",
        "inf",
        "\"text\"",
        "(a)",
        "rate(a[5m])",
        "sum by (b) (a)",
        "a + b",
        "a[5m]",
        "a offset 5m",
        "a @ 5",
        "a{b=\"c\"} > 1",
        "{b=\"c\"}[5m]",
    ] {
        assert!(matches!(parse(text), Err(SelectorError::MoreThanASelector { .. })), "{text}");
    }
}

#[test]
fn a_broken_selector_is_told_what_is_missing_where() {
    for (text, words) in [
        ("", "1:1: parse error: no expression found in input"),
        (" # nothing", "1:1: parse error: no expression found in input"),
        ("a{", "1:3: parse error: expected a label name or \"}\""),
        ("a{,}", "1:3: parse error: expected a label name or \"}\""),
        ("a{b=\"c\",,}", "1:9: parse error: expected a label name"),
        ("a{b}", "1:4: parse error: expected one of = != =~ !~"),
        ("a{b==\"c\"}", "1:5: parse error: expected a quoted string"),
        ("a{b=c}", "1:5: parse error: expected a quoted string"),
        ("a{b=\"c}", "1:5: parse error: unterminated quoted string"),
        ("a{b=\"c\" d=\"e\"}", "1:9: parse error: expected \",\" or \"}\""),
        ("a{b:c=\"d\"}", "1:4: parse error: expected one of"),
        ("a{b=~\"(\"}", "1:6: parse error: error parsing regexp"),
        ("a{b=~\")(\"}", "1:6: parse error: error parsing regexp"),
        ("a{__name__=\"b\"}", "1:1: parse error: metric name must not be set twice: \"a\" or \"b\""),
    ] {
        let error = parse(text).expect_err(text).to_string();
        assert!(error.starts_with(words), "{text}: {error}");
    }
}

/// Prometheus, "Time series selectors": "at least one label matcher that does not match the empty string".
#[test]
fn a_selector_that_nothing_narrows_is_refused() {
    for text in ["{}", "{a=\"\"}", "{a=~\".*\"}", "{a!=\"b\"}", "{a!~\".+\", b=\"\"}"] {
        assert_eq!(parse(text).expect_err(text), SelectorError::MatchesEverything, "{text}");
    }
}
