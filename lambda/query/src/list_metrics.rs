//! `list_metrics`: filters → the names of metrics, page by page (AMP, `GetLabels`), with type, help and unit when asked
//! (`GetMetricMetadata`).

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::api::Api;
use crate::error::Error;
use crate::input::{Input, InvalidInput};
use crate::metadata::{Families, Metadata};
use crate::parameter::{MAX_METRICS, METADATA, NEXT_TOKEN, PREFIX, REGEX, SEEN_AFTER, SEEN_BEFORE};
use crate::selection::{Audience, Selection, Truncation, to_json};
use crate::timestamp::Timestamp;

/// How many names an agent gets unless it asks for another number.
const NAMES_FOR_AGENT: usize = 200;

const NARROW: &str = "ask again with next_token, or filter by prefix, regex, start and end";

/// What is asked.
#[derive(Debug)]
pub struct ListMetrics {
    selector: Option<String>,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    limit: Option<usize>,
    after: Option<String>,
    wants_metadata: bool,
}

/// What the caller gets.
#[derive(Serialize)]
struct Page<'a> {
    metrics: Box<RawValue>,
    /// How many names match; `None` if there are more than were read.
    total: Option<usize>,
    #[serde(flatten)]
    truncation: Option<Truncation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    warnings: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    infos: &'a [String],
}

impl ListMetrics {
    /// Reads the parameters.
    ///
    /// # Errors
    /// A parameter is wrong.
    pub fn read(input: &Input) -> Result<Self, InvalidInput> {
        let (start, end) = (input.timestamp(&SEEN_AFTER)?, input.timestamp(&SEEN_BEFORE)?);
        if let (Some(start), Some(end)) = (start, end)
            && start > end
        {
            return Err(input.invalid(&SEEN_AFTER, format!("a time not after end, {}", end.rfc3339())));
        }
        Ok(Self {
            selector: selector(input.text(&PREFIX)?, input.text(&REGEX)?),
            start,
            end,
            limit: input.count(&MAX_METRICS)?,
            after: input.text(&NEXT_TOKEN)?.map(str::to_owned),
            wants_metadata: input.flag(&METADATA)?,
        })
    }

    /// Asks.
    ///
    /// # Errors
    /// Why there is no data.
    pub async fn run(self, api: &Api, audience: Audience) -> Result<String, Error> {
        let mut parameters = Vec::new();
        parameters.extend(self.selector.map(|selector| ("match[]", selector)));
        parameters.extend(self.start.map(|time| ("start", time.seconds())));
        parameters.extend(self.end.map(|time| ("end", time.seconds())));
        let body = api.get("/api/v1/label/__name__/values", &parameters).await?;
        let document = body.document()?;
        let names = names(&document.elements).map_err(|error| body.unreadable(&error.to_string()))?;
        let first =
            self.after.map_or(0, |after| names.partition_point(|name| name.as_ref() <= after.as_str()));
        let rest = &names[first..];
        let families = if self.wants_metadata { Some(Families::read(api).await?) } else { None };

        let mut selection = Selection::new(audience.limits(self.limit, NAMES_FOR_AGENT));
        let fits = |name: &&Cow<'_, str>| {
            let element = match &families {
                Some(families) => described(name, families.of(name)),
                None => json!(name),
            };
            selection.take(&element.to_string())
        };
        let returned = rest.iter().take_while(fits).count();
        let is_cut = returned < rest.len();
        let truncation = (is_cut || !document.is_complete).then(|| Truncation {
            truncated: true,
            returned,
            left_out: document.is_complete.then_some(rest.len() - returned),
            narrow: NARROW,
        });
        to_json(&Page {
            metrics: selection.into_json()?,
            total: document.is_complete.then_some(names.len()),
            truncation,
            next_token: rest[..returned].last().filter(|_| is_cut).map(AsRef::as_ref),
            warnings: &document.warnings,
            infos: &document.infos,
        })
    }
}

/// A selector of the names; `None` for all of them.
///
/// Prometheus refuses a selector of which every matcher takes the empty text, as `.*` does. A series always has a name,
/// so the first matcher changes nothing but that.
fn selector(prefix: Option<&str>, regex: Option<&str>) -> Option<String> {
    let prefix = prefix.map(|prefix| format!("{}.*", re2_text(prefix)));
    let expressions: Vec<_> = [prefix.as_deref(), regex].into_iter().flatten().collect();
    let matchers: Vec<_> =
        expressions.iter().map(|expression| format!(",__name__=~{}", promql_text(expression))).collect();
    (!matchers.is_empty()).then(|| format!("{{__name__!=\"\"{}}}", matchers.concat()))
}

/// `text` as a regular expression that matches only itself (<https://github.com/google/re2/wiki/Syntax>).
fn re2_text(text: &str) -> String {
    let mut expression = String::with_capacity(text.len());
    for c in text.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            expression.push('\\');
        }
        expression.push(c);
    }
    expression
}

/// `text` as a PromQL string literal
/// (<https://prometheus.io/docs/prometheus/latest/querying/basics/#string-literals>).
fn promql_text(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{escaped}\"")
}

/// The names in ascending order of their bytes, each once: pages depend on it.
fn names<'a>(elements: &[&'a RawValue]) -> serde_json::Result<Vec<Cow<'a, str>>> {
    #[derive(Deserialize)]
    struct Name<'a>(#[serde(borrow)] Cow<'a, str>);
    let mut names = Vec::with_capacity(elements.len());
    for element in elements {
        let name: Name<'a> = serde_json::from_str(element.get())?;
        names.push(name.0);
    }
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

/// A metric with what is known of it.
fn described(name: &str, metadata: Option<&Metadata>) -> Value {
    match metadata {
        Some(Metadata { r#type, help, unit }) => {
            json!({"name": name, "type": r#type, "help": help, "unit": unit})
        }
        None => json!({"name": name}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Prometheus refuses `{__name__=~".*"}`: "match[] must contain at least one non-empty matcher".
    #[test]
    fn filters_become_one_selector_with_everything_escaped() {
        let selector = |prefix, regex| selector(prefix, regex).unwrap();
        assert_eq!(super::selector(None, None), None);
        assert_eq!(selector(Some("http_"), None), r#"{__name__!="",__name__=~"http_.*"}"#);
        assert_eq!(selector(None, Some(".*")), r#"{__name__!="",__name__=~".*"}"#);
        assert_eq!(selector(Some("a.b"), None), r#"{__name__!="",__name__=~"a\\.b.*"}"#);
        assert_eq!(
            selector(Some("a"), Some("x\"} or \\d\n")),
            "{__name__!=\"\",__name__=~\"a.*\",__name__=~\"x\\\"} or \\\\d\\n\"}"
        );
    }

    #[test]
    fn names_are_sorted_and_each_is_there_once() {
        let elements: Vec<Box<RawValue>> = serde_json::from_str(r#"["b","a","b","\u0061b"]"#).unwrap();
        let elements: Vec<_> = elements.iter().map(AsRef::as_ref).collect();
        assert_eq!(names(&elements).unwrap(), ["a", "ab", "b"]);
        let number: Box<RawValue> = serde_json::from_str("5").unwrap();
        assert!(names(&[&number]).is_err());
    }
}
