//! Compares `tools.json` and `README.md` with the definitions in the code.

use std::fs;
use std::path::Path;

use query::schema::{parameter_tables, tool_definitions};
use serde_json::Value;

const REGENERATE: &str = "stale: run `cargo run -p query --example describe`";

fn file(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

#[test]
fn the_files_match_the_definitions() {
    let tools: Value = serde_json::from_str(&file("tools.json")).unwrap();
    assert_eq!(tools, tool_definitions(), "tools.json is {REGENERATE}");
    assert!(file("README.md").contains(&parameter_tables()), "README.md is {REGENERATE}");
}

/// gateway-add-target-lambda, "Tool definition" and "Property schema definition".
#[test]
fn the_schema_has_only_what_a_gateway_accepts() {
    let tools = tool_definitions();
    let tools = tools.as_array().unwrap();
    assert_eq!(tools.len(), 5);
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    for tool in tools {
        assert_eq!(keys(tool), ["description", "inputSchema", "name"]);
        let input = &tool["inputSchema"];
        assert_eq!(input["type"], "object");
        assert!(keys(input).iter().all(|key| ["type", "properties", "required"].contains(&key.as_str())));
        for (name, property) in input["properties"].as_object().unwrap() {
            assert_eq!(keys(property), ["description", "type"], "{name}");
            let kind = property["type"].as_str().unwrap();
            assert!(["string", "number", "integer", "boolean"].contains(&kind), "{name}: {kind}");
        }
        for name in input["required"].as_array().into_iter().flatten() {
            assert!(input["properties"].get(name.as_str().unwrap()).is_some(), "{name}");
        }
    }
}
