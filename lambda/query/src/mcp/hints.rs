//! Hints what to do next after an answer that is empty or refused. A function for each case writes its text; the functions
//! at the top choose the cases, and look up what exists.

use std::fmt::Write as _;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::lookups::{LOOKBACK, Lookups};
use super::selectors::{Selector, dotted_name, has_comparison, selectors};
use super::tools::{Asked, all_with_parameter};
use crate::api::Api;
use crate::error::Error;
use crate::operation::Operation;
use crate::schema::own_parameters;
use crate::time::Timestamp;

/// The most names in a hint.
const MAX_NAMES: usize = 5;

/// The most values of a label in a hint.
const MAX_VALUES: usize = 20;

/// The least similarity of a name that is meant (Jaro-Winkler, from 0 to 1).
const MIN_SIMILARITY: f64 = 0.85;

/// The most bytes of an argument that is looked at: hints quote it, and compare it with every name.
const MAX_ARGUMENT_BYTES: usize = 2_000;

/// The most bytes of a name that is compared with others.
const MAX_WANTED_BYTES: usize = 200;

/// Prometheus shows a sample for so long after its time.
const STALENESS_MS: i64 = 5 * 60 * 1_000;

/// The hints after the answer `result` to `asked`; none after an answer with data.
pub(super) async fn of(
    asked: &Asked<'_>,
    result: &Result<Box<RawValue>, Error>,
    api: &Api,
    now: Timestamp,
) -> Vec<String> {
    let lookups = Lookups::new(api);
    let is_long = |argument: &Value| argument.as_str().is_some_and(|text| text.len() > MAX_ARGUMENT_BYTES);
    let hints = match result {
        Ok(data) if !is_empty(data) => Vec::new(),
        _ if asked.arguments.values().any(is_long) => {
            vec![format!(
                "arguments over {MAX_ARGUMENT_BYTES} bytes get no hints: try a part of the expression"
            )]
        }
        Ok(_) => Box::pin(after_nothing(asked, lookups, now)).await,
        Err(error) => Box::pin(after_error(asked, error, lookups)).await,
    };
    hints.into_iter().map(|hint| format!("Hint: {hint}")).collect()
}

/// Whether `data` has one list, and that is empty.
pub(super) fn is_empty(data: &RawValue) -> bool {
    let lists = ["result", "metrics", "labels", "values", "series", "rules", "alerts"];
    let Ok(data) = serde_json::from_str::<Map<String, Value>>(data.get()) else { return false };
    lists.iter().any(|list| data.get(*list).and_then(Value::as_array).is_some_and(Vec::is_empty))
}

async fn after_nothing(asked: &Asked<'_>, mut lookups: Lookups<'_>, now: Timestamp) -> Vec<String> {
    match asked.operation {
        Operation::Query | Operation::RangeQuery => {
            let expression = asked.text("query").unwrap_or_default();
            no_series(&selectors(expression), expression, &mut lookups, now).await
        }
        Operation::Series => {
            let selector = asked.text("match").unwrap_or_default();
            no_series(&selectors(selector), selector, &mut lookups, now).await
        }
        Operation::ListMetrics => no_metrics(asked, &mut lookups).await,
        Operation::Labels | Operation::LabelValues => no_values(asked, &mut lookups, now).await,
        Operation::Rules => vec![no_rules(asked.text("name").or(asked.text("type")).is_some())],
        Operation::Alerts => vec!["no alert is pending or firing; rules lists the alerting rules".to_owned()],
        Operation::ServerInfo | Operation::FindWorkspace => Vec::new(),
    }
}

async fn after_error(asked: &Asked<'_>, error: &Error, mut lookups: Lookups<'_>) -> Vec<String> {
    let expression = asked.text("query").or(asked.text("match")).unwrap_or_default();
    match error {
        Error::UnknownParameter { .. } => {
            let given = asked.arguments.keys().map(String::as_str);
            other_tool(asked.operation, given).into_iter().collect()
        }
        Error::Server { status: 400, message, .. } => {
            if let Some(name) = dotted_name(expression) {
                return vec![quoted_name(name, &lookups.metrics().await.unwrap_or_default())];
            }
            range_vector(message).into_iter().collect()
        }
        Error::Server { status: 413 | 422 | 503 | 504, .. } | Error::NoResponse(_)
            if [413, 422, 503, 504].contains(&error.status()) =>
        {
            vec![too_large(asked.operation)]
        }
        _ => Vec::new(),
    }
}

/// Why `selectors` select nothing: the first reason that is found.
async fn no_series(
    selectors: &[Selector],
    expression: &str,
    lookups: &mut Lookups<'_>,
    now: Timestamp,
) -> Vec<String> {
    let Some(metrics) = lookups.metrics().await else { return Vec::new() };
    if metrics.is_empty() {
        return vec!["the workspace has no metrics, or none that may be read".to_owned()];
    }
    let unknown: Vec<_> = selectors
        .iter()
        .filter_map(|selector| selector.name.as_deref())
        .filter(|name| metrics.binary_search_by(|metric| metric.as_str().cmp(name)).is_err())
        .take(MAX_NAMES)
        .map(|name| unknown_metric(name, &metrics))
        .collect();
    if !unknown.is_empty() {
        return unknown;
    }
    // A selector with matchers is more often the reason.
    let selector = selectors.iter().find(|selector| !selector.matchers.is_empty()).or(selectors.first());
    let Some(selector) = selector else { return Vec::new() };
    match lookups.last_seen(&selector.promql(), now).await {
        None => Vec::new(),
        Some(Some(time)) if time.ms() < now.ms() - STALENESS_MS => vec![last_seen(selector, time)],
        Some(Some(_)) => vec![removed(expression)],
        Some(None) => {
            let Some(matcher) = selector.matchers.iter().find(|matcher| matcher.operator.starts_with('='))
            else {
                return vec![not_seen(selector)];
            };
            let of_name = selector
                .name
                .as_ref()
                .map(|name| Selector { name: Some(name.clone()), matchers: Vec::new() });
            match lookups.values(&matcher.label, of_name.as_ref().map(Selector::promql)).await {
                Some(values) => {
                    vec![existing_values(&matcher.label, &matcher.value, selector.name.as_deref(), &values)]
                }
                None => vec![not_seen(selector)],
            }
        }
    }
}

async fn no_metrics(asked: &Asked<'_>, lookups: &mut Lookups<'_>) -> Vec<String> {
    if asked.text("next_token").is_some() {
        return vec!["there are no more names after next_token".to_owned()];
    }
    if let Some(hint) = asked.text("prefix").and_then(glob_prefix) {
        return vec![hint];
    }
    let Some(metrics) = lookups.metrics().await else { return Vec::new() };
    let wanted = asked.text("regex").or(asked.text("glob")).or(asked.text("prefix"));
    let parts = wanted.map(|wanted| containing(wanted, &metrics)).unwrap_or_default();
    if let Some(regex) = asked.text("regex")
        && !parts.is_empty()
    {
        return vec![part_of_name(regex, &parts)];
    }
    let mut hints = Vec::new();
    match wanted {
        Some(wanted) if !parts.is_empty() => hints.push(format!(
            "the names of these metrics contain {wanted:?}: {}; use glob *{wanted}*",
            parts.join(", ")
        )),
        Some(wanted) => hints.push(unknown_metric(wanted, &metrics)),
        None if metrics.is_empty() => {
            hints.push("the workspace has no metrics, or none that may be read".to_owned());
        }
        None => {}
    }
    if asked.arguments.contains_key("start") || asked.arguments.contains_key("end") {
        hints.push("start and end exclude metrics without samples between them: leave them out".to_owned());
    }
    hints
}

async fn no_values(asked: &Asked<'_>, lookups: &mut Lookups<'_>, now: Timestamp) -> Vec<String> {
    let selector = asked.text("match");
    if let Some(label) = asked.text("label")
        && let Some(labels) = lookups.labels(selector.map(str::to_owned)).await
        && !labels.is_empty()
    {
        return if labels.iter().any(|other| other == label) {
            vec!["start and end exclude the series with this label: leave them out".to_owned()]
        } else {
            vec![unknown_label(label, selector, &labels)]
        };
    }
    let selector = selector.unwrap_or_default();
    no_series(&selectors(selector), selector, lookups, now).await
}

/// Which tool takes the parameters `given` that `operation` does not.
fn other_tool<'a>(operation: Operation, given: impl Iterator<Item = &'a str>) -> Option<String> {
    let own: Vec<_> = own_parameters(operation).iter().map(|parameter| parameter.name).collect();
    for name in given.filter(|name| !own.contains(name)) {
        if ["start", "end", "step"].contains(&name) && operation == Operation::Query {
            return Some(format!(
                "query evaluates at one time and takes no {name}: use range_query for values over time, or time for \
                 another time"
            ));
        }
        if name == "time" && operation == Operation::RangeQuery {
            return Some("range_query takes start and end: use query for the values at one time".to_owned());
        }
        if name.starts_with("workspace") || name == "region" {
            return Some("the workspace is that of the server: leave the parameter out".to_owned());
        }
        let others = all_with_parameter(name);
        if !others.is_empty() {
            return Some(format!("{} takes {name}", others.join(" or ")));
        }
    }
    None
}

/// A name with dots needs quotes, or has underscores where it came through the OpenTelemetry protocol.
fn quoted_name(name: &str, metrics: &[String]) -> String {
    let quoted = format!("write a name with dots in quotes within braces: {{\"{name}\"}}");
    let escaped = name.replace('.', "_");
    let exists = |name: &str| metrics.iter().any(|metric| metric == name);
    if exists(name) {
        return quoted;
    }
    let similar: Vec<_> = metrics.iter().filter(|metric| metric.starts_with(&escaped)).collect();
    if similar.is_empty() {
        format!("{quoted}; no metric has this name{}", or_nearest(&escaped, metrics))
    } else {
        let names: Vec<_> = similar.into_iter().take(MAX_NAMES).map(String::as_str).collect();
        format!("no metric is called {name:?}, but there is {}", names.join(", "))
    }
}

fn range_vector(message: &str) -> Option<String> {
    let is_range = message.contains("range vector") || message.contains("invalid expression type");
    is_range.then(|| {
        "a range such as [5m] is for functions: rate(name[5m]) of a counter, avg_over_time(name[5m]) of a gauge; for the \
         raw values leave the range out"
            .to_owned()
    })
}

fn too_large(operation: Operation) -> String {
    let less = match operation {
        Operation::RangeQuery => {
            "a shorter range between start and end, a larger step, more label matchers, or"
        }
        Operation::Query => "more label matchers, a shorter range in brackets, or",
        _ => "more label matchers in match, or a shorter range between start and end;",
    };
    format!(
        "ask for less: {less} aggregate with sum by (...); rules lists the series that are recorded already"
    )
}

fn unknown_metric(name: &str, metrics: &[String]) -> String {
    format!("no metric is called {name:?}{}", or_nearest(name, metrics))
}

fn or_nearest(name: &str, metrics: &[String]) -> String {
    match &nearest(name, metrics)[..] {
        [] => "; find one with list_metrics, glob *part*".to_owned(),
        names => format!("; similar names: {}", names.join(", ")),
    }
}

fn unknown_label(label: &str, selector: Option<&str>, labels: &[String]) -> String {
    let of = selector.map_or_else(String::new, |selector| format!(" of {selector}"));
    format!("no series{of} has the label {label:?}; labels{of}: {}", first(labels, MAX_VALUES))
}

fn existing_values(label: &str, wanted: &str, name: Option<&str>, values: &[String]) -> String {
    let of = name.map_or_else(String::new, |name| format!(" of {name}"));
    if values.is_empty() {
        return format!("no series{of} has the label {label:?}; labels lists those that exist");
    }
    if values.iter().any(|value| value == wanted) {
        return format!(
            "{label}={wanted:?} exists{of}, but not together with the other matchers, or not in the last {LOOKBACK}: leave \
             matchers out"
        );
    }
    let mut near: Vec<_> = nearest(wanted, values).into_iter().map(str::to_owned).collect();
    near.extend(values.iter().filter(|value| !near.contains(value)).cloned().collect::<Vec<_>>());
    format!("no value of {label}{of} matches {wanted:?}; values: {}", first(&near, MAX_VALUES))
}

fn last_seen(selector: &Selector, time: Timestamp) -> String {
    let time = time.rfc3339();
    format!(
        "{} was last seen at {time}: evaluate at that time, or over a range that contains it",
        selector.promql()
    )
}

fn not_seen(selector: &Selector) -> String {
    format!(
        "{} had no samples in the last {LOOKBACK}; series lists what the workspace has, with start further back",
        selector.promql()
    )
}

/// Series exist, so the expression removes them.
fn removed(expression: &str) -> String {
    let reason = if has_comparison(expression) {
        "the comparison is true for none: evaluate it without"
    } else if expression.contains('[') {
        "rate and similar functions need two samples within their range: enlarge it"
    } else {
        "two sides of an operator may have different labels: evaluate each alone, then add on (...) or ignoring (...)"
    };
    format!("the series have samples, but the expression has no result; {reason}")
}

fn glob_prefix(prefix: &str) -> Option<String> {
    prefix.contains(['*', '?']).then(|| format!("prefix is plain text: use glob {prefix:?}"))
}

/// A regular expression that is a part of names.
fn part_of_name(regex: &str, names: &[&str]) -> String {
    format!(
        "regex must match the whole name: use .*{regex}.*, which matches {}",
        names.iter().take(MAX_NAMES).copied().collect::<Vec<_>>().join(", ")
    )
}

fn no_rules(is_filtered: bool) -> String {
    if is_filtered {
        "no rule matches the filters: leave out name and type".to_owned()
    } else {
        "the workspace has no rules".to_owned()
    }
}

/// The names that contain `part`.
fn containing<'a>(part: &str, names: &'a [String]) -> Vec<&'a str> {
    let part = part.trim_matches(['*', '.', '?', '^', '$']).to_lowercase();
    if part.is_empty() {
        return Vec::new();
    }
    let contain = names.iter().filter(|name| name.to_lowercase().contains(&part));
    contain.take(MAX_NAMES).map(String::as_str).collect()
}

/// The names that are most like `wanted`, the best first.
fn nearest<'a>(wanted: &str, names: &'a [String]) -> Vec<&'a str> {
    if wanted.len() > MAX_WANTED_BYTES {
        return Vec::new();
    }
    let wanted = wanted.to_lowercase();
    let similarity = |name: &str| {
        let name = name.to_lowercase();
        let is_part = name.contains(&wanted) || (name.len() > 3 && wanted.contains(&name));
        strsim::jaro_winkler(&wanted, &name).max(if is_part { 0.9 } else { 0.0 })
    };
    let mut similar: Vec<_> = names
        .iter()
        .map(|name| (similarity(name), name.as_str()))
        .filter(|(similarity, _)| *similarity >= MIN_SIMILARITY)
        .collect();
    similar.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    similar.into_iter().take(MAX_NAMES).map(|(_, name)| name).collect()
}

/// The first of `names`, and how many there are more.
fn first(names: &[String], count: usize) -> String {
    let mut text = names[..names.len().min(count)].join(", ");
    if names.len() > count {
        let _ = write!(text, " and {} more", names.len() - count);
    }
    text
}

#[cfg(test)]
mod tests;
