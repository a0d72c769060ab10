//! The catalogue of metrics as resources, prompts for common tasks, and completion of their arguments.

use percent_encoding::percent_decode_str;
use rmcp::model::{
    ArgumentInfo, CompleteResult, CompletionInfo, ErrorData, GetPromptResult, JsonObject, Prompt,
    PromptArgument, PromptMessage, ReadResourceResult, Resource, ResourceContents, ResourceTemplate, Role,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::hints::is_empty;
use super::tools::run;
use crate::list_metrics::{promql_text, re2_text};
use crate::operation::Operation;
use crate::operations::{Call, Operations};

/// The URI of the catalogue, and of a metric after a slash.
const METRICS: &str = "prometheus://metrics";

const JSON: &str = "application/json";

const INVESTIGATE_ALERT: &str = "investigate_alert";

/// Maximum length of an argument in a prompt, in characters.
const MAX_ARGUMENT_CHARS: usize = 500;

/// A prompt: its name, description, argument and text, in which `{}` is the argument.
struct Template {
    name: &'static str,
    description: &'static str,
    argument: (&'static str, &'static str),
    text: &'static str,
}

const PROMPTS: [Template; 3] = [
    Template {
        name: "explore_metrics",
        description: "Find out which metrics there are about a topic, and what they show",
        argument: ("topic", "What the metrics are about, such as http or memory"),
        text: "Which metrics of this Prometheus workspace are about {}? Call list_metrics with glob *word* for each word \
               that their names may have, and metadata true. For the most useful ones call labels, then query with sum by \
               of one label. Report name, type, unit, labels and current values in a table, and propose three PromQL \
               expressions for a dashboard.",
    },
    Template {
        name: INVESTIGATE_ALERT,
        description: "Find out why an alert is firing",
        argument: ("alert", "Name of the alert"),
        text: "Why is the alert {} firing? Call alerts for its labels and the time since it is active, and rules with its \
               name for its expression. Call range_query with the expression without its comparison, from two hours before \
               that time. Compare with the other labels of the same metric, and with metrics of the same job that changed \
               at that time. Report what changed first, for which labels, and what you did not find out.",
    },
    Template {
        name: "write_promql",
        description: "Write a PromQL expression and try it",
        argument: ("question", "What the expression is to answer"),
        text: "Write a PromQL expression that answers: {} Find the metrics with list_metrics and their labels with labels \
               and label_values; do not guess names. Use rate for counters, and histogram_quantile for histograms. Call \
               query with the expression. Report the expression, its result and its limits.",
    },
];

pub(super) fn resource() -> Resource {
    Resource::new(METRICS, "metrics")
        .with_description("The names of the metrics with type, help and unit; the first 200, and how many have which prefix")
        .with_mime_type(JSON)
}

pub(super) fn template() -> ResourceTemplate {
    ResourceTemplate::new(format!("{METRICS}/{{name}}"), "metric")
        .with_description("A metric: type, help, unit, and the labels of its series")
        .with_mime_type(JSON)
}

/// Reads the catalogue or one of its metrics.
pub(super) async fn read(
    operations: &Operations,
    uri: &str,
    call: Call,
) -> Result<ReadResourceResult, ErrorData> {
    let unknown = || {
        let expected = format!("expected {METRICS} or {METRICS}/<name of a metric>");
        ErrorData::resource_not_found(format!("unknown resource; {expected}"), None)
    };
    let rest = uri.strip_prefix(METRICS).ok_or_else(unknown)?;
    let text = match rest.strip_prefix('/').unwrap_or(rest) {
        "" => list(operations, json!({"metadata": true}), call).await?.get().to_owned(),
        name if rest.starts_with('/') => {
            let name = percent_decode_str(name).decode_utf8().map_err(|_| unknown())?;
            let metrics = list(operations, json!({"metadata": true, "regex": re2_text(&name)}), call).await?;
            if is_empty(&metrics) {
                return Err(ErrorData::resource_not_found("no metric has this name", None));
            }
            let selector = json!({"match": format!("{{__name__={}}}", promql_text(&name))});
            let labels = operation(operations, Operation::Labels, selector, call).await?;
            format!(r#"{{"metric":{metrics},"labels":{labels}}}"#)
        }
        _ => return Err(unknown()),
    };
    Ok(ReadResourceResult::new(vec![ResourceContents::text(text, uri).with_mime_type(JSON)]))
}

/// The prompts. Callers who may see only a part of the series get no alerts.
pub(super) fn prompts(is_restricted: bool) -> Vec<Prompt> {
    let prompt = |Template { name, description, argument: (argument, meaning), .. }: &Template| {
        let argument = PromptArgument::new(*argument).with_description(*meaning).with_required(true);
        Prompt::new(*name, Some(*description), Some(vec![argument]))
    };
    PROMPTS.iter().filter(|prompt| !is_restricted || prompt.name != INVESTIGATE_ALERT).map(prompt).collect()
}

pub(super) fn prompt(name: &str, arguments: &JsonObject) -> Result<GetPromptResult, ErrorData> {
    let prompt = PROMPTS.iter().find(|prompt| prompt.name == name).ok_or_else(|| {
        let names = PROMPTS.map(|prompt| prompt.name).join(", ");
        ErrorData::invalid_params(format!("unknown prompt; expected one of {names}"), None)
    })?;
    let (argument, meaning) = prompt.argument;
    let value = arguments
        .get(argument)
        .and_then(Value::as_str)
        .ok_or_else(|| ErrorData::invalid_params(format!("missing argument {argument}: {meaning}"), None))?;
    let value: String = value.chars().take(MAX_ARGUMENT_CHARS).collect();
    let message = PromptMessage::new_text(Role::User, prompt.text.replacen("{}", &value, 1));
    Ok(GetPromptResult::new(vec![message]).with_description(prompt.description))
}

/// The names of metrics that begin with the value of the argument `name`; nothing for others.
pub(super) async fn complete(operations: &Operations, argument: &ArgumentInfo, call: Call) -> CompleteResult {
    #[derive(Deserialize)]
    struct Page {
        metrics: Vec<String>,
        total: Option<u32>,
    }
    if argument.name != "name" {
        return CompleteResult::default();
    }
    let filter = json!({"prefix": argument.value, "limit": CompletionInfo::MAX_VALUES});
    let page = list(operations, filter, call).await.ok();
    let page = page.and_then(|page| serde_json::from_str::<Page>(page.get()).ok());
    let completion = page.and_then(|Page { metrics, total }| {
        let has_more = total.is_none_or(|total| metrics.len() < total as usize);
        CompletionInfo::with_pagination(metrics, total, has_more).ok()
    });
    CompleteResult::new(completion.unwrap_or_default())
}

async fn list(operations: &Operations, filter: Value, call: Call) -> Result<Box<RawValue>, ErrorData> {
    operation(operations, Operation::ListMetrics, filter, call).await
}

async fn operation(
    operations: &Operations,
    operation: Operation,
    arguments: Value,
    call: Call,
) -> Result<Box<RawValue>, ErrorData> {
    let Value::Object(arguments) = arguments else { return Err(ErrorData::internal_error("BUG", None)) };
    run(operations, operation, &arguments, call).await.map_err(|error| match error.status() {
        ..500 => ErrorData::invalid_params(error.to_string(), None),
        _ => ErrorData::internal_error(error.to_string(), None),
    })
}
