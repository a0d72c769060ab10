//! The tools: the operations on the configured workspace.

use std::sync::Arc;

use rmcp::model::{CallToolResult, ContentBlock, ErrorData, JsonObject, Tool, ToolAnnotations};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use super::hints;
use crate::error::{Error, json_excerpt};
use crate::operation::Operation;
use crate::operations::{Call, Operations};
use crate::payload::Parameters;
use crate::schema::{input_schema, own_parameters};

/// A call of a tool.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) operation: Operation,
    pub(super) arguments: &'a JsonObject,
}

impl Asked<'_> {
    /// An argument that is a string and not empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.arguments.get(name)?.as_str().filter(|text| !text.trim().is_empty())
    }
}

/// The tools. Callers who may see only a part of the series get no rules and alerts.
pub(super) fn all(is_restricted: bool) -> Vec<Tool> {
    let is_served =
        |operation: &Operation| !is_restricted || !matches!(operation, Operation::Rules | Operation::Alerts);
    Operation::MCP.into_iter().filter(is_served).map(definition).collect()
}

pub(super) fn find(name: &str) -> Option<Operation> {
    Operation::MCP.into_iter().find(|operation| operation.name() == name)
}

/// The names of the tools that take a parameter.
pub(super) fn all_with_parameter(name: &str) -> Vec<&'static str> {
    let takes = |operation: &Operation| own_parameters(*operation).iter().any(|own| own.name == name);
    Operation::MCP.into_iter().filter(takes).map(Operation::name).collect()
}

pub(super) fn definition(operation: Operation) -> Tool {
    let schema = match input_schema(own_parameters(operation)) {
        Value::Object(schema) => schema,
        _ => JsonObject::new(),
    };
    let annotations = ToolAnnotations::new().read_only(true).idempotent(true).open_world(false);
    Tool::new(operation.name(), operation.description(), Arc::new(schema)).with_annotations(annotations)
}

/// Calls a tool. A mistake in its arguments is a result, since clients do not show other errors to their models.
pub(super) async fn call(
    operations: &Operations,
    name: &str,
    arguments: JsonObject,
    call: Call,
) -> Result<CallToolResult, ErrorData> {
    let Some(operation) = find(name) else {
        let names = Operation::MCP.map(Operation::name).join(", ");
        let name = json_excerpt(&Value::from(name));
        return Err(ErrorData::invalid_params(format!("unknown tool {name}; expected one of {names}"), None));
    };
    let result = run(operations, operation, &arguments, call).await;
    log(operation, &result);
    let asked = Asked { operation, arguments: &arguments };
    let hints = match operations.workspace_api(call.deadline) {
        Some(api) => hints::of(&asked, &result, &api, call.now).await,
        None => Vec::new(),
    };
    let (text, is_error) = match &result {
        Ok(data) => (data.get().to_owned(), false),
        Err(error) => (error.to_string(), true),
    };
    let content = [text].into_iter().chain(hints).map(ContentBlock::text).collect();
    Ok(if is_error { CallToolResult::error(content) } else { CallToolResult::success(content) })
}

/// The data of an operation on the configured workspace: no argument selects another one.
pub(super) async fn run(
    operations: &Operations,
    operation: Operation,
    arguments: &JsonObject,
    call: Call,
) -> Result<Box<RawValue>, Error> {
    let own = own_parameters(operation);
    if let Some(name) = arguments.keys().find(|name| !own.iter().any(|own| own.name == *name)) {
        let names: Vec<_> = own.iter().map(|parameter| parameter.name).collect();
        return Err(Error::UnknownParameter {
            name: json_excerpt(&Value::from(name.as_str())),
            operation: operation.name(),
            parameters: names.join(", "),
        });
    }
    let given: Result<Parameters, serde_json::Error> =
        arguments.iter().map(|(name, value)| Ok((name.clone(), to_raw_value(value)?))).collect();
    // On the heap: the future of an operation has 16 KB.
    Box::pin(operations.run(operation, given?, call)).await
}

fn log(operation: Operation, result: &Result<Box<RawValue>, Error>) {
    let operation = operation.name();
    let (status, error) = match result {
        Ok(_) => (200, None),
        Err(error) => (error.status(), Some(error.to_string())),
    };
    let bytes = result.as_ref().map_or(0, |data| data.get().len());
    if status >= 500 {
        tracing::error!(operation, status, error, "The tool failed.");
    }
    tracing::info!(operation, status, error, bytes, "Tool called.");
}
