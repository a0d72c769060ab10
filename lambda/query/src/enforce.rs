//! Restricts queries to the series that have the labels of `ENFORCE_LABELS`.
//!
//! A query is parsed, each of its selectors gets a matcher for every label, and it is printed. What was printed is parsed
//! again: it has to be the same expression, and each of its selectors has to have the matchers. So a mistake of the
//! printer is an error, never another tenant's series.
//!
//! Matchers are added and none is replaced: the result is that of the query over only the series that have the labels.

use std::panic::catch_unwind;

use aws::Response;
use promql_parser::label::{self, MatchOp, Matcher};
use promql_parser::parser::{BinModifier, Expr, LabelModifier, VectorSelector, parse};
use remote_write::Labels;
use serde_json::json;

/// The parameter of selectors: without any, all series are selected.
const SELECTOR: &str = "match[]";

/// The most operators and brackets of a query: the parser and the printer are recursive.
const MAX_NESTING: usize = 500;

/// The most regular expressions of a query: the parser compiles each, to up to 12 MB.
const MAX_REGEXES: usize = 20;

/// What `by ()` and `ignoring ()` list.
const NO_LABELS: label::Labels = label::Labels { labels: Vec::new() };

/// The parameters that select no series. Others are left out, in case that one of them does.
const HARMLESS: [&str; 8] = ["time", "start", "end", "step", "timeout", "limit", "lookback_delta", "stats"];

/// The operators that are words.
const WORDS: [&str; 4] = ["and", "or", "unless", "atan2"];

/// The labels that every series has to have.
#[derive(Clone, Debug)]
pub struct Enforced {
    matchers: Vec<Matcher>,
}

/// The reason why a request cannot be restricted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unenforceable {
    /// It is not PromQL.
    #[error("invalid parameter \"{name}\": {reason}")]
    Syntax {
        /// The parameter.
        name: &'static str,
        /// The message of the parser.
        reason: String,
    },
    /// It could overflow the stack.
    #[error("invalid parameter \"{0}\": expected at most {MAX_NESTING} operators and brackets")]
    Nesting(&'static str),
    /// It could take all memory.
    #[error("invalid parameter \"{0}\": expected at most {MAX_REGEXES} matchers with regular expressions")]
    Regexes(&'static str),
    /// The parser has no such duration.
    #[error("invalid parameter \"{0}\": a duration is out of range")]
    Duration(&'static str),
    /// A selector of `VictoriaMetrics`.
    #[error("invalid parameter \"{0}\": matchers joined with or cannot be restricted to the caller's labels")]
    Or(&'static str),
    /// A function that selects series by itself.
    #[error("invalid parameter \"{0}\": the function info cannot be restricted to the caller's labels")]
    Info(&'static str),
    /// The printed expression is another one.
    #[error("invalid parameter \"{0}\": the query cannot be restricted to the caller's labels")]
    Printed(&'static str),
    /// A path that returns all series, or rules.
    #[error("this path is not served to callers who may see only a part of the series")]
    Path,
}

impl Enforced {
    /// The labels of `ENFORCE_LABELS`, none of which has an empty value.
    pub fn new(labels: &Labels<'_>) -> Self {
        let matcher = |(name, value)| Matcher::new(MatchOp::Equal, name, value);
        Self { matchers: labels.iter().map(matcher).collect() }
    }

    /// The selector of all series with the labels.
    pub fn selector(&self) -> String {
        let matchers: Vec<_> = self.matchers.iter().map(ToString::to_string).collect();
        format!("{{{}}}", matchers.join(","))
    }

    /// The parameters of a request for `path` that select only series with the labels.
    pub(crate) fn restrict_request(
        &self,
        path: &str,
        parameters: &[(impl AsRef<str>, String)],
    ) -> Result<Vec<(String, String)>, Unenforceable> {
        let path = path.strip_prefix("/api/v1/").unwrap_or_default();
        let is_text = matches!(path, "format_query" | "parse_query");
        let selecting = match path {
            _ if is_text => None,
            "query" | "query_range" => Some("query"),
            "series" | "labels" => Some(SELECTOR),
            path if path.starts_with("label/") && path.ends_with("/values") => Some(SELECTOR),
            path if path.starts_with("status/") => None,
            _ => return Err(Unenforceable::Path),
        };
        let mut restricted = Vec::new();
        for (name, value) in parameters {
            let name = name.as_ref();
            match selecting {
                Some(selecting) if name == selecting => {
                    restricted.push((name.to_owned(), self.restrict(selecting, value)?));
                }
                _ if HARMLESS.contains(&name) || is_text && name == "query" => {
                    restricted.push((name.to_owned(), value.clone()));
                }
                _ => {}
            }
        }
        if selecting == Some(SELECTOR) && !restricted.iter().any(|(name, _)| name == SELECTOR) {
            restricted.push((SELECTOR.to_owned(), self.selector()));
        }
        Ok(restricted)
    }

    /// The restricted form of `query`, which is the value of the parameter `name`.
    ///
    /// # Errors
    /// [`Unenforceable`]
    pub fn restrict(&self, name: &'static str, query: &str) -> Result<String, Unenforceable> {
        let Plain { text, nesting, regexes } = Plain::of(query);
        if nesting > MAX_NESTING {
            return Err(Unenforceable::Nesting(name));
        }
        if regexes > MAX_REGEXES {
            return Err(Unenforceable::Regexes(name));
        }
        let mut expr = parsed(name, &text)?;
        for selector in selectors(name, &mut expr)? {
            let matchers = &mut selector.matchers.matchers;
            matchers.extend(self.matchers.iter().cloned());
            // As they are printed.
            matchers.sort_by_cached_key(ToString::to_string);
        }
        // Not by `==`: NaN is not equal to itself.
        let (wanted, printed) = (format!("{expr:?}"), expr.to_string());
        // Its regular expressions need not be in memory twice.
        drop(expr);
        let mut again = parsed(name, &printed).map_err(|_| Unenforceable::Printed(name))?;
        let is_restricted = selectors(name, &mut again)?
            .iter()
            .all(|selector| self.matchers.iter().all(|matcher| selector.matchers.matchers.contains(matcher)));
        if is_restricted && wanted == format!("{again:?}") {
            Ok(printed)
        } else {
            Err(Unenforceable::Printed(name))
        }
    }
}

impl Unenforceable {
    /// The response to the request, in the form of Prometheus.
    pub(crate) fn response(&self) -> Response {
        let status = if *self == Self::Path { 403 } else { 400 };
        let body = json!({"status": "error", "errorType": "bad_data", "error": self.to_string()});
        Response::new(status, body.to_string())
    }
}

/// The expression of `query`. The parser panics at a duration that is too long, infinite or not a number.
fn parsed(name: &'static str, query: &str) -> Result<Expr, Unenforceable> {
    match catch_unwind(|| parse(query)) {
        Ok(parsed) => parsed.map_err(|reason| Unenforceable::Syntax { name, reason }),
        Err(_) => Err(Unenforceable::Duration(name)),
    }
}

/// The selectors of an expression, also those in the parameter of an aggregation, which the visitor of the parser leaves
/// out. `by ()` and `ignoring ()` are removed, which mean nothing and which the printer leaves out.
fn selectors<'e>(
    name: &'static str,
    expr: &'e mut Expr,
) -> Result<Vec<&'e mut VectorSelector>, Unenforceable> {
    let (mut open, mut found) = (vec![expr], Vec::new());
    while let Some(expr) = open.pop() {
        match expr {
            Expr::Aggregate(aggregate) => {
                aggregate.modifier.take_if(|labels| *labels == LabelModifier::Include(NO_LABELS));
                open.push(&mut aggregate.expr);
                open.extend(aggregate.param.as_deref_mut());
            }
            Expr::Unary(unary) => open.push(&mut unary.expr),
            Expr::Binary(binary) => {
                if let Some(modifier) = &mut binary.modifier {
                    modifier.matching.take_if(|labels| *labels == LabelModifier::Exclude(NO_LABELS));
                }
                binary.modifier.take_if(|modifier| *modifier == BinModifier::default());
                open.extend([&mut *binary.lhs, &mut *binary.rhs]);
            }
            Expr::Paren(paren) => open.push(&mut paren.expr),
            Expr::Subquery(subquery) => open.push(&mut subquery.expr),
            Expr::Call(call) if call.func.name == "info" => return Err(Unenforceable::Info(name)),
            Expr::Call(call) => open.extend(call.args.args.iter_mut().map(|arg| &mut **arg)),
            Expr::VectorSelector(selector) => found.push(selector),
            Expr::MatrixSelector(matrix) => found.push(&mut matrix.vs),
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) => {}
            // The parser makes none.
            Expr::Extension(_) => return Err(Unenforceable::Printed(name)),
        }
    }
    if found.iter().any(|selector| !selector.matchers.or_matchers.is_empty()) {
        return Err(Unenforceable::Or(name));
    }
    Ok(found)
}

/// A query as it is parsed.
struct Plain {
    /// Without comments, and with raw texts in double quotes, because the parser takes a backslash in them for an escape.
    text: String,
    /// At least the depth of the expression: the brackets and operators outside of texts and braces.
    nesting: usize,
    /// The matchers with regular expressions.
    regexes: usize,
}

impl Plain {
    fn of(query: &str) -> Self {
        let (mut plain, mut is_in_braces) = (String::with_capacity(query.len()), false);
        let (mut nesting, mut regexes) = (0, 0);
        let mut rest = query;
        while let Some(c) = rest.chars().next() {
            let taken = match c {
                '#' => rest.find(['\r', '\n']).unwrap_or(rest.len()),
                '"' | '\'' | '`' => text(rest, c),
                c if is_of_word(c) => rest.find(|c| !is_of_word(c)).unwrap_or(rest.len()),
                c => c.len_utf8(),
            };
            let (piece, after) = rest.split_at(taken);
            rest = after;
            match c {
                '#' => plain.push(' '),
                '`' if piece.len() > 1 && piece.ends_with('`') => {
                    plain.push('"');
                    plain.push_str(
                        &piece[1..taken - 1].replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"),
                    );
                    plain.push('"');
                }
                _ => plain.push_str(piece),
            }
            regexes += usize::from(c == '~');
            match c {
                '{' => is_in_braces = true,
                '}' => is_in_braces = false,
                _ if is_in_braces => {}
                c if "([+-*/%^=!<>".contains(c) => nesting += 1,
                _ => {
                    nesting += usize::from(WORDS.iter().any(|operator| piece.eq_ignore_ascii_case(operator)));
                }
            }
        }
        Self { text: plain, nesting, regexes }
    }
}

fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}

/// The length of the text at the beginning of `rest`, with its quotes.
fn text(rest: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if quote != '`' => is_escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use remote_write::{LabelName, NameEscaping};

    use super::*;

    fn enforced() -> Enforced {
        let name = LabelName::new("tenant", NameEscaping::Reject).unwrap();
        Enforced::new(&Labels::new(vec![(name, Cow::Borrowed("a\"b"))]).unwrap())
    }

    fn restrict(query: &str) -> Result<String, Unenforceable> {
        enforced().restrict("query", query)
    }

    #[test]
    fn every_selector_is_restricted() {
        let own = r#"tenant="a\"b""#;
        for (query, expected) in [
            ("up", "up{T}"),
            ("{a=\"1\"}", "{a=\"1\",T}"),
            ("up{z!=\"1\",b=~'c'}", "up{b=~\"c\",T,z!=\"1\"}"),
            ("sum by () (up)", "sum(up{T})"),
            ("a - ignoring () b", "a{T} - b{T}"),
            ("a > bool ignoring () b", "a{T} > bool b{T}"),
            ("up{tenant=\"other\"}", "up{T,tenant=\"other\"}"),
            ("rate(x[5m] offset 1h)", "rate(x{T}[5m] offset 1h)"),
            ("a / on (b) c", "a{T} / on (b) c{T}"),
            ("topk(scalar(n), x)", "topk(scalar(n{T}), x{T})"),
            ("max_over_time(x[1h:5m])", "max_over_time(x{T}[1h:5m])"),
            ("-(a unless {\"b.c\"})", "-(a{T} unless {__name__=\"b.c\",T})"),
            ("1 + NaN", "1 + NaN"),
            ("a{b=~`\\d\"\n`} # `\r+ c", "a{b=~\"\\\\d\\\"\\n\",T} + c{T}"),
            ("a{b='\\'} or c{'}", "a{b=\"'} or c{\",T}"),
        ] {
            assert_eq!(restrict(query), Ok(expected.replace('T', own)), "{query}");
        }
        assert_eq!(enforced().selector(), format!("{{{own}}}"));
    }

    #[test]
    fn what_cannot_be_restricted_is_refused() {
        assert_eq!(restrict(r#"x{a="1" or tenant="b"}"#), Err(Unenforceable::Or("query")));
        assert_eq!(restrict("info(up)"), Err(Unenforceable::Info("query")));
        assert!(matches!(restrict("up{"), Err(Unenforceable::Syntax { .. })));
        for query in ["up offset 1e30", "up[1e30]", "up offset nan", "up[5m:1e30]"] {
            assert_eq!(restrict(query), Err(Unenforceable::Duration("query")), "{query}");
        }
        let regexes = |count| format!("x{{{}}}", vec!["a=~\"b\""; count].join(","));
        assert!(restrict(&regexes(MAX_REGEXES)).is_ok());
        assert_eq!(restrict(&regexes(MAX_REGEXES + 1)), Err(Unenforceable::Regexes("query")));
    }

    #[test]
    fn a_query_that_is_only_a_text_is_not_changed() {
        let given = [("query", "{a=\"1\" or b=\"2\"}".to_owned())];
        let unchanged = [("query".to_owned(), given[0].1.clone())];
        for path in ["/api/v1/format_query", "/api/v1/parse_query"] {
            assert_eq!(enforced().restrict_request(path, &given).as_deref(), Ok(&unchanged[..]), "{path}");
        }
        assert!(enforced().restrict_request("/api/v1/query", &given).is_err());
    }

    /// Each of these overflows the stack of a test if it is parsed.
    #[test]
    fn deep_queries_are_refused() {
        for deep in ["(", "-", "1+", "a and ", "abs(", "# \"\n(", "# '\r(", "\"\\\"\"+", "`\\`+"] {
            let query = deep.repeat(200_000) + "1";
            assert_eq!(restrict(&query), Err(Unenforceable::Nesting("query")), "{deep}");
        }
        let deepest = "1+".repeat(MAX_NESTING) + "a";
        assert!(restrict(&deepest).is_ok());
        let text = format!("a{{b=~\"{}\"}}", "-+(x)|".repeat(1_000));
        assert!(restrict(&text).is_ok(), "texts do not nest");
    }
}
