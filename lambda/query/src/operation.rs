//! Operations: a handler name, or the tool name of an agent gateway → [`Operation`] and what it can be told.

use crate::parameter::{
    ALIAS, END, FIND_ID, LIST_ALL, MAX_METRICS, MAX_SERIES, METADATA, NEXT_TOKEN, PREFIX, Parameter, QUERY,
    REGEX, REGION, SEEN_AFTER, SEEN_BEFORE, START, STEP, TIME, WORKSPACE_ID, WORKSPACE_URL,
};

/// What stands between the name of a gateway's target and the name of its tool.
///
/// <https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/gateway-tool-naming.html>
const TOOL_SEPARATOR: &str = "___";

/// What can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A PromQL expression at one time.
    Query,
    /// A PromQL expression over a range of time.
    RangeQuery,
    /// The names of metrics.
    ListMetrics,
    /// The build and the state of the server.
    ServerInfo,
    /// The URL of a workspace by its alias or id.
    FindWorkspace,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Query, Self::RangeQuery, Self::ListMetrics, Self::ServerInfo, Self::FindWorkspace];

    /// The name, which is that of the handler and of the tool.
    pub fn name(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::RangeQuery => "range_query",
            Self::ListMetrics => "list_metrics",
            Self::ServerInfo => "server_info",
            Self::FindWorkspace => "find_workspace",
        }
    }

    /// The operation of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.name() == name)
    }

    /// The operation of a tool as a gateway names it: `<target>___<tool>`.
    pub fn from_tool_name(name: &str) -> Option<Self> {
        Self::from_name(name.split_once(TOOL_SEPARATOR).map_or(name, |(_target, tool)| tool))
    }

    /// All names, for errors.
    pub fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }

    /// What it does, for people and for models.
    pub fn description(self) -> &'static str {
        match self {
            Self::Query => "Evaluates a PromQL expression at one point in time.",
            Self::RangeQuery => "Evaluates a PromQL expression over a range of time, as series of points.",
            Self::ListMetrics => {
                "Lists the names of the metrics in a workspace, filtered by prefix, regular expression and time."
            }
            Self::ServerInfo => {
                "Says which build of Prometheus answers and how it runs, as far as the workspace tells."
            }
            Self::FindWorkspace => {
                "Finds the URL of an AMP workspace by its alias or id, or lists all workspaces of a region."
            }
        }
    }

    /// What it can be told.
    pub fn parameters(self) -> &'static [Parameter] {
        match self {
            Self::Query => &[QUERY, TIME, MAX_SERIES, WORKSPACE_URL, WORKSPACE_ID, REGION],
            Self::RangeQuery => &[QUERY, START, END, STEP, MAX_SERIES, WORKSPACE_URL, WORKSPACE_ID, REGION],
            Self::ListMetrics => &[
                PREFIX,
                REGEX,
                SEEN_AFTER,
                SEEN_BEFORE,
                MAX_METRICS,
                NEXT_TOKEN,
                METADATA,
                WORKSPACE_URL,
                WORKSPACE_ID,
                REGION,
            ],
            Self::ServerInfo => &[WORKSPACE_URL, WORKSPACE_ID, REGION],
            Self::FindWorkspace => &[ALIAS, FIND_ID, LIST_ALL, REGION],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_found_by_its_handler_and_by_its_tool_name() {
        for operation in Operation::ALL {
            assert_eq!(Operation::from_name(operation.name()), Some(operation));
            assert_eq!(
                Operation::from_tool_name(&format!("prometheus___{}", operation.name())),
                Some(operation)
            );
            assert_eq!(Operation::from_tool_name(operation.name()), Some(operation));
        }
    }

    /// The sample of AWS cuts at the first separator (gateway-add-target-lambda, "Lambda function input format").
    #[test]
    fn other_names_are_no_tools() {
        for name in ["", "prometheus___", "a___b___query", "prometheus__query", "Query", "prometheus-query"] {
            assert_eq!(Operation::from_tool_name(name), None, "{name}");
        }
        assert_eq!(Operation::from_tool_name("a_target___range_query"), Some(Operation::RangeQuery));
    }

    #[test]
    fn no_operation_has_two_parameters_of_one_name() {
        for operation in Operation::ALL {
            let mut names: Vec<_> = operation.parameters().iter().map(|parameter| parameter.name).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), operation.parameters().len(), "{operation:?}");
        }
    }
}
