//! The parameters of the operations. Input, error texts, tool definitions and the tables of the README all follow these
//! definitions.

/// A parameter of an operation. Name and description are for people and for models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
    pub(crate) description: &'static str,
}

/// The type of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A string of at most so many bytes.
    String(usize),
    Timestamp,
    Duration,
    /// A whole number from 1 to this.
    Count(usize),
    Flag,
}

impl Kind {
    /// The accepted values, for error texts.
    pub(crate) fn expected(self) -> String {
        match self {
            Self::String(bytes) => format!("a string of at most {bytes} bytes"),
            Self::Timestamp => {
                "an RFC 3339 time such as 2026-01-31T12:00:00Z, a date, Unix seconds, or a time \
                                relative to now such as now-1h or -6h"
                    .to_owned()
            }
            Self::Duration => "a Prometheus duration such as 15s or 1h30m, or seconds".to_owned(),
            Self::Count(max) => format!("a whole number from 1 to {max}"),
            Self::Flag => "true or false".to_owned(),
        }
    }

    /// The type in a tool definition. Times and durations are strings there, because a schema has no alternatives.
    pub(crate) fn schema_type(self) -> &'static str {
        match self {
            Self::String(_) | Self::Timestamp | Self::Duration => "string",
            Self::Count(_) => "integer",
            Self::Flag => "boolean",
        }
    }

    /// The type in the tables of the README.
    pub(crate) fn readme_type(self) -> &'static str {
        match self {
            Self::String(_) => "string",
            Self::Timestamp => "time",
            Self::Duration => "duration",
            Self::Count(_) => "whole number",
            Self::Flag => "true or false",
        }
    }
}

const fn optional(name: &'static str, kind: Kind, description: &'static str) -> Parameter {
    Parameter { name, kind, required: false, description }
}

pub(crate) const WORKSPACE_URL: Parameter = optional(
    "workspace_url",
    Kind::String(1_000),
    "URL of the AMP workspace, https://aps-workspaces.<region>.amazonaws.com/workspaces/<workspace id>. \
     Default: the workspace of the function.",
);

pub(crate) const WORKSPACE_ID: Parameter = optional(
    "workspace_id",
    Kind::String(64),
    "Id of the AMP workspace, such as ws-12345678-abcd-1234-efgh-123456789012; an alternative to workspace_url.",
);

pub(crate) const REGION: Parameter = optional(
    "region",
    Kind::String(32),
    "AWS region, such as us-east-1. Default: the region of the function.",
);

/// The size is AMP's quota "Request size".
pub(crate) const QUERY: Parameter = Parameter {
    name: "query",
    kind: Kind::String(1_000_000),
    required: true,
    description: "PromQL expression, such as rate(http_requests_total{status=~\"5..\"}[5m]).",
};

pub(crate) const TIME: Parameter = optional(
    "time",
    Kind::Timestamp,
    "Evaluation time: RFC 3339 (2026-01-31T12:00:00Z), a date, Unix seconds, or relative to now (now-1h, -6h). \
     Default: now.",
);

pub(crate) const START: Parameter = optional(
    "start",
    Kind::Timestamp,
    "Start of the range: RFC 3339, a date, Unix seconds, or relative to now (now-1h, -6h). Default: one hour \
     before end.",
);

pub(crate) const END: Parameter = optional(
    "end",
    Kind::Timestamp,
    "End of the range: RFC 3339, a date, Unix seconds, or relative to now (now-1h, -6h). Default: now.",
);

pub(crate) const STEP: Parameter = optional(
    "step",
    Kind::Duration,
    "Time between two points, as a Prometheus duration (15s, 1h30m) or seconds. Default: about 250 points.",
);

pub(crate) const MAX_SERIES: Parameter = optional(
    "limit",
    Kind::Count(100_000),
    "Maximum number of series; the response contains the number of series left out. Default: 50 for agents, else as many as fit.",
);

pub(crate) const MAX_RANGE_SERIES: Parameter = optional(
    "limit",
    Kind::Count(100_000),
    "Maximum number of series; the response contains the number of series left out. Default: as many as fit. Agents get \
     fewer points of each series before series are left out.",
);

pub(crate) const PREFIX: Parameter =
    optional("prefix", Kind::String(500), "Only metrics whose name begins with this, such as http_.");

pub(crate) const GLOB: Parameter = optional(
    "glob",
    Kind::String(500),
    "Only metrics whose whole name matches this pattern, in which * is any text and ? one character, such as *_errors_total.",
);

pub(crate) const REGEX: Parameter = optional(
    "regex",
    Kind::String(500),
    "Only metrics whose whole name matches this RE2 regular expression, such as .*_seconds_(sum|count).",
);

pub(crate) const SEEN_AFTER: Parameter = optional(
    "start",
    Kind::Timestamp,
    "Only metrics with samples after this time: RFC 3339, a date, Unix seconds, or relative to now (now-1h, -6h). \
     Default: the range of the workspace.",
);

pub(crate) const SEEN_BEFORE: Parameter = optional(
    "end",
    Kind::Timestamp,
    "Only metrics with samples before this time: RFC 3339, a date, Unix seconds, or relative to now (now-1h, -6h). \
     Default: the range of the workspace.",
);

pub(crate) const MAX_METRICS: Parameter = optional(
    "limit",
    Kind::Count(100_000),
    "Maximum number of metric names in a response. Default: 200 for agents, else as many as fit.",
);

pub(crate) const NEXT_TOKEN: Parameter = optional(
    "next_token",
    Kind::String(1_000),
    "The next_token of the previous response, for the metric names after it.",
);

pub(crate) const METADATA: Parameter =
    optional("metadata", Kind::Flag, "Whether to add type, help and unit of each metric. Default: false.");

pub(crate) const LABEL: Parameter = Parameter {
    name: "label",
    kind: Kind::String(1_000),
    required: true,
    description: "Name of the label, such as job.",
};

pub(crate) const SELECTOR: Parameter = optional(
    "match",
    Kind::String(10_000),
    "Only series that this selector selects: a metric name, or a name with label matchers, such as \
     http_requests_total{job=\"api\"}. Default: all series.",
);

pub(crate) const REQUIRED_SELECTOR: Parameter = Parameter {
    name: "match",
    kind: Kind::String(10_000),
    required: true,
    description: "Series selector: a metric name, or a name with label matchers, such as \
                  http_requests_total{job=\"api\"}.",
};

pub(crate) const AFTER: Parameter = optional(
    "start",
    Kind::Timestamp,
    "Only series with samples after this time: RFC 3339, a date, Unix seconds, or relative to now (now-1h, -6h). \
     Default: the range of the workspace.",
);

pub(crate) const BEFORE: Parameter = optional(
    "end",
    Kind::Timestamp,
    "Only series with samples before this time: RFC 3339, a date, Unix seconds, or relative to now (now-1h, -6h). \
     Default: the range of the workspace.",
);

pub(crate) const MAX_VALUES: Parameter = optional(
    "limit",
    Kind::Count(100_000),
    "Maximum number of names or values in a response. Default: 200 for agents, else as many as fit.",
);

pub(crate) const RULE_TYPE: Parameter =
    optional("type", Kind::String(10), "Only rules of this type: alert or record. Default: both.");

pub(crate) const RULE_NAME: Parameter = optional(
    "name",
    Kind::String(1_000),
    "Only rules with this text in their name, in any letter case, such as latency.",
);

pub(crate) const MAX_RULES: Parameter = optional(
    "limit",
    Kind::Count(100_000),
    "Maximum number of rules in a response. Default: 100 for agents, else as many as fit.",
);

pub(crate) const MAX_ALERTS: Parameter = optional(
    "limit",
    Kind::Count(100_000),
    "Maximum number of alerts in a response. Default: 100 for agents, else as many as fit.",
);

pub(crate) const ALIAS: Parameter = optional(
    "alias",
    Kind::String(100),
    "Alias of the workspace. An exact match wins; otherwise letter case is ignored.",
);

pub(crate) const FIND_ID: Parameter = optional(
    "workspace_id",
    Kind::String(64),
    "Id of the workspace, such as ws-12345678-abcd-1234-efgh-123456789012.",
);

pub(crate) const LIST_ALL: Parameter =
    optional("list_all", Kind::Flag, "Whether to list all workspaces of the region. Default: false.");
