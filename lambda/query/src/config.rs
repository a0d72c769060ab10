//! Reads the configuration from the environment.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws::workspace::base_of;
use aws::{Endpoint, InvalidSetting, Settings, is_region};

use crate::enforce::Enforced;
use crate::http_api;
use crate::operation::Operation;
use crate::workspace::Workspace;

/// The handler that serves every operation behind an agent gateway, by the tool name of each invocation.
const TOOLS: &str = "tools";

/// The labels of all series that callers may see.
const ENFORCE_LABELS: &str = "ENFORCE_LABELS";

/// The handler that serves the HTTP API of Prometheus.
const API: &str = "api";

/// The configuration of the function.
#[derive(Clone, Debug)]
pub struct Config {
    /// `_HANDLER`: what the function serves.
    pub(crate) serves: Serves,
    /// `WORKSPACE_URL` and `WORKSPACE_AUTH`: the default workspace.
    pub(crate) workspace: Option<Workspace>,
    /// `ENFORCE_LABELS`: the labels of all series that callers may see.
    pub(crate) enforced: Option<Arc<Enforced>>,
    /// `AWS_ENDPOINT_URL_AMP`: the control plane, if it is not AWS's.
    pub(crate) control_plane: Option<Endpoint>,
    /// `AWS_REGION`.
    pub region: Option<String>,
}

/// What the function serves.
#[derive(Clone, Debug)]
pub(crate) enum Serves {
    /// The operation of the tool, or else this one.
    Operation(Operation),
    /// The operation of the tool.
    Tools,
    /// The HTTP API of the workspace.
    Api(Box<http_api::Settings>),
}

/// The reason why the function cannot start: one line with the variable to set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidConfig {
    /// `_HANDLER` is not an operation.
    #[error(
        "_HANDLER: expected one of {}, {TOOLS} for all of them behind an agent gateway, or {API} for the HTTP API of \
         Prometheus",
        Operation::names()
    )]
    Handler,
    /// Another variable cannot be used.
    #[error(transparent)]
    Setting(#[from] InvalidSetting),
}

impl Config {
    /// Reads the environment variables through `lookup`. An empty variable counts as not set.
    ///
    /// # Errors
    /// The first variable that is missing or invalid.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, InvalidConfig> {
        let settings = Settings::new(&lookup);
        let handler = settings.text("_HANDLER").ok_or(InvalidConfig::Handler)?;
        let operation = Operation::from_name(&handler);
        if operation.is_none() && handler != TOOLS && handler != API {
            return Err(InvalidConfig::Handler);
        }
        let region = settings.region();
        if region.as_deref().is_some_and(|region| !is_region(region)) {
            let expected = "the code of a region, such as us-east-1";
            return Err(InvalidSetting::Value { variable: "AWS_REGION", expected }.into());
        }
        let url = settings.text("WORKSPACE_URL");
        let workspace = url.map(|url| workspace(&settings, &url)).transpose()?;
        let control_plane = settings.endpoint("AWS_ENDPOINT_URL_AMP")?;
        let enforced = enforced(&settings)?;
        if enforced.is_some() && handler != API {
            let expected = "not to be set with this handler, whose callers choose the workspace";
            return Err(InvalidSetting::Value { variable: ENFORCE_LABELS, expected }.into());
        }
        let serves = match operation {
            Some(operation) => Serves::Operation(operation),
            None if handler == TOOLS => Serves::Tools,
            None => Serves::Api(Box::new(http_api::Settings {
                auth: http_endpoint::http_auth(&settings)?,
                base_path: http_endpoint::base_path(&settings)?,
                streams: settings.flag("RESPONSE_STREAMING")?,
                workspace: workspace.clone().ok_or(InvalidSetting::Missing {
                    variable: "WORKSPACE_URL",
                    expected: "the URL of the workspace that is queried",
                })?,
            })),
        };
        Ok(Self { serves, workspace, enforced, control_plane, region })
    }
}

fn workspace(settings: &Settings<'_>, url: &str) -> Result<Workspace, InvalidSetting> {
    let variable = "WORKSPACE_URL";
    // Paths are appended to the URL.
    if url.contains('?') {
        return Err(InvalidSetting::Value { variable, expected: "a URL without a query (?)" });
    }
    let base = base_of(url).and_then(|base| base.with_amp_path(""));
    let base = base.map_err(|reason| InvalidSetting::Url { variable, reason })?;
    let scope = settings.auth("WORKSPACE_AUTH", &base, variable)?;
    Ok(Workspace { base, scope })
}

/// `ENFORCE_LABELS`. A label with an empty value would be one that series must not have.
fn enforced(settings: &Settings<'_>) -> Result<Option<Arc<Enforced>>, InvalidSetting> {
    let Some(json) = settings.text(ENFORCE_LABELS) else { return Ok(None) };
    let labels = settings.external_labels(ENFORCE_LABELS)?;
    let given: BTreeMap<String, String> = serde_json::from_str(&json).unwrap_or_default();
    if given.is_empty() || given.values().any(String::is_empty) {
        let expected = "at least one label, and a value for each";
        return Err(InvalidSetting::Value { variable: ENFORCE_LABELS, expected });
    }
    Ok(Some(Arc::new(Enforced::new(&labels))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(variables: &[(&str, &str)]) -> Result<Config, InvalidConfig> {
        let find = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        Config::from_lookup(find)
    }

    #[test]
    fn invalid_variables_are_named_on_one_line() {
        let handler = ("_HANDLER", "query");
        let local = ("WORKSPACE_URL", "http://127.0.0.1:9090");
        for (variables, expected) in [
            (
                vec![],
                "_HANDLER: expected one of query, range_query, list_metrics, server_info, find_workspace",
            ),
            (vec![("_HANDLER", "bootstrap")], "tools for all of them"),
            (vec![handler, ("WORKSPACE_URL", "example.com")], "WORKSPACE_URL: expected a URL that starts"),
            (vec![("_HANDLER", "api")], "WORKSPACE_URL is not set: expected the URL of the workspace"),
            (
                vec![("_HANDLER", "api"), local, ("AWS_REGION", "eu-west-1"), ("RESPONSE_STREAMING", "yes")],
                "RESPONSE_STREAMING: expected true or false",
            ),
            (vec![handler, ("ENFORCE_LABELS", r#"{"a":"b"}"#)], "ENFORCE_LABELS: expected not to be set"),
            (
                vec![("_HANDLER", "api"), ("ENFORCE_LABELS", r#"{"a":"b","c":""}"#)],
                "ENFORCE_LABELS: expected at least one label, and a value for each",
            ),
            (vec![("_HANDLER", "api"), ("ENFORCE_LABELS", "{}")], "ENFORCE_LABELS: expected at least one"),
            (vec![("_HANDLER", "api"), ("ENFORCE_LABELS", "a=b")], "ENFORCE_LABELS: expected a JSON object"),
            (
                vec![handler, ("WORKSPACE_URL", "http://127.0.0.1/?a=b")],
                "WORKSPACE_URL: expected a URL without a query (?)",
            ),
            (
                vec![
                    handler,
                    ("WORKSPACE_URL", "https://aps-workspaces.eu-west-1.amazonaws.com/api/v1/query"),
                ],
                "WORKSPACE_URL: expected the path /workspaces/<workspace id> on a host of AMP, got \"/\"",
            ),
            (vec![handler, local], "cannot determine the signing region: set AWS_REGION"),
            (vec![handler, local, ("WORKSPACE_AUTH", "basic")], "WORKSPACE_AUTH: expected sigv4 or none"),
            (vec![handler, ("AWS_REGION", "europe")], "AWS_REGION: expected the code of a region"),
            (vec![handler, ("AWS_ENDPOINT_URL_AMP", "moto")], "AWS_ENDPOINT_URL_AMP: expected a URL"),
        ] {
            let message = config(&variables).expect_err("accepted").to_string();
            assert!(message.contains(expected), "{message}");
            assert_eq!(message.lines().count(), 1, "{message}");
        }
    }
}
