//! The operation `list_metrics`: metric names page by page (AMP, `GetLabels`), with their metadata on request
//! (`GetMetricMetadata`).

use std::borrow::Cow;
use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use crate::api::Api;
use crate::api_response::Annotations;
use crate::error::Error;
use crate::input::Input;
use crate::parameter::{MAX_METRICS, METADATA, NEXT_TOKEN, PREFIX, REGEX, SEEN_AFTER, SEEN_BEFORE};
use crate::truncation::{Caller, Truncation, json_array};

/// The default number of names for an agent.
const NAMES_FOR_AGENT: usize = 200;

const NARROW: &str = "continue with next_token, or filter by prefix, regex, start and end";

/// Suffixes of series names within a metric family, and the types of families that have them.
/// <https://prometheus.io/docs/specs/om/open_metrics_spec/#suffixes>
const SUFFIXES: [(&str, &[&str]); 4] = [
    ("_bucket", &["histogram"]),
    ("_count", &["histogram", "summary"]),
    ("_sum", &["histogram", "summary"]),
    ("_total", &["counter"]),
];

/// Lists the metric names that match the filters of `input`.
pub(crate) async fn list_metrics(input: &Input, api: &Api, caller: Caller) -> Result<Box<RawValue>, Error> {
    #[derive(Serialize)]
    struct Page<'a> {
        metrics: Box<RawValue>,
        /// The number of matching names; `None` if there are more than were read.
        total: Option<usize>,
        #[serde(flatten)]
        truncation: Option<Truncation>,
        #[serde(skip_serializing_if = "Option::is_none")]
        next_token: Option<&'a str>,
        #[serde(flatten)]
        annotations: Annotations,
    }
    let (start, end) = (input.timestamp(&SEEN_AFTER)?, input.timestamp(&SEEN_BEFORE)?);
    if let (Some(start), Some(end)) = (start, end)
        && start > end
    {
        return Err(input.invalid(&SEEN_AFTER, format!("a time not after end, {}", end.rfc3339())));
    }
    let mut parameters = Vec::new();
    let selector = selector(input.string(&PREFIX)?, input.string(&REGEX)?);
    parameters.extend(selector.map(|selector| ("match[]", selector)));
    parameters.extend(start.map(|time| ("start", time.seconds())));
    parameters.extend(end.map(|time| ("end", time.seconds())));
    let limits = caller.limits(input.count(&MAX_METRICS)?, NAMES_FOR_AGENT);
    let after = input.string(&NEXT_TOKEN)?;
    let with_metadata = input.flag(&METADATA)?;

    let body = api.get("/api/v1/label/__name__/values", &parameters).await?;
    let response = body.api_response()?;
    let names = names(&response.elements).map_err(|error| body.invalid(&error))?;
    let first = after.map_or(0, |after| names.partition_point(|name| name.as_ref() <= after));
    let rest = &names[first..];
    let families = if with_metadata { Some(Families::read(api).await?) } else { None };
    let element = |name: &Cow<'_, str>| match &families {
        Some(families) => families.describe(name).to_string(),
        None => json!(name).to_string(),
    };
    let (metrics, returned) = json_array(rest.iter().map(element), limits)?;
    let left_out = response.is_complete.then(|| rest.len() - returned);
    let last = rest[..returned].last().filter(|_| returned < rest.len());
    Ok(to_raw_value(&Page {
        metrics,
        total: response.is_complete.then_some(names.len()),
        truncation: (left_out != Some(0)).then(|| Truncation::new(returned, left_out, NARROW)),
        next_token: last.map(AsRef::as_ref),
        annotations: response.annotations,
    })?)
}

/// The series selector of the filters; `None` without filters.
///
/// Prometheus rejects a selector in which every matcher accepts the empty string, as `.*` does, so the first matcher
/// requires a name, which every series has.
fn selector(prefix: Option<&str>, regex: Option<&str>) -> Option<String> {
    let prefix = prefix.map(|prefix| format!("{}.*", re2_text(prefix)));
    let expressions: Vec<_> = [prefix.as_deref(), regex].into_iter().flatten().collect();
    let matchers: Vec<_> =
        expressions.iter().map(|expression| format!(",__name__=~{}", promql_text(expression))).collect();
    (!matchers.is_empty()).then(|| format!("{{__name__!=\"\"{}}}", matchers.concat()))
}

/// `text` as a regular expression that matches only `text` (<https://github.com/google/re2/wiki/Syntax>).
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

/// The names without duplicates in ascending order of their bytes, because a page begins after a name.
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

/// The metadata of all metric families, of which AMP keeps at most 20,000.
#[derive(Debug, Deserialize)]
struct Families {
    data: HashMap<String, Vec<Metadata>>,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    r#type: String,
    help: String,
    unit: String,
}

impl Families {
    async fn read(api: &Api) -> Result<Self, Error> {
        api.get("/api/v1/metadata", &[]).await?.json()
    }

    /// The name, with the metadata of its family if there is any.
    fn describe(&self, name: &str) -> Value {
        match self.of(name) {
            Some(Metadata { r#type, help, unit }) => {
                json!({"name": name, "type": r#type, "help": help, "unit": unit})
            }
            None => json!({"name": name}),
        }
    }

    /// The metadata of a series name: its family has the same name, or the name without a suffix.
    fn of(&self, name: &str) -> Option<&Metadata> {
        let of_family = |name: &str| self.data.get(name).and_then(|targets| targets.first());
        of_family(name).or_else(|| {
            SUFFIXES.iter().find_map(|(suffix, types)| {
                let metadata = of_family(name.strip_suffix(suffix)?)?;
                types.contains(&metadata.r#type.as_str()).then_some(metadata)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_without_duplicates() {
        let elements: Vec<Box<RawValue>> = serde_json::from_str(r#"["b","a","b","\u0061b"]"#).unwrap();
        let elements: Vec<_> = elements.iter().map(AsRef::as_ref).collect();
        assert_eq!(names(&elements).unwrap(), ["a", "ab", "b"]);
        let number: Box<RawValue> = serde_json::from_str("5").unwrap();
        assert!(names(&[&number]).is_err());
    }

    /// `OpenMetrics` 1.0, "Suffixes".
    #[test]
    fn series_have_the_metadata_of_their_family() {
        let families: Families = serde_json::from_str(
            r#"{"status":"success","data":{
                "latency":[{"type":"histogram","help":"h","unit":"seconds"}],
                "requests":[{"type":"counter","help":"c","unit":""},{"type":"gauge","help":"other","unit":""}],
                "depth":[{"type":"gauge","help":"g","unit":""}],
                "odd_total":[{"type":"gauge","help":"o","unit":""}],
                "empty":[]}}"#,
        )
        .unwrap();
        let help = |name| families.of(name).map(|metadata| metadata.help.as_str());
        for name in ["latency", "latency_bucket", "latency_count", "latency_sum"] {
            assert_eq!(help(name), Some("h"), "{name}");
        }
        assert_eq!(help("requests_total"), Some("c"));
        assert_eq!(help("odd_total"), Some("o"));
        for name in ["depth_total", "depth_bucket", "requests_bucket", "unknown", "_total", "empty"] {
            assert_eq!(help(name), None, "{name}");
        }
    }
}
