//! Generates the tool definitions for an agent gateway and the parameter tables of the README.
//!
//! Both are in the repository: `cargo run -p query --example describe` writes them, and a test compares them.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::operation::Operation;
use crate::parameter::{Parameter, REGION, WORKSPACE_ID, WORKSPACE_URL};

/// The parameters that select the workspace of an operation.
const WORKSPACE: [Parameter; 3] = [WORKSPACE_URL, WORKSPACE_ID, REGION];

/// The tool definitions. A Lambda target of `AgentCore` Gateway accepts only `type`, `description`, `properties` and
/// `required` in a schema.
///
/// <https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/gateway-add-target-lambda.html#gateway-lambda-tool-schema>
pub fn tool_definitions() -> Value {
    Operation::ALL.map(tool_definition).to_vec().into()
}

fn tool_definition(operation: Operation) -> Value {
    let input = input_schema(operation.parameters());
    json!({"name": operation.name(), "description": operation.description(), "inputSchema": input})
}

/// The JSON Schema of parameters.
pub(crate) fn input_schema(parameters: &[Parameter]) -> Value {
    let mut properties = Map::new();
    for parameter in parameters {
        properties.insert(
            parameter.name.to_owned(),
            json!({"type": parameter.kind.schema_type(), "description": parameter.description}),
        );
    }
    let required: Vec<_> =
        parameters.iter().filter(|parameter| parameter.required).map(|parameter| parameter.name).collect();
    let mut input = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        input["required"] = required.into();
    }
    input
}

/// The parameters of an operation whose workspace is given.
pub(crate) fn own_parameters(operation: Operation) -> &'static [Parameter] {
    let parameters = operation.parameters();
    parameters.strip_suffix(&WORKSPACE).unwrap_or(parameters)
}

/// A section for each operation with a table of its parameters, in Markdown. The parameters that select a workspace
/// have a table of their own.
pub fn parameter_tables() -> String {
    let names = WORKSPACE.map(|parameter| format!("`{}`", parameter.name)).join(", ");
    let mut text = String::new();
    for operation in Operation::ALL {
        let (name, description) = (operation.name(), operation.description());
        let parameters = operation.parameters();
        let own = own_parameters(operation);
        let _ = write!(text, "### `{name}`\n\n{description}\n\n{}", table(own));
        if own.len() < parameters.len() {
            let _ = writeln!(text, "| {names} | string | [the workspace](#workspace) |");
        }
        text.push('\n');
    }
    for operation in Operation::MCP.into_iter().filter(|operation| !Operation::ALL.contains(operation)) {
        let (name, description) = (operation.name(), operation.description());
        let _ = write!(text, "### `{name}`\n\n{description} A tool of the [MCP server](#mcp-server).\n\n");
        text += &table(operation.parameters());
        text.push('\n');
    }
    text + "### Workspace\n\n" + &table(&WORKSPACE) + "\n"
}

fn table(parameters: &[Parameter]) -> String {
    let mut text = "| parameter | type | meaning |\n|---|---|---|\n".to_owned();
    for parameter in parameters {
        let required = if parameter.required { ", required" } else { "" };
        let meaning = parameter.description.replace('|', "\\|").replace('<', "\\<");
        let kind = parameter.kind.readme_type();
        let _ = writeln!(text, "| `{}` | {kind}{required} | {meaning} |", parameter.name);
    }
    text
}
