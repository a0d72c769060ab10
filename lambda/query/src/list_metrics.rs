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
use crate::parameter::{GLOB, MAX_METRICS, METADATA, NEXT_TOKEN, PREFIX, REGEX, SEEN_AFTER, SEEN_BEFORE};
use crate::truncation::{Caller, Truncation, json_array};

/// The default number of names for an agent.
const NAMES_FOR_AGENT: usize = 200;

const NARROW: &str = "continue with next_token, or filter by prefix, glob, regex, start and end";

/// The number of prefixes that are counted for an agent.
const PREFIXES_FOR_AGENT: usize = 50;

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
        /// For an agent that does not get all names: how many names begin with each prefix, the most frequent first.
        #[serde(skip_serializing_if = "Option::is_none")]
        names_by_prefix: Option<Vec<(&'a str, usize)>>,
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
    let glob = input.string(&GLOB)?.map(re2_glob);
    let selector = selector([
        input.string(&PREFIX)?.map(|prefix| format!("{}.*", re2_text(prefix))),
        glob,
        input.string(&REGEX)?.map(str::to_owned),
    ]);
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
    // A tenant gets no metadata, which would name the metrics of others.
    let families = match (with_metadata, &api.enforced) {
        (false, _) => None,
        (true, None) => Some(Families::read(api).await?),
        (true, Some(_)) => Some(Families::default()),
    };
    let element = |name: &Cow<'_, str>| match &families {
        Some(families) => families.describe(name).to_string(),
        None => json!(name).to_string(),
    };
    let (metrics, returned) = json_array(rest.iter().map(element), limits)?;
    let left_out = response.is_complete.then(|| rest.len() - returned);
    let last = rest[..returned].last().filter(|_| returned < rest.len());
    let is_long = caller == Caller::Agent && returned < names.len();
    Ok(to_raw_value(&Page {
        metrics,
        total: response.is_complete.then_some(names.len()),
        truncation: (left_out != Some(0)).then(|| Truncation::new(returned, left_out, NARROW)),
        next_token: last.map(AsRef::as_ref),
        names_by_prefix: is_long.then(|| by_prefix(&names)),
        annotations: response.annotations,
    })?)
}

/// The series selector of the filters; `None` without filters.
///
/// Prometheus rejects a selector in which every matcher accepts the empty string, as `.*` does, so the first matcher
/// requires a name, which every series has.
fn selector(expressions: [Option<String>; 3]) -> Option<String> {
    let matchers: Vec<_> = expressions
        .into_iter()
        .flatten()
        .map(|expression| format!(",__name__=~{}", promql_text(&expression)))
        .collect();
    (!matchers.is_empty()).then(|| format!("{{__name__!=\"\"{}}}", matchers.concat()))
}

/// How many of `names` have each prefix, which is the name up to its first underscore or colon, or a longer part while all
/// of the names begin with the same one.
fn by_prefix<'a>(names: &'a [Cow<'a, str>]) -> Vec<(&'a str, usize)> {
    let separators = |name: &'a str| name.match_indices(['_', ':', '.']).map(|(at, _)| at + 1);
    let prefix = |name: &'a str, after: usize| {
        let end = separators(name).find(|end| *end > after).unwrap_or(name.len());
        &name[..end]
    };
    let mut common = 0;
    loop {
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for name in names {
            *counts.entry(prefix(name, common)).or_default() += 1;
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        if let [(only, _)] = counts[..]
            && only.len() > common
            && names.iter().any(|name| name.len() > only.len())
        {
            common = only.len();
            continue;
        }
        counts.sort_by(|(a, x), (b, y)| y.cmp(x).then(a.cmp(b)));
        counts.truncate(PREFIXES_FOR_AGENT);
        return counts;
    }
}

/// A pattern with `*` and `?` as a regular expression.
fn re2_glob(glob: &str) -> String {
    let mut expression = String::with_capacity(glob.len());
    for c in glob.chars() {
        match c {
            '*' => expression.push_str(".*"),
            '?' => expression.push('.'),
            c => expression.push_str(&re2_text(c.encode_utf8(&mut [0; 4]))),
        }
    }
    expression
}

/// `text` as a regular expression that matches only `text` (<https://github.com/google/re2/wiki/Syntax>).
pub(crate) fn re2_text(text: &str) -> String {
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
pub(crate) fn promql_text(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{escaped}\"")
}

/// The names without duplicates in ascending order of their bytes, because a page begins after a name.
pub(crate) fn names<'a>(elements: &[&'a RawValue]) -> serde_json::Result<Vec<Cow<'a, str>>> {
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
#[derive(Debug, Default, Deserialize)]
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

    #[test]
    fn globs_and_prefixes_are_regular_expressions() {
        assert_eq!(re2_glob("http_*.a?"), "http_.*\\.a.");
        let selector = |prefix: &str, glob: &str| {
            selector([Some(format!("{}.*", re2_text(prefix))), Some(re2_glob(glob)), None])
        };
        let expected = r#"{__name__!="",__name__=~"a\\.b.*",__name__=~".*_total"}"#;
        assert_eq!(selector("a.b", "*_total").as_deref(), Some(expected));
    }

    #[test]
    fn names_are_counted_by_a_prefix_that_differs() {
        let by_prefix = |names: &[&str]| {
            let names: Vec<_> = names.iter().copied().map(Cow::from).collect();
            by_prefix(&names)
                .into_iter()
                .map(|(prefix, count)| (prefix.to_owned(), count))
                .collect::<Vec<_>>()
        };
        let counts = |expected: &[(&str, usize)]| {
            expected.iter().map(|(prefix, count)| ((*prefix).to_owned(), *count)).collect::<Vec<_>>()
        };
        assert_eq!(
            by_prefix(&["go_a", "http_a", "http_b", "up"]),
            counts(&[("http_", 2), ("go_", 1), ("up", 1)])
        );
        assert_eq!(by_prefix(&["http_a_x", "http_a_y", "http_b"]), counts(&[("http_a_", 2), ("http_b", 1)]));
        assert_eq!(by_prefix(&["a_a", "a_b"]), counts(&[("a_a", 1), ("a_b", 1)]));
        assert_eq!(by_prefix(&["up"]), counts(&[("up", 1)]));
        assert_eq!(by_prefix(&[]), counts(&[]));
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
