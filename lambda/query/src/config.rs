//! Reads the configuration from the environment.

use aws::{Endpoint, InvalidEndpoint, Scope, is_region};

use crate::operation::Operation;
use crate::workspace::{SERVICE, Workspace, base_of};

/// The handler that serves every operation behind an agent gateway, by the tool name of each invocation.
const TOOLS: &str = "tools";

/// The configuration of the function.
#[derive(Clone, Debug)]
pub struct Config {
    /// `_HANDLER`: the operation of an invocation without a tool name; `None` for `tools`.
    pub(crate) operation: Option<Operation>,
    /// `WORKSPACE_URL` and `WORKSPACE_AUTH`: the default workspace.
    pub(crate) workspace: Option<Workspace>,
    /// `AWS_ENDPOINT_URL_AMP`: the control plane, if it is not AWS's.
    pub(crate) control_plane: Option<Endpoint>,
    /// `AWS_REGION`.
    pub region: Option<String>,
}

/// The reason why the function cannot start: one line with the variable to set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidConfig {
    /// `_HANDLER` is not an operation.
    #[error(
        "_HANDLER: expected one of {}, or {TOOLS} for all of them behind an agent gateway",
        Operation::names()
    )]
    Handler,
    /// A URL cannot be used.
    #[error("{variable} is not usable: {reason}")]
    Url {
        /// The variable.
        variable: &'static str,
        /// The reason.
        reason: InvalidEndpoint,
    },
    /// `WORKSPACE_URL` has a query, but paths are appended to it.
    #[error("WORKSPACE_URL must not have a query (?)")]
    UrlQuery,
    /// `WORKSPACE_AUTH` has another value.
    #[error("WORKSPACE_AUTH has to be sigv4 or none")]
    Auth,
    /// `AWS_REGION` is not the code of a region.
    #[error("AWS_REGION has to be the code of a region, such as us-east-1")]
    Region,
    /// Requests must be signed, but the region is unknown.
    #[error("the region to sign for is unknown: WORKSPACE_URL names none and AWS_REGION is not set")]
    NoRegion,
}

impl Config {
    /// Reads the environment variables through `lookup`. An empty variable counts as not set.
    ///
    /// # Errors
    /// The first variable that is missing or invalid.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, InvalidConfig> {
        let get = |variable| lookup(variable).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty());
        let operation = match get("_HANDLER").as_deref() {
            Some(TOOLS) => None,
            handler => Some(handler.and_then(Operation::from_name).ok_or(InvalidConfig::Handler)?),
        };
        let region = get("AWS_REGION").or_else(|| get("AWS_DEFAULT_REGION"));
        if region.as_deref().is_some_and(|region| !is_region(region)) {
            return Err(InvalidConfig::Region);
        }
        let workspace = match get("WORKSPACE_URL") {
            Some(url) => Some(workspace(&url, get("WORKSPACE_AUTH").as_deref(), region.as_deref())?),
            None => None,
        };
        let control_plane = match get("AWS_ENDPOINT_URL_AMP") {
            Some(url) => Some(
                Endpoint::parse(&url)
                    .map_err(|reason| InvalidConfig::Url { variable: "AWS_ENDPOINT_URL_AMP", reason })?,
            ),
            None => None,
        };
        Ok(Self { operation, workspace, control_plane, region })
    }
}

fn workspace(url: &str, auth: Option<&str>, region: Option<&str>) -> Result<Workspace, InvalidConfig> {
    if url.contains('?') {
        return Err(InvalidConfig::UrlQuery);
    }
    let base = base_of(url).map_err(|reason| InvalidConfig::Url { variable: "WORKSPACE_URL", reason })?;
    let scope = match auth {
        None | Some("sigv4") => {
            let region = base.region().or(region).ok_or(InvalidConfig::NoRegion)?.to_owned();
            Some(Scope { region, service: SERVICE })
        }
        Some("none") => None,
        Some(_) => return Err(InvalidConfig::Auth),
    };
    Ok(Workspace { base, scope })
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
            (vec![("_HANDLER", "bootstrap")], "or tools for all of them"),
            (vec![handler, ("WORKSPACE_URL", "example.com")], "WORKSPACE_URL is not usable: it has to start"),
            (vec![handler, ("WORKSPACE_URL", "http://127.0.0.1/?a=b")], "must not have a query"),
            (vec![handler, local], "the region to sign for is unknown"),
            (vec![handler, local, ("WORKSPACE_AUTH", "basic")], "WORKSPACE_AUTH has to be sigv4 or none"),
            (vec![handler, ("AWS_REGION", "europe")], "AWS_REGION has to be the code of a region"),
            (vec![handler, ("AWS_ENDPOINT_URL_AMP", "moto")], "AWS_ENDPOINT_URL_AMP is not usable"),
        ] {
            let message = config(&variables).expect_err("accepted").to_string();
            assert!(message.contains(expected), "{message}");
            assert_eq!(message.lines().count(), 1, "{message}");
        }
    }

    #[test]
    fn the_region_of_the_host_wins_over_that_of_the_function() {
        let region = |url, region| {
            let config =
                config(&[("_HANDLER", "query"), ("WORKSPACE_URL", url), ("AWS_REGION", region)]).unwrap();
            config.workspace.unwrap().scope.unwrap().region
        };
        let amp = "https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1/api/v1/";
        assert_eq!(region(amp, "us-east-1"), "eu-west-1");
        assert_eq!(region("http://127.0.0.1:9090", "us-east-1"), "us-east-1");
    }
}
