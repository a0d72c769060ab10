//! Instant selectors: `name`, `name{label="value"}`, `{label=~"value.*"}`.
//!
//! In: the text of a query. Out: a [`Selector`] that label sets can be held against, or why it is none. Source:
//! Prometheus, "Querying basics", "Time series selectors".

use regex::Regex;

use super::super::store::LabelSet;
use super::literal;

const METRIC_NAME_LABEL: &str = "__name__";

/// Matchers that must all hold.
#[derive(Debug)]
pub(super) struct Selector(Vec<Matcher>);

/// Why a text is no selector. Positions are counted from 1, in bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum SelectorError {
    #[error("1:1: parse error: no expression found in input")]
    Empty,
    #[error("1:{position}: parse error: more than a selector")]
    MoreThanASelector { position: usize },
    #[error("1:{position}: parse error: expected {expected}")]
    Unexpected { position: usize, expected: &'static str },
    #[error("1:{position}: parse error: {error}")]
    Literal { position: usize, error: literal::LiteralError },
    #[error("1:{position}: parse error: {why}")]
    Regex { position: usize, why: String },
    #[error("1:1: parse error: metric name must not be set twice: {0:?} or {1:?}")]
    NameTwice(String, String),
    #[error("1:1: parse error: vector selector must contain at least one non-empty matcher")]
    MatchesEverything,
}

impl Selector {
    /// Whether a series belongs to it.
    pub(super) fn matches(&self, labels: &LabelSet) -> bool {
        self.0.iter().all(|matcher| {
            // "Label matchers that match empty label values also select all time series that do not have the
            // specific label set at all."
            matcher.condition.holds_for(labels.get(&matcher.label).map_or("", String::as_str))
        })
    }
}

#[derive(Debug)]
struct Matcher {
    label: String,
    condition: Condition,
}

#[derive(Debug)]
enum Condition {
    Equal(String),
    NotEqual(String),
    Matches(Regex),
    MatchesNot(Regex),
}

impl Condition {
    fn holds_for(&self, value: &str) -> bool {
        match self {
            Self::Equal(wanted) => value == wanted,
            Self::NotEqual(unwanted) => value != unwanted,
            Self::Matches(wanted) => wanted.is_match(value),
            Self::MatchesNot(unwanted) => !unwanted.is_match(value),
        }
    }
}

/// Reads a selector that is the whole text.
pub(super) fn parse(text: &str) -> Result<Selector, SelectorError> {
    let mut parser = Parser { text, rest: text };
    let mut matchers = Vec::new();
    parser.skip_blanks();
    if parser.rest.is_empty() {
        return Err(SelectorError::Empty);
    }
    let start = parser.position();
    let name = parser.name(|byte| byte == b':').to_owned();
    parser.skip_blanks();
    let has_braces = parser.rest.starts_with('{');
    if !has_braces && (name.is_empty() || is_number(&name)) {
        return Err(SelectorError::MoreThanASelector { position: start });
    }
    if has_braces {
        matchers = parser.braces()?;
        parser.skip_blanks();
    }
    if !parser.rest.is_empty() {
        return Err(SelectorError::MoreThanASelector { position: parser.position() });
    }
    if !name.is_empty() {
        if let Some(other) = matchers.iter().find(|matcher| matcher.label == METRIC_NAME_LABEL) {
            return Err(SelectorError::NameTwice(name, other.condition.written()));
        }
        let condition = Condition::Equal(name);
        matchers.push(Matcher { label: METRIC_NAME_LABEL.to_owned(), condition });
    }
    if matchers.iter().all(|matcher| matcher.condition.holds_for("")) {
        return Err(SelectorError::MatchesEverything);
    }
    Ok(Selector(matchers))
}

impl Condition {
    fn written(&self) -> String {
        match self {
            Self::Equal(value) | Self::NotEqual(value) => value.clone(),
            Self::Matches(regex) | Self::MatchesNot(regex) => regex.to_string(),
        }
    }
}

/// `PromQL` reads these words as numbers, in any case.
fn is_number(name: &str) -> bool {
    name.eq_ignore_ascii_case("inf") || name.eq_ignore_ascii_case("nan")
}

struct Parser<'a> {
    text: &'a str,
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn position(&self) -> usize {
        self.text.len() - self.rest.len() + 1
    }

    /// Blanks, line ends, and comments from `#` to the end of the line.
    fn skip_blanks(&mut self) {
        loop {
            self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
            let Some(comment) = self.rest.strip_prefix('#') else { return };
            self.rest = comment.find('\n').map_or("", |end| &comment[end..]);
        }
    }

    /// The longest name here, which may be empty.
    fn name(&mut self, also: impl Fn(u8) -> bool) -> &'a str {
        let first = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_' || also(byte);
        if !self.rest.bytes().next().is_some_and(first) {
            return "";
        }
        let length = self.rest.bytes().take_while(|byte| first(*byte) || byte.is_ascii_digit()).count();
        let (name, rest) = self.rest.split_at(length);
        self.rest = rest;
        name
    }

    fn take(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn unexpected(&self, expected: &'static str) -> SelectorError {
        SelectorError::Unexpected { position: self.position(), expected }
    }

    /// `{a="1", b=~"2",}`.
    fn braces(&mut self) -> Result<Vec<Matcher>, SelectorError> {
        let mut matchers = Vec::new();
        self.take("{");
        loop {
            self.skip_blanks();
            if self.take("}") {
                return Ok(matchers);
            }
            matchers.push(self.matcher()?);
            self.skip_blanks();
            if !self.take(",") && !self.rest.starts_with('}') {
                return Err(self.unexpected("\",\" or \"}\""));
            }
        }
    }

    fn matcher(&mut self) -> Result<Matcher, SelectorError> {
        let label = self.name(|_| false).to_owned();
        if label.is_empty() {
            return Err(self.unexpected("a label name or \"}\""));
        }
        self.skip_blanks();
        // The longer operators first, since two of them begin like the shorter one.
        let operators = ["=~", "!~", "!=", "="];
        let Some(operator) = operators.into_iter().find(|operator| self.take(operator)) else {
            return Err(self.unexpected("one of = != =~ !~"));
        };
        self.skip_blanks();
        let position = self.position();
        let (value, rest) =
            literal::parse(self.rest).map_err(|error| SelectorError::Literal { position, error })?;
        self.rest = rest;
        let regex = |value: &str| anchored(value).map_err(|why| SelectorError::Regex { position, why });
        let condition = match operator {
            "=~" => Condition::Matches(regex(&value)?),
            "!~" => Condition::MatchesNot(regex(&value)?),
            "!=" => Condition::NotEqual(value),
            _ => Condition::Equal(value),
        };
        Ok(Matcher { label, condition })
    }
}

/// "All regular expressions in Prometheus use RE2 syntax" and "are fully anchored"; since 3.0 a dot matches line
/// ends too. What is not valid by itself must not become valid inside the anchors.
fn anchored(pattern: &str) -> Result<Regex, String> {
    let compiled = Regex::new(pattern).and_then(|_| Regex::new(&format!("^(?s:{pattern})$")));
    compiled.map_err(|error| format!("error parsing regexp: {error}"))
}

#[cfg(test)]
mod tests;
