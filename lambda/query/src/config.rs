//! Config: the environment → [`Config`], checked once, or one line that says what to set.
//!
//! The environment comes in as a lookup, so nothing here reads the process's own.

use aws::{Endpoint, InvalidSetting, Settings, is_region};

use crate::operation::Operation;
use crate::workspace::{Workspace, base_of};

/// A handler with this name serves whatever operation the tool name of an agent gateway says, and nothing without one.
const ANY_TOOL: &str = "tools";

/// What the function is told by its environment.
#[derive(Clone, Debug)]
pub struct Config {
    /// `_HANDLER`: the operation of an invocation that names no tool; `None` for `tools`.
    pub operation: Option<Operation>,
    /// `WORKSPACE_URL` and `WORKSPACE_AUTH`: the workspace of an invocation that names none.
    pub workspace: Option<Workspace>,
    /// `AWS_ENDPOINT_URL_AMP`: the control plane, if it is not AWS's.
    pub control_plane: Option<Endpoint>,
    /// `AWS_REGION`.
    pub region: Option<String>,
}

/// The reason why the function cannot start. Each message is one line that says what to set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidConfig {
    /// `_HANDLER` is none of ours.
    #[error(
        "the handler has to be one of {}, or {ANY_TOOL} for all of them behind an agent gateway",
        Operation::names()
    )]
    Handler,
    /// A variable cannot be used.
    #[error(transparent)]
    Setting(#[from] InvalidSetting),
}

impl Config {
    /// Reads the configuration through `lookup`, which gives the value of an environment variable. A variable that
    /// is empty counts as not set.
    ///
    /// # Errors
    /// [`InvalidConfig`]: the first variable that is missing or wrong.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, InvalidConfig> {
        let settings = Settings::new(&lookup);
        let operation = match settings.text("_HANDLER").as_deref() {
            Some(ANY_TOOL) => None,
            handler => Some(handler.and_then(Operation::from_name).ok_or(InvalidConfig::Handler)?),
        };
        let region = settings.region();
        if region.as_deref().is_some_and(|region| !is_region(region)) {
            return Err(value("AWS_REGION", "the code of a region, such as us-east-1"));
        }
        let url = settings.text("WORKSPACE_URL");
        let workspace = url.map(|url| workspace(&settings, &url)).transpose()?;
        let control_plane = settings.endpoint("AWS_ENDPOINT_URL_AMP")?;
        Ok(Self { operation, workspace, control_plane, region })
    }
}

fn workspace(settings: &Settings<'_>, url: &str) -> Result<Workspace, InvalidConfig> {
    const VARIABLE: &str = "WORKSPACE_URL";
    // Paths are appended to it.
    if url.contains('?') {
        return Err(value(VARIABLE, "a URL without a query (?)"));
    }
    let base = base_of(url).map_err(|reason| InvalidSetting::Url { variable: VARIABLE, reason })?;
    let scope = settings.auth("WORKSPACE_AUTH", &base, VARIABLE)?;
    Ok(Workspace { base, scope })
}

fn value(variable: &'static str, expected: &'static str) -> InvalidConfig {
    InvalidSetting::Value { variable, expected }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(variables: &[(&str, &str)]) -> Result<Config, InvalidConfig> {
        let find = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
        Config::from_lookup(find)
    }

    #[test]
    fn the_handler_is_the_operation() {
        for operation in Operation::ALL {
            assert_eq!(config(&[("_HANDLER", operation.name())]).unwrap().operation, Some(operation));
        }
        assert_eq!(config(&[("_HANDLER", "tools")]).unwrap().operation, None);
    }

    #[test]
    fn every_mistake_is_one_line_that_says_what_to_set() {
        let handler = ("_HANDLER", "query");
        let local = ("WORKSPACE_URL", "http://127.0.0.1:9090");
        for (variables, expected) in [
            (
                vec![],
                "the handler has to be one of query, range_query, list_metrics, server_info, find_workspace",
            ),
            (vec![("_HANDLER", "bootstrap")], "or tools for all of them"),
            (vec![handler, ("WORKSPACE_URL", "example.com")], "WORKSPACE_URL: expected a URL that starts"),
            (
                vec![handler, ("WORKSPACE_URL", "http://127.0.0.1/?a=b")],
                "WORKSPACE_URL: expected a URL without a query (?)",
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

    #[test]
    fn the_region_of_the_host_wins_over_that_of_the_function() {
        let scope = |url, region| {
            let config =
                config(&[("_HANDLER", "query"), ("WORKSPACE_URL", url), ("AWS_REGION", region)]).unwrap();
            config.workspace.unwrap().scope.unwrap().region
        };
        let amp = "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1/api/v1/";
        assert_eq!(scope(amp, "us-east-1"), "eu-west-1");
        assert_eq!(scope("http://127.0.0.1:9090", "us-east-1"), "us-east-1");
    }
}
