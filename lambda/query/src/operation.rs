//! The operations, their names and their parameters.

use crate::parameter::{
    AFTER, ALIAS, BEFORE, END, FIND_ID, GLOB, LABEL, LIST_ALL, MAX_ALERTS, MAX_METRICS, MAX_RANGE_SERIES,
    MAX_RULES, MAX_SERIES, MAX_VALUES, METADATA, NEXT_TOKEN, PREFIX, Parameter, QUERY, REGEX, REGION,
    REQUIRED_SELECTOR, RULE_NAME, RULE_TYPE, SEEN_AFTER, SEEN_BEFORE, SELECTOR, START, STEP, TIME,
    WORKSPACE_ID, WORKSPACE_URL,
};

/// Separates the name of an agent gateway's target from the name of its tool.
///
/// <https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/gateway-tool-naming.html>
const TOOL_SEPARATOR: &str = "___";

/// An operation of the read side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Query,
    RangeQuery,
    ListMetrics,
    Labels,
    LabelValues,
    Series,
    Rules,
    Alerts,
    ServerInfo,
    FindWorkspace,
}

impl Operation {
    /// Those that have a function of their own.
    pub(crate) const ALL: [Self; 5] =
        [Self::Query, Self::RangeQuery, Self::ListMetrics, Self::ServerInfo, Self::FindWorkspace];

    /// The tools of the MCP server, which need no workspace but the configured one.
    pub(crate) const MCP: [Self; 8] = [
        Self::Query,
        Self::RangeQuery,
        Self::ListMetrics,
        Self::Labels,
        Self::LabelValues,
        Self::Series,
        Self::Rules,
        Self::Alerts,
    ];

    /// The name of the handler and of the tool.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::RangeQuery => "range_query",
            Self::ListMetrics => "list_metrics",
            Self::Labels => "labels",
            Self::LabelValues => "label_values",
            Self::Series => "series",
            Self::Rules => "rules",
            Self::Alerts => "alerts",
            Self::ServerInfo => "server_info",
            Self::FindWorkspace => "find_workspace",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.name() == name)
    }

    /// The operation of a tool as an agent gateway names it: `<target>___<tool>`.
    pub(crate) fn from_tool_name(name: &str) -> Option<Self> {
        Self::from_name(name.split_once(TOOL_SEPARATOR).map_or(name, |(_target, tool)| tool))
    }

    /// All names, for errors.
    pub(crate) fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }

    /// The description for people and for models.
    pub(crate) fn description(self) -> &'static str {
        match self {
            Self::Query => {
                "Evaluates a PromQL expression at one point in time, by default now. For values over time use \
                 range_query."
            }
            Self::RangeQuery => {
                "Evaluates a PromQL expression over a range of time, by default the last hour, as series of points. For \
                 one value per series use query."
            }
            Self::ListMetrics => {
                "Lists the names of the metrics in a workspace, filtered by prefix, glob, regular expression and time, \
                 with type, help and unit on request. The first step to find what can be queried."
            }
            Self::Labels => {
                "Lists the names of the labels of the series that a selector selects, or of all series."
            }
            Self::LabelValues => {
                "Lists the values of a label, such as the jobs or instances that exist, of the series that a selector \
                 selects, or of all series."
            }
            Self::Series => {
                "Lists the series that a selector selects, each with all its labels but without samples. To see values use \
                 query."
            }
            Self::Rules => {
                "Lists the recording and alerting rules of the workspace with their expressions, health and last error."
            }
            Self::Alerts => {
                "Lists the alerts that are pending or firing now, with their labels and annotations."
            }
            Self::ServerInfo => {
                "Returns build and runtime information of the Prometheus server, where the workspace serves it."
            }
            Self::FindWorkspace => {
                "Finds the URL of an AMP workspace by its alias or id, or lists all workspaces of a region."
            }
        }
    }

    pub(crate) fn parameters(self) -> &'static [Parameter] {
        match self {
            Self::Query => &[QUERY, TIME, MAX_SERIES, WORKSPACE_URL, WORKSPACE_ID, REGION],
            Self::RangeQuery => {
                &[QUERY, START, END, STEP, MAX_RANGE_SERIES, WORKSPACE_URL, WORKSPACE_ID, REGION]
            }
            Self::ListMetrics => &[
                PREFIX,
                GLOB,
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
            Self::Labels => &[SELECTOR, AFTER, BEFORE, MAX_VALUES],
            Self::LabelValues => &[LABEL, SELECTOR, AFTER, BEFORE, MAX_VALUES],
            Self::Series => &[REQUIRED_SELECTOR, AFTER, BEFORE, MAX_SERIES],
            Self::Rules => &[RULE_TYPE, RULE_NAME, MAX_RULES],
            Self::Alerts => &[MAX_ALERTS],
            Self::ServerInfo => &[WORKSPACE_URL, WORKSPACE_ID, REGION],
            Self::FindWorkspace => &[ALIAS, FIND_ID, LIST_ALL, REGION],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of AWS splits at the first separator (gateway-add-target-lambda, "Lambda function input format").
    #[test]
    fn other_tool_names_are_unknown() {
        for name in ["", "prometheus___", "a___b___query", "prometheus__query", "Query", "prometheus-query"] {
            assert_eq!(Operation::from_tool_name(name), None, "{name}");
        }
        assert_eq!(Operation::from_tool_name("a_target___range_query"), Some(Operation::RangeQuery));
    }
}
